// What holds of every decision, on generated policies; and which statement is named. The rules one by one: cases/.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DecisionReason, evaluate, type PolicySet } from './evaluate.ts';
import { explain } from './explain.ts';
import { type Policy, parsePolicy } from './parse.ts';
import type { AccessRequest, PolicyKind, PolicyStatement, Principal } from './types.ts';

const ACCOUNT = '111122223333';
const OTHER = '444455556666';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/trainer`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/trainer/job`;
const USER = `arn:aws:iam::${ACCOUNT}:user/bob`;

const statement = fc.record<PolicyStatement>(
  {
    Effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
    Action: fc.constantFrom('s3:GetObject', 's3:*', '*', 's3:PutObject', 'kms:Decrypt'),
    Resource: fc.constantFrom('*', 'arn:aws:s3:::claims/*', 'arn:aws:s3:::*', 'arn:aws:kms:local:111122223333:key/1'),
    Condition: fc.constantFrom(
      { Bool: { 'aws:SecureTransport': 'true' } },
      { StringEquals: { 'aws:PrincipalTag/team': ['a', 'b'] } },
      { StringNotLike: { 'aws:PrincipalTag/team': 'a*' } },
    ),
  },
  { requiredKeys: ['Effect', 'Action', 'Resource'] },
);
const principalElement = fc.constantFrom(
  '*',
  { AWS: ACCOUNT },
  { AWS: ROLE },
  { AWS: SESSION },
  { AWS: USER },
  { AWS: OTHER },
);

function policies(kind: PolicyKind): fc.Arbitrary<Policy> {
  const one: fc.Arbitrary<object> =
    kind === 'identity'
      ? statement
      : fc.tuple(statement, principalElement).map(([each, Principal]) => ({ ...each, Principal }));
  return fc
    .array(one, { minLength: 1, maxLength: 4 })
    .map((Statement) => parsePolicy({ Statement }, { kind, name: kind }));
}

const sets: fc.Arbitrary<PolicySet> = fc.record(
  {
    identity: fc.array(policies('identity'), { maxLength: 2 }),
    boundary: policies('identity'),
    session: fc.array(policies('identity'), { maxLength: 2 }),
    resource: policies('resource'),
  },
  { requiredKeys: ['identity'] },
);
const principal = fc.constantFrom<Principal>(
  { type: 'role', arn: ROLE },
  { type: 'role', arn: ROLE, session: SESSION },
  { type: 'user', arn: USER },
  { type: 'root', arn: `arn:aws:iam::${ACCOUNT}:root` },
  { type: 'service', name: 's3.amazonaws.com' },
  { type: 'anonymous' },
);
const requests: fc.Arbitrary<AccessRequest> = fc.record({
  principal,
  action: fc.constantFrom('s3:GetObject', 's3:getobject', 'kms:Decrypt', 's3:PutObject'),
  resource: fc.constantFrom('arn:aws:s3:::claims/1', 'arn:aws:s3:::other', 'arn:aws:kms:local:111122223333:key/1'),
  resourceAccount: fc.constantFrom(ACCOUNT, ACCOUNT, OTHER),
  context: fc.constantFrom<AccessRequest['context']>(
    {},
    { 'aws:SecureTransport': 'true' },
    { 'aws:SecureTransport': 'false', 'aws:PrincipalTag/team': 'a' },
    { 'AWS:securetransport': 'true', 'aws:PrincipalTag/team': 'b' },
  ),
});

const everything = (kind: PolicyKind, Effect: 'Allow' | 'Deny') => {
  const Statement = { Effect, Action: '*', Resource: '*', ...(kind === 'resource' ? { Principal: '*' } : {}) };
  return parsePolicy({ Statement }, { kind, name: `${Effect} everything` });
};

describe('every decision', () => {
  const seen = new Map<DecisionReason, number>();

  test('is the same when it is explained, and names a statement that there is', () => {
    fc.assert(
      fc.property(sets, requests, (set, request) => {
        const decision = evaluate(set, request);
        seen.set(decision.reason, (seen.get(decision.reason) ?? 0) + 1);
        expect(decision.allowed).toBe(decision.reason === 'allowed');
        const { line, statements, decision: explained } = explain(set, request);
        expect(explained).toEqual(decision);
        expect(line).toMatch(decision.allowed ? /^allowed/ : /^denied/);
        if (decision.statement === undefined) return;
        const effect = decision.allowed ? 'Allow' : 'Deny';
        const same = { applies: true, missed: [], effect, statement: decision.statement };
        expect(statements).toContainEqual(expect.objectContaining(same));
      }),
      { seed: 10, numRuns: 4000 },
    );
    // Each outcome came up often enough to mean something.
    expect(seen.size).toBe(6);
    expect(Math.min(...seen.values())).toBeGreaterThan(30);
  });

  test('is a denial where any policy denies, whatever allows', () => {
    const place = fc.constantFrom('identity', 'boundary', 'session', 'resource');
    fc.assert(
      fc.property(sets, requests, place, (set, request, where) => {
        const deny = everything(where === 'resource' ? 'resource' : 'identity', 'Deny');
        const denied = where === 'identity' || where === 'session' ? [deny] : deny;
        expect(evaluate({ ...set, [where]: denied }, request)).toMatchObject({
          allowed: false,
          reason: 'explicit-deny',
        });
      }),
      { seed: 11, numRuns: 1000 },
    );
  });

  test('stays allowed when another policy allows more', () => {
    let allowed = 0;
    fc.assert(
      fc.property(sets, requests, (set, request) => {
        if (!evaluate(set, request).allowed) return;
        allowed++;
        const more = { ...set, identity: [...set.identity, everything('identity', 'Allow')] };
        expect(evaluate(more, request).allowed).toBe(true);
      }),
      { seed: 12, numRuns: 5000 },
    );
    expect(allowed).toBeGreaterThan(200);
  });

  test('allows no more with a boundary or a session policy than without', () => {
    fc.assert(
      fc.property(sets, policies('identity'), requests, ({ identity, resource }, limit, request) => {
        const free: PolicySet = resource === undefined ? { identity } : { identity, resource };
        const before = evaluate(free, request).allowed;
        for (const limited of [
          { ...free, boundary: limit },
          { ...free, session: [limit] },
        ]) {
          if (evaluate(limited, request).allowed) expect(before).toBe(true);
        }
      }),
      { seed: 13, numRuns: 3000 },
    );
  });
});

