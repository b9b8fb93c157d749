// The one line that people read, and the data behind it.
import { describe, expect, test } from 'vitest';
import type { PolicySet } from './evaluate.ts';
import { explain } from './explain.ts';
import { parsePolicy } from './parse.ts';
import type { AccessRequest } from './types.ts';

const ACCOUNT = '111122223333';
const request: AccessRequest = {
  principal: { type: 'role', arn: `arn:aws:iam::${ACCOUNT}:role/trainer` },
  action: 's3:GetObject',
  resource: 'arn:aws:s3:::claims/objects/1',
  resourceAccount: ACCOUNT,
  context: { 'aws:SecureTransport': 'true', 'aws:SourceIp': '192.0.2.1' },
};
const key = { action: 'kms:Decrypt', resource: `arn:aws:kms:local:${ACCOUNT}:key/1` };

const trainer = parsePolicy(
  {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'Read', Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::claims/objects/*' },
      {
        Sid: 'Office',
        Effect: 'Allow',
        Action: 's3:PutObject',
        Resource: '*',
        Condition: {
          IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '172.16.0.0/12'] },
          StringEquals: { 'aws:PrincipalTag/team': 'a team' },
        },
      },
      {
        Effect: 'Allow',
        Action: 's3:PutObject',
        Resource: '*',
        Condition: { StringEquals: { 'aws:PrincipalTag/team': ['vision', 'speech', 'text', 'more'] } },
      },
      { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
      {
        Sid: 'DenyInsecure',
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      { Effect: 'Deny', Action: 's3:DeleteObject', Resource: '*' },
    ],
  },
  { kind: 'identity', name: 'role trainer' },
);
const boundary = parsePolicy(
  { Statement: { Effect: 'Allow', Action: 's3:List*', Resource: '*' } },
  { kind: 'identity', name: 'boundary' },
);
const bucket = parsePolicy(
  { Statement: { Effect: 'Allow', Principal: { AWS: '444455556666' }, Action: 's3:*', Resource: '*' } },
  { kind: 'resource', name: 'bucket claims' },
);

function line(change: Partial<AccessRequest>, policies: Partial<PolicySet> = {}): string {
  return explain({ identity: [trainer], ...policies }, { ...request, ...change }).line;
}

describe('the line', () => {
  test('of what is allowed names the statement', () => {
    expect(line({})).toBe('allowed by statement 1 (Read) of role trainer');
    const root = { type: 'root', arn: `arn:aws:iam::${ACCOUNT}:root` } as const;
    expect(line({ principal: root, action: 's3:ListAllMyBuckets', resource: '*' }, { identity: [] })).toBe(
      'allowed: the root user of the account',
    );
  });

  test('of what is denied names the statement and its conditions', () => {
    expect(line({ context: { 'aws:SecureTransport': 'false' } })).toBe(
      'denied by statement 5 (DenyInsecure) of role trainer: aws:SecureTransport is false',
    );
    expect(line({ action: 's3:DeleteObject' })).toBe(
      'denied by statement 6 of role trainer: it denies s3:DeleteObject on arn:aws:s3:::claims/objects/1',
    );
  });

  test('of what nothing allows says so, and what came nearest', () => {
    expect(line({ resource: 'arn:aws:s3:::claims/names/1' })).toBe(
      'denied: no statement of role trainer allows s3:GetObject on arn:aws:s3:::claims/names/1',
    );
    // The one with fewer conditions failing.
    expect(line({ action: 's3:PutObject' })).toBe(
      'denied: no statement of role trainer allows s3:PutObject on arn:aws:s3:::claims/objects/1; ' +
        'statement 3 of role trainer wants StringEquals aws:PrincipalTag/team vision, speech, text and 1 more, and it is missing',
    );
    const context = { 'aws:SourceIp': '192.0.2.1', 'aws:PrincipalTag/team': 'a team' };
    expect(line({ action: 's3:PutObject', context })).toBe(
      'denied: no statement of role trainer allows s3:PutObject on arn:aws:s3:::claims/objects/1; ' +
        'statement 2 (Office) of role trainer wants IpAddress aws:SourceIp 10.0.0.0/8, 172.16.0.0/12, and it is 192.0.2.1',
    );
    expect(line({}, { identity: [] })).toBe(
      'denied: there is no policy that allows s3:GetObject on arn:aws:s3:::claims/objects/1',
    );
  });

  test('says what limits', () => {
    expect(line({}, { boundary })).toBe(
      'denied: no statement of the permissions boundary boundary allows s3:GetObject on arn:aws:s3:::claims/objects/1',
    );
    expect(line({}, { session: [boundary] })).toBe(
      'denied: no statement of the session policy boundary allows s3:GetObject on arn:aws:s3:::claims/objects/1',
    );
  });

  test("says why a resource's own policy had to allow it", () => {
    expect(line(key)).toBe(
      `denied: there is no policy of the resource that allows kms:Decrypt on ${key.resource}, as that of a key or a role must`,
    );
    expect(line({ resourceAccount: '999999999999' }, { resource: bucket })).toBe(
      'denied: no statement of bucket claims allows s3:GetObject on arn:aws:s3:::claims/objects/1, as it must for another account',
    );
    expect(line({ principal: { type: 'anonymous' } }, { resource: bucket })).toBe(
      'denied: no statement of bucket claims allows s3:GetObject on arn:aws:s3:::claims/objects/1, and only that could',
    );
  });

  test('is one line, and short, whatever the request holds', () => {
    const resource = `arn:aws:s3:::claims/\u001b[2J\r\n${'x'.repeat(3000)}`;
    const said = line({ action: 's3:PutObject', resource, context: { 'aws:PrincipalTag/team': '\u202e\u0000' } });
    expect(said).toContain('\\u{1b}[2J\\u{d}\\u{a}');
    expect(said).toContain('\\u{202e}\\u{0}');
    expect(said).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(said.length).toBeLessThan(800);
  });
});

test('the data says of each statement about the action how far it goes', () => {
  const { statements } = explain({ identity: [trainer], resource: bucket }, { ...request, action: 's3:PutObject' });
  expect(
    statements.map(({ statement, missed, applies }) => [statement.place, statement.index, applies, missed]),
  ).toEqual([
    ['identity', 1, false, ['Condition']],
    ['identity', 2, false, ['Condition']],
    ['identity', 4, false, ['Condition']],
    ['resource', 0, false, ['Principal']],
  ]);
  expect(statements[0]?.conditions).toEqual([
    {
      operator: 'IpAddress',
      key: 'aws:SourceIp',
      wanted: ['10.0.0.0/8', '172.16.0.0/12'],
      given: ['192.0.2.1'],
      holds: false,
    },
    { operator: 'StringEquals', key: 'aws:PrincipalTag/team', wanted: ['a team'], given: undefined, holds: false },
  ]);
});

test('the data is bounded, and holds what decided', () => {
  const none = { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::other' };
  const deny = { Effect: 'Deny', Action: 's3:*', Resource: '*', Condition: { Null: { 'aws:username': 'true' } } };
  const Statement = [...Array.from({ length: 500 }, () => none), deny];
  const policy = parsePolicy({ Statement }, { kind: 'identity', name: 'long' });
  const { line: said, statements } = explain({ identity: [policy] }, request);
  expect(said).toBe('denied by statement 501 of long: aws:username is missing');
  expect(statements).toHaveLength(201);
  expect(statements.at(-1)).toMatchObject({ effect: 'Deny', applies: true, statement: { index: 500 } });
});

test('the data says whom a NotPrincipal leaves out', () => {
  const account = `arn:aws:iam::${ACCOUNT}:root`;
  const AWS = [account, `arn:aws:iam::${ACCOUNT}:role/trainer`];
  const resource = parsePolicy(
    { Statement: { Effect: 'Deny', NotPrincipal: { AWS }, Action: 's3:*', Resource: '*' } },
    { kind: 'resource', name: 'bucket' },
  );
  const missedBy = (name: string) => {
    const principal = { type: 'role', arn: `arn:aws:iam::${ACCOUNT}:role/${name}` } as const;
    return explain({ identity: [], resource }, { ...request, principal }).statements.map(({ missed }) => missed);
  };
  expect(missedBy('trainer')).toEqual([['Principal']]);
  expect(missedBy('auditor')).toEqual([[]]);
});
