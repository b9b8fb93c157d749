// The relations of a run besides the fit: the final pass, deduplication, and the search for a failure.
import type { FittedParameters } from '../fit/parameters.ts';
import { bind, buildRelation, type Parameters } from './build.ts';
import { column, columnsOf, parametersOf } from './expressions.ts';
import type { Plan } from './plan.ts';
import { type ColumnType, type Relation, SPLIT_COLUMN } from './relation.ts';

export interface OutputColumn {
  name: string;
  type: ColumnType;
}

export interface Transform {
  relation: Relation;
  /** `glovebox_split` when the rows are to be written by split. */
  splitColumn: string | null;
  /** The output's columns in order, without the split's. */
  columns: OutputColumn[];
}

/** Whether a relation through the steps before `until` needs row numbers: deduplication is among them. */
export const needsRowNumber = (plan: Plan, until = plan.steps.length): boolean =>
  plan.steps.slice(0, until).some(({ operation }) => operation.kind === 'deduplicate');

/**
 * The final pass: the rows that keep the rules, through all steps. Checks that say fail are part of it.
 * The tables of `duplicatesRelation` must be there.
 *
 * @throws PipelineError COLUMN when a one-hot column's name is taken; ENGINE when a parameter is missing.
 */
export function transformRelation(plan: Plan, fitted: FittedParameters | 'names'): Transform {
  const parameters: Parameters = fitted === 'names' ? fitted : fitted.values;
  const built = buildRelation(plan, {
    until: plan.steps.length,
    columns: new Set(plan.columns.map(({ name }) => name)),
    parameters,
    reading: { fails: 'all', split: plan.split !== null, rowNumber: needsRowNumber(plan) },
    rows: 'filter',
    stepChecks: true,
  });
  const columns = plan.columns.flatMap(({ name, type }) =>
    (built.names.get(name) ?? [name]).map((each) => ({ name: each, type })),
  );
  const splitColumn = plan.split === null ? null : SPLIT_COLUMN;
  const names = [...columns.map(({ name }) => name), ...(splitColumn === null ? [] : [splitColumn])];
  const relation: Relation = {
    kind: 'project',
    input: built.relation,
    columns: names.map((name) => ({ name, expression: column(name) })),
  };
  return { relation, splitColumn, columns };
}

/** One deduplicating step: where it is, its table, and the fitted parameters that must be known first. */
export interface Deduplication {
  step: number;
  table: string;
  relation(parameters: Parameters): Relation;
}

/** The deduplicating steps, in order. Each relation needs the tables of those before it. */
export function deduplications(plan: Plan): Deduplication[] {
  return plan.steps.flatMap(({ operation }, step) => {
    if (operation.kind !== 'deduplicate') return [];
    const expressions = [...operation.by, ...operation.orderBy.map((term) => term.expression)];
    const columns = new Set(expressions.flatMap((expression) => [...columnsOf(expression)]));
    const relation = (parameters: Parameters): Relation => {
      const built = buildRelation(plan, {
        until: step,
        columns,
        parameters,
        reading: { fails: 'needed', rowNumber: true },
        rows: 'filter',
        stepChecks: false,
      });
      return {
        kind: 'duplicates',
        input: built.relation,
        by: operation.by.map((expression) => bind(expression, parameters)),
        orderBy: operation.orderBy.map((term) => ({ ...term, expression: bind(term.expression, parameters) })),
      };
    };
    return [{ step, table: operation.table, relation }];
  });
}

/** The parameters that rows and `columns`, as step `step` gets them, depend on. */
export function parametersBefore(plan: Plan, step: number, columns: Iterable<string>): Set<string> {
  const found = new Set<string>();
  let current = new Set(columns);
  for (let i = step - 1; i >= 0; i--) {
    const operation = plan.steps[i]?.operation;
    const before = new Set<string>();
    if (operation?.kind === 'project') {
      for (const name of current) {
        const expression = operation.assign.get(name) ?? column(name);
        for (const each of parametersOf(expression)) found.add(each);
        for (const each of columnsOf(expression)) before.add(each);
      }
      current = before;
    } else if (operation?.kind === 'filter') {
      for (const each of columnsOf(operation.where)) current.add(each);
    } else if (operation?.kind === 'deduplicate') {
      for (const expression of [...operation.by, ...operation.orderBy.map((term) => term.expression)]) {
        for (const each of columnsOf(expression)) current.add(each);
      }
    }
  }
  return found;
}
