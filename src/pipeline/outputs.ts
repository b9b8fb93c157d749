// What a run asks of the engine besides the fit and the transform: the quarantined rows, and counts.
import type { Engine } from './engines/types.ts';
import { call, column, text } from './plan/expressions.ts';
import type { Plan } from './plan/plan.ts';
import { quarantineRelation, REASON_COLUMN } from './plan/reading.ts';
import type { Relation } from './plan/relation.ts';
import type { OutputColumn, Transform } from './plan/transform.ts';

/** The quarantined rows as they came, and the rules that each of them broke. */
export function quarantineOutput(plan: Plan): { relation: Relation; columns: OutputColumn[] } {
  const names = [...plan.sourceColumns, REASON_COLUMN];
  return { relation: quarantineRelation(plan), columns: names.map((name) => ({ name, type: 'string' })) };
}

/** One pass that counts the rows of each split. */
export async function countSplits(
  engine: Engine,
  { relation, splitColumn }: Transform,
  splits: string[],
): Promise<Record<string, number>> {
  const outputs = splits.map((split) => ({
    name: split,
    expression: {
      kind: 'aggregate' as const,
      function: 'count' as const,
      args: [],
      filter: call('equal', column(splitColumn ?? ''), text(split)),
    },
  }));
  const counts = await engine.aggregate(relation, outputs);
  return Object.fromEntries(splits.map((split) => [split, Number(counts[split])]));
}