describe('the statement', () => {
  const request: AccessRequest = {
    principal: { type: 'role', arn: ROLE, session: SESSION },
    action: 's3:GetObject',
    resource: 'arn:aws:s3:::claims/1',
    resourceAccount: ACCOUNT,
    context: {},
  };
  const get = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };

  test('is the first that applies, named or with a wildcard', () => {
    const orders = [
      [
        { ...get, Sid: 'A', Action: 's3:PutObject' },
        { ...get, Sid: 'B', Action: 's3:Get*' },
        { ...get, Sid: 'C' },
      ],
      [
        { ...get, Sid: 'A', Action: 's3:Put*' },
        { ...get, Sid: 'B' },
        { ...get, Sid: 'C', Action: '*' },
      ],
      [
        { Effect: 'Allow', Sid: 'A', NotAction: 's3:Get*', Resource: '*' },
        { ...get, Sid: 'B', Action: ['s3:List*', 's3:GetObject'] },
      ],
    ];
    for (const Statement of orders) {
      const identity = [parsePolicy({ Statement }, { kind: 'identity', name: 'p' })];
      expect(evaluate({ identity }, request).statement).toEqual({ place: 'identity', policy: 'p', index: 1, sid: 'B' });
    }
  });

  test("of a resource's policy is the one that names who asks most directly", () => {
    const named = [{ AWS: ACCOUNT }, { AWS: ROLE }, { AWS: SESSION }];
    const Statement = named.map((Principal) => ({ ...get, Principal }));
    const resource = parsePolicy({ Statement }, { kind: 'resource', name: 'bucket' });
    expect(evaluate({ identity: [], resource }, request).statement).toEqual({
      place: 'resource',
      policy: 'bucket',
      index: 2,
    });
    const other = { ...request, principal: { type: 'role', arn: ROLE } as const };
    expect(evaluate({ identity: [], resource }, other).statement).toMatchObject({ index: 1 });
  });

  test('is none where the root user may do it anyway', () => {
    const root = { ...request, principal: { type: 'root', arn: `arn:aws:iam::${ACCOUNT}:root` } as const };
    expect(evaluate({ identity: [] }, root)).toEqual({ allowed: true, reason: 'allowed' });
  });
});

describe('NotPrincipal', () => {
  const account = { type: 'root', arn: `arn:aws:iam::${ACCOUNT}:root` } as const;
  const session = { type: 'role', arn: ROLE, session: SESSION } as const;
  const role = { type: 'role', arn: ROLE } as const;
  const user = { type: 'user', arn: USER } as const;
  const root = account.arn;

  // "You must also specify the account ARN of the not-denied principal", and of a session the role's.
  test.each<[Principal, string[], boolean]>([
    [account, [root], true],
    [account, [OTHER], false],
    [user, [USER], false],
    [user, [USER, root], true],
    [user, [USER, ACCOUNT], true],
    [user, [USER, `arn:aws-cn:iam::${ACCOUNT}:root`], false],
    [user, [ROLE, root], false],
    [role, [ROLE, root], true],
    [session, [root], false],
    [session, [ROLE, root], false],
    [session, [SESSION, root], false],
    [session, [SESSION, ROLE], false],
    [session, [SESSION, ROLE, root], true],
    [user, ['*'], true],
    [{ type: 'anonymous' }, [root], false],
    [{ type: 'service', name: 's3.amazonaws.com' }, [root], false],
  ])('%j is left out by %j: %j', (asking, AWS, isLeftOut) => {
    const Statement = { Effect: 'Deny', NotPrincipal: { AWS }, Action: 's3:*', Resource: '*' };
    const resource = parsePolicy({ Statement }, { kind: 'resource', name: 'bucket' });
    const identity = [everything('identity', 'Allow')];
    const request = { principal: asking, action: 's3:GetObject', resource: '*', resourceAccount: ACCOUNT, context: {} };
    const isDenied = (set: PolicySet) => evaluate(set, request).reason === 'explicit-deny';
    expect(isDenied({ identity, resource })).toBe(!isLeftOut);
    // It "will always deny any IAM principal that has a permissions boundary policy attached", but for the root user.
    const always = asking.type === 'role' || asking.type === 'user';
    const boundary = everything('identity', 'Allow');
    expect(isDenied({ identity, resource, boundary })).toBe(!isLeftOut || (always && !AWS.includes('*')));
  });

  test('leaves out a service by its name', () => {
    const Statement = { Effect: 'Deny', NotPrincipal: { Service: 's3.amazonaws.com' }, Action: '*', Resource: '*' };
    const resource = parsePolicy({ Statement }, { kind: 'resource', name: 'bucket' });
    const request = { action: 's3:GetObject', resource: '*', resourceAccount: ACCOUNT, context: {} };
    const reasonFor = (name: string) =>
      evaluate({ identity: [], resource }, { ...request, principal: { type: 'service', name } }).reason;
    expect(reasonFor('s3.amazonaws.com')).toBe('no-resource-allow');
    expect(reasonFor('ec2.amazonaws.com')).toBe('explicit-deny');
  });
});
