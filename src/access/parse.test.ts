// What a document may hold, what a parsed policy keeps of it, and what a refusal says.
import { describe, expect, test } from 'vitest';
import { AccessError } from './error.ts';
import { evaluate } from './evaluate.ts';
import { type ParseOptions, parsePolicy, parsePolicyText } from './parse.ts';
import type { AccessRequest } from './types.ts';

const identity: ParseOptions = { kind: 'identity', name: 'role trainer' };
const resource: ParseOptions = { kind: 'resource', name: 'bucket claims' };
const allow = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };

const request: AccessRequest = {
  principal: { type: 'role', arn: 'arn:aws:iam::111122223333:role/trainer' },
  action: 's3:GetObject',
  resource: 'arn:aws:s3:::claims/1',
  resourceAccount: '111122223333',
  context: {},
};

function refusal(document: unknown, options: ParseOptions = identity): Pick<AccessError, 'code' | 'message' | 'path'> {
  try {
    parsePolicy(document, options);
  } catch (error) {
    if (error instanceof AccessError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

/** Whether an identity policy with this resource allows the request. */
function allows(Resource: string, asked: string): boolean {
  const policy = parsePolicy({ Version: '2012-10-17', Statement: { ...allow, Resource } }, identity);
  return evaluate({ identity: [policy] }, { ...request, resource: asked }).allowed;
}

describe('a policy', () => {
  const document = {
    Version: '2012-10-17',
    Id: 'bucket policy',
    Statement: [
      {
        Sid: 'One',
        Effect: 'Allow',
        Principal: { AWS: ['111122223333', 'arn:aws:iam::111122223333:role/trainer'], Service: 's3.amazonaws.com' },
        Action: ['s3:Get*'],
        NotResource: 'arn:aws:s3:::claims/*',
        Condition: { Bool: { 'aws:SecureTransport': true }, NumericLessThan: { 's3:max-keys': [10, '20'] } },
      },
      { Effect: 'Deny', NotPrincipal: { AWS: '111122223333' }, NotAction: 's3:*' },
    ],
  };

  test('keeps its document as it was written', () => {
    const { document: kept, name, kind } = parsePolicy(document, resource);
    expect(kept).toEqual(document);
    expect({ name, kind }).toEqual(resource);
    expect(parsePolicyText(JSON.stringify(document), resource).document).toEqual(document);
    expect(parsePolicy(kept, resource).document).toEqual(document);
  });

  test('does not change when the document does', () => {
    const own = { Statement: [{ ...allow, Action: ['s3:GetObject'] }] };
    const policy = parsePolicy(own, identity);
    own.Statement[0]?.Action.splice(0, 1, 's3:PutObject');
    own.Statement.push({ ...allow, Action: ['s3:*'], Effect: 'Deny' });
    expect(evaluate({ identity: [policy] }, request).allowed).toBe(true);
    expect(policy.document.Statement).toEqual([{ ...allow, Action: ['s3:GetObject'] }]);
  });

  test('may have one statement without a list', () => {
    expect(parsePolicy({ Statement: allow }, identity).statements).toHaveLength(1);
  });

  test('of a resource need not name it', () => {
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' };
    expect(parsePolicy({ Statement }, resource).statements).toHaveLength(1);
    expect(refusal({ Statement: { Effect: 'Allow', Action: 'sts:AssumeRole' } }).path).toEqual(['Statement']);
  });
});

describe('a refusal', () => {
  test.each<[unknown, (string | number)[], string]>([
    [[], [], 'role trainer: the document: must be an object, and is a list'],
    [{ Statement: [] }, ['Statement'], 'role trainer: Statement: must hold at least one statement'],
    [{ Statement: [allow, null] }, ['Statement', 1], 'role trainer: Statement[1]: must be an object, and is null'],
    [
      { Statement: [{ ...allow, Condition: { StringLike: { 'aws:username': ['a', 7, null] } } }] },
      ['Statement', 0, 'Condition', 'StringLike', 'aws:username', 2],
      'role trainer: Statement[0].Condition.StringLike.aws:username[2]: must be a string, and is null',
    ],
    [
      { Statement: [{ ...allow, Condition: { NotStringEquals: { 'aws:username': 'a' } } }] },
      ['Statement', 0, 'Condition'],
      'role trainer: Statement[0].Condition: there is no operator "NotStringEquals"',
    ],
    [
      { Statement: [{ ...allow, Action: 'GetObject' }] },
      ['Statement', 0, 'Action'],
      'role trainer: Statement[0].Action: "GetObject" is no action such as s3:GetObject',
    ],
  ])('%j', (document, path, message) => {
    const { code, ...rest } = refusal(document);
    expect(code).toBe('POLICY');
    expect(rest.path).toEqual(path);
    expect(refusal(document).message).toBe(message);
  });

  test.each([
    [{ ...allow, Action: 's3:Get Object' }],
    [{ ...allow, Action: 's3:Get:Object' }],
    [{ ...allow, Action: [] }],
    [{ ...allow, Action: ['s3:GetObject', ''] }],
    [{ ...allow, Resource: 'Arn:aws:s3:::b' }],
    [{ ...allow, Resource: 'arn:aws:s3*' }],
    [{ ...allow, Condition: { StringEquals: { username: 'a' } } }],
    [{ ...allow, Condition: { StringEquals: { 'aws:username': [] } } }],
    [{ ...allow, Condition: { NumericEquals: { 's3:max-keys': Number.NaN } } }],
    [{ ...allow, Sid: 'a b' }],
  ])('of %j', (Statement) => {
    expect(refusal({ Statement }).code).toBe('POLICY');
  });

  test.each([
    ['*'.repeat(2)],
    [{}],
    [{ AWS: [] }],
    [{ AWS: 'arn:aws:iam::111122223333:user/*' }],
    [{ AWS: 'arn:aws:iam::111122223333:group/g' }],
    [{ AWS: '11112222333' }],
    [{ Service: '*.amazonaws.com' }],
    [['*']],
  ])('of the principal %j', (Principal) => {
    expect(refusal({ Statement: { ...allow, Principal } }, resource).code).toBe('POLICY');
  });
});

describe('resources', () => {
  const v = (inside: string) => `\${${inside}}`;

  test('with fewer than six parts go on with *, in an identity policy', () => {
    expect(allows('arn:aws:s3', 'arn:aws:s3:::claims/1')).toBe(true);
    expect(allows('arn:aws:s3:', 'arn:aws:s3:::claims/1')).toBe(true);
    expect(allows('arn:aws:s3', 'arn:aws:s3control:::claims/1')).toBe(false);
    expect(allows('arn:aws:s3:eu-west-1', 'arn:aws:s3:::claims/1')).toBe(false);
    const Statement = { ...allow, Principal: '*', Resource: 'arn:aws:s3' };
    const policy = parsePolicy({ Statement }, resource);
    expect(evaluate({ identity: [], resource: policy }, request).allowed).toBe(false);
  });

  test('hold variables in their last part only', () => {
    const Statement = { ...allow, Resource: `arn:aws:s3::${v('aws:PrincipalAccount')}:claims` };
    expect(refusal({ Version: '2012-10-17', Statement }).message).toContain('before its fifth colon');
    expect(allows(`arn:aws:s3:::${v('?')}/*`, 'arn:aws:s3:::?/x')).toBe(true);
    expect(allows(`arn:aws:s3:::${v('?')}/*`, 'arn:aws:s3:::a/x')).toBe(false);
  });

  test('excepted by a variable without a value: what denies covers the rest, what allows covers nothing', () => {
    const NotResource = [`arn:aws:s3:::claims/${v('aws:username')}/*`, 'arn:aws:s3:::other/*'];
    const get = { Action: 's3:GetObject', NotResource };
    const reasonFor = (Statement: unknown) => {
      const policy = parsePolicy({ Version: '2012-10-17', Statement }, identity);
      return evaluate({ identity: [policy] }, request).reason;
    };
    expect(reasonFor({ ...get, Effect: 'Allow' })).toBe('no-identity-allow');
    expect(reasonFor([allow, { ...get, Effect: 'Deny' }])).toBe('explicit-deny');
  });

  test('hold none in an older version', () => {
    const Statement = { ...allow, Resource: `arn:aws:s3:::${v('aws:username')}` };
    const policy = parsePolicy({ Statement }, identity);
    const literal = { ...request, resource: Statement.Resource, context: { 'aws:username': 'bob' } };
    expect(evaluate({ identity: [policy] }, literal).allowed).toBe(true);
    expect(evaluate({ identity: [policy] }, { ...literal, resource: 'arn:aws:s3:::bob' }).allowed).toBe(false);
  });

  test('may take long to decide, and are then refused as too much', () => {
    const long = `arn:aws:s3:::*${'a'.repeat(64)}?*`;
    expect(refusal({ Statement: { ...allow, Resource: long } }).code).toBe('LIMIT');
    const value = `*?${v('aws:username')}*`;
    const Condition = { StringLike: { 'aws:username': value } };
    expect(refusal({ Version: '2012-10-17', Statement: { ...allow, Condition } })).toMatchObject({
      code: 'LIMIT',
      path: ['Statement', 'Condition', 'StringLike', 'aws:username'],
    });
  });
});
