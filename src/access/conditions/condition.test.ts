// Each operator alone: its values, missing keys, several values, variables, and what is no value of its kind.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ask } from '../request.ts';
import type { AccessRequest } from '../types.ts';
import { compileCondition, holds, isOperator } from './condition.ts';
import { OPERATORS } from './operators.ts';
import { isInRange, parseAddress, parseDate, parseRange } from './values.ts';

type Value = string | string[] | undefined;

const KEY = 'test:Key';

/** A policy variable. */
const v = (inside: string) => `\${${inside}}`;

/** Whether `operator` with `values` holds where the key has `given`. */
function decide(operator: string, values: string | string[], given: Value, effect: 'Allow' | 'Deny' = 'Allow') {
  const written = { operator, key: KEY, values: [values].flat(), effect };
  const condition = compileCondition(written, true);
  if ('reason' in condition) throw new Error(condition.reason);
  const context = {
    'aws:username': 'bob',
    'aws:TagKeys': ['a', 'b'],
    ...(given === undefined ? {} : { 'TEST:key': given }),
  };
  const request: AccessRequest = {
    principal: { type: 'anonymous' },
    action: 's3:GetObject',
    resource: '*',
    resourceAccount: '111122223333',
    context,
  };
  return holds(condition, ask(request, false));
}

function reasonOf(operator: string, value: string): string | undefined {
  const condition = compileCondition({ operator, key: KEY, values: [value], effect: 'Allow' }, true);
  return 'reason' in condition ? condition.reason : undefined;
}

/** Operator, value in the policy, value in the request that matches, one that does not. */
const SAMPLES: [string, string, string, string][] = [
  ['StringEquals', 'Bob', 'Bob', 'bob'],
  ['StringEquals', 'b*', 'b*', 'bob'],
  ['StringEqualsIgnoreCase', 'BOB', 'bOb', 'bo'],
  ['StringLike', 'b?b*', 'bob/1', 'b/'],
  ['StringLike', `${v('aws:username')}/*`, 'bob/1', 'alice/1'],
  ['StringLike', v('*'), '*', 'a'],
  ['NumericEquals', '10', '10.0', '10.1'],
  ['NumericLessThan', '10', '-3', '10'],
  ['NumericLessThanEquals', '10', '10', '10.5'],
  ['NumericGreaterThan', '9', '10', '9'],
  ['NumericGreaterThanEquals', '1.5', '1.5', '1'],
  ['DateEquals', '2026-01-01T00:00:00Z', '1767225600', '2026-01-01T00:00:01Z'],
  ['DateEquals', '2026-01-01T01:00:00+01:00', '2026-01-01', '2026-01-02'],
  ['DateLessThan', '2026-01-01', '2025-12-31T23:59:59.999Z', '2026-01-01'],
  ['DateLessThanEquals', '2026', '2026-01-01T00:00Z', '2026-01-01T00:01Z'],
  ['DateGreaterThan', '2026-02', '2026-02-01T00:00:01Z', '2026-02-01'],
  ['DateGreaterThanEquals', '2026-02', '2026-02-01', '2026-01-31'],
  ['Bool', 'true', 'TRUE', 'false'],
  ['Bool', 'false', 'false', 'no'],
  ['BinaryEquals', 'QUI=', 'QUI=', 'QUM='],
  ['IpAddress', '203.0.113.0/24', '203.0.113.255', '203.0.114.0'],
  ['IpAddress', '203.0.113.7', '203.0.113.7', '203.0.113.8'],
  ['IpAddress', '2001:db8::/33', '2001:DB8:7fff::1', '2001:db8:8000::'],
  [
    'ArnEquals',
    'arn:aws:sns:*:111122223333:t?pic*',
    'arn:aws:sns:eu-west-1:111122223333:topic:1',
    'arn:aws:sns:a:b:111122223333:topic',
  ],
  [
    'ArnLike',
    `arn:aws:iam::111122223333:role/${v('aws:username')}`,
    'arn:aws:iam::111122223333:role/bob',
    'arn:aws:iam::111122223333:role/bobby',
  ],
];

