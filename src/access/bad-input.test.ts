// Bad input: refused, or decided in time that grows with its size and no faster. Nothing of it reaches a message.
import { describe, expect, test } from 'vitest';
import { AccessError, type AccessErrorCode } from './error.ts';
import { evaluate } from './evaluate.ts';
import { explain } from './explain.ts';
import { MOST_CHARACTERS, MOST_STATEMENTS } from './limits.ts';
import { parsePolicy, parsePolicyText } from './parse.ts';
import type { AccessRequest } from './types.ts';
import { parseParts } from './variables.ts';
import { compilePattern, matchesPattern, tokenize } from './wildcard.ts';

const options = { kind: 'identity', name: 'role trainer' } as const;
const allow = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };

const request: AccessRequest = {
  principal: { type: 'role', arn: 'arn:aws:iam::111122223333:role/trainer' },
  action: 's3:GetObject',
  resource: 'arn:aws:s3:::claims/1',
  resourceAccount: '111122223333',
  context: {},
};

function refusal(run: () => unknown): AccessError {
  try {
    run();
  } catch (error) {
    if (error instanceof AccessError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function expectRefusal(run: () => unknown, code: AccessErrorCode): string {
  const { code: found, message } = refusal(run);
  expect(found).toBe(code);
  expect(message.length).toBeLessThan(400);
  return message;
}

const TIMES = 16;

/** How much longer `work` takes at 16 times the size than 16 times at the size: 1 if it is linear, 16 if quadratic. */
function excess(size: number, work: (size: number) => () => void): number {
  const [small, large] = [work(size), work(size * TIMES)];
  const samples: [() => void, number][] = [
    [() => repeat(small), Number.POSITIVE_INFINITY],
    [large, Number.POSITIVE_INFINITY],
  ];
  // In turns, and the best of each, in processor time: the machine may be busy.
  for (let turn = 0; turn < 6; turn++) {
    for (const sample of samples) {
      const start = process.cpuUsage();
      sample[0]();
      const { user, system } = process.cpuUsage(start);
      sample[1] = Math.min(sample[1], user + system);
    }
  }
  const [together = Number.NaN, atOnce = Number.NaN] = samples.map(([, best]) => best);
  return atOnce / together;
}

function repeat(run: () => void): void {
  for (let time = 0; time < TIMES; time++) run();
}

describe('size', () => {
  test('of a text is looked at before it is parsed', () => {
    // It is no JSON either.
    expectRefusal(() => parsePolicyText('['.repeat(10_000_000), options), 'LIMIT');
    expectRefusal(() => parsePolicyText(`${' '.repeat(MOST_CHARACTERS - 1)}[x`, options), 'LIMIT');
    expectRefusal(() => parsePolicyText(`${' '.repeat(MOST_CHARACTERS - 2)}[x`, options), 'POLICY');
  });

  test('of a document that is no text', () => {
    const Resource = Array.from({ length: 4000 }, (_, place) => `arn:aws:s3:::${'x'.repeat(60)}${place}`);
    expectRefusal(() => parsePolicy({ Statement: [{ ...allow, Resource }] }, options), 'LIMIT');
    // Many references to one list count as often.
    const shared = Resource.slice(0, 400);
    const Statement = Array.from({ length: 4000 }, () => ({ ...allow, Resource: shared }));
    expectRefusal(() => parsePolicy({ Statement }, options), 'LIMIT');
  });

  test('of its parts', () => {
    const statements = (count: number) => ({ Statement: Array.from({ length: count }, () => allow) });
    expectRefusal(() => parsePolicy(statements(10_000), options), 'LIMIT');
    expectRefusal(() => parsePolicy(statements(MOST_STATEMENTS + 1), options), 'LIMIT');
    const Action = Array.from({ length: 6000 }, () => 's3:Get');
    expectRefusal(() => parsePolicy({ Statement: { ...allow, Action } }, options), 'LIMIT');
    const Resource = `arn:aws:s3:::${'a'.repeat(5000)}`;
    expectRefusal(() => parsePolicy({ Statement: { ...allow, Resource } }, options), 'LIMIT');
  });

  test.each<[string, Partial<AccessRequest>, AccessErrorCode]>([
    ['action', { action: `s3:${'a'.repeat(300)}` }, 'LIMIT'],
    ['resource', { resource: `arn:aws:s3:::${'a'.repeat(5000)}` }, 'LIMIT'],
    ['principal', { principal: { type: 'user', arn: `arn:aws:iam::111122223333:user/${'a'.repeat(5000)}` } }, 'LIMIT'],
    ['value', { context: { 'aws:UserAgent': 'a'.repeat(40_000) } }, 'LIMIT'],
    ['list', { context: { 'aws:TagKeys': Array.from({ length: 300 }, String) } }, 'LIMIT'],
    ['values', { context: { 'aws:TagKeys': Array.from({ length: 200 }, () => 'a'.repeat(200)) } }, 'LIMIT'],
    ['keys', { context: Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`k:${at}`, ''])) }, 'LIMIT'],
    ['key twice', { context: { 'aws:SourceIp': '10.0.0.1', 'AWS:sourceip': '10.0.0.2' } }, 'REQUEST'],
    ['action without a service', { action: 'GetObject' }, 'REQUEST'],
    ['principal that is no ARN', { principal: { type: 'user', arn: 'arn:aws:iam' } }, 'REQUEST'],
    ['account of letters', { principal: { type: 'user', arn: 'arn:aws:iam::abcdefghijkl:user/a' } }, 'REQUEST'],
    ['principal without an account', { principal: { type: 'user', arn: 'arn:aws:iam:::user/a' } }, 'REQUEST'],
  ])('of a request: %s', (_, change, code) => {
    const policy = parsePolicy({ Statement: allow }, options);
    expectRefusal(() => evaluate({ identity: [policy] }, { ...request, ...change }), code);
    expectRefusal(() => explain({ identity: [policy] }, { ...request, ...change }), code);
  });
});

