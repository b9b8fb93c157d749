// Counting rows that break rules: along with a fit pass, or after a failure to say what failed where.
import type { AggregateValue, Engine } from '../engines/types.ts';
import type { FittedParameters } from '../fit/parameters.ts';
import { integerOf } from '../fit/program.ts';
import { buildRelation } from './build.ts';
import { type Check, checkId, describeCheck } from './checks.ts';
import { any, call, column, not, TRUE } from './expressions.ts';
import type { Plan } from './plan.ts';
import { checkColumn } from './reading.ts';
import { type Expression, type NamedExpression, ROW_COLUMN } from './relation.ts';

export interface ContractCounts {
  rowsIn: number;
  /** Rows that break a rule that says drop, and none that says quarantine. */
  dropped: number;
  quarantined: number;
  /** By rule: how many rows break it. A row may break several. */
  rules: { id: string; otherwise: 'drop' | 'quarantine'; rows: number }[];
}

/** The checks whose rows are dropped or quarantined, by index. */
export function countedChecks(plan: Plan): number[] {
  return plan.checks.flatMap((check, i) => (check.otherwise === 'fail' ? [] : [i]));
}

const countWhere = (filter: Expression): Expression => ({ kind: 'aggregate', function: 'count', args: [TRUE], filter });

/** The aggregates of `ContractCounts`, over a relation that reports `countedChecks`. */
export function countOutputs(plan: Plan): NamedExpression[] {
  const breaks = (otherwise: 'drop' | 'quarantine'): Expression =>
    any(countedChecks(plan).flatMap((i) => (plan.checks[i]?.otherwise === otherwise ? [column(checkColumn(i))] : [])));
  const quarantined = breaks('quarantine');
  return [
    { name: 'rows', expression: { kind: 'aggregate', function: 'count', args: [TRUE] } },
    { name: 'quarantined', expression: countWhere(quarantined) },
    { name: 'dropped', expression: countWhere(call('and', breaks('drop'), not(quarantined))) },
    ...countedChecks(plan).map((i) => ({ name: `rule.${i}`, expression: countWhere(column(checkColumn(i))) })),
  ];
}

/** The counts out of the aggregates. */
export function readCounts(plan: Plan, result: Record<string, AggregateValue>): ContractCounts {
  const count = (name: string): number => Number(integerOf(result[name]));
  const rules = countedChecks(plan).flatMap((i) => {
    const check = plan.checks[i];
    return check === undefined || check.otherwise === 'fail'
      ? []
      : [{ id: checkId(check), otherwise: check.otherwise, rows: count(`rule.${i}`) }];
  });
  return { rowsIn: count('rows'), dropped: count('dropped'), quarantined: count('quarantined'), rules };
}

/** A check that failed a run: how many rows break it, and the first, counting from 1 over all objects. */
export interface Breach {
  check: Check;
  description: string;
  rows: number;
  firstRow: number;
}

/**
 * After a check stopped a pass: one more pass that says, for every check that says fail, how many rows
 * break it and which is the first. With fitted parameters the steps' own checks are looked at too (the
 * tables of deduplicating steps must then be there).
 */
export async function diagnoseFailure(plan: Plan, fitted: FittedParameters | null, engine: Engine): Promise<Breach[]> {
  const looked = plan.checks.flatMap((check, i) =>
    check.otherwise === 'fail' && (fitted !== null || check.step === undefined) ? [i] : [],
  );
  const built = buildRelation(plan, {
    until: fitted === null ? 0 : plan.steps.length,
    columns: new Set(),
    parameters: fitted?.values ?? new Map(),
    reading: { fails: 'none', report: looked, rowNumber: true },
    rows: 'flag',
    stepChecks: fitted !== null,
  });
  const outputs = looked.flatMap((i): NamedExpression[] => {
    const broken = column(checkColumn(i));
    return [
      { name: `rows.${i}`, expression: countWhere(broken) },
      {
        name: `first.${i}`,
        expression: { kind: 'aggregate', function: 'min', args: [column(ROW_COLUMN)], filter: broken },
      },
    ];
  });
  if (outputs.length === 0) return [];
  const result = await engine.aggregate(built.relation, outputs);
  return looked.flatMap((i): Breach[] => {
    const check = plan.checks[i];
    const rows = Number(integerOf(result[`rows.${i}`]));
    if (check === undefined || rows === 0) return [];
    return [{ check, description: describeCheck(check), rows, firstRow: Number(integerOf(result[`first.${i}`])) }];
  });
}
