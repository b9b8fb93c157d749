// How a fitted step learns: a program that asks for aggregates of one column, pass by pass, until it
// knows its parameters. The scheduler joins what all programs ask for into as few passes as it can.
import type { AggregateValue } from '../engines/types.ts';
import type { ColumnType, Expression } from '../plan/relation.ts';

/** One fitted parameter: a value of a type (dates as text, integers as bigint), or the categories of one-hot. */
export type FittedValue = { type: ColumnType; value: string | number | bigint | boolean } | { categories: string[] };

export interface FitInput {
  /** The column's value in a row; NULL where it is missing. */
  value: Expression;
  type: ColumnType;
  /** The column's name and the step, for messages. */
  column: string;
  label: string;
  /**
   * Where an imputation lies between: the parameter that fills the missing values of `value`. The program
   * sees the values from before it, and adds the filled ones itself once the parameter is known.
   */
  fill?: string;
}

export type FitRequest =
  /** One pass: over the first rows only (`sample`), or over all. Each aggregate is named. */
  | { scope: 'sample' | 'full'; outputs: Record<string, Expression> }
  /** No pass: waits until another program has learned the parameter. */
  | { scope: 'parameter'; name: string };

export type FitAnswer = Record<string, AggregateValue> | FittedValue;

/** The parameters that it learned, in the order of the step's declaration. */
export type FitGenerator = Generator<FitRequest, FittedValue[], FitAnswer>;

export interface FitProgram {
  /** Whether it can work with `FitInput.fill`. */
  fills: boolean;
  start(input: FitInput): FitGenerator;
}

/** The aggregates of an answer. */
export function aggregates(answer: FitAnswer): Record<string, AggregateValue> {
  return answer as Record<string, AggregateValue>;
}

/** A number out of an aggregate; null when there were no values. */
export function numberOf(value: AggregateValue | undefined): number | null {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}

/** A count or an exact sum out of an aggregate; 0 when there were no values. */
export function integerOf(value: AggregateValue | undefined): bigint {
  return typeof value === 'bigint' ? value : typeof value === 'number' ? BigInt(value) : 0n;
}
