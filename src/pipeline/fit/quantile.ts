// The exact median in bounded memory: a bracket around it from a sample, then one pass that counts what
// lies below the bracket and keeps the smallest values inside it. When the median is not among them the
// bracket is moved or narrowed and another pass follows; the values themselves never leave the engine.
import type { AggregateValue } from '../engines/types.ts';
import { PipelineError } from '../error.ts';
import { call, literal } from '../plan/expressions.ts';
import type { Expression } from '../plan/relation.ts';
import { asDouble } from './moments.ts';
import {
  aggregates,
  type FitAnswer,
  type FitGenerator,
  type FitProgram,
  type FitRequest,
  integerOf,
  numberOf,
} from './program.ts';

/** Half the bracket's width in ranks: four and a half standard errors of a sample of 20,000. */
const MARGIN = 0.016;
/** How many values inside the bracket an engine keeps: enough for 55 million rows in one pass. */
const KEPT = 900_000;
/** After so many passes the bracket is halved by the bit patterns of doubles, which ends for any numbers. */
const INTERPOLATED_PASSES = 6;
const MAX_PASSES = 150;

/** low ≤ median ≤ high is hoped for; the values strictly between them are kept. */
interface Bracket {
  low: number;
  high: number;
}

const aggregate = (name: 'count' | 'min' | 'max', argument: Expression, filter?: Expression): Expression => ({
  kind: 'aggregate',
  function: name,
  args: [argument],
  ...(filter === undefined ? {} : { filter }),
});

const near = (value: Expression, quantile: number): Expression => ({
  kind: 'aggregate',
  function: 'approx_quantile',
  args: [value, literal(quantile, 'double')],
});

/** What a pass asks for. */
function outputs(value: Expression, { low, high }: Bracket, keep: number): Record<string, Expression> {
  const [lowest, highest] = [literal(low, 'double'), literal(high, 'double')];
  const inside = call('and', call('greater', value, lowest), call('less', value, highest));
  const count = aggregate('count', value);
  const below = aggregate('count', value, call('less', value, lowest));
  const atLow = aggregate('count', value, call('equal', value, lowest));
  const kept: Expression = {
    kind: 'aggregate',
    function: 'smallest',
    args: [value, literal(keep, 'integer')],
    filter: inside,
  };
  return {
    count,
    below,
    atLow,
    lastBelow: aggregate('max', value, call('less', value, lowest)),
    firstAbove: aggregate('min', value, call('greater', value, highest)),
    inside: aggregate('count', value, inside),
    atHigh: aggregate('count', value, call('equal', value, highest)),
    lower: call('lower_middle', kept, count, below, atLow),
    upper: call('upper_middle', kept, count, below, atLow),
    min: aggregate('min', value),
    max: aggregate('max', value),
    nearLow: near(value, 0.5 - MARGIN),
    nearHigh: near(value, 0.5 + MARGIN),
  };
}

/** Where a middle rank is: its value, or on which side of the bracket, or among too many inside it. */
function locate(
  result: Record<string, AggregateValue>,
  { low, high }: Bracket,
  rank: bigint,
  element: number | null,
  keep: number,
): number | 'below' | 'above' | 'inside' {
  const below = integerOf(result.below);
  const toLow = below + integerOf(result.atLow);
  const toInside = toLow + integerOf(result.inside);
  // With low = high the value was counted already.
  const toHigh = high > low ? toInside + integerOf(result.atHigh) : toLow;
  if (rank === below) return numberOf(result.lastBelow) ?? 'below';
  if (rank < below) return 'below';
  if (rank <= toLow) return low;
  if (rank <= toInside) return rank - toLow <= BigInt(keep) && element !== null ? element : 'inside';
  if (rank <= toHigh) return high;
  return rank === toHigh + 1n ? (numberOf(result.firstAbove) ?? 'above') : 'above';
}

