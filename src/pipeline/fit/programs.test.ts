import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTableEngine, type TableEngine } from '../../../test/support/table-engine.ts';
import { cast, column } from '../plan/expressions.ts';
import { mostFrequent } from './categories.ts';
import { mean, meanAndDeviation } from './moments.ts';
import type { FitAnswer, FitProgram, FittedValue } from './program.ts';
import { median, medianKeeping } from './quantile.ts';
import { add, divideBy, fromDouble, multiply, type Rational, squareRoot, subtract, toDouble } from './rational.ts';

let engine: TableEngine;
beforeAll(async () => {
  engine = await openTableEngine(['x'], []);
});
afterAll(() => engine.close());

/** Runs one program over doubles; its sample are the first `sample` of them. */
async function learn(
  program: FitProgram,
  numbers: (number | null)[],
  sample: number,
  fill?: number,
): Promise<{ values: number[]; passes: number }> {
  await engine.connection.run('DELETE FROM raw');
  const list = numbers.map((each, i) => `(${each === null ? 'NULL' : `'${each}'`}, ${i + 1})`);
  await engine.connection.run(`INSERT INTO raw VALUES ${list.join(', ')}`);
  const value = cast(column('x'), 'double');
  const generator = program.start({
    value,
    type: 'double',
    column: 'x',
    label: 'step 1',
    ...(fill === undefined ? {} : { fill: 'p' }),
  });
  let passes = 0;
  let step = generator.next();
  while (step.done !== true) {
    let answer: FitAnswer;
    if (step.value.scope === 'parameter') answer = { type: 'double', value: fill ?? 0 } satisfies FittedValue;
    else {
      const limit = step.value.scope === 'sample' ? { limit: sample } : {};
      if (step.value.scope === 'full') passes += 1;
      const outputs = Object.entries(step.value.outputs).map(([name, expression]) => ({ name, expression }));
      answer = await engine.aggregate({ kind: 'source', columns: ['x'], rowNumber: false, ...limit }, outputs);
    }
    step = generator.next(answer);
  }
  return { values: step.value.map((each) => ('value' in each ? Number(each.value) : Number.NaN)), passes };
}

function exactMoments(numbers: number[]): { mean: number; deviation: number } {
  const zero: Rational = { numerator: 0n, denominator: 1n };
  const count = BigInt(numbers.length);
  const sum = numbers.reduce((total, each) => add(total, fromDouble(each)), zero);
  const average = divideBy(sum, count);
  const squares = numbers.reduce((total, each) => {
    const off = subtract(fromDouble(each), average);
    return add(total, multiply(off, off));
  }, zero);
  return { mean: toDouble(average), deviation: squareRoot(divideBy(squares, count)) };
}

// Subnormal numbers are below what the scaling by powers of two resolves.
const double = fc
  .double({ noNaN: true, noDefaultInfinity: true, min: -1e3, max: 1e3 })
  .map((x) => (Math.abs(x) < 1e-200 ? 0 : x));
/** Numbers of the kinds that break naive sums: far from 0, tiny, with outliers, constant, whole. */
const shapes = fc.oneof(
  fc.array(double, { minLength: 1, maxLength: 40 }),
  fc.array(
    double.map((x) => 1.7e9 + x / 1e3),
    { minLength: 2, maxLength: 40 },
  ),
  fc.array(
    double.map((x) => x * 1e-12),
    { minLength: 1, maxLength: 40 },
  ),
  fc
    .tuple(fc.array(double, { minLength: 1, maxLength: 20 }), fc.constantFrom(1e9, -1e12, 3e15))
    .map(([list, far]) => [...list, far]),
  fc.tuple(double, fc.integer({ min: 1, max: 9 })).map(([x, n]) => Array.from({ length: n }, () => x)),
  fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 }),
  fc.array(fc.constantFrom(1e300, -1e300, 5e299), { minLength: 1, maxLength: 9 }),
);
const check = { seed: 20250630, numRuns: 60 };

describe('mean and deviation', () => {
  it('are those of exact arithmetic, to 1e-9 of the scale of the data, whatever the sample', async () => {
    const property = fc.asyncProperty(shapes, fc.integer({ min: 0, max: 40 }), async (numbers, sample) => {
      const exact = exactMoments(numbers);
      const { values, passes } = await learn(meanAndDeviation, numbers, sample);
      const scale = exact.deviation || Math.abs(exact.mean) || 1;
      const ulp = 2 ** -50 * Math.abs(exact.mean);
      expect(Math.abs((values[0] ?? Number.NaN) - exact.mean)).toBeLessThanOrEqual(1e-9 * scale + ulp);
      expect(Math.abs((values[1] ?? Number.NaN) - (exact.deviation || 1))).toBeLessThanOrEqual(1e-9 * scale);
      expect(passes).toBeLessThanOrEqual(2);
    });
    await fc.assert(property, check);
  });

  it('take one pass when the sample is like the rest', async () => {
    const numbers = Array.from({ length: 500 }, (_, i) => ((i * 7919) % 997) / 7);
    expect((await learn(meanAndDeviation, numbers, 100)).passes).toBe(1);
  });

  it('count what an imputation filled', async () => {
    const numbers = [1, null, 4, null, 10];
    const exact = exactMoments([1, 2.5, 4, 2.5, 10]);
    const { values } = await learn(meanAndDeviation, numbers, 5, 2.5);
    expect(values).toEqual([exact.mean, exact.deviation]);
    expect((await learn(mean, [null, 3, null], 1, 6)).values).toEqual([5]);
  });

  it('refuse a column without values, and name it', async () => {
    await expect(learn(mean, [null, null], 1)).rejects.toMatchObject({
      code: 'FIT',
      message: expect.stringContaining('"x"'),
    });
  });
});

describe('median', () => {
  const exact = (numbers: number[]): number => {
    const sorted = [...numbers].sort((a, b) => a - b);
    const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[sorted.length >> 1] ?? 0];
    return low === high ? low : Number.isFinite(low + high) ? (low + high) / 2 : low / 2 + high / 2;
  };

  it.each([1, 3, 1000])('is exact when %i values are kept, whatever the sample', async (keep) => {
    const property = fc.asyncProperty(shapes, fc.integer({ min: 0, max: 40 }), async (numbers, sample) => {
      expect((await learn(medianKeeping(keep), numbers, sample)).values[0]).toBe(exact(numbers) + 0);
    });
    await fc.assert(property, check);
  });

  it('takes few passes over sorted data, one over shuffled data', async () => {
    const sorted = Array.from({ length: 3000 }, (_, i) => i ** 1.5);
    expect((await learn(medianKeeping(100), sorted, 200)).passes).toBeLessThanOrEqual(4);
    const shuffled = sorted.map((_, i) => sorted[(i * 1009) % 3000] ?? 0);
    expect(await learn(median, shuffled, 1000)).toEqual({ values: [exact(sorted)], passes: 1 });
  });
});

describe('mode', () => {
  it('is the most frequent value, the smallest of several', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom(-1, 0, -0, 0.1, 2, 1e300), { minLength: 1, maxLength: 12 }),
      async (numbers) => {
        const counts = new Map<number, number>();
        for (const each of numbers) counts.set(each + 0, (counts.get(each + 0) ?? 0) + 1);
        const most = Math.max(...counts.values());
        const expected = Math.min(...[...counts].filter(([, count]) => count === most).map(([each]) => each));
        expect((await learn(mostFrequent, numbers, 5)).values[0]).toBe(expected);
      },
    );
    await fc.assert(property, check);
  });
});
