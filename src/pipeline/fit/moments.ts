// Mean and population standard deviation, bit-identical whatever the order in which an engine adds up:
// values are turned into integers, n = round((x - pivot) * 2^k), whose sums an engine adds exactly, and
// the rest is exact arithmetic here, rounded once.
import type { AggregateValue } from '../engines/types.ts';
import { PipelineError } from '../error.ts';
import { call, cast, literal } from '../plan/expressions.ts';
import type { AggregateFunction, Expression } from '../plan/relation.ts';
import {
  aggregates,
  type FitAnswer,
  type FitGenerator,
  type FitInput,
  type FitProgram,
  type FitRequest,
  type FittedValue,
  integerOf,
  numberOf,
} from './program.ts';
import {
  add,
  divideBy,
  fromDouble,
  fromInteger,
  multiply,
  type Rational,
  squareRoot,
  subtract,
  toDouble,
} from './rational.ts';

/** |n| is clamped there: 2^31 squares of it fit into 128 bits. */
const LIMIT_BITS = 48;
/** What the sample's range is scaled to: values up to 64 times as far out still fit. */
const SAMPLE_BITS = 42;
/** A quantum is fine enough when it is at most 2^-33 standard deviations. */
const RESOLUTION = 2 ** -33;

/** How values become integers. */
interface Grid {
  pivot: number;
  /** A power of two. */
  scale: number;
}

const over = (name: AggregateFunction, ...args: Expression[]): Expression => ({
  kind: 'aggregate',
  function: name,
  args,
});

/** The value as a double. */
export const asDouble = ({ value, type }: FitInput): Expression => (type === 'double' ? value : cast(value, 'double'));

/** The grid on which values between `min` and `max` take up to `bits` bits. */
function gridFor(min: number, max: number, bits: number): Grid {
  const pivot = min === max ? min : min / 2 + max / 2;
  const reach = Math.max(max - pivot, pivot - min) || Math.abs(pivot) * 2 ** -12 || 1;
  const exponent = Math.min(1000, Math.max(-1000, bits - 1 - Math.ceil(Math.log2(reach))));
  return { pivot, scale: 2 ** exponent };
}

interface Moments {
  count: bigint;
  mean: Rational;
  variance: Rational;
}

function outputs(value: Expression, { pivot, scale }: Grid): Record<string, Expression> {
  const n = call('quantize', value, literal(pivot, 'double'), literal(scale, 'double'));
  return {
    count: over('count', value),
    missing: over('count', call('nullif', call('is_null', value), literal(false, 'boolean'))),
    min: over('min', value),
    max: over('max', value),
    sum: over('sum', n),
    squares: over('sum', call('square', n)),
  };
}

/** The exact moments of the quantized values; `filled` more rows have the value `fill`. */
function combine(result: Record<string, AggregateValue>, grid: Grid, fill: number | null): Moments {
  const unit = fromDouble(1 / grid.scale);
  const pivot = fromDouble(grid.pivot);
  const present = integerOf(result.count);
  let count = present;
  let sum = multiply(fromInteger(integerOf(result.sum)), unit);
  let squares = multiply(fromInteger(integerOf(result.squares)), multiply(unit, unit));
  if (fill !== null) {
    const missing = fromInteger(integerOf(result.missing));
    const offset = subtract(fromDouble(fill), pivot);
    count += missing.numerator;
    sum = add(sum, multiply(missing, offset));
    squares = add(squares, multiply(missing, multiply(offset, offset)));
  }
  const meanOffset = divideBy(sum, count);
  const variance = subtract(divideBy(squares, count), multiply(meanOffset, meanOffset));
  return { count, mean: add(pivot, meanOffset), variance };
}

/** Whether every value fitted on the grid, and the grid was fine enough for their spread. */
function isAccurate(grid: Grid, min: number, max: number, deviation: number): boolean {
  const limit = 2 ** LIMIT_BITS;
  const reach = Math.max(Math.abs((min - grid.pivot) * grid.scale), Math.abs((max - grid.pivot) * grid.scale));
  if (reach > limit - 1) return false;
  return min === max ? min === grid.pivot : 1 / grid.scale <= deviation * RESOLUTION;
}

function* learnMoments(input: FitInput): Generator<FitRequest, Moments, FitAnswer> {
  const value = asDouble(input);
  const sample = aggregates(yield { scope: 'sample', outputs: { min: over('min', value), max: over('max', value) } });
  let grid = gridFor(numberOf(sample.min) ?? 0, numberOf(sample.max) ?? 0, SAMPLE_BITS);
  for (let pass = 1; ; pass++) {
    const result = aggregates(yield { scope: 'full', outputs: outputs(value, grid) });
    const [min, max] = [numberOf(result.min), numberOf(result.max)];
    if (min === null || max === null) {
      throw new PipelineError('FIT', `${input.label}: column "${input.column}" has no values in the training rows`, {
        hint: 'drop the column, or fill it with a constant first',
      });
    }
    const own = combine(result, grid, null);
    const finest = gridFor(min, max, LIMIT_BITS);
    const done = isAccurate(grid, min, max, squareRoot(own.variance));
    if (done || pass === 2 || (finest.scale === grid.scale && finest.pivot === grid.pivot)) {
      if (input.fill === undefined || integerOf(result.missing) === 0n) return own;
      const fill = yield { scope: 'parameter', name: input.fill };
      return combine(result, grid, 'value' in fill ? Number(fill.value) : null);
    }
    grid = finest;
  }
}

const double = (value: number): FittedValue => ({ type: 'double', value });

/** The mean. */
export const mean: FitProgram = {
  fills: true,
  *start(input): FitGenerator {
    return [double(toDouble((yield* learnMoments(input)).mean))];
  },
};

/** The mean and the divisor of standard scores: the population standard deviation, 1 for a constant column. */
export const meanAndDeviation: FitProgram = {
  fills: true,
  *start(input): FitGenerator {
    const moments = yield* learnMoments(input);
    return [double(toDouble(moments.mean)), double(squareRoot(moments.variance) || 1)];
  },
};