function* learnMedian(value: Expression, where: string, keep: number): Generator<FitRequest, number, FitAnswer> {
  const quantiles = { low: near(value, 0.5 - MARGIN), high: near(value, 0.5 + MARGIN) };
  const sample = aggregates(yield { scope: 'sample', outputs: quantiles });
  const low = numberOf(sample.low) ?? 0;
  let bracket: Bracket = { low, high: Math.max(low, numberOf(sample.high) ?? 0) };
  // The median is known to lie between these.
  let bounds: Bracket | undefined;
  for (let pass = 1; pass <= MAX_PASSES; pass++) {
    const result = aggregates(yield { scope: 'full', outputs: outputs(value, bracket, keep) });
    const count = integerOf(result.count);
    const [min, max] = [numberOf(result.min), numberOf(result.max)];
    if (count === 0n || min === null || max === null) {
      throw new PipelineError('FIT', `${where} has no values in the training rows`, {
        hint: 'drop the column, or fill it with a constant first',
      });
    }
    const lower = locate(result, bracket, (count + 1n) / 2n, numberOf(result.lower), keep);
    const upper = locate(result, bracket, count / 2n + 1n, numberOf(result.upper), keep);
    if (typeof lower === 'number' && typeof upper === 'number') return lower === upper ? lower : middle(lower, upper);
    bounds ??= { low: min, high: max };
    if (lower === 'inside' || upper === 'inside') {
      bounds = bracket;
      bracket = pass < INTERPOLATED_PASSES ? interpolate(bracket, result, count) : lowerHalf(bracket);
      continue;
    }
    if (lower === 'below') bounds = { low: bounds.low, high: Math.min(bounds.high, bracket.low) };
    if (upper === 'above') bounds = { low: Math.max(bounds.low, bracket.high), high: bounds.high };
    bracket = bounds;
    const [nearLow, nearHigh] = [numberOf(result.nearLow), numberOf(result.nearHigh)];
    if (pass === 1 && nearLow !== null && nearHigh !== null && nearLow <= bounds.high && nearHigh >= bounds.low) {
      bracket = { low: Math.max(bounds.low, nearLow), high: Math.min(bounds.high, nearHigh) };
    }
  }
  throw new PipelineError('LIMIT', `${where} has a median that ${MAX_PASSES} passes did not find`);
}

/** The part of a bracket that holds too many values where the median is to be expected: two fifths of it. */
function interpolate({ low, high }: Bracket, result: Record<string, AggregateValue>, count: bigint): Bracket {
  const before = integerOf(result.below) + integerOf(result.atLow);
  const share = Number(count / 2n - before) / Math.max(1, Number(integerOf(result.inside)));
  const at = (fraction: number): number => low * (1 - fraction) + high * fraction;
  return { low: Math.max(low, at(Math.max(0, share - 0.2))), high: Math.min(high, at(Math.min(1, share + 0.2))) };
}

/** Half of the doubles between two doubles. */
function lowerHalf({ low, high }: Bracket): Bracket {
  const view = new DataView(new ArrayBuffer(8));
  // Bit patterns as integers that are in the order of the doubles.
  const flip = (bits: bigint): bigint => (bits < 0n ? -(bits & 0x7fff_ffff_ffff_ffffn) : bits);
  const ordinal = (value: number): bigint => {
    view.setFloat64(0, value);
    return flip(view.getBigInt64(0));
  };
  const center = (ordinal(low) + ordinal(high)) >> 1n;
  view.setBigInt64(0, center < 0n ? -center | (-1n << 63n) : center);
  return { low, high: view.getFloat64(0) };
}

const middle = (a: number, b: number): number => (Number.isFinite(a + b) ? (a + b) / 2 : a / 2 + b / 2);

/** The median, while an engine keeps at most `keep` values of a column. */
export const medianKeeping = (keep: number): FitProgram => ({
  fills: false,
  *start(input): FitGenerator {
    const value = yield* learnMedian(asDouble(input), `${input.label}: column "${input.column}"`, keep);
    return [{ type: 'double', value: value + 0 }];
  },
});

/** The median; of an even number of values the mean of the two in the middle. */
export const median = medianKeeping(KEPT);
