// Builds relations from a plan: the source's rows through the steps, with only the columns that are
// needed, and with fitted parameters in place.
import { PipelineError } from '../error.ts';
import type { FittedValue } from '../fit/program.ts';
import type { Group } from '../steps/definition.ts';
import {
  call,
  cast,
  column,
  columnsOf,
  FALSE,
  isNull,
  mapExpression,
  not,
  parameter,
  TRUE,
  text,
  when,
} from './expressions.ts';
import { foldName } from './header.ts';
import type { Plan, PlannedStep } from './plan.ts';
import { checkColumn, OK_COLUMN, type Read, type Reading, readSource } from './reading.ts';
import { type Expression, type NamedExpression, type Relation, ROW_COLUMN, SPLIT_COLUMN } from './relation.ts';

/** The values of fitted parameters, as far as they are known; `names` to show `:amount.median` in their place. */
export type Parameters = ReadonlyMap<string, FittedValue> | 'names';

/** A column as a step gets it, kept under another name to the end of the relation. */
export interface Snapshot {
  /** Counting from 0; the number of steps for the columns after the last. */
  step: number;
  column: string;
  as: string;
}

export interface Build {
  /** The steps up to this one (exclusive) are gone through. */
  until: number;
  /** The columns needed there. */
  columns: ReadonlySet<string>;
  parameters: Parameters;
  reading: Omit<Reading, 'columns'>;
  /**
   * `filter`: rows that fall out are gone. `flag`: they stay; `okAt` says which column tells, so that
   * several steps, each with its own rows, can learn in one pass. `source`: those that the source's
   * checks and the split leave out are gone, those that steps leave out stay.
   */
  rows: 'filter' | 'flag' | 'source';
  /** Whether the checks that steps make stop the run. */
  stepChecks: boolean;
  snapshots?: readonly Snapshot[];
}

export interface Built {
  relation: Relation;
  /** By column (a group stands under its own name): the names in the relation. */
  names: ReadonlyMap<string, string[]>;
  /** By step: the column that says whether a row got there; undefined when all that are left did. */
  okAt: (string | undefined)[];
}

/** The expression with its parameters' values. @throws PipelineError ENGINE for one that is not known. */
export function bind(expression: Expression, parameters: Parameters): Expression {
  if (parameters === 'names') return expression;
  return mapExpression(expression, (node) => {
    if (node.kind !== 'parameter') return node;
    const value = parameters.get(node.name);
    if (value === undefined || !('value' in value))
      throw new PipelineError('ENGINE', `the parameter ${node.name} is not known`);
    return { kind: 'literal', value: value.value, type: node.type };
  });
}

/** The columns that each step needs of what it gets, so that those in `build` come out. */
function neededColumns(plan: Plan, build: Build): Set<string>[] {
  const needed: Set<string>[] = [];
  let current = new Set(build.columns);
  for (let i = build.until; i >= 0; i--) {
    for (const snapshot of build.snapshots ?? []) if (snapshot.step === i) current.add(snapshot.column);
    needed[i] = current;
    const operation = plan.steps[i - 1]?.operation;
    if (operation === undefined) continue;
    const before = new Set<string>();
    const read = (expression: Expression): void => {
      for (const name of columnsOf(expression)) before.add(name);
    };
    if (operation.kind === 'project') {
      for (const name of current) read(operation.assign.get(name) ?? column(name));
      if (build.stepChecks) for (const { violated } of operation.checks ?? []) read(violated);
      for (const { value, check } of operation.group ?? []) if (build.stepChecks && check !== undefined) read(value);
    } else {
      for (const name of current) before.add(name);
      if (operation.kind === 'filter') read(operation.where);
    }
    current = before;
  }
  return needed;
}

function categoriesOf(group: Group, parameters: Parameters): string[] {
  const value = parameters === 'names' ? undefined : parameters.get(group.parameter);
  if (value === undefined || !('categories' in value)) {
    throw new PipelineError('ENGINE', `the parameter ${group.parameter} is not known`);
  }
  return value.categories;
}

