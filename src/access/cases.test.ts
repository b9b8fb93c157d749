// Every case of `cases/*.json`, one test each: what the evaluator decides, against what AWS's documentation says.
//
// A file is { about, policies?, request?, cases }:
//   policies  documents that several cases use, by name;
//   request   what the requests of the file have in common: a case's `request` replaces whole elements of it.
// A case is { name, rule, policies, request, expect }:
//   rule      the documented rule in one sentence, and in brackets the guide, the page and the section it is from;
//   policies  { identity?: [...], boundary?, session?: [...], resource? }, each a name from above or a document;
//   expect    { allowed, reason?, statement? }: the statement's elements that are given must be those decided on.
// A case of a bad document is { name, rule, kind, document, expect: { refused, path } }:
//   refused   the code of the error; path, where in the document the fault is.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { AccessError } from './error.ts';
import { evaluate, type PolicySet } from './evaluate.ts';
import { explain } from './explain.ts';
import { type Policy, parsePolicy } from './parse.ts';
import type { PolicyKind } from './types.ts';

const RULE =
  /^.{15,} \((IAM User Guide|AWS KMS Developer Guide|Amazon S3 User Guide|AWS STS API Reference|Service Authorization Reference), '[^']{5,}'(, [^()]+(\([A-Z0-9-]+\)[^()]*)?)?\)$/;

const account = z.string().regex(/^\d{12}$/);
const arn = z.string().startsWith('arn:');
const document = z.looseObject({ Statement: z.json() });
const policy = z.union([z.string(), document]);
const name = z.string().min(3);
const rule = z.string().regex(RULE);
const principal = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('role'), arn, session: arn.exactOptional() }),
  z.strictObject({ type: z.literal('user'), arn }),
  z.strictObject({ type: z.literal('root'), arn }),
  z.strictObject({ type: z.literal('service'), name: z.string().endsWith('.amazonaws.com') }),
  z.strictObject({ type: z.literal('anonymous') }),
]);
const request = z.strictObject({
  principal,
  action: z.string().regex(/^[a-z0-9-]+:[a-z]+$/i),
  resource: z.union([arn, z.literal('*')]),
  resourceAccount: account,
  context: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
});
const place = z.enum(['identity', 'boundary', 'session', 'resource']);
const decisionCase = z.strictObject({
  name,
  rule,
  policies: z.strictObject({
    identity: z.array(policy).min(1).exactOptional(),
    boundary: policy.exactOptional(),
    session: z.array(policy).min(1).exactOptional(),
    resource: policy.exactOptional(),
  }),
  request: request.partial(),
  expect: z.strictObject({
    allowed: z.boolean(),
    reason: z
      .enum([
        'allowed',
        'explicit-deny',
        'no-identity-allow',
        'no-boundary-allow',
        'no-session-allow',
        'no-resource-allow',
      ])
      .exactOptional(),
    statement: z
      .strictObject({ place, policy: z.string().exactOptional(), index: z.int(), sid: z.string().exactOptional() })
      .exactOptional(),
  }),
});
const refusalCase = z.strictObject({
  name,
  rule,
  kind: z.enum(['identity', 'resource']),
  document: z.json(),
  expect: z.strictObject({
    refused: z.enum(['POLICY', 'LIMIT']),
    path: z.array(z.union([z.string(), z.int()])),
  }),
});
const caseFile = z.strictObject({
  about: z.string().min(10),
  policies: z.record(z.string(), document).default({}),
  request: request.partial().default({}),
  cases: z.array(z.union([decisionCase, refusalCase])).min(1),
});
type CaseFile = z.infer<typeof caseFile>;
type DecisionCase = z.infer<typeof decisionCase>;

const folder = new URL('./cases/', import.meta.url);
const files = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => ({
    topic: file.slice(0, -'.json'.length),
    content: caseFile.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8')), { reportInput: true }),
  }));