describe('depth', () => {
  test.each(['[', '{"Statement":', '{"Statement":[{"Condition":{"StringEquals":{"a:b":['])('of a text: %s…', (open) => {
    const times = Math.floor(MOST_CHARACTERS / open.length / 2);
    expectRefusal(() => parsePolicyText(open.repeat(times), options), 'POLICY');
  });

  test.each(['Principal', 'Action', 'Resource', 'Condition', 'Sid', 'Effect'])('of %s', (element) => {
    let deep: unknown = [];
    for (let level = 0; level < 200_000; level++) deep = level % 2 === 0 ? [deep] : { deep };
    const kind = element === 'Principal' ? 'resource' : 'identity';
    const Statement = [{ ...allow, [element]: deep }];
    expectRefusal(() => parsePolicy({ Statement }, { ...options, kind }), 'POLICY');
  });
});

describe('names that objects have anyway', () => {
  const places: [string, string][] = [
    ['the document', '{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}],"NAME":{}}'],
    ['a statement', '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","NAME":"x"}}'],
    ['operators', '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NAME":{"a:b":"c"}}}}'],
    ['keys', '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"NAME":"true"}}}}'],
  ];
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];

  test.each(places.flatMap(([place, text]) => names.map((name) => [name, place, text] as const)))(
    '%s in %s',
    (name, _, text) => {
      expectRefusal(() => parsePolicyText(text.replace('NAME', name), options), 'POLICY');
    },
  );

  test.each(names)('%s as a kind of principal', (name) => {
    const text = `{"Statement":{"Effect":"Allow","Action":"s3:*","Principal":{"${name}":"x"}}}`;
    expectRefusal(() => parsePolicyText(text, { ...options, kind: 'resource' }), 'POLICY');
  });

  test('are no elements of a document that inherits them', () => {
    const inherited: unknown = Object.create({ Statement: [allow] });
    expectRefusal(() => parsePolicy(inherited, options), 'POLICY');
    const statement: unknown = Object.assign(Object.create({ Effect: 'Allow' }), { Action: 's3:*', Resource: '*' });
    expectRefusal(() => parsePolicy({ Statement: statement }, options), 'POLICY');
  });

  test('are no keys of a request that has them not', () => {
    const Resource = names.map((name) => `arn:aws:s3:::claims/\${${name}}*`);
    const policy = parsePolicy({ Version: '2012-10-17', Statement: { ...allow, Resource } }, options);
    expect(evaluate({ identity: [policy] }, request).allowed).toBe(false);
    const context: AccessRequest['context'] = JSON.parse('{"__proto__":"1"}');
    expect(evaluate({ identity: [policy] }, { ...request, context }).allowed).toBe(true);
  });
});

