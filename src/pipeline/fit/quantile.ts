// The exact median in bounded memory: a bracket around it from a sample, then one pass that counts what
// lies below the bracket and keeps the smallest values inside it. When the median is not among them the
// bracket is moved or narrowed and another pass follows; the values themselves never leave the engine.
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
const MAX_PASSES = 60;

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

/** What a pass asks for. `rank` is known from the second pass on; before, the middle is taken to be inside. */
function outputs(value: Expression, { low, high }: Bracket): Record<string, Expression> {
  const [lowest, highest] = [literal(low, 'double'), literal(high, 'double')];
  const inside = call('and', call('greater', value, lowest), call('less', value, highest));
  const count = aggregate('count', value);
  const below = aggregate('count', value, call('less', value, lowest));
  const atLow = aggregate('count', value, call('equal', value, lowest));
  const kept: Expression = {
    kind: 'aggregate',
    function: 'smallest',
    args: [value, literal(KEPT, 'integer')],
    filter: inside,
  };
  return {
    count,
    below,
    atLow,
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

/** The value of one middle rank, or where to look next. */
function locate(
  result: ReturnType<typeof aggregates>,
  bracket: Bracket,
  rank: bigint,
  element: number | null,
): number | 'below' | 'above' | 'inside' {
  const [below, atLow, inside, atHigh] = [result.below, result.atLow, result.inside, result.atHigh].map(integerOf);
  const toLow = (below ?? 0n) + (atLow ?? 0n);
  if (rank <= (below ?? 0n)) return 'below';
  if (rank <= toLow) return bracket.low;
  if (rank <= toLow + (inside ?? 0n)) return rank - toLow <= BigInt(KEPT) && element !== null ? element : 'inside';
  // With low = high the value was counted already.
  if (bracket.high > bracket.low && rank <= toLow + (inside ?? 0n) + (atHigh ?? 0n)) return bracket.high;
  return 'above';
}

function* learnMedian(value: Expression, where: string): Generator<FitRequest, number, FitAnswer> {
  const quantiles = { low: near(value, 0.5 - MARGIN), high: near(value, 0.5 + MARGIN) };
  const sample = aggregates(yield { scope: 'sample', outputs: quantiles });
  const low = numberOf(sample.low) ?? 0;
  let bracket: Bracket = { low, high: Math.max(low, numberOf(sample.high) ?? 0) };
  // The median is known to lie between these.
  let bounds: Bracket | undefined;
  for (let pass = 1; pass <= MAX_PASSES; pass++) {
    const result = aggregates(yield { scope: 'full', outputs: outputs(value, bracket) });
    const count = integerOf(result.count);
    const [min, max] = [numberOf(result.min), numberOf(result.max)];
    if (count === 0n || min === null || max === null) {
      throw new PipelineError('FIT', `${where} has no values in the training rows`, {
        hint: 'drop the column, or fill it with a constant first',
      });
    }
    const lower = locate(result, bracket, (count + 1n) / 2n, numberOf(result.lower));
    const upper = locate(result, bracket, count / 2n + 1n, numberOf(result.upper));
    if (typeof lower === 'number' && typeof upper === 'number') return lower === upper ? lower : middle(lower, upper);
    bounds ??= { low: min, high: max };
    if (lower === 'inside' || upper === 'inside') {
      bounds = bracket;
      bracket = interpolate(bracket, result, count);
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
function interpolate({ low, high }: Bracket, result: ReturnType<typeof aggregates>, count: bigint): Bracket {
  const before = integerOf(result.below) + integerOf(result.atLow);
  const share = Number(count / 2n - before) / Math.max(1, Number(integerOf(result.inside)));
  const at = (fraction: number): number => low * (1 - fraction) + high * fraction;
  return { low: Math.max(low, at(Math.max(0, share - 0.2))), high: Math.min(high, at(Math.min(1, share + 0.2))) };
}

const middle = (a: number, b: number): number => (Number.isFinite(a + b) ? (a + b) / 2 : a / 2 + b / 2);

/** The median; of an even number of values the mean of the two in the middle. */
export const median: FitProgram = {
  fills: false,
  *start(input): FitGenerator {
    const value = yield* learnMedian(asDouble(input), `${input.label}: column "${input.column}"`);
    return [{ type: 'double', value: value + 0 }];
  },
};
