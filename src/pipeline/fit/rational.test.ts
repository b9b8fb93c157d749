import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromDouble, multiply, squareRoot, toDouble } from './rational.ts';

describe('exact fractions', () => {
  it('give every double back', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (value) => toDouble(fromDouble(value)) === value + 0,
      ),
      { seed: 1, numRuns: 2000 },
    );
    for (const value of [5e-324, 2 ** -1022, Number.MAX_VALUE, -0.1]) expect(toDouble(fromDouble(value))).toBe(value);
  });

  it('round to the nearest double, ties to even', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
        fc.bigInt({ min: 1n, max: 2n ** 40n }),
        (numerator, denominator) => {
          const result = toDouble({ numerator, denominator });
          // The error is at most that of both neighbours.
          const error = (candidate: number): bigint => {
            const exact = fromDouble(candidate);
            const off = exact.numerator * denominator - numerator * exact.denominator;
            return ((off < 0n ? -off : off) * 2n ** 1200n) / exact.denominator;
          };
          const step = Math.abs(result) * 2 ** -52 || 2 ** -60;
          return error(result) <= error(result + step) && error(result) <= error(result - step);
        },
      ),
      { seed: 2, numRuns: 1000 },
    );
    expect(toDouble({ numerator: 2n ** 53n + 1n, denominator: 1n })).toBe(2 ** 53);
    expect(toDouble({ numerator: (2n ** 53n + 1n) * 2n ** 20n + 1n, denominator: 2n ** 20n })).toBe(2 ** 53 + 2);
    expect(toDouble({ numerator: 1n, denominator: 3n })).toBe(1 / 3);
  });

  it('have the square roots that Math.sqrt gives, and those beyond its range', () => {
    const positive = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 });
    fc.assert(
      fc.property(positive, (value) => {
        expect(squareRoot(fromDouble(value))).toBe(Math.sqrt(value));
        expect(squareRoot(multiply(fromDouble(value), fromDouble(value)))).toBe(value);
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