describe('time', () => {
  const text = (size: number) => 'a'.repeat(size);
  const decide = (pattern: string, subject: string) => {
    const compiled = compilePattern(tokenize(pattern));
    if (compiled === undefined) throw new Error('refused');
    return () => {
      expect(matchesPattern(compiled, subject)).toBe(false);
    };
  };

  test.each<[string, number, (size: number) => () => void]>([
    ['many *', 10_000, (size) => decide(`${'*a'.repeat(1000)}*b*`, text(size))],
    ['half as many * as text', 4000, (size) => decide(`${'*a'.repeat(size / 2)}*ab*`, text(size))],
    ['a long stretch of one character', 4000, (size) => decide(`*${text(size / 4)}b${text(size / 4)}*`, text(size))],
    ['a long stretch that nearly ends', 4000, (size) => decide(`*${text(size / 2)}b*`, text(size))],
    ['a stretch with ?', 4000, (size) => decide(`*${'?'.repeat(30)}b*`, text(size))],
    [
      'variables',
      10_000,
      (size) => {
        const value = `\${a, 'b'}`.repeat(size / 10);
        return () => expect(parseParts(value, { wildcards: true, variables: true })).toHaveLength(size / 10);
      },
    ],
    [
      'a variable that does not end',
      40_000,
      (size) => {
        const value = `\${a${' '.repeat(size)},${' '.repeat(size)}'`;
        return () => expect(parseParts(value, { wildcards: true, variables: true })).toBeUndefined();
      },
    ],
    [
      'statements',
      300,
      (size) => {
        const Statement = Array.from({ length: size }, (_, at) => ({
          ...allow,
          Sid: `S${at}`,
          Action: ['s3:Get*', 's3:List'],
        }));
        return () => expect(parsePolicy({ Statement }, options).statements).toHaveLength(size);
      },
    ],
    [
      'values of an action',
      200,
      (size) => {
        const Action = Array.from({ length: size }, (_, at) => `s3:Get${at}`);
        return () => expect(parsePolicy({ Statement: { ...allow, Action } }, options).statements).toHaveLength(1);
      },
    ],
    [
      'statements that all nearly match',
      100,
      (size) => {
        const Condition = { StringLike: { 'aws:UserAgent': '*???????b*' } };
        const Statement = Array.from({ length: size }, () => ({ ...allow, Action: 's3:*', Condition }));
        const identity = [parsePolicy({ Statement }, options)];
        const asked = { ...request, context: { 'aws:UserAgent': text(2000) } };
        return () => expect(evaluate({ identity }, asked).allowed).toBe(false);
      },
    ],
  ])('grows with the size: %s', (_, size, work) => {
    expect(excess(size, work)).toBeLessThan(4);
  });
});

describe('messages', () => {
  const secret = 'hunter2hunter2';

  test.each<[string, unknown]>([
    ['a condition value', { Statement: { ...allow, Condition: { IpAddress: { 'aws:SourceIp': secret } } } }],
    ['a resource', { Statement: { ...allow, Resource: secret } }],
    ['an effect', { Statement: { ...allow, Effect: secret } }],
    ['a version', { Version: secret, Statement: allow }],
    ['a Sid', { Statement: { ...allow, Sid: `${secret}!` } }],
    ['a document', secret],
  ])('do not quote %s', (_, document) => {
    expect(expectRefusal(() => parsePolicy(document, options), 'POLICY')).not.toContain(secret);
  });

  test('nor what is no JSON', () => {
    expect(expectRefusal(() => parsePolicyText(`{"${secret}"`, options), 'POLICY')).not.toContain(secret);
  });

  test('cut long names, and show what steers a terminal', () => {
    const long = 'x'.repeat(100_000);
    expectRefusal(() => parsePolicy({ [long]: 1 }, { ...options, name: long }), 'POLICY');
    expectRefusal(() => parsePolicy({ Statement: { ...allow, Condition: { [long]: {} } } }, options), 'POLICY');
    expectRefusal(
      () => parsePolicy({ Statement: { ...allow, Condition: { Bool: { [long]: 'true' } } } }, options),
      'POLICY',
    );
    const message = expectRefusal(() => parsePolicy({ '\u001b[31mred\u202e\n': 1 }, options), 'POLICY');
    expect(message).toContain('"\\u{1b}[31mred\\u{202e}\\u{a}"');
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});
