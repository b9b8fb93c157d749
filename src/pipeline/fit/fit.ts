// Fits a pipeline: runs the programs of all fitted steps side by side, and joins what they ask for into
// as few passes over the data as their dependence on one another allows.
import type { AggregateValue, Engine } from '../engines/types.ts';
import { PipelineError } from '../error.ts';
import { buildRelation, type Snapshot } from '../plan/build.ts';
import { type ContractCounts, countedChecks, countOutputs, readCounts } from '../plan/contract.ts';
import { column, mapExpression } from '../plan/expressions.ts';
import type { Plan } from '../plan/plan.ts';
import { readSource } from '../plan/reading.ts';
import type { Expression, NamedExpression } from '../plan/relation.ts';
import { type Deduplication, deduplications, needsRowNumber, parametersBefore } from '../plan/transform.ts';
import type { FittedParameters } from './parameters.ts';
import type { FitAnswer, FitGenerator, FitRequest, FittedValue } from './program.ts';
import { traceInput } from './trace.ts';

/** Rows of the sample pass, from the beginning of the source. */
export const SAMPLE_ROWS = 20_000;

export interface FitOutcome {
  fitted: FittedParameters;
  /** Rows read and rejected; null when no rule drops or quarantines rows. */
  contract: ContractCounts | null;
  /** How often the source was read, whole and in part. */
  passes: { full: number; sample: number };
}

interface Task {
  label: string;
  parameters: string[];
  /** Where its values are read, and at which step its rows are. */
  snapshot: Snapshot;
  rows: number;
  /** Parameters that must be known before it can start. */
  waits: Set<string>;
  start(): FitGenerator;
  generator?: FitGenerator;
  request?: FitRequest;
  done: boolean;
}

/**
 * Learns every fitted parameter from the training rows (from all rows with `fit: all`), counts the rows
 * that rules drop or quarantine, and leaves the tables of deduplicating steps in the engine.
 *
 * @throws PipelineError FIT, LIMIT (both name the step and the column), and what the engine throws.
 */
