// The typing rules that the functions of the allow-list use.
import type { ColumnType } from '../plan/relation.ts';

/** A value's type; `null` for the bare constant NULL, which fits every type. */
export type ValueType = ColumnType | 'null';

/** The result's type for the arguments' types; undefined when the function does not take them. */
export type TypeRule = (args: readonly ValueType[]) => ValueType | undefined;

const NUMBERS: readonly ValueType[] = ['integer', 'double', 'tinyint', 'null'];

/** Whether values of the type are numbers (or the constant NULL). */
export const isNumber = (type: ValueType): boolean => NUMBERS.includes(type);
const isWhole = (type: ValueType): boolean => type === 'integer' || type === 'tinyint' || type === 'null';

/** The one type that all have in common; integers widen to double, dates to timestamps. */
export function commonType(types: readonly ValueType[]): ValueType | undefined {
  const known = [...new Set(types.filter((type) => type !== 'null'))];
  if (known.length === 0) return 'null';
  if (known.length === 1) return known[0];
  if (known.every(isNumber)) return known.includes('double') ? 'double' : 'integer';
  if (known.every((type) => type === 'date' || type === 'timestamp')) return 'timestamp';
  return undefined;
}

/** Arguments of exactly these types, in order; the last one repeats when `rest` is true. */
export function takes(types: readonly ColumnType[], result: ColumnType, rest = false): TypeRule {
  return (args) => {
    if (rest ? args.length < types.length : args.length !== types.length) return undefined;
    const fits = args.every((arg, i) => {
      const wanted = types[Math.min(i, types.length - 1)];
      return (
        arg === wanted ||
        arg === 'null' ||
        (wanted === 'double' && isNumber(arg)) ||
        (wanted === 'integer' && arg === 'tinyint')
      );
    });
    return fits ? result : undefined;
  };
}

/** `count` numbers: integer when all are whole, double otherwise. */
export const numbers =
  (count: number): TypeRule =>
  (args) =>
    args.length === count && args.every(isNumber) ? (args.every(isWhole) ? 'integer' : 'double') : undefined;

/** Between `min` and `max` arguments of one common type; the result has that type, or `result`. */
export function alike(min: number, max: number, result?: ColumnType): TypeRule {
  return (args) => {
    if (args.length < min || args.length > max) return undefined;
    const common = commonType(args);
    return common === undefined ? undefined : (result ?? common);
  };
}

/** The first rule that fits. */
export const either =
  (...rules: TypeRule[]): TypeRule =>
  (args) => {
    for (const rule of rules) {
      const result = rule(args);
      if (result !== undefined) return result;
    }
    return undefined;
  };

/** Any one argument. */
export const anything =
  (result: ColumnType): TypeRule =>
  (args) =>
    args.length === 1 ? result : undefined;
