// The distinct values of a column, for one-hot encoding, and the most frequent one.
import { PipelineError } from '../error.ts';
import { call, cast, literal } from '../plan/expressions.ts';
import type { AggregateFunction, Expression } from '../plan/relation.ts';
import { asDouble } from './moments.ts';
import {
  aggregates,
  type FitAnswer,
  type FitGenerator,
  type FitInput,
  type FitProgram,
  type FitRequest,
  integerOf,
} from './program.ts';

/** How many distinct values the engine may hold to find the most frequent one. */
const MODE_LIMIT = 100_000;

const over = (name: AggregateFunction, argument: Expression): Expression => ({
  kind: 'aggregate',
  function: name,
  args: [argument],
});

/** Refuses a column with more distinct values than allowed. */
function checkLimit(input: FitInput, distinct: bigint, limit: number, hint: string): void {
  if (distinct <= BigInt(limit)) return;
  throw new PipelineError('LIMIT', `${input.label}: column "${input.column}" has more than ${limit} distinct values`, {
    hint,
  });
}

/**
 * The sample keeps a column of names or numbers from filling the engine's memory: it is refused there,
 * before all its values are collected.
 */
function* checkSample(
  input: FitInput,
  value: Expression,
  limit: number,
  hint: string,
): Generator<FitRequest, void, FitAnswer> {
  const sample = aggregates(yield { scope: 'sample', outputs: { distinct: over('count_distinct', value) } });
  checkLimit(input, integerOf(sample.distinct), limit, hint);
}

/** The categories of one-hot encoding: the distinct values as text, in the order of their UTF-8 bytes. */
export function categories(limit: number): FitProgram {
  const hint = 'raise max_categories, or generalize the column first';
  return {
    // What fills a missing value is itself one of the values.
    fills: true,
    *start(input): FitGenerator {
      const value = input.type === 'string' ? input.value : cast(input.value, 'string');
      yield* checkSample(input, value, limit, hint);
      const outputs = { distinct: over('count_distinct', value), values: over('distinct', value) };
      const result = aggregates(yield { scope: 'full', outputs });
      checkLimit(input, integerOf(result.distinct), limit, hint);
      const values = (Array.isArray(result.values) ? result.values : []).map(String);
      values.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      return [{ categories: values }];
    },
  };
}

/** The most frequent value; of several the smallest. */
export const mostFrequent: FitProgram = {
  fills: false,
  *start(input): FitGenerator {
    const temporal = input.type === 'date' || input.type === 'timestamp';
    // -0 and 0 are one value; dates travel as text, whose order is theirs.
    const value =
      input.type === 'double'
        ? call('add', asDouble(input), literal(0, 'double'))
        : temporal
          ? cast(input.value, 'string')
          : input.value;
    const hint = 'fill it with a constant, or generalize the column first';
    const sampled = { distinct: over('count_distinct', value), count: over('count', value) };
    const sample = aggregates(yield { scope: 'sample', outputs: sampled });
    if (integerOf(sample.distinct) > 1000n && 2n * integerOf(sample.distinct) > integerOf(sample.count)) {
      // Hardly any value comes twice: count them roughly before they are all collected.
      const rough = aggregates(yield { scope: 'full', outputs: { distinct: over('approx_count_distinct', value) } });
      checkLimit(input, (integerOf(rough.distinct) * 9n) / 10n, MODE_LIMIT, hint);
    }
    const outputs = { distinct: over('count_distinct', value), mode: over('mode', value) };
    const result = aggregates(yield { scope: 'full', outputs });
    checkLimit(input, integerOf(result.distinct), MODE_LIMIT, hint);
    const mode = result.mode;
    if (mode === null || mode === undefined || Array.isArray(mode)) {
      throw new PipelineError('FIT', `${input.label}: column "${input.column}" has no values in the training rows`, {
        hint: 'drop the column, or fill it with a constant first',
      });
    }
    return [{ type: input.type, value: mode }];
  },
};
