// glovebox gc: removes sealed objects that nothing names any more.
import type { Collected } from '../../vault/index.ts';
import { defineCommand } from '../command.ts';
import { formatBytes, formatTable } from '../format.ts';
import { parseDuration } from '../parse.ts';
import { openWorkspaceVault } from '../workspace.ts';

const DAY_MS = 86_400_000;

export const gc = defineCommand({
  name: 'gc',
  summary: 'remove sealed objects that nothing names any more',
  details:
    'What was removed or replaced, what killed commands left behind, and uploads to which nothing came. Only what is older than the grace time ' +
    'goes, because an upload under way has no name yet: choose it longer than your longest upload and run.',
  arguments: { dataset: { description: 'one dataset; all by default', optional: true } },
  options: {
    grace: {
      value: 'DURATION',
      description: 'the least age, such as 30min, 24h or 7d',
      byDefault: '24h',
      parse: parseDuration,
    },
  },
  async run(context, given, { grace = DAY_MS }) {
    const vault = await openWorkspaceVault(context);
    const names = given.dataset === undefined ? Object.keys(vault.workspace.datasets) : [given.dataset];
    const collected: (Collected & { dataset: string })[] = [];
    for (const dataset of names) collected.push({ dataset, ...(await vault.collect(dataset, grace)) });
    context.ui.result({ collected }, () =>
      formatTable(
        ['DATASET', 'OBJECTS', 'UPLOADS', 'TEMPORARY', 'FREED'],
        collected.map(({ dataset, objects, uploads, temporary, bytes }) => [
          dataset,
          String(objects),
          String(uploads),
          String(temporary),
          formatBytes(bytes),
        ]),
      ),
    );
  },
});
