// A plan as data for people: what is read and written, what happens to whom, and the SQL.
import { describeCheck } from './checks.ts';
import type { ColumnWay } from './columns.ts';
import type { Plan } from './plan.ts';
import { printRelation } from './printer.ts';
import type { ColumnType } from './relation.ts';
import { deduplications, transformRelation } from './transform.ts';

export interface PlanDescription {
  pipeline: string;
  reads: { dataset: string; objects: string; columns: string[]; ignored: string[] };
  writes: {
    dataset: string;
    format: string;
    splits: { name: string; fraction: number }[];
    columns: { name: string; type: ColumnType }[];
  };
  quarantine: string | null;
  checks: { description: string; otherwise: string }[];
  /** Each step with the parameters that it learns. */
  steps: { label: string; learns: string[] }[];
  /** The way of each column that is declared identifying or sensitive. */
  ways: ColumnWay[];
  secrets: string[];
  /** How the source will be read; a fit may take a full pass more where a sample misleads it. */
  passes: { deduplicate: number; fit: 'none' | 'one sample and at least one full pass'; transform: number };
  /** The final pass; fitted parameters stand as `:name`, the source as `"source"`. */
  sql: string;
}

/** The plan as data. Holds names, rules and SQL; no data value and no secret. */
export function describePlan(plan: Plan): PlanDescription {
  const { spec } = plan;
  const transform = transformRelation(plan, 'names');
  return {
    pipeline: spec.pipeline,
    reads: {
      dataset: spec.source.dataset,
      objects: spec.source.objects,
      columns: plan.sourceColumns,
      ignored: plan.ignoredColumns,
    },
    writes: {
      dataset: spec.output.dataset,
      format: spec.output.format,
      splits: (plan.split?.parts ?? []).map(({ name, fraction }) => ({ name, fraction })),
      columns: transform.columns,
    },
    quarantine: spec.quarantine ?? null,
    checks: plan.checks.map((check) => ({ description: describeCheck(check), otherwise: check.otherwise })),
    steps: plan.steps.map(({ label, fits }) => ({ label, learns: fits.flatMap(({ parameters }) => parameters) })),
    ways: plan.ways,
    secrets: plan.secrets,
    passes: {
      deduplicate: deduplications(plan).length,
      fit: plan.parameters.length === 0 ? 'none' : 'one sample and at least one full pass',
      transform: 1,
    },
    sql: printRelation(transform.relation, { source: '"source"' }),
  };
}
