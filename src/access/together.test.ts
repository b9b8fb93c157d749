// All documents of a target together, as AWS evaluates them: the role's policy, the boundary, and the policy of the
// bucket or the key. Each role can do what it is granted, and nothing else.
import { describe, expect, test } from 'vitest';
import { administrationOf, leftToWritten, withinBoundary } from '../../test/support/access-expectations.ts';
import { expectedMatrix, richModel as model } from '../../test/support/access-model.ts';
import { grantedTo, isCovered, overHttp, probesAround, universe } from '../../test/support/access-probes.ts';
import { type Call, call, callsOf } from './calls.ts';
import { evaluate, type PolicySet } from './evaluate.ts';
import { policiesOf } from './generate.ts';
import { instanceRoleArn, keyAddress, roleArn, sessionName } from './names.ts';
import { parsePolicy } from './parse.ts';
import { requestAs, roleRequest } from './role-request.ts';
import { allGrants } from './subjects.ts';
import { localityOf, parseTarget } from './target.ts';
import type { PolicyDocument, PolicyKind } from './types.ts';

describe.each(['workspace', 'aws:123456789012:eu-west-1'])('of %s', (text) => {
  const target = parseTarget(text);
  const { account } = localityOf(target);
  const documents = policiesOf(model, target);
  const all = universe(model, target);
  const parse = (document: PolicyDocument | undefined, kind: PolicyKind) =>
    parsePolicy(document, { kind, name: 'generated' });
  const map = <Value, Result>(record: Record<string, Value>, change: (value: Value) => Result) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
  const roles = map(documents.roles, ({ policy }) => parse(policy, 'identity'));
  const buckets = map(documents.buckets, ({ policy }) => parse(policy, 'resource'));
  const keys = map(documents.keys, ({ policy }) => parse(policy, 'resource'));
  const boundary = parse(documents.boundary, 'identity');
  /** Somebody else's key, which leaves all to IAM. */
  const otherKey = parse(
    { Statement: { Effect: 'Allow', Principal: { AWS: account }, Action: 'kms:*', Resource: '*' } },
    'resource',
  );

  /** The key that a call is on: by its ARN, or by the alias that the key has. */
  function keyNameOf({ resource, context }: Call): string | undefined {
    const aliases = [context['kms:ResourceAliases'] ?? []].flat();
    return Object.keys(keys).find((key) => {
      const { arn, alias } = keyAddress(model, target, key);
      if (alias === undefined) return arn === resource;
      return resource.startsWith(arn.replace(/:key\/.*/, ':key/')) && aliases.includes(alias);
    });
  }

  function resourcePolicyOf(asked: Call): Pick<PolicySet, 'resource'> {
    const bucket = /^arn:[^:]*:s3:::([^/]*)/.exec(asked.resource)?.[1];
    const policy = bucket === undefined ? keys[keyNameOf(asked) ?? ''] : buckets[bucket];
    if (policy !== undefined) return { resource: policy };
    return asked.resource.includes(':key/') ? { resource: otherKey } : {};
  }

  function isAllowed(role: string, asked: Call): boolean {
    const identity = roles[role];
    if (identity === undefined) throw new Error(role);
    const set = { identity: [identity], boundary, ...resourcePolicyOf(asked) };
    return evaluate(set, roleRequest(model, target, role, asked, sessionName('ann', 'a1'))).allowed;
  }

  const overTls = ({ context }: Call) => context['aws:SecureTransport'] !== 'false';
  const granting = Object.entries(expectedMatrix);

  test.each(granting)('%s may do what it is granted, and no other verb on anything', (role, expected) => {
    const may = allGrants(model, target).filter(({ verb, subject }) =>
      callsOf(model, target, verb, subject).every((each) => isAllowed(role, each)),
    );
    expect(may.map(({ verb, subject }) => `${verb} ${subject}`).sort()).toEqual(expected.toSorted());
  });

  test.each(granting)('each call of %s is allowed, and none that is almost one of them', (role) => {
    const granted = grantedTo(model, target, role);
    expect(granted.filter((asked) => !isAllowed(role, asked))).toEqual([]);
    const wrong = probesAround(granted, all).filter(
      (asked) => isAllowed(role, asked) && !(overTls(asked) && isCovered(granted, asked)),
    );
    expect(wrong).toEqual([]);
  });

  test('a policy that somebody wrote allows what is in the workspace and what its keys leave to it, over TLS', () => {
    const within = withinBoundary(target);
    const probes = probesAround(all, all);
    const wrong = probes.filter((asked) => {
      const key = keyNameOf(asked);
      const byKey =
        key === undefined ||
        asked.resource === '*' ||
        administrationOf(target, key).includes(asked.action) ||
        isCovered(leftToWritten(target, key).map(onAnyKey), { ...asked, resource: 'key' });
      const isService = /^(s3|kms):/.test(asked.action);
      const expected = isService && overTls(asked) && isCovered(within, asked) && byKey;
      return isAllowed('written', asked) !== expected;
    });
    expect(wrong).toEqual([]);
    expect(probes.some((asked) => isAllowed('written', asked))).toBe(true);
  });

  test('a supplier cannot read back, and an auditor reads no data', () => {
    const read = callsOf(model, target, 'read', 'claims-raw').filter(
      ({ action, resource, context }) =>
        resource.endsWith('/objects/*') ||
        (action === 'kms:Decrypt' &&
          context['kms:EncryptionContext:glovebox:dataset'] !== undefined &&
          context['kms:EncryptionContext:glovebox:purpose'] === undefined),
    );
    expect(read.map(({ action }) => action).sort()).toEqual(['kms:Decrypt', 's3:GetObject']);
    for (const role of ['supplier', 'auditor', 'approver', 'nobody', 'manager']) {
      const allowed = read.filter((each) => isAllowed(role, each)).map(({ action }) => action);
      // What is delivered lies among the objects, sealed for the drop box: it opens nothing else.
      expect([role, allowed]).toEqual([role, role === 'approver' ? ['s3:GetObject'] : []]);
    }
  });

  test('the instance assumes a role for whoever has it, and for nobody else, and not without TLS', () => {
    const identity = [parse(documents.instance.policy, 'identity')];
    const arn = instanceRoleArn(model, target);
    const assumes = (role: string, user: string, change = (each: Call) => each): boolean => {
      const asked = call('sts:AssumeRole', roleArn(model, target, role), {
        'sts:RoleSessionName': sessionName(user, 'a1'),
      });
      const resource = parse(documents.roles[role]?.trust, 'resource');
      return evaluate({ identity, resource }, requestAs(target, { type: 'role', arn }, arn, change(asked))).allowed;
    };
    expect(assumes('supplier', 'acme')).toBe(true);
    expect(assumes('supplier', 'ann')).toBe(false);
    expect(assumes('trainer', 'ann')).toBe(true);
    expect(assumes('trainer', 'ann-marie')).toBe(false);
    expect(assumes('trainer', 'ann', overHttp)).toBe(false);
  });
});

function onAnyKey({ action, context }: Call): Call {
  const { 'kms:ResourceAliases': _, ...rest } = context;
  return { action, resource: 'key', context: rest };
}
