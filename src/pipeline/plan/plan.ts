// Plans a pipeline: checks it against the header and the workspace, step by step, and gives the data
// from which relations are built.

import { suggest } from '../../workspace/index.ts';
import { PipelineError, type SpecPath } from '../error.ts';
import { openSqlParser, type SqlParser } from '../expression/parser.ts';
import type { PipelineSpec } from '../spec.ts';
import type { Fit, Operation } from '../steps/definition.ts';
import { stepByName } from '../steps/index.ts';
import type { Check } from './checks.ts';
import type { Column, ColumnWay } from './columns.ts';
import { type Expectation, expectationKinds, violation } from './expectations.ts';
import { column, visitExpression } from './expressions.ts';
import { matchHeader } from './header.ts';
import { checkIdentifiers, waysOf } from './identifiers.ts';
import { planSplit, type SplitPlan } from './split.ts';
import { makeStepContext, type StepState } from './step-context.ts';

/** What the planner needs to know of a dataset. */
export interface PlanDataset {
  kind: 'raw' | 'derived';
  classification: string;
}

/** What the planner needs to know of the workspace. */
export interface PlanWorkspace {
  datasets: ReadonlyMap<string, PlanDataset>;
  domains: readonly string[];
  /** Below 0 when `a` is lower than `b`, 0 when equal, above 0 when higher. */
  compareClassification(a: string, b: string): number;
}

export interface PlanContext {
  /** The column names of the source's objects. */
  header: readonly string[];
  workspace: PlanWorkspace;
}

export interface PlannedStep {
  name: string;
  /** `step 4 (scale)`. */
  label: string;
  /** The columns that the step gets, and those that it leaves. */
  before: Column[];
  after: Column[];
  operation: Operation;
  fits: Fit[];
}

export interface Plan {
  spec: PipelineSpec;
  /** The declared columns, in the order of the header. */
  sourceColumns: string[];
  /** Columns of the header that are not read (`undeclared: drop`). */
  ignoredColumns: string[];
  checks: Check[];
  /** The rules of `expect`, by the index of their check. */
  expectations: ReadonlyMap<number, Expectation>;
  split: SplitPlan | null;
  steps: PlannedStep[];
  /** The output's columns; a group stands for its one-hot columns. */
  columns: Column[];
  /** What happens to each column that is declared identifying or sensitive. */
  ways: ColumnWay[];
  /** The secrets that the engine needs: `split`, `domain:<name>`. */
  secrets: string[];
  /** The fitted parameters, in the order in which steps use them. */
  parameters: string[];
}

/**
 * Plans `spec` for sources with this header in this workspace. Pure, but for DuckDB's parser, which
 * reads the expressions that a user wrote.
 *
 * @throws PipelineError SPEC, EXPRESSION, IDENTIFIER or NO_SPLIT for the pipeline file, with the path of
 *   the mistake; COLUMN when the header does not match.
 */
export async function planPipeline(spec: PipelineSpec, context: PlanContext): Promise<Plan> {
  checkDatasets(spec, context.workspace);
  const { sourceColumns, ignoredColumns } = matchHeader(spec, context.header);
  const parser = openSqlParser();
  try {
    const { checks, expectations } = await planSourceChecks(spec, parser);
    const split = spec.split === undefined ? null : planSplit(spec.split);
    if (split !== null && spec.columns[split.by] === undefined) {
      throw unknownColumn(split.by, Object.keys(spec.columns), ['split', 'by']);
    }
    if (split !== null) checks.push({ kind: 'group', column: split.by, otherwise: 'fail' });

    const initial = sourceColumns.map((name) => sourceColumn(spec, name));
    const state: StepState = {
      columns: initial,
      checks,
      parameters: [],
      uses: new Map(),
      parser,
      domains: context.workspace.domains,
    };
    if (split !== null) noteUse(state, split.by, 'split');
    for (const rule of expectations.values()) noteUse(state, rule.column, 'expect');
    const steps = await planSteps(spec, state);

    const plan: Plan = {
      spec,
      sourceColumns,
      ignoredColumns,
      checks,
      expectations,
      split,
      steps,
      columns: state.columns,
      ways: waysOf(initial, state.columns, state.uses),
      secrets: secretsOf(steps, split),
      parameters: state.parameters,
    };
    checkTarget(plan);
    checkIdentifiers(plan, context.workspace);
    checkFit(plan);
    return plan;
  } finally {
    parser.close();
  }
}

const unknownColumn = (name: string, known: readonly string[], path: SpecPath): PipelineError =>
  new PipelineError('SPEC', `there is no column "${name}"`, { path, hint: suggest(name, known) });

function sourceColumn(spec: PipelineSpec, name: string): Column {
  const declared = spec.columns[name];
  const is = declared?.is;
  return {
    name,
    type: declared?.type ?? 'string',
    origins: is === undefined ? [] : [{ source: name, is, treatments: [], exposed: true }],
  };
}

function noteUse(state: StepState, source: string, use: string): void {
  state.uses.set(source, new Set([...(state.uses.get(source) ?? []), use]));
}

