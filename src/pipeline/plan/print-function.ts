// How DuckDB computes each function of the allow-list (see `expression/functions.ts` for the meanings).
import type { FunctionName } from '../expression/functions.ts';

type Printer = (args: string[]) => string;

const infix =
  (operator: string): Printer =>
  (args) =>
    `(${args.join(` ${operator} `)})`;

const named =
  (name: string): Printer =>
  (args) =>
    `${name}(${args.join(', ')})`;

/** NULL in place of an error: TRY computes row by row where a vector fails. */
const attempt =
  (print: Printer): Printer =>
  (args) =>
    `TRY(${print(args)})`;

const LIMIT = '281474976710656::DOUBLE';

const PRINTERS: Record<FunctionName, Printer> = {
  add: attempt(infix('+')),
  subtract: attempt(infix('-')),
  multiply: attempt(infix('*')),
  divide: ([a, b]) => `(CAST(${a} AS DOUBLE) / nullif(CAST(${b} AS DOUBLE), 0))`,
  divide_whole: attempt(([a, b]) => `(${a} // nullif(${b}, 0))`),
  modulo: attempt(([a, b]) => `(${a} % nullif(${b}, 0))`),
  negate: attempt(([a]) => `(- ${a})`),
  equal: infix('='),
  not_equal: infix('<>'),
  less: infix('<'),
  less_or_equal: infix('<='),
  greater: infix('>'),
  greater_or_equal: infix('>='),
  not_distinct: infix('IS NOT DISTINCT FROM'),
  distinct_from: infix('IS DISTINCT FROM'),
  between: ([a, low, high]) => `(${a} BETWEEN ${low} AND ${high})`,
  in: ([a, ...list]) => `(${a} IN (${list.join(', ')}))`,
  and: infix('AND'),
  or: infix('OR'),
  not: ([a]) => `(NOT ${a})`,
  is_null: ([a]) => `(${a} IS NULL)`,
  coalesce: named('coalesce'),
  nullif: named('nullif'),
  greatest: named('greatest'),
  least: named('least'),
  abs: attempt(named('abs')),
  round: attempt(([a, places]) => (places === undefined ? `round(${a})` : `round(${a}, CAST(${places} AS INTEGER))`)),
  floor: named('floor'),
  ceil: named('ceil'),
  ln: attempt(named('ln')),
  log10: attempt(named('log10')),
  exp: attempt(named('exp')),
  sqrt: attempt(named('sqrt')),
  power: attempt(named('power')),
  lower: named('lower'),
  upper: named('upper'),
  trim: ([a]) => `trim(${a}, ' ')`,
  length: named('length'),
  substr: attempt(named('substr')),
  concat: infix('||'),
  concat_present: named('concat'),
  replace: named('replace'),
  contains: named('contains'),
  starts_with: named('starts_with'),
  ends_with: named('ends_with'),
  like: infix('LIKE'),
  ilike: infix('ILIKE'),
  regexp_matches: named('regexp_matches'),
  regexp_full_match: named('regexp_full_match'),
  year: named('year'),
  month: named('month'),
  day: named('day'),
  day_of_week: named('isodow'),
  hour: named('hour'),
  minute: named('minute'),
  date_diff: attempt(named('date_diff')),
  is_finite: named('isfinite'),
  sha256: named('sha256'),
  utf8: named('encode'),
  unhex: named('unhex'),
  join_text: ([separator, ...rest]) => `nullif(concat_ws(${[separator, ...rest].join(', ')}), '')`,
  quantize: ([x, pivot, scale]) =>
    // greatest and least leave NULL out.
    `CASE WHEN ${x} IS NOT NULL THEN CAST(round(greatest(least((${x} - ${pivot}) * ${scale}, ${LIMIT}), -${LIMIT})) AS BIGINT) END`,
  square: ([a]) => `(CAST(${a} AS HUGEINT) * ${a})`,
  standardize: ([x, shift, divisor]) => `((${x} - ${shift}) / ${divisor})`,
  prefix: named('left'),
  lower_middle: ([list, count, ...before]) => `(${list})[greatest(1, (${count} + 1) // 2 - ${before.join(' - ')})]`,
  upper_middle: ([list, count, ...before]) => `(${list})[greatest(1, ${count} // 2 + 1 - ${before.join(' - ')})]`,
};

/** The DuckDB text of a function call whose arguments are printed already. */
export function printCall(name: FunctionName, args: string[]): string {
  return PRINTERS[name](args);
}