const NEGATED: Record<string, string> = {
  StringEquals: 'StringNotEquals',
  StringEqualsIgnoreCase: 'StringNotEqualsIgnoreCase',
  StringLike: 'StringNotLike',
  NumericEquals: 'NumericNotEquals',
  DateEquals: 'DateNotEquals',
  IpAddress: 'NotIpAddress',
  ArnEquals: 'ArnNotEquals',
  ArnLike: 'ArnNotLike',
};

describe('each operator', () => {
  test('has its sample', () => {
    const names = new Set(SAMPLES.flatMap(([name]) => [name, NEGATED[name] ?? name]));
    expect([...names].sort()).toEqual([...OPERATORS.keys()].sort());
  });

  test.each(SAMPLES)('%s %s: %s, not %s', (operator, wanted, one, other) => {
    expect(decide(operator, wanted, one)).toBe(true);
    expect(decide(operator, wanted, other)).toBe(false);
    expect(decide(operator, wanted, undefined)).toBe(false);
    expect(decide(`${operator}IfExists`, wanted, undefined)).toBe(true);
    expect(decide(`${operator}IfExists`, wanted, other)).toBe(false);
    expect(decide(`ForAnyValue:${operator}`, wanted, [other, one])).toBe(true);
    expect(decide(`ForAnyValue:${operator}`, wanted, [other])).toBe(false);
    expect(decide(`ForAnyValue:${operator}`, wanted, undefined)).toBe(false);
    expect(decide(`ForAllValues:${operator}`, wanted, [one, one])).toBe(true);
    expect(decide(`ForAllValues:${operator}`, wanted, [one, other])).toBe(false);
    expect(decide(`ForAllValues:${operator}`, wanted, undefined)).toBe(true);
  });

  test.each(SAMPLES.filter(([name]) => name in NEGATED))('%s %s, negated', (operator, wanted, one, other) => {
    const negated = NEGATED[operator] ?? '';
    expect(decide(negated, wanted, one)).toBe(false);
    expect(decide(negated, wanted, other)).toBe(true);
    expect(decide(negated, wanted, undefined)).toBe(true);
    expect(decide(`${negated}IfExists`, wanted, undefined)).toBe(true);
    expect(decide(`ForAnyValue:${negated}`, wanted, [other, one])).toBe(true);
    expect(decide(`ForAnyValue:${negated}`, wanted, [one])).toBe(false);
    expect(decide(`ForAnyValue:${negated}`, wanted, undefined)).toBe(false);
    expect(decide(`ForAllValues:${negated}`, wanted, [other, one])).toBe(false);
    expect(decide(`ForAllValues:${negated}`, wanted, undefined)).toBe(true);
  });

  test.each([
    'stringequals',
    'StringEqual',
    'NullIfExists',
    'ForAnyValues:Bool',
    'ForAllValue:Bool',
    'IfExists',
    'Bool:',
    '',
  ])('is not %j', (name) => {
    expect(isOperator(name)).toBe(false);
  });
});

