// glovebox ls: the datasets of a workspace, or the objects of one.
import { parseAddress } from '../../vault/index.ts';
import { defineCommand } from '../command.ts';
import { formatBytes, formatTable, formatTime } from '../format.ts';
import { openWorkspace, openWorkspaceVault } from '../workspace.ts';

export const ls = defineCommand({
  name: 'ls',
  summary: 'list datasets, or the objects of one',
  details:
    'Of a derived dataset it lists the latest version, or the one that is named. A path limits it to names that begin so.',
  examples: ['glovebox ls', 'glovebox ls claims-raw', 'glovebox ls claims-features@20261124-101500-1a2b3c'],
  arguments: { address: { description: 'DATASET[@VERSION][/PREFIX]', optional: true } },
  options: {},
  async run(context, given) {
    const { ui } = context;
    if (given.address === undefined) {
      const { datasets } = await openWorkspace(context);
      const rows = Object.entries(datasets).map(([name, config]) => ({ name, ...config }));
      ui.result({ datasets: rows }, () =>
        formatTable(
          ['DATASET', 'KIND', 'CLASSIFICATION', 'KEY', 'STORE'],
          rows.map(({ name, kind, classification, key, store }) => [name, kind, classification, key, store]),
        ),
      );
      return;
    }
    const { dataset, version, path } = parseAddress(given.address);
    const vault = await openWorkspaceVault(context);
    const objects = await vault.list(dataset, {
      ...(version === undefined ? {} : { version }),
      ...(path === undefined ? {} : { prefix: path }),
    });
    ui.result({ dataset, ...(version === undefined ? {} : { version }), objects }, () =>
      formatTable(
        ['NAME', 'SIZE', 'STORED', 'SHA256'],
        objects.map(({ path: name, size, time, sha256 }) => [
          name,
          formatBytes(size),
          formatTime(time),
          sha256.slice(0, 16),
        ]),
      ),
    );
    if (objects.length === 0) ui.note(`nothing is in ${given.address}`);
  },
});
