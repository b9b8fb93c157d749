// The identifier rule: no identifying column reaches a dataset of lower classification by accident.
import { PipelineError } from '../error.ts';
import type { Column, ColumnWay } from './columns.ts';
import type { Plan, PlanWorkspace } from './plan.ts';

const MENDS = {
  identifier: 'pseudonymize it, or drop it',
  'quasi-identifier': 'generalize it, pseudonymize it, or drop it',
  sensitive: 'drop it',
} as const;

/** What happens to each source column that is declared identifying or sensitive. */
export function waysOf(
  source: readonly Column[],
  output: readonly Column[],
  uses: ReadonlyMap<string, ReadonlySet<string>>,
): ColumnWay[] {
  return source.flatMap(({ name, origins }) =>
    origins.map(({ is }) => {
      const reaches = output.flatMap((column) => reachesOf(column, name));
      const way = reaches.map(({ column, treatments }) => `${treatments.join(', ') || 'as it is'}, in ${column}`);
      return { column: name, is, reaches, way: way.join('; ') || 'dropped', usedBy: [...(uses.get(name) ?? [])] };
    }),
  );
}

function reachesOf(column: Column, source: string): ColumnWay['reaches'] {
  return column.origins
    .filter((origin) => origin.source === source)
    .map(({ treatments, exposed }) => ({
      column: column.group === true ? `${column.name}_*` : column.name,
      treatments,
      exposed,
    }));
}

/**
 * Refuses a plan in which an identifier or a quasi-identifier reaches an output of lower classification
 * than the source without a de-identifying step. What is computed from a column counts as the column.
 *
 * @throws PipelineError IDENTIFIER that names every such column, the dataset and the steps that mend it.
 */
export function checkIdentifiers(plan: Plan, workspace: PlanWorkspace): void {
  const { source, output } = plan.spec;
  const classOf = (name: string): string => workspace.datasets.get(name)?.classification ?? '';
  if (workspace.compareClassification(classOf(output.dataset), classOf(source.dataset)) >= 0) return;
  const leaks = plan.ways.flatMap((way) =>
    way.is === 'sensitive' ? [] : way.reaches.filter(({ exposed }) => exposed).map(({ column }) => ({ way, column })),
  );
  if (leaks.length === 0) return;
  const said = leaks.map(({ way, column }) => {
    const as = column === way.column ? '' : ` (in "${column}")`;
    return `the ${way.is} "${way.column}"${as}`;
  });
  const mends = [...new Set(leaks.map(({ way }) => `"${way.column}": ${MENDS[way.is]}`))];
  throw new PipelineError(
    'IDENTIFIER',
    `${said.join(', ')} would reach "${output.dataset}" (${classOf(output.dataset)}), which is of lower classification than "${source.dataset}" (${classOf(source.dataset)})`,
    { path: ['steps'], hint: mends.join('; ') },
  );
}