/** The columns of a one-hot encoded column. */
function expandGroup(group: Group, parameters: Parameters): NamedExpression[] {
  if (parameters === 'names') {
    return [{ name: `${group.name}_*`, expression: parameter(group.parameter, 'tinyint') }];
  }
  const categories = categoriesOf(group, parameters);
  if (categories.some((category) => category.includes('\0'))) {
    throw new PipelineError('COLUMN', `a category of "${group.name}" holds a NUL character, which no column name can`);
  }
  const one = (test: Expression): Expression => cast(test, 'tinyint');
  const columns = categories.map((category) => ({
    name: `${group.name}_${category}`,
    expression: one(call('not_distinct', group.value, text(category))),
  }));
  if (group.other)
    columns.push({ name: `${group.name}_other`, expression: one(call('coalesce', unseen(group, categories), FALSE)) });
  return columns;
}

/** Whether a row's category is there and was not seen in training. */
function unseen(group: Group, categories: readonly string[]): Expression {
  const present = not(isNull(group.value));
  if (categories.length === 0) return present;
  return call('and', present, not(call('in', group.value, ...categories.map((each) => text(each)))));
}

/** Walks the steps; see `Build`. @throws PipelineError COLUMN when two columns get the same name. */
export function buildRelation(plan: Plan, build: Build): Built {
  const needed = neededColumns(plan, build);
  const snapshots = build.snapshots ?? [];
  const read: Read = readSource(plan, { ...build.reading, columns: needed[0] ?? new Set() });
  const reported = build.reading.report ?? [];
  const carried = [
    ...(build.reading.rowNumber === true ? [ROW_COLUMN] : []),
    ...(build.reading.split === true && plan.split !== null ? [SPLIT_COLUMN] : []),
    ...reported.filter((check) => plan.checks[check]?.step === undefined).map(checkColumn),
  ];
  let relation = read.relation;
  let ok = read.checked ? OK_COLUMN : undefined;
  // With `filter` the flag stays beside the filter: the filters of later steps look at it first, so that
  // an engine that reorders filters does not pass over a check.
  if (build.rows !== 'flag' && ok !== undefined) relation = { kind: 'filter', input: relation, where: column(ok) };
  if (build.rows === 'source') ok = undefined;
  const names = new Map<string, string[]>([...(needed[0] ?? [])].map((name) => [name, [name]]));
  const okAt: (string | undefined)[] = [];

  const pass = (columns: NamedExpression[]): void => {
    relation = {
      kind: 'project',
      input: relation,
      columns: [...columns, ...carried.map((name) => ({ name, expression: column(name) }))],
    };
  };
  const current = (): NamedExpression[] =>
    [...names.values()].flat().map((name) => ({ name, expression: column(name) }));
  const flags = (): NamedExpression[] => (ok === undefined ? [] : [{ name: ok, expression: column(ok) }]);

  for (let i = 0; i <= build.until; i++) {
    const taken = snapshots.filter((snapshot) => snapshot.step === i);
    if (taken.length > 0) {
      pass([...current(), ...flags(), ...taken.map((each) => ({ name: each.as, expression: column(each.column) }))]);
      carried.push(...taken.map((each) => each.as));
    }
    okAt[i] = build.rows === 'filter' ? undefined : ok;
    const step = plan.steps[i];
    if (step === undefined || i === build.until) continue;
    const condition = rowCondition(step, build, carried);
    if (condition !== undefined) {
      const next = `${OK_COLUMN}_${i + 1}`;
      const kept =
        ok === undefined
          ? bind(condition, build.parameters)
          : when(column(ok), bind(condition, build.parameters), FALSE);
      if (build.rows === 'filter') relation = { kind: 'filter', input: relation, where: kept };
      else {
        pass([...current(), { name: next, expression: kept }, ...flags()]);
        if (ok !== undefined && snapshots.some((snapshot) => snapshot.step <= i)) carried.push(ok);
        ok = next;
      }
      continue;
    }
    if (step.operation.kind !== 'project') continue;
    const { assign, group = [], checks = [] } = step.operation;
    const wanted = needed[i + 1] ?? new Set<string>();
    const columns: NamedExpression[] = [];
    const before = new Map(names);
    names.clear();
    for (const { name } of step.after) {
      if (!wanted.has(name)) continue;
      const encoded = group.find((each) => each.name === name);
      const own = assign.get(name);
      const made =
        encoded !== undefined
          ? expandGroup(encoded, build.parameters)
          : own !== undefined
            ? [{ name, expression: bind(own, build.parameters) }]
            : (before.get(name) ?? [name]).map((each) => ({ name: each, expression: column(each) }));
      columns.push(...made);
      names.set(
        name,
        made.map((each) => each.name),
      );
    }
    checkNames(step, columns);
    const breaches = build.stepChecks ? stepBreaches(step, build.parameters, group, checks) : [];
    for (const { check, violated } of breaches.filter(({ check }) => reported.includes(check))) {
      const reached = ok === undefined ? violated : when(column(ok), violated, FALSE);
      columns.push({ name: checkColumn(check), expression: call('coalesce', reached, FALSE) });
    }
    const stops = breaches.filter(({ check }) => !reported.includes(check));
    const changes = [...assign.keys()].some((name) => wanted.has(name)) || group.some(({ name }) => wanted.has(name));
    if (!changes && breaches.length === 0) continue;
    if (stops.length === 0) pass([...columns, ...flags()]);
    else {
      const next = `${OK_COLUMN}_${i + 1}`;
      const branches = stops.map(({ check, violated }) => ({
        when: violated,
        value: { kind: 'fail', check } as const,
      }));
      const kept: Expression = { kind: 'case', branches, otherwise: TRUE };
      pass([...columns, { name: next, expression: ok === undefined ? kept : when(column(ok), kept, FALSE) }]);
      relation = { kind: 'filter', input: relation, where: column(next) };
      ok = next;
    }
    carried.push(...breaches.filter(({ check }) => reported.includes(check)).map(({ check }) => checkColumn(check)));
  }
  return { relation, names, okAt };
}

