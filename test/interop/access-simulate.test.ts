// Our evaluation of policies against iam-simulate: generated pairs of policies and a request, each decided by both.
// A difference is a defect of ours, or it vanishes when the pair is rewritten by AWS's documentation, as
// access-differences.json tells it.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  evaluate,
  explain,
  type Policy,
  type PolicyDocument,
  type PolicySet,
  parsePolicy,
} from '../../src/access/index.ts';
import { OPERATORS } from '../support/access-alphabets.ts';
import { askOfAny, type Difference, REWRITINGS, rewriteAll } from '../support/access-differences.ts';
import { type AccessPair, accessPairs } from '../support/access-generators.ts';
import { askOracle, type Outcome } from '../support/access-oracle.ts';

const RUNS = process.env.GLOVEBOX_FULL === '1' ? 500_000 : 100_000;
const differences: Difference[] = JSON.parse(
  readFileSync(new URL('./access-differences.json', import.meta.url), 'utf8'),
);

function decide(pair: AccessPair): Outcome {
  const parse = (kind: 'identity' | 'resource', document: PolicyDocument): Policy =>
    parsePolicy(document, { kind, name: 'generated' });
  const policies: PolicySet = {
    identity: pair.identity.map((document) => parse('identity', document)),
    ...(pair.boundary ? { boundary: parse('identity', pair.boundary) } : {}),
    ...(pair.session ? { session: [parse('identity', pair.session)] } : {}),
    ...(pair.resource ? { resource: parse('resource', pair.resource) } : {}),
  };
  const decision = evaluate(policies, pair.request);
  const { decision: explained } = explain(policies, pair.request);
  if (!isDeepStrictEqual(explained, decision))
    throw new Error(`decided ${decision.reason}, explained ${explained.reason}`);
  if (decision.allowed) return 'allowed';
  return decision.reason === 'explicit-deny' ? 'explicit-deny' : 'implicit-deny';
}

/** Every operator with its endings and sets, as a policy writes it. */
const WRITTEN = Object.values(OPERATORS)
  .flat()
  .flatMap((operator) => ['', 'ForAnyValue:', 'ForAllValues:'].map((set) => `${set}${operator}`))
  .flatMap((operator) => [operator, `${operator}IfExists`])
  .concat('Null');

describe('deciding as iam-simulate does', () => {
  it(`decides ${RUNS} generated pairs in the same way, or as AWS's documentation says`, async () => {
    const outcomes: Record<Outcome, number> = { allowed: 0, 'explicit-deny': 0, 'implicit-deny': 0 };
    const operators = new Map(WRITTEN.map((operator) => [operator, { true: 0, false: 0 }]));
    let documented = 0;
    const property = fc.asyncProperty(accessPairs, async (pair) => {
      const theirs = await askOracle(pair);
      const ours = decide(pair);
      outcomes[theirs.outcome]++;
      for (const { operator, matches } of theirs.conditions) {
        const decided = operators.get(operator);
        if (decided) decided[`${matches}`]++;
      }
      if (ours === theirs.outcome) return;
      documented++;
      expect(ours, `they say ${theirs.outcome}`).toBe(await askOfAny(rewriteAll(pair)));
    });
    await fc.assert(property, { seed: 1, numRuns: RUNS });
    console.log(`of ${RUNS} pairs: ${JSON.stringify(outcomes)}, otherwise than iam-simulate: ${documented}`);
    for (const [outcome, count] of Object.entries(outcomes)) expect(count / RUNS, outcome).toBeGreaterThan(0.15);
    // Each operator has been decided both ways, and not just once.
    for (const [operator, decided] of operators) {
      expect(Math.min(decided.true, decided.false), operator).toBeGreaterThan(RUNS / 5000);
    }
    expect(documented / RUNS).toBeLessThan(0.05);
  }, 3_600_000);
});

describe('known differences', () => {
  it('have an example each', () => {
    expect(differences.map(({ name }) => name).toSorted()).toEqual(Object.keys(REWRITINGS).toSorted());
  });

  // They fail when iam-simulate changes its mind, or we do.
  it.each(differences)('$name', async ({ name, pair, ours, theirs }) => {
    expect(ours).not.toBe(theirs);
    expect(decide(pair)).toBe(ours);
    expect((await askOracle(pair)).outcome).toBe(theirs);
    expect(await askOfAny(REWRITINGS[name]?.(pair) ?? [])).toBe(ours);
  });
});
