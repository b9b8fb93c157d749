// What a step is to the planner.
import type { z } from 'zod';
import type { PipelineErrorCode, SpecPath } from '../error.ts';
import type { TypedExpression } from '../expression/translate.ts';
import type { FitProgram } from '../fit/program.ts';
import type { Column } from '../plan/columns.ts';
import type { ColumnType, Expression, OrderTerm } from '../plan/relation.ts';

/** A rule whose breach is counted or stops the run. */
export interface StepCheck {
  kind: 'cast' | 'unseen';
  column: string;
}

/** A one-hot encoded column: its columns are known once its categories are. */
export interface Group {
  /** The encoded column, and the name under which later steps know the group. */
  name: string;
  /** The category of a row, as text. */
  value: Expression;
  /** The fitted parameter that holds the categories. */
  parameter: string;
  /** Whether rows of no category get a column of their own, `<name>_other`. */
  other: boolean;
  /** The check that a category unseen in training breaks. */
  check?: number;
}

export type Operation =
  /** New values by column name; what is not named passes as it is. Rows that break a check stop the run. */
  | {
      kind: 'project';
      assign: ReadonlyMap<string, Expression>;
      group?: Group[];
      checks?: { check: number; violated: Expression }[];
    }
  | { kind: 'filter'; where: Expression }
  | { kind: 'deduplicate'; by: Expression[]; orderBy: OrderTerm[]; table: string };

/** Parameters that one program learns from one column, as the steps before left it. */
export interface Fit {
  column: string;
  parameters: string[];
  program: FitProgram;
}

export interface StepPlan {
  /** The columns after the step, in order. */
  columns: Column[];
  operation: Operation;
  fits?: Fit[];
}

export interface StepContext {
  /** `step 4 (scale)`, for messages. */
  label: string;
  /** Counting from 0. */
  index: number;
  /** The columns as the steps before left them. */
  columns: readonly Column[];
  domains: readonly string[];
  /** The named column; a group, or none, is an error. `path` leads there from the step's options. */
  column(name: string, path?: SpecPath): Column;
  /** The named column, which may be a group. */
  columnOrGroup(name: string, path?: SpecPath): Column;
  /** Refuses a name for a new column that is taken, or ours. */
  newName(name: string, path?: SpecPath): void;
  /** Raises an error about the step's options. */
  fail(
    message: string,
    details?: { code?: PipelineErrorCode; hint?: string | undefined; path?: SpecPath | undefined },
  ): never;
  /** Parses user SQL over the step's columns; groups may not be read. */
  parse(sql: string, path: SpecPath): Promise<TypedExpression & { reads: Column[] }>;
  /** A name for a fitted parameter, such as `amount.median`, that no other step has. */
  parameterName(column: string, what: string): string;
  /** Registers a check; returns its index. */
  addCheck(check: StepCheck): number;
  /** Notes that the columns are read for something that is not output. */
  noteUse(columns: readonly Column[], use: string): void;
}

export interface StepDefinition {
  name: string;
  /** The schema of the step's options. */
  schema: z.ZodType;
  /** What it does, in a line, for the reference. */
  summary: string;
  plan(options: unknown, context: StepContext): StepPlan | Promise<StepPlan>;
}

/** A step, with the type of its options known to `plan`. */
export function defineStep<Schema extends z.ZodType>(
  name: string,
  summary: string,
  schema: Schema,
  plan: (options: z.output<Schema>, context: StepContext) => StepPlan | Promise<StepPlan>,
): StepDefinition {
  return { name, summary, schema, plan: (options, context) => plan(schema.parse(options), context) };
}

/** Refuses a column whose type is none of `types`. */
export function requireType(
  context: StepContext,
  column: Column,
  types: readonly ColumnType[],
  path: SpecPath,
  hint?: string,
): void {
  if (types.includes(column.type)) return;
  context.fail(`"${column.name}" is ${column.type}, and this needs ${types.join(' or ')}`, {
    path,
    hint,
  });
}

/** The columns with some replaced by name. */
export function replaceColumns(columns: readonly Column[], changed: ReadonlyMap<string, Partial<Column>>): Column[] {
  return columns.map((column) => ({ ...column, ...changed.get(column.name) }));
}