/** The condition under which a step lets a row through; undefined when it does not look at rows. */
function rowCondition({ operation }: PlannedStep, build: Build, carried: readonly string[]): Expression | undefined {
  if (operation.kind === 'filter') return operation.where;
  if (operation.kind !== 'deduplicate') return undefined;
  if (build.parameters !== 'names' && !carried.includes(ROW_COLUMN))
    throw new PipelineError('ENGINE', 'row numbers are missing');
  return not({ kind: 'in_table', input: column(ROW_COLUMN), table: operation.table });
}

function stepBreaches(
  { operation }: PlannedStep,
  parameters: Parameters,
  group: readonly Group[],
  checks: readonly { check: number; violated: Expression }[],
): { check: number; violated: Expression }[] {
  if (operation.kind !== 'project') return [];
  const encoded = group.flatMap((each) =>
    each.check === undefined || parameters === 'names'
      ? []
      : [{ check: each.check, violated: unseen(each, categoriesOf(each, parameters)) }],
  );
  return [...checks.map(({ check, violated }) => ({ check, violated: bind(violated, parameters) })), ...encoded];
}

function checkNames(step: PlannedStep, columns: readonly NamedExpression[]): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (seen.has(foldName(name))) {
      // The name may hold a category, which is data: it is not shown.
      throw new PipelineError('COLUMN', `${step.label}: two columns of the output would get the same name`, {
        hint: 'categories that differ in letter case only, or a column that is called like a category; lower() or rename mends it',
      });
    }
    seen.add(foldName(name));
  }
}