describe('several values', () => {
  test('in the policy are alternatives; negated, none may match', () => {
    expect(decide('StringEquals', ['a', 'b'], 'b')).toBe(true);
    expect(decide('StringNotEquals', ['a', 'b'], 'b')).toBe(false);
    expect(decide('StringNotEquals', ['a', 'b'], 'c')).toBe(true);
    expect(decide('NumericLessThan', ['5', '10'], '7')).toBe(true);
  });

  test('of the request without a set operator: what allows needs each, what denies needs one', () => {
    expect(decide('StringEquals', 'a', ['a', 'b'], 'Allow')).toBe(false);
    expect(decide('StringEquals', 'a', ['a', 'b'], 'Deny')).toBe(true);
    expect(decide('StringNotEquals', 'a', ['a', 'b'], 'Allow')).toBe(false);
    expect(decide('StringNotEquals', 'a', ['a', 'b'], 'Deny')).toBe(true);
    expect(decide('StringEquals', 'a', ['a'], 'Allow')).toBe(true);
  });

  test('none: an empty list is a missing key, an empty string an empty set', () => {
    expect(decide('StringNotEquals', 'a', [])).toBe(true);
    expect(decide('StringEqualsIfExists', 'a', [])).toBe(true);
    expect(decide('Null', 'true', [])).toBe(true);
    expect(decide('Null', 'true', '')).toBe(false);
    expect(decide('StringEquals', '', '')).toBe(true);
    for (const given of ['', ['']]) {
      expect(decide('ForAllValues:StringEquals', 'a', given)).toBe(true);
      expect(decide('ForAnyValue:StringEquals', '', given)).toBe(false);
      // The key is there.
      expect(decide('ForAnyValue:StringEqualsIfExists', 'a', given)).toBe(false);
    }
  });
});

describe('Null', () => {
  test.each<[string[], Value, boolean]>([
    [['true'], undefined, true],
    [['true'], 'x', false],
    [['false'], undefined, false],
    [['false'], 'x', true],
    [['TRUE'], undefined, true],
    [['true', 'false'], 'x', true],
    [['true', 'false'], undefined, true],
  ])('%j with %j: %j', (values, given, expected) => {
    expect(decide('Null', values, given)).toBe(expected);
  });
});

describe('variables', () => {
  test('without a value: nothing equals them; negated, what denies holds and what allows does not', () => {
    for (const name of ['StringEquals', 'StringEqualsIgnoreCase', 'StringLike', 'ArnLike', 'ArnEquals']) {
      const wanted = `arn:aws:iam::1:user/${v('aws:none')}`;
      expect(decide(name, wanted, 'arn:aws:iam::1:user/', 'Allow')).toBe(false);
      expect(decide(name, wanted, 'arn:aws:iam::1:user/', 'Deny')).toBe(false);
      expect(decide(NEGATED[name] ?? '', wanted, 'arn:aws:iam::1:user/x', 'Allow')).toBe(false);
      expect(decide(NEGATED[name] ?? '', wanted, 'arn:aws:iam::1:user/x', 'Deny')).toBe(true);
    }
  });

  test('with a default, in any case, and never of several values', () => {
    expect(decide('StringEquals', `${v("aws:none, 'a b'")}!`, 'a b!')).toBe(true);
    expect(decide('StringEquals', `${v("aws:username, 'a'")}`, 'bob')).toBe(true);
    expect(decide('StringEquals', v('AWS:UserName'), 'bob')).toBe(true);
    expect(decide('StringEquals', v('aws:TagKeys'), 'a')).toBe(false);
    expect(decide('StringEquals', `${v('$')}{aws:username}`, v('aws:username'))).toBe(true);
  });

  test('are text: wildcards in their values stand for themselves', () => {
    expect(decide('StringLike', `${v("aws:none, '*'")}`, 'a')).toBe(false);
    expect(decide('StringLike', `${v("aws:none, '*'")}`, '*')).toBe(true);
    expect(decide('StringLike', `?${v("aws:none, '?'")}`, 'a?')).toBe(true);
  });

  test.each([v('').slice(0, -1), v(''), v('a').slice(0, -1), v("a,'b"), v('a,b'), v('a b'), v(v('a'))])(
    '%j is none',
    (value) => {
      expect(reasonOf('StringLike', value)).toMatch('variable');
      expect(reasonOf('ArnLike', value)).toMatch('variable');
    },
  );
});

