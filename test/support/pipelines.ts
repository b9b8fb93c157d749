// Plans and runs small pipelines in tests.
import { type FitOutcome, fitPipeline } from '../../src/pipeline/fit/fit.ts';
import { type Plan, type PlanWorkspace, planPipeline } from '../../src/pipeline/plan/plan.ts';
import { transformRelation } from '../../src/pipeline/plan/transform.ts';
import { parsePipelineSpec } from '../../src/pipeline/spec.ts';
import { openTableEngine, type Row, type TableEngine } from './table-engine.ts';

const CLASSES = ['public', 'internal', 'confidential', 'restricted'];

export const testWorkspace: PlanWorkspace = {
  datasets: new Map([
    ['raw', { kind: 'raw', classification: 'restricted' }],
    ['features', { kind: 'derived', classification: 'internal' }],
    ['secure', { kind: 'derived', classification: 'restricted' }],
    ['rejects', { kind: 'derived', classification: 'restricted' }],
    ['open-rejects', { kind: 'derived', classification: 'internal' }],
  ]),
  domains: ['patient', 'other'],
  compareClassification: (a, b) => CLASSES.indexOf(a) - CLASSES.indexOf(b),
};

/** A pipeline file's value, with what most tests need filled in. */
export function document(parts: Record<string, unknown>): Record<string, unknown> {
  return { pipeline: 'test', source: { dataset: 'raw' }, output: { dataset: 'features' }, ...parts };
}

export function plan(parts: Record<string, unknown>, header?: string[]): Promise<Plan> {
  const spec = parsePipelineSpec(document(parts));
  return planPipeline(spec, { header: header ?? Object.keys(spec.columns), workspace: testWorkspace });
}

export interface Ran {
  plan: Plan;
  outcome: FitOutcome;
  rows: Record<string, unknown>[];
  columns: { name: string; type: string }[];
  passes: number;
}

/** Plans, fits and transforms; the rows come in no certain order. */
export async function run(
  parts: Record<string, unknown>,
  rows: Row[],
  options: { threads?: number } = {},
): Promise<Ran> {
  const planned = await plan(parts);
  return withEngine(planned, rows, options, async (engine) => {
    const outcome = await fitPipeline(planned, engine);
    const transform = transformRelation(planned, outcome.fitted);
    const result = await engine.rows(transform.relation);
    return { plan: planned, outcome, rows: result, columns: transform.columns, passes: engine.passes };
  });
}

export async function withEngine<T>(
  planned: Plan,
  rows: Row[],
  options: { threads?: number },
  work: (engine: TableEngine) => Promise<T>,
): Promise<T> {
  const engine = await openTableEngine([...planned.sourceColumns, ...planned.ignoredColumns], rows, options);
  try {
    return await work(engine);
  } finally {
    engine.close();
  }
}

/** The values of one column of some rows, as text or null. */
export const table = (names: string[], ...lines: (string | null)[][]): Row[] =>
  lines.map((line) => Object.fromEntries(names.map((name, i) => [name, line[i] ?? null])));
