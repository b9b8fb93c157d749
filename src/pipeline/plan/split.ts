// Which split a row belongs to: the hexadecimal SHA-256 of the split secret and the grouping column's text,
// compared with thresholds.
import { PipelineError } from '../error.ts';
import type { SplitSpec } from '../spec.ts';
import { call, column, text } from './expressions.ts';
import type { Expression } from './relation.ts';

export type SplitName = 'train' | 'validation' | 'test';

export interface SplitPlan {
  /** The source column whose text is hashed. */
  by: string;
  /** The splits with rows, in order. A row belongs to the first whose `below` is greater than its hash. */
  parts: { name: SplitName; fraction: number; below: string | null }[];
}

/** The hash's column. */
export const HASH_COLUMN = 'glovebox_hash';

/** A fraction as the pipeline file writes it, exactly: tenths to the power of `digits`. */
function exactly(fraction: number): { units: bigint; digits: number } {
  const [mantissa = '0', exponent = '0'] = fraction.toString().split('e');
  const [whole = '0', decimals = ''] = mantissa.split('.');
  return { units: BigInt(whole + decimals), digits: decimals.length - Number(exponent) };
}

/**
 * The split's thresholds: the sum of the fractions so far, times 2^256, cut to a whole number, as 64
 * hexadecimal digits. The last split with rows takes the rest.
 *
 * @throws PipelineError SPEC when the fractions do not add up to 1 exactly, or train is 0.
 */
export function planSplit(spec: SplitSpec): SplitPlan {
  const names = (['train', 'validation', 'test'] as const).filter((name) => spec[name] > 0);
  const exact = names.map((name) => exactly(spec[name]));
  const digits = Math.max(0, ...exact.map((each) => each.digits));
  const whole = 10n ** BigInt(digits);
  const units = exact.map((each) => each.units * 10n ** BigInt(digits - each.digits));
  if (units.reduce((sum, each) => sum + each, 0n) !== whole) {
    throw new PipelineError('SPEC', 'the fractions of the split do not add up to 1', { path: ['split'] });
  }
  if (spec.train === 0) throw new PipelineError('SPEC', 'the split has no training rows', { path: ['split', 'train'] });
  let sum = 0n;
  const parts = names.map((name, i) => {
    sum += units[i] ?? 0n;
    const below = i === names.length - 1 ? null : ((sum << 256n) / whole).toString(16).padStart(64, '0');
    return { name, fraction: spec[name], below };
  });
  return { by: spec.by, parts };
}

/** The hash of a row, from the grouping column's text. */
export function splitHash(value: Expression): Expression {
  return call('sha256', call('concat', { kind: 'secret', name: 'split', part: 'key' }, value));
}

/** The name of a row's split, from its hash. */
export function splitName({ parts }: SplitPlan): Expression {
  const last = text(parts[parts.length - 1]?.name ?? 'train');
  const branches = parts.flatMap(({ name, below }) =>
    below === null ? [] : [{ when: call('less', column(HASH_COLUMN), text(below)), value: text(name) }],
  );
  return branches.length === 0 ? last : { kind: 'case', branches, otherwise: last };
}

/** Whether a row is not for training, from its hash; undefined when all are. */
export function notTraining({ parts }: SplitPlan): Expression | undefined {
  const below = parts[0]?.below;
  return typeof below === 'string' ? call('greater_or_equal', column(HASH_COLUMN), text(below)) : undefined;
}
