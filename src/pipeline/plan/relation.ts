// The plan's typed tree: relations and expressions. A printer per dialect turns it into SQL; nothing
// else builds SQL. Every operator's exact meaning is written beside it.
import type { FunctionName } from '../expression/functions.ts';

/**
 * The types of values. string: Unicode text, compared by its UTF-8 bytes; integer: 64 bits, signed;
 * double: IEEE 754, NaN and infinities do not occur (they are missing); boolean; date: proleptic
 * Gregorian; timestamp: microseconds, without time zone; tinyint: 8 bits, made by one_hot only.
 * Every type has NULL, a missing value.
 */
export type ColumnType = 'string' | 'integer' | 'double' | 'boolean' | 'date' | 'timestamp' | 'tinyint';

/** The row's number, from 1 over all objects in order; there when a source relation asks for it. */
export const ROW_COLUMN = 'glovebox_row';
/** `train`, `validation` or `test`, in a relation that is to be written by split. */
export const SPLIT_COLUMN = 'glovebox_split';
/** Names that begin so are ours; a data column may not. */
export const RESERVED_PREFIX = 'glovebox_';

/** A constant. Dates and timestamps are ISO 8601 text, integers beyond 2^53 are bigint. */
export interface Literal {
  kind: 'literal';
  value: string | number | bigint | boolean | null;
  type: ColumnType;
}

/** What an aggregate computes over the rows for which `filter` is true; NULL arguments are left out. */
export type AggregateFunction =
  /** How many arguments are not NULL: integer. */
  | 'count'
  /** The exact sum of integers, 128 bits. */
  | 'sum'
  | 'min'
  | 'max'
  /** smallest(x, n): the n smallest values in ascending order, as a list; n is below 1,000,000. */
  | 'smallest'
  /** approx_quantile(x, q): near the quantile q; not exact, not the same with other threads. */
  | 'approx_quantile'
  /** The distinct values, as a list in no certain order. */
  | 'distinct'
  /** How many distinct values. */
  | 'count_distinct'
  /** Near the number of distinct values, in bounded memory. */
  | 'approx_count_distinct'
  /** The most frequent value; the smallest of several. */
  | 'mode';

/** `value` where `when` is true; the first such branch counts. */
export interface CaseBranch {
  when: Expression;
  value: Expression;
}

export type Expression =
  | { kind: 'column'; name: string }
  | Literal
  /** A fitted parameter, before its value is known. */
  | { kind: 'parameter'; name: string; type: ColumnType }
  /**
   * Converts; NULL where the input is not a value of the type. Text: blanks at both ends are no matter
   * (but for string); integer: decimal digits, a fraction is rounded half away from zero; double:
   * decimal or exponent notation, `nan` and `inf` too; boolean: true, false, t, f, yes, no, 1, 0 in any
   * case; date and timestamp: ISO 8601, or the first of `formats` (strptime) that fits.
   */
  | { kind: 'cast'; input: Expression; to: ColumnType; formats?: readonly string[] }
  /** A scalar function or operator of the allow-list; its meaning stands in `expression/functions.ts`. */
  | { kind: 'call'; function: FunctionName; args: readonly Expression[] }
  | { kind: 'case'; branches: readonly CaseBranch[]; otherwise: Expression }
  /** A secret that only the engine holds; printed as a reference, never as a value. */
  | SecretReference
  /** Whether a materialized table of row numbers holds `input`. */
  | { kind: 'in_table'; input: Expression; table: string }
  /** Stops the run with `glovebox:<check>` as its message; evaluated only where a `case` reaches it. */
  | { kind: 'fail'; check: number }
  | { kind: 'aggregate'; function: AggregateFunction; args: readonly Expression[]; filter?: Expression };

/** `split` has a part `key`; `domain:<name>` has `inner` and `outer`: the key XOR ipad and opad (RFC 2104). */
export interface SecretReference {
  kind: 'secret';
  name: string;
  part: 'key' | 'inner' | 'outer';
}

export interface NamedExpression {
  name: string;
  expression: Expression;
}

export interface OrderTerm {
  expression: Expression;
  descending: boolean;
}

export type Relation =
  /**
   * The raw rows: every column is text, NULL where the field is empty; `glovebox_row` when asked for;
   * `limit` keeps the first rows in order.
   */
  | { kind: 'source'; columns: readonly string[]; rowNumber: boolean; limit?: number }
  | { kind: 'project'; input: Relation; columns: readonly NamedExpression[] }
  /** Keeps the rows for which `where` is true (not NULL, not false). */
  | { kind: 'filter'; input: Relation; where: Expression }
  /**
   * The row numbers of the rows that are not the first of their group; one column, `glovebox_row`. NULLs
   * belong to one group. Order within a group: `orderBy`, NULLs last, then the row number.
   */
  | { kind: 'duplicates'; input: Relation; by: readonly Expression[]; orderBy: readonly OrderTerm[] };
