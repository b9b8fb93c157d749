// glovebox plan: what a run would read, do and write, before it does.
import { type ColumnWay, describePipeline, type PipelineDescription } from '../../pipeline/index.ts';
import { defineCommand } from '../command.ts';
import { formatBytes, formatFields, formatMany, formatTable, printable } from '../format.ts';
import { openWorkspaceVault } from '../workspace.ts';

export const plan = defineCommand({
  name: 'plan',
  summary: 'show what a run would read, do and write',
  details:
    'Reads the headers of the source and no rows; changes nothing. A pipeline that would let an identifying column ' +
    'through to a dataset of lower classification is refused here.',
  arguments: { pipeline: { description: 'name of a pipeline: its file without .yaml' } },
  options: {},
  async run(context, given) {
    const vault = await openWorkspaceVault(context);
    const described = await describePipeline(vault, given.pipeline);
    context.ui.result(described, () => describe(described));
    if (described.objects.length === 0) {
      const { dataset, objects } = described.reads;
      context.ui.note(`nothing in ${dataset} matches ${objects} yet`, `glovebox put FILE ${dataset}`);
    }
  },
});

function describe(plan: PipelineDescription): string[] {
  const { reads, writes, quarantine, checks, steps, ways, passes, secrets, objects } = plan;
  const total = objects.reduce((sum, { bytes }) => sum + bytes, 0);
  const place = (name: string): string => {
    const config = plan.datasets.find((dataset) => dataset.name === name);
    return config === undefined ? name : `${name} (${config.classification}, key ${config.key})`;
  };
  return [
    ...formatFields([
      ['pipeline', plan.pipeline],
      [
        'reads',
        `${place(reads.dataset)}: ${formatMany(objects.length, 'object')} ${reads.objects}, ${formatBytes(total)}`,
      ],
      ['ignores', list(reads.ignored)],
      ['writes', `${place(writes.dataset)}: ${writes.format}`],
      ['splits', list(writes.splits.map(({ name, fraction }) => `${name} ${fraction}`))],
      ['quarantine', quarantine === null ? 'none' : place(quarantine)],
      ['secrets', list(secrets)],
      ['passes', `deduplicate: ${passes.deduplicate}; fit: ${passes.fit}; transform: ${passes.transform}`],
    ]),
    ...section('identifying and sensitive columns', ways.map(describeWay)),
    ...section(
      'checks',
      checks.map(({ description, otherwise }) => [description, `otherwise ${otherwise}`]),
    ),
    ...section(
      'steps',
      steps.map(({ label, learns }) => [label, learns.length === 0 ? '' : `learns ${learns.join(', ')}`]),
    ),
    ...section(
      'columns written',
      writes.columns.map(({ name, type }) => [name, String(type)]),
    ),
    ...section(
      'sql',
      plan.sql.split('\n').map((line) => [line]),
    ),
  ];
}

function list(names: string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

function section(title: string, rows: string[][]): string[] {
  const [first, ...rest] = rows;
  if (first === undefined) return [];
  const lines = first.length === 1 ? rows.map(([line = '']) => printable(line)) : formatTable(first, rest);
  return ['', title, ...lines.map((line) => `  ${line}`)];
}

function describeWay({ column, is, reaches, usedBy }: ColumnWay): string[] {
  const ends = reaches.map(({ column: name, treatments, exposed }) => {
    const how = treatments.length === 0 ? 'as it is' : treatments.join(', ');
    return `${name} (${how}${exposed ? ', exposed' : ''})`;
  });
  const way = ends.length === 0 ? 'does not get out' : `becomes ${ends.join(', ')}`;
  return [column, is, usedBy.length === 0 ? way : `${way}; used by ${usedBy.join(', ')}`];
}