describe('values of the wrong kind', () => {
  test.each([
    ['NumericEquals', '1e3'],
    ['NumericEquals', '0x10'],
    ['NumericEquals', ''],
    ['NumericLessThan', 'Infinity'],
    ['DateEquals', '2026-13-01'],
    ['DateEquals', '2026-02-30'],
    ['DateEquals', '2026-01-01T00:00:00'],
    ['DateEquals', 'yesterday'],
    ['Bool', '1'],
    ['Null', 'maybe'],
    ['BinaryEquals', 'Q'],
    ['BinaryEquals', '@@@@'],
    ['IpAddress', '203.0.113.0/33'],
    ['IpAddress', '203.0.113'],
    ['IpAddress', '::1/129'],
    ['IpAddress', 'fe80::1%eth0'],
    ['IpAddress', '10.0.0.1/'],
    ['NotIpAddress', '*'],
  ])('%s %j is refused in a policy', (operator, value) => {
    expect(reasonOf(operator, value)).toMatch(/^is /);
  });

  test('in a request match nothing', () => {
    expect(decide('NumericLessThan', '5', 'none')).toBe(false);
    expect(decide('DateGreaterThan', '2000', 'soon')).toBe(false);
    expect(decide('IpAddress', '0.0.0.0/0', 'x')).toBe(false);
    expect(decide('BinaryEquals', 'QUI=', '@')).toBe(false);
    expect(decide('ArnLike', '*:*:*:*:*:*', 'arn:aws:s3')).toBe(false);
    expect(decide('ArnLike', '*', 'arn:aws:s3:::b')).toBe(false);
  });

  // The guide does not say it: what allows is not opened by a value that cannot be read, and what denies holds.
  test.each([
    ['NotIpAddress', '10.0.0.0/8', 'x'],
    ['NumericNotEquals', '5', 'none'],
    ['DateNotEquals', '2026-01-01', 'soon'],
    ['ArnNotLike', 'arn:aws:s3:::b', 'b'],
    ['ArnNotEquals', 'arn:aws:s3:::b', 'arn:aws:s3'],
  ])('%s: a request with one is not allowed by it, and is denied', (operator, value, given) => {
    expect(decide(operator, value, given, 'Allow')).toBe(false);
    expect(decide(operator, value, given, 'Deny')).toBe(true);
    expect(decide(`ForAnyValue:${operator}`, value, [given, given], 'Allow')).toBe(false);
    expect(decide(`${operator}IfExists`, value, given, 'Allow')).toBe(false);
  });
});

describe('addresses', () => {
  const bits = (words: readonly number[]) => words.map((word) => word.toString(2).padStart(16, '0')).join('');

  test('are in a range if their first bits are the same', () => {
    const prefix = fc.nat(128);
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), prefix, (one, other, length) => {
        const [address, range] = [parseAddress(one), parseRange(`${other}/${length}`)];
        if (address === undefined || range === undefined) throw new Error(`${one} ${other}`);
        const same = bits(address).slice(0, length) === bits(range.address).slice(0, length);
        expect(isInRange(address, range)).toBe(same);
      }),
      { seed: 7, numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat(32), (one, other, length) => {
        const [address, range] = [parseAddress(one), parseRange(`${other}/${length}`)];
        if (address === undefined || range === undefined) throw new Error(`${one} ${other}`);
        const same = bits(address).slice(0, length) === bits(range.address).slice(0, length);
        expect(isInRange(address, range)).toBe(same);
      }),
      { seed: 8, numRuns: 3000 },
    );
  });

  test('of one kind are in no range of the other', () => {
    expect(decide('IpAddress', '0.0.0.0/0', '::ffff:10.0.0.1')).toBe(false);
    expect(decide('IpAddress', '::/0', '10.0.0.1')).toBe(false);
    expect(decide('IpAddress', '::ffff:10.0.0.0/104', '::ffff:10.1.2.3')).toBe(true);
  });
});

test('a date that is written is the date that is read', () => {
  const date = fc.date({
    min: new Date('1970-01-01T00:00:00Z'),
    max: new Date('2999-12-31T00:00:00Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(date, (one) => {
      expect(parseDate(one.toISOString())).toBe(one.getTime());
      expect(parseDate(one.toISOString().slice(0, 10))).toBe(Math.floor(one.getTime() / 86_400_000) * 86_400_000);
    }),
    { seed: 9, numRuns: 2000 },
  );
});
