// Minimum and range, for scaling to 0…1.
import { PipelineError } from '../error.ts';
import { call, literal } from '../plan/expressions.ts';
import { asDouble } from './moments.ts';
import { aggregates, type FitGenerator, type FitProgram, integerOf, numberOf } from './program.ts';

/** The minimum, and the range; 1 for a constant column, as scikit-learn's MinMaxScaler divides by. */
export const minimumAndRange: FitProgram = {
  fills: true,
  *start(input): FitGenerator {
    const value = asDouble(input);
    const missing = call('nullif', call('is_null', value), literal(false, 'boolean'));
    const result = aggregates(
      yield {
        scope: 'full',
        outputs: {
          min: { kind: 'aggregate', function: 'min', args: [value] },
          max: { kind: 'aggregate', function: 'max', args: [value] },
          missing: { kind: 'aggregate', function: 'count', args: [missing] },
        },
      },
    );
    let [min, max] = [numberOf(result.min), numberOf(result.max)];
    if (min === null || max === null) {
      throw new PipelineError('FIT', `${input.label}: column "${input.column}" has no values in the training rows`, {
        hint: 'drop the column, or fill it with a constant first',
      });
    }
    if (input.fill !== undefined && integerOf(result.missing) > 0n) {
      const answer = yield { scope: 'parameter', name: input.fill };
      const fill = 'value' in answer ? Number(answer.value) : min;
      [min, max] = [Math.min(min, fill), Math.max(max, fill)];
    }
    if (!Number.isFinite(max - min)) {
      throw new PipelineError('LIMIT', `${input.label}: the values of column "${input.column}" lie too far apart`);
    }
    // Adding 0 turns -0 into 0.
    return [
      { type: 'double', value: min + 0 },
      { type: 'double', value: max - min || 1 },
    ];
  },
};