function checkDatasets(spec: PipelineSpec, workspace: PlanWorkspace): void {
  const known = [...workspace.datasets.keys()];
  const find = (name: string, path: SpecPath): PlanDataset => {
    const dataset = workspace.datasets.get(name);
    if (dataset !== undefined) return dataset;
    throw new PipelineError('SPEC', `there is no dataset "${name}" in the workspace`, {
      path,
      hint: suggest(name, known),
    });
  };
  const derived = (name: string, path: SpecPath): PlanDataset => {
    const dataset = find(name, path);
    if (dataset.kind === 'derived') return dataset;
    throw new PipelineError('SPEC', `a run cannot write to "${name}", which is a raw dataset`, {
      path,
      hint: 'runs write to datasets of kind derived',
    });
  };
  const source = find(spec.source.dataset, ['source', 'dataset']);
  derived(spec.output.dataset, ['output', 'dataset']);
  const rules = [...Object.values(spec.columns), ...spec.expect];
  if (spec.quarantine === undefined) {
    if (rules.every((rule) => rule.otherwise !== 'quarantine')) return;
    throw new PipelineError('SPEC', 'a rule says quarantine, and no quarantine dataset is named', {
      hint: 'add "quarantine: <dataset>" to the pipeline file',
    });
  }
  const quarantine = derived(spec.quarantine, ['quarantine']);
  if (spec.quarantine === spec.output.dataset || spec.quarantine === spec.source.dataset) {
    throw new PipelineError('SPEC', 'quarantined rows need a dataset of their own', { path: ['quarantine'] });
  }
  if (workspace.compareClassification(quarantine.classification, source.classification) < 0) {
    throw new PipelineError(
      'SPEC',
      `quarantined rows are raw data, and "${spec.quarantine}" is of lower classification than "${spec.source.dataset}"`,
      {
        path: ['quarantine'],
        hint: `a quarantine dataset needs the classification ${source.classification} or a higher one`,
      },
    );
  }
}

async function planSourceChecks(
  spec: PipelineSpec,
  parser: SqlParser,
): Promise<{ checks: Check[]; expectations: Map<number, Expectation> }> {
  const checks: Check[] = [];
  const expectations = new Map<number, Expectation>();
  for (const [name, { type, otherwise }] of Object.entries(spec.columns)) {
    if (type !== 'string') checks.push({ kind: 'cast', column: name, otherwise });
  }
  for (const [i, rule] of spec.expect.entries()) {
    const path = ['expect', i];
    const declared = spec.columns[rule.column];
    if (declared === undefined) throw unknownColumn(rule.column, Object.keys(spec.columns), [...path, 'column']);
    const condition = violation(rule, column(rule.column), declared.type);
    if (typeof condition === 'string') throw new PipelineError('SPEC', condition, { path });
    if (rule.matches !== undefined && !(await parser.isRegularExpression(rule.matches))) {
      throw new PipelineError('SPEC', 'this is not a regular expression (RE2)', { path: [...path, 'matches'] });
    }
    expectations.set(checks.length, rule);
    checks.push({ kind: expectationKinds(rule)[0] ?? 'not', column: rule.column, otherwise: rule.otherwise });
  }
  const formats = spec.source.csv.date_format ?? [];
  for (const format of typeof formats === 'string' ? [formats] : formats) {
    if (await parser.isDateFormat(format)) continue;
    throw new PipelineError('SPEC', 'this is not a date format (strptime)', { path: ['source', 'csv', 'date_format'] });
  }
  return { checks, expectations };
}

async function planSteps(spec: PipelineSpec, state: StepState): Promise<PlannedStep[]> {
  const steps: PlannedStep[] = [];
  for (const [index, entry] of spec.steps.entries()) {
    const [name = '', options] = Object.entries(entry)[0] ?? [];
    const definition = stepByName(name);
    if (definition === undefined)
      throw new PipelineError('SPEC', `there is no step "${name}"`, { path: ['steps', index] });
    const label = `step ${index + 1} (${name})`;
    const before = state.columns;
    const step = await definition.plan(options, makeStepContext(state, name, label, index));
    state.columns = step.columns;
    steps.push({ name, label, before, after: step.columns, operation: step.operation, fits: step.fits ?? [] });
  }
  return steps;
}

function secretsOf(steps: readonly PlannedStep[], split: SplitPlan | null): string[] {
  const secrets = new Set<string>(split === null ? [] : ['split']);
  for (const { operation } of steps) {
    for (const expression of operation.kind === 'project' ? operation.assign.values() : []) {
      visitExpression(expression, (node) => {
        if (node.kind === 'secret') secrets.add(node.name);
      });
    }
  }
  return [...secrets];
}

function checkTarget({ spec: { target }, columns, steps }: Plan): void {
  if (target === undefined) return;
  const found = columns.find((each) => each.name === target);
  if (found === undefined) {
    const lost = steps.find(
      ({ before, after }) => before.some(({ name }) => name === target) && !after.some(({ name }) => name === target),
    );
    const hint =
      lost === undefined
        ? suggest(
            target,
            columns.map(({ name }) => name),
          )
        : `${lost.label} takes it out`;
    throw new PipelineError('SPEC', `the target "${target}" is not a column of the output`, { path: ['target'], hint });
  }
  if (found.altered !== undefined) {
    throw new PipelineError('SPEC', `${found.altered} changes the target "${target}"`, {
      path: ['target'],
      hint: 'a target is never scaled, encoded or imputed; filter out the rows without one',
    });
  }
}

function checkFit({ spec, steps, split }: Plan): void {
  const fitted = steps.find(({ fits }) => fits.length > 0);
  if (fitted !== undefined && split === null && spec.fit === undefined) {
    throw new PipelineError('NO_SPLIT', `${fitted.label} learns from the training rows, and there is no split`, {
      path: ['steps', steps.indexOf(fitted)],
      hint: 'add a "split", or say "fit: all" to learn from every row',
    });
  }
  if (split !== null && spec.fit === 'all') {
    throw new PipelineError('SPEC', '"fit: all" is for pipelines without a split', { path: ['fit'] });
  }
}