export async function fitPipeline(plan: Plan, engine: Engine): Promise<FitOutcome> {
  const values = new Map<string, FittedValue>();
  const tasks = plan.steps.flatMap((_, step) => tasksOf(plan, step));
  const pending = deduplications(plan);
  const passes = { full: 0, sample: 0 };
  let contract: ContractCounts | null = null;

  while (true) {
    await materializeReady(plan, engine, pending, values, passes);
    startReady(tasks, values, pending);
    if (resolveParameters(tasks, values)) continue;
    const open = tasks.filter((task) => !task.done && task.request !== undefined);
    const scope = open.some(({ request }) => request?.scope === 'sample') ? 'sample' : 'full';
    const asking = open.filter(({ request }) => request?.scope === scope);
    if (asking.length === 0) break;
    const counting = scope === 'full' && contract === null && countedChecks(plan).length > 0;
    const result = await runPass(plan, engine, asking, values, scope, counting);
    passes[scope] += 1;
    if (counting) contract = readCounts(plan, result);
    for (const [i, task] of asking.entries()) advance(task, values, answerOf(result, `${i}.`));
  }
  const stuck = tasks.find((task) => !task.done);
  if (stuck !== undefined) throw new PipelineError('ENGINE', `${stuck.label} waits for a parameter that nobody learns`);
  if (contract === null && countedChecks(plan).length > 0) {
    contract = await countRows(plan, engine);
    passes.full += 1;
  }
  const ordered = plan.parameters.flatMap((name) => {
    const value = values.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { fitted: { pipeline: plan.spec.pipeline, values: new Map(ordered) }, contract, passes };
}

/**
 * Leaves the tables of deduplicating steps in the engine, for a transform with parameters that were
 * fitted before. One pass per deduplicating step.
 */
export async function materializeDeduplication(plan: Plan, fitted: FittedParameters, engine: Engine): Promise<void> {
  for (const { table, relation } of deduplications(plan)) await engine.materialize(table, relation(fitted.values));
}

/** One pass that counts the rows read and rejected. */
async function countRows(plan: Plan, engine: Engine): Promise<ContractCounts> {
  const { relation } = readSource(plan, { columns: new Set(), fails: 'none', report: countedChecks(plan) });
  return readCounts(plan, await engine.aggregate(relation, countOutputs(plan)));
}

function tasksOf(plan: Plan, step: number): Task[] {
  const { fits, label } = plan.steps[step] ?? { fits: [], label: '' };
  return fits.map(({ column: name, parameters, program }): Task => {
    const traced = traceInput(plan, step, name, program.fills);
    const as = `glovebox_fit_${traced.step}_${traced.column}`;
    const { fill } = traced;
    return {
      label,
      parameters,
      snapshot: { step: traced.step, column: traced.column, as },
      rows: step,
      waits: new Set([...parametersBefore(plan, step, []), ...parametersBefore(plan, traced.step, [traced.column])]),
      start: () =>
        program.start({
          value: column(as),
          type: traced.type,
          column: name,
          label,
          ...(fill === undefined ? {} : { fill }),
        }),
      done: false,
    };
  });
}

/** Runs the deduplications whose parameters are known, in order; takes them off the list. */
async function materializeReady(
  plan: Plan,
  engine: Engine,
  pending: Deduplication[],
  values: ReadonlyMap<string, FittedValue>,
  passes: { full: number },
): Promise<void> {
  while (true) {
    const [next] = pending;
    if (next === undefined) return;
    const operation = plan.steps[next.step]?.operation;
    // The rows after the step depend on all that the step reads.
    const waits = operation === undefined ? new Set<string>() : parametersBefore(plan, next.step + 1, []);
    if ([...waits].some((name) => !values.has(name))) return;
    await engine.materialize(next.table, next.relation(values));
    passes.full += 1;
    pending.shift();
  }
}

function startReady(tasks: readonly Task[], values: Map<string, FittedValue>, pending: readonly Deduplication[]): void {
  for (const task of tasks) {
    if (task.done || task.generator !== undefined) continue;
    if ([...task.waits].some((name) => !values.has(name))) continue;
    if (pending.some(({ step }) => step < task.rows)) continue;
    task.generator = task.start();
    settle(task, values, task.generator.next());
  }
}

/** Hands out parameters that are known by now; says whether a task went on. */
function resolveParameters(tasks: readonly Task[], values: Map<string, FittedValue>): boolean {
  let moved = false;
  for (const task of tasks) {
    if (task.done || task.request?.scope !== 'parameter') continue;
    const value = values.get(task.request.name);
    if (value === undefined) continue;
    advance(task, values, value);
    moved = true;
  }
  return moved;
}

function advance(task: Task, values: Map<string, FittedValue>, answer: FitAnswer): void {
  if (task.generator !== undefined) settle(task, values, task.generator.next(answer));
}

function settle(task: Task, values: Map<string, FittedValue>, result: IteratorResult<FitRequest, FittedValue[]>): void {
  if (result.done !== true) {
    task.request = result.value;
    return;
  }
  task.done = true;
  for (const [i, name] of task.parameters.entries()) {
    const value = result.value[i];
    if (value !== undefined) values.set(name, value);
  }
}

async function runPass(
  plan: Plan,
  engine: Engine,
  tasks: readonly Task[],
  values: ReadonlyMap<string, FittedValue>,
  scope: 'sample' | 'full',
  counting: boolean,
): Promise<Record<string, AggregateValue>> {
  const until = Math.max(...tasks.map((task) => task.rows));
  const snapshots = new Map(tasks.map(({ snapshot }) => [snapshot.as, snapshot]));
  const built = buildRelation(plan, {
    until,
    columns: new Set(),
    parameters: values,
    reading: {
      fails: 'needed',
      train: plan.split !== null,
      rowNumber: needsRowNumber(plan, until),
      ...(counting ? { report: countedChecks(plan) } : {}),
      ...(scope === 'sample' ? { limit: SAMPLE_ROWS } : {}),
    },
    rows: counting ? 'flag' : 'source',
    stepChecks: false,
    snapshots: [...snapshots.values()],
  });
  const outputs: NamedExpression[] = counting ? countOutputs(plan) : [];
  for (const [i, task] of tasks.entries()) {
    const requested = task.request !== undefined && 'outputs' in task.request ? task.request.outputs : {};
    for (const [name, expression] of Object.entries(requested)) {
      outputs.push({ name: `${i}.${name}`, expression: restrict(expression, built.okAt[task.rows]) });
    }
  }
  return engine.aggregate(built.relation, outputs);
}

/** The aggregates of the expression, over the rows for which the flag is true. */
function restrict(expression: Expression, flag: string | undefined): Expression {
  if (flag === undefined) return expression;
  return mapExpression(expression, (node) => {
    if (node.kind !== 'aggregate') return node;
    const kept = column(flag);
    const filter: Expression =
      node.filter === undefined ? kept : { kind: 'call', function: 'and', args: [kept, node.filter] };
    return { ...node, filter };
  });
}

function answerOf(result: Record<string, AggregateValue>, prefix: string): Record<string, AggregateValue> {
  const own = Object.entries(result).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
}
