// What an engine must do for the planner. Implementations: `duckdb`; later `spark`.
import type { NamedExpression, Relation } from '../plan/relation.ts';

/** A value as it comes out of an aggregate query. HUGEINT and BIGINT come as bigint, DOUBLE as number. */
export type Scalar = string | number | bigint | boolean | null;
export type AggregateValue = Scalar | Scalar[];

/** One part file that the engine is to write, by the value of the split column (or the only one). */
export interface OutputPart {
  split: string;
}

export interface CopyResult {
  /** Rows read from the source in this pass. */
  rowsIn: number;
  /** Rows written, by split. Every asked-for part is there, empty ones with 0. */
  rowsOut: Record<string, number>;
}

/**
 * An engine reads the source once per call, from sealed objects, through pipes. It must not let data
 * values into its errors: they carry a code, a column, a row number, never a value (I1). A row that
 * meets a `fail` expression stops the call with an error that names the check's index.
 */
export interface Engine {
  /** One pass; one row of aggregates over `input`. */
  aggregate(input: Relation, outputs: readonly NamedExpression[]): Promise<Record<string, AggregateValue>>;
  /** One pass; keeps the rows of `input` (small: row numbers) under `table` inside the engine for later passes. */
  materialize(table: string, input: Relation): Promise<void>;
}
