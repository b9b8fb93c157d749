// The plan's typed tree: relations and expressions. A printer per dialect turns it into SQL; nothing
// else builds SQL. Every operator's exact meaning is written beside it.

export type ColumnType = 'string' | 'integer' | 'double' | 'boolean' | 'date' | 'timestamp';

export type Expression =
  | { kind: 'column'; name: string }
  | { kind: 'literal'; value: string | number | bigint | boolean | null; type: ColumnType }
  /** Text to a type; NULL where the text is not a value of it. */
  | { kind: 'cast'; input: Expression; to: ColumnType }
  | { kind: 'call'; function: string; args: Expression[] }
  | { kind: 'case'; branches: { when: Expression; then: Expression }[]; otherwise: Expression }
  /** A secret that only the engine holds; printed as a reference, never as a value. */
  | { kind: 'secret'; name: string; part: 'key' | 'inner' | 'outer' };

export interface NamedExpression {
  name: string;
  expression: Expression;
}

export type Relation =
  /** The raw rows: every column is text; `row` (when asked for) counts from 1 over all objects in order. */
  | { kind: 'source'; columns: string[]; rowNumber: boolean; limit?: number }
  | { kind: 'project'; input: Relation; columns: NamedExpression[] }
  /** Keeps the rows for which `where` is true (not NULL, not false). */
  | { kind: 'filter'; input: Relation; where: Expression }
  /** Keeps the rows whose row number the named, materialized table holds. */
  | { kind: 'keep'; input: Relation; table: string };
