// What is typed as the value of an option, and what is refused.
import { expect, test } from 'vitest';
import { parseCount, parseFrameLength, parsePair, parseRange } from './parse.ts';

test.each([
  ['0-0', { first: 0, last: 0 }],
  ['0-499', { first: 0, last: 499 }],
  ['500-', { first: 500 }],
  ['-500', { suffix: 500 }],
  ['007-8', { first: 7, last: 8 }],
  ['999999999999999-', { first: 999_999_999_999_999 }],
])('the range %s', (text, range) => {
  expect(parseRange(text)).toEqual(range);
});

test.each(['', '-', '-0', '5-4', '1', 'a-b', '1-2-3', '0-1,3-4', '1.5-2', '0x1-', '--1', '1e3-', '1000000000000000-'])(
  'no range: %j',
  (text) => {
    expect(() => parseRange(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  },
);

test('a pair of an encryption context', () => {
  expect(parsePair('a=b')).toEqual(['a', 'b']);
  expect(parsePair('a=b=c')).toEqual(['a', 'b=c']);
  expect(parsePair('größe=1\n2')).toEqual(['größe', '1\n2']);
  for (const text of ['', '=', 'a', 'a=', '=b', 'aws-crypto-public-key=x']) {
    expect(() => parsePair(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  }
});

test('counts and frame lengths have bounds', () => {
  expect(parseCount(1, 64)('64')).toBe(64);
  expect(() => parseCount(1, 64)('65')).toThrow('from 1 to 64');
  expect(() => parseCount(1)('0')).toThrow('from 1 on');
  expect(parseFrameLength('64MiB')).toBe(64 * 2 ** 20);
  for (const text of ['0', '67108865', '1TB', '-1']) {
    expect(() => parseFrameLength(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  }
});
