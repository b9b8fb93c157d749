// The scalar functions and operators that a plan may use, each with its types, its exact meaning, and
// the names under which user SQL may call it. Unless its meaning says otherwise, a function of a missing
// value is missing. `plan/print-function.ts` says how DuckDB computes each one.
import { alike, anything, either, numbers, type TypeRule, takes } from './types.ts';

interface FunctionDefinition {
  type: TypeRule;
  meaning: string;
  /** Names in DuckDB's parse tree; none: the planner's own. */
  sql?: readonly string[];
}

const comparison = alike(2, 2, 'boolean');
const logic = takes(['boolean'], 'boolean', true);
const text = takes(['string'], 'string');
const textTest = takes(['string', 'string'], 'boolean');
const datePart = either(takes(['date'], 'integer'), takes(['timestamp'], 'integer'));
const timePart = takes(['timestamp'], 'integer');
const double = takes(['double'], 'double');
const own = anything('string');

const DEFINITIONS = {
  add: { type: numbers(2), sql: ['+'], meaning: 'sum; missing when a whole number overflows' },
  subtract: { type: numbers(2), sql: ['-'], meaning: 'difference; missing when a whole number overflows' },
  multiply: { type: numbers(2), sql: ['*'], meaning: 'product; missing when a whole number overflows' },
  divide: {
    type: takes(['double', 'double'], 'double'),
    sql: ['/'],
    meaning: 'quotient as double; missing for divisor 0',
  },
  divide_whole: {
    type: takes(['integer', 'integer'], 'integer'),
    sql: ['//', 'divide'],
    meaning: 'quotient of whole numbers, cut towards zero; missing for divisor 0',
  },
  modulo: {
    type: numbers(2),
    sql: ['%', 'mod'],
    meaning: 'remainder with the sign of the dividend; missing for divisor 0',
  },
  negate: { type: numbers(1), meaning: 'the number with the other sign' },
  equal: { type: comparison, meaning: 'equality; text by its UTF-8 bytes' },
  not_equal: { type: comparison, meaning: 'inequality' },
  less: { type: comparison, meaning: 'less than; text by its UTF-8 bytes; false before true' },
  less_or_equal: { type: comparison, meaning: 'less than or equal' },
  greater: { type: comparison, meaning: 'greater than' },
  greater_or_equal: { type: comparison, meaning: 'greater than or equal' },
  not_distinct: { type: comparison, meaning: 'equality in which missing equals missing; never missing' },
  distinct_from: { type: comparison, meaning: 'the opposite of not_distinct; never missing' },
  between: { type: alike(3, 3, 'boolean'), meaning: 'at least the second and at most the third' },
  in: { type: alike(2, 1001, 'boolean'), meaning: 'equal to one of the others' },
  and: { type: logic, meaning: 'three-valued and' },
  or: { type: logic, meaning: 'three-valued or' },
  not: { type: takes(['boolean'], 'boolean'), meaning: 'three-valued not' },
  is_null: { type: anything('boolean'), meaning: 'whether the value is missing' },
  coalesce: { type: alike(1, 100), meaning: 'the first that is not missing' },
  nullif: { type: alike(2, 2), sql: ['nullif'], meaning: 'missing when both are equal, else the first' },
  greatest: { type: alike(1, 100), sql: ['greatest'], meaning: 'the greatest that is not missing' },
  least: { type: alike(1, 100), sql: ['least'], meaning: 'the least that is not missing' },
  abs: { type: numbers(1), sql: ['abs', '@'], meaning: 'absolute value' },
  round: {
    type: either(double, takes(['double', 'integer'], 'double')),
    sql: ['round'],
    meaning: 'rounded half away from zero, to that many decimal places',
  },
  floor: { type: double, sql: ['floor'], meaning: 'greatest whole number not above, as double' },
  ceil: { type: double, sql: ['ceil', 'ceiling'], meaning: 'least whole number not below, as double' },
  ln: { type: double, sql: ['ln'], meaning: 'natural logarithm; missing for 0 and below' },
  log10: { type: double, sql: ['log10', 'log'], meaning: 'decimal logarithm; missing for 0 and below' },
  exp: { type: double, sql: ['exp'], meaning: 'exponential' },
  sqrt: { type: double, sql: ['sqrt'], meaning: 'square root; missing below 0' },
  power: { type: takes(['double', 'double'], 'double'), sql: ['power', 'pow', '**', '^'], meaning: 'power, as double' },
  lower: { type: text, sql: ['lower', 'lcase'], meaning: 'lower case, Unicode' },
  upper: { type: text, sql: ['upper', 'ucase'], meaning: 'upper case, Unicode' },
  trim: { type: text, sql: ['trim'], meaning: 'without spaces (U+0020) at both ends' },
  length: {
    type: takes(['string'], 'integer'),
    sql: ['length', 'len', 'char_length'],
    meaning: 'number of code points',
  },
  substr: {
    type: either(takes(['string', 'integer'], 'string'), takes(['string', 'integer', 'integer'], 'string')),
    sql: ['substr', 'substring'],
    meaning: 'from the nth code point (1 is the first, -1 the last) on, at most that many',
  },
  concat: { type: takes(['string', 'string'], 'string', true), sql: ['||'], meaning: 'one after the other' },
  concat_present: {
    type: takes(['string'], 'string', true),
    sql: ['concat'],
    meaning: 'one after the other, missing ones left out',
  },
  replace: {
    type: takes(['string', 'string', 'string'], 'string'),
    sql: ['replace'],
    meaning: 'every occurrence replaced',
  },
  contains: { type: textTest, sql: ['contains'], meaning: 'whether the second occurs in the first' },
  starts_with: { type: textTest, sql: ['starts_with', '^@'], meaning: 'whether it begins so' },
  ends_with: { type: textTest, sql: ['ends_with'], meaning: 'whether it ends so' },
  like: { type: textTest, sql: ['~~'], meaning: 'SQL pattern: % any text, _ one code point, the whole value' },
  ilike: { type: textTest, sql: ['~~*'], meaning: 'like, letter case ignored' },
  regexp_matches: { type: textTest, sql: ['regexp_matches'], meaning: 'RE2 expression found anywhere; a constant' },
  regexp_full_match: {
    type: textTest,
    sql: ['regexp_full_match'],
    meaning: 'RE2 expression for the whole value; a constant',
  },
  year: { type: datePart, sql: ['year'], meaning: 'calendar year' },
  month: { type: datePart, sql: ['month'], meaning: 'month, 1 to 12' },
  day: { type: datePart, sql: ['day', 'dayofmonth'], meaning: 'day of the month, 1 to 31' },
  day_of_week: { type: datePart, sql: ['isodow'], meaning: 'day of the week, Monday 1 to Sunday 7' },
  hour: { type: timePart, sql: ['hour'], meaning: 'hour, 0 to 23' },
  minute: { type: timePart, sql: ['minute'], meaning: 'minute, 0 to 59' },
  date_diff: {
    type: either(takes(['string', 'date', 'date'], 'integer'), takes(['string', 'timestamp', 'timestamp'], 'integer')),
    sql: ['date_diff', 'datediff'],
    meaning: 'how many boundaries of the part (a constant: year, month, day, hour, minute, second) lie between',
  },
  // The planner's own.
  is_finite: { type: takes(['double'], 'boolean'), meaning: 'neither NaN nor infinite' },
  sha256: { type: own, meaning: 'SHA-256 of text (its UTF-8 bytes) or bytes, as 64 lower-case hexadecimal digits' },
  utf8: { type: own, meaning: "the text's UTF-8 bytes" },
  unhex: { type: own, meaning: 'the bytes that hexadecimal digits stand for' },
  join_text: {
    type: own,
    meaning: 'join_text(separator, …): those that are not missing, with the separator between; missing when none',
  },
  quantize: {
    type: takes(['double', 'double', 'double'], 'integer'),
    meaning: 'quantize(x, pivot, scale): (x - pivot) * scale, clamped to ±2^48, rounded half away from zero',
  },
  standardize: {
    type: takes(['double', 'double', 'double'], 'double'),
    meaning: '(x - shift) / divisor, as doubles; the divisor is not 0',
  },
  prefix: { type: takes(['string', 'integer'], 'string'), meaning: 'the first code points, at most that many' },
  square: { type: takes(['integer'], 'integer'), meaning: 'the exact square, 128 bits' },
  lower_middle: {
    type: (args) => args[0],
    meaning:
      'lower_middle(list, count, before, …): of count ordered values the lower one in the middle, when the list holds those after the first before + …',
  },
  upper_middle: { type: (args) => args[0], meaning: 'the same for the upper one in the middle' },
} satisfies Record<string, FunctionDefinition>;

export type FunctionName = keyof typeof DEFINITIONS;

/** The definition of each function that a plan may use. */
export const FUNCTIONS: Readonly<Record<FunctionName, FunctionDefinition>> = DEFINITIONS;

const BY_SQL_NAME = new Map<string, FunctionName>();
for (const [name, definition] of Object.entries(FUNCTIONS)) {
  for (const sql of definition.sql ?? []) BY_SQL_NAME.set(sql, name as FunctionName);
}

/** The function that user SQL calls by this name (as DuckDB's parser gives it), if it is on the allow-list. */
export function functionBySqlName(sqlName: string): FunctionName | undefined {
  return BY_SQL_NAME.get(sqlName.toLowerCase());
}

/** The names that user SQL may call, for a hint. */
export function callableNames(): string[] {
  return [...BY_SQL_NAME.keys()].filter((name) => /^[a-z]/.test(name)).sort();
}
