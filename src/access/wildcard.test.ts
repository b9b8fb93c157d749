// Patterns against the plainest matcher there is, on small alphabets where nearly everything nearly matches.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern, matchesPattern, type Token, tokenize } from './wildcard.ts';

/** The definition: `*` is nothing, or one character and `*` again. */
function matchesPlainly(tokens: readonly Token[], text: string): boolean {
  const units = tokens.flatMap((token): Token[] => {
    return typeof token === 'string' ? [token] : token.literal.split('').map((unit) => ({ literal: unit }));
  });
  let places = new Set([0]);
  for (const unit of units) {
    const next = new Set<number>();
    for (const place of places) {
      if (unit === '*') for (let at = place; at <= text.length; at++) next.add(at);
      else if (place < text.length && (unit === '?' || unit.literal === text[place])) next.add(place + 1);
    }
    places = next;
  }
  return places.has(text.length);
}

function matches(pattern: string, text: string): boolean {
  const compiled = compilePattern(tokenize(pattern));
  if (compiled === undefined) throw new Error('not compiled');
  return matchesPattern(compiled, text);
}

describe('a pattern', () => {
  test.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'a:b/c', true],
    ['?', '', false],
    ['?', 'a', true],
    ['?', 'ab', false],
    ['a*', 'a', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*ab*ab', 'ab', false],
    ['*ab*ab', 'abab', true],
    ['a*b*c', 'abbc', true],
    ['a*b?c', 'abc', false],
    ['a.c', 'abc', false],
    ['a[bc]', 'ab', false],
    ['arn:aws:s3:::b/*', 'arn:aws:s3:::b/', true],
    ['arn:aws:s3:::b/*', 'arn:aws:s3:::b', false],
  ])('%j on %j: %j', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test('decides as the plain matcher does', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 12 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 14 });
    let matched = 0;
    fc.assert(
      fc.property(pattern, text, (one, other) => {
        const expected = matchesPlainly(tokenize(one), other);
        if (expected) matched++;
        expect(matches(one, other)).toBe(expected);
      }),
      { seed: 4, numRuns: 20_000 },
    );
    // Neither answer is rare.
    expect(matched).toBeGreaterThan(2000);
    expect(matched).toBeLessThan(18_000);
  });

  test('takes * and ? as text where a token says so', () => {
    const part = fc.constantFrom<Token>('*', '?', { literal: '*' }, { literal: '?' }, { literal: 'a' });
    const text = fc.string({ unit: fc.constantFrom('a', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), text, (tokens, other) => {
        const compiled = compilePattern(tokens);
        expect(compiled && matchesPattern(compiled, other)).toBe(matchesPlainly(tokens, other));
      }),
      { seed: 5, numRuns: 10_000 },
    );
  });

  test('finds long stretches as the plain matcher does', () => {
    // Long enough for the search of its own; made of few words, so that it starts to match at many places.
    const words = fc.array(fc.constantFrom('ab', 'aab', 'a'), { minLength: 30, maxLength: 60 });
    fc.assert(
      fc.property(words, fc.array(words, { maxLength: 3 }), fc.boolean(), (wanted, around, isThere) => {
        const stretch = wanted.join('');
        const text = around.map((some) => some.join('')).join(isThere ? stretch : 'b');
        expect(matches(`*${stretch}*`, text)).toBe(text.includes(stretch));
        expect(matches(`a*${stretch}*b`, text)).toBe(matchesPlainly(tokenize(`a*${stretch}*b`), text));
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  test('is refused where a long stretch between two * holds a ?', () => {
    expect(compilePattern(tokenize(`*${'a'.repeat(63)}?*`))).toBeDefined();
    expect(compilePattern(tokenize(`*${'a'.repeat(64)}?*`))).toBeUndefined();
    // At either end there is one place to look at.
    expect(matches(`${'?'.repeat(500)}*`, 'a'.repeat(500))).toBe(true);
    expect(matches(`*${'?'.repeat(500)}`, 'a'.repeat(499))).toBe(false);
  });
});
