// glovebox runs: the versions that runs have published.
import { VaultError, type VersionRecord } from '../../vault/index.ts';
import { defineCommand } from '../command.ts';
import { formatCount, formatTable, formatTime } from '../format.ts';
import { openWorkspaceVault } from '../workspace.ts';

export const runs = defineCommand({
  name: 'runs',
  summary: 'list the versions that runs have published',
  arguments: { dataset: { description: 'one derived dataset; all by default', optional: true } },
  options: {},
  async run(context, given) {
    const vault = await openWorkspaceVault(context);
    const derived = Object.entries(vault.workspace.datasets).filter(([, { kind }]) => kind === 'derived');
    const names = given.dataset === undefined ? derived.map(([name]) => name) : [given.dataset];
    const found: (VersionRecord & { latest: boolean })[] = [];
    for (const name of names) {
      const versions = await vault.versions(name);
      const latest = versions.length === 0 ? undefined : await latestOf(() => vault.version(name));
      found.push(...versions.map((version) => ({ ...version, latest: version.version === latest })));
    }
    context.ui.result({ versions: found.map(({ kind: _, ...version }) => version) }, () =>
      formatTable(['DATASET', 'VERSION', 'PIPELINE', 'PUBLISHED', 'ROWS', 'OBJECTS', ''], found.map(toRow)),
    );
    if (found.length === 0) context.ui.note('no run has published anything yet', 'glovebox run PIPELINE');
  },
});

/** None where a version was published and `latest` was not switched yet. */
async function latestOf(read: () => Promise<VersionRecord>): Promise<string | undefined> {
  try {
    return (await read()).version;
  } catch (error) {
    if (error instanceof VaultError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function toRow(version: VersionRecord & { latest: boolean }): string[] {
  const { dataset, version: name, pipeline, time, objects, latest, companionOf, summary } = version;
  const kept = readRows(summary, companionOf === undefined ? 'kept' : 'quarantined');
  return [dataset, name, pipeline, formatTime(time), kept, String(objects.length), latest ? 'latest' : ''];
}

function readRows(summary: Record<string, unknown>, what: 'kept' | 'quarantined'): string {
  const { rows } = summary;
  const count =
    typeof rows === 'object' && rows !== null && what in rows ? (rows as Record<string, unknown>)[what] : undefined;
  return typeof count === 'number' ? formatCount(count) : '-';
}