/** The policies of a case, compiled; a shared one keeps its name, another is named after its place. */
function policySet(file: CaseFile, set: DecisionCase['policies']): PolicySet {
  const one = (given: z.infer<typeof policy>, kind: PolicyKind, otherwise: string): Policy => {
    if (typeof given !== 'string') return parsePolicy(given, { kind, name: otherwise });
    return parsePolicy(file.policies[given], { kind, name: given });
  };
  return {
    identity: (set.identity ?? []).map((given, index) => one(given, 'identity', `identity-${index}`)),
    ...(set.boundary === undefined ? {} : { boundary: one(set.boundary, 'identity', 'boundary') }),
    ...(set.session === undefined
      ? {}
      : { session: set.session.map((given, index) => one(given, 'identity', `session-${index}`)) }),
    ...(set.resource === undefined ? {} : { resource: one(set.resource, 'resource', 'resource') }),
  };
}

/** The names of shared policies that a case uses. */
function sharedNames(set: DecisionCase['policies']): string[] {
  const all = [...(set.identity ?? []), set.boundary, ...(set.session ?? []), set.resource];
  return all.filter((given) => typeof given === 'string');
}

describe.each(files)('$topic', ({ content }) => {
  for (const each of content.cases) {
    if ('document' in each) {
      test(`refused: ${each.name}`, () => {
        let refusal: unknown;
        try {
          parsePolicy(each.document, { kind: each.kind, name: 'refused' });
        } catch (error) {
          refusal = error;
        }
        expect(refusal, each.rule).toBeInstanceOf(AccessError);
        const { refused: code, ...place } = each.expect;
        expect(refusal, each.rule).toMatchObject({ code, ...place });
      });
    } else {
      test(each.name, () => {
        const policies = policySet(content, each.policies);
        const asked = request.parse({ ...content.request, ...each.request });
        const decision = evaluate(policies, asked);
        expect(decision, each.rule).toMatchObject(each.expect);
        expect(decision.allowed, 'reason and decision').toBe(decision.reason === 'allowed');
        const explanation = explain(policies, asked);
        expect(explanation.decision).toEqual(decision);
        expect(explanation.line).toMatch(/^\S.*\S$/);
      });
    }
  }
});

describe('the cases themselves', () => {
  test('are at least 250, with different names in each file', () => {
    const count = files.reduce((sum, { content }) => sum + content.cases.length, 0);
    expect(count).toBeGreaterThanOrEqual(250);
    for (const { topic, content } of files) {
      expect(new Set(content.cases.map((each) => each.name)).size, topic).toBe(content.cases.length);
    }
  });

  test('differ in what they ask', () => {
    const seen = new Map<string, string>();
    const twice: string[] = [];
    for (const { topic, content } of files) {
      for (const each of content.cases) {
        const documents = (given: z.infer<typeof policy> | undefined) =>
          typeof given === 'string' ? content.policies[given] : given;
        const question =
          'document' in each
            ? [each.kind, each.document]
            : [
                each.policies.identity?.map(documents),
                documents(each.policies.boundary),
                each.policies.session?.map(documents),
                documents(each.policies.resource),
                sorted({ ...content.request, ...each.request }),
              ];
        const text = JSON.stringify(question);
        const earlier = seen.get(text);
        if (earlier !== undefined) twice.push(`${topic}: ${each.name} = ${earlier}`);
        seen.set(text, `${topic}: ${each.name}`);
      }
    }
    expect(twice).toEqual([]);
  });

  test('use every shared policy, and only those there are', () => {
    for (const { topic, content } of files) {
      const used = content.cases.flatMap((each) => ('policies' in each ? sharedNames(each.policies) : []));
      expect(new Set(used), topic).toEqual(new Set(Object.keys(content.policies)));
    }
  });

  test('expect both allowing and denying in each topic of decisions', () => {
    for (const { topic, content } of files) {
      const allowed = content.cases.flatMap((each) => ('allowed' in each.expect ? [each.expect.allowed] : []));
      if (allowed.length > 0) expect(new Set(allowed), topic).toEqual(new Set([true, false]));
    }
  });
});

/** The same value with its keys in order, so that two requests can be compared as text. */
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
