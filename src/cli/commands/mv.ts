// glovebox mv: renames an object; to another dataset it is sealed anew, under that dataset's key.
import { basename } from 'node:path';
import { formatAddress, parseAddress, type Vault, VaultError } from '../../vault/index.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { openWorkspaceVault } from '../workspace.ts';

interface Place {
  dataset: string;
  path: string;
}

export const mv = defineCommand({
  name: 'mv',
  summary: 'rename an object of a raw dataset, or move it to another one',
  details:
    'Within a dataset this is one atomic step, whatever the size. To another dataset the object is opened and ' +
    "sealed anew under that dataset's key, and the old name goes last.",
  arguments: { from: { description: 'DATASET/PATH' }, to: { description: 'DATASET[/PATH], or DATASET/FOLDER/' } },
  options: { force: { short: 'f', description: 'replace an object of that name' } },
  async run(context, given, { force }) {
    const from = parsePlace(given.from);
    const to = parsePlace(given.to, from.path);
    const vault = await openWorkspaceVault(context);
    if (from.dataset === to.dataset) await vault.rename(from.dataset, from.path, to.path, { replace: force });
    else await moveAcross(vault, from, to, force, context);
    context.ui.result({ from: formatAddress(from), to: formatAddress(to) }, [
      `${formatAddress(from)} -> ${formatAddress(to)}`,
    ]);
  },
});

function parsePlace(text: string, otherPath?: string): Place {
  const { dataset, path, version } = parseAddress(text);
  if (version !== undefined)
    throw usage(`${text}: a version does not change`, 'only objects of raw datasets can be moved');
  if (path !== undefined && !path.endsWith('/')) return { dataset, path };
  if (otherPath === undefined) throw usage(`${text}: names no object`, `see what is there: glovebox ls ${dataset}`);
  return { dataset, path: `${path ?? ''}${basename(otherPath)}` };
}

async function moveAcross(
  vault: Vault,
  from: Place,
  to: Place,
  force: boolean,
  { signal }: CommandContext,
): Promise<void> {
  if (!force && (await exists(vault, to))) {
    throw usage(`${formatAddress(to)} exists`, 'choose another name, or say --force');
  }
  const { chunks, info } = await vault.get(from.dataset, from.path, { signal });
  await vault.put(to.dataset, to.path, chunks, { signal });
  const now = await vault.stat(from.dataset, from.path);
  if (now.messageId !== info.messageId) {
    throw new VaultError(
      'CONFLICT',
      `${formatAddress(from)} was replaced meanwhile: it stays, beside ${formatAddress(to)}`,
    );
  }
  await vault.remove(from.dataset, from.path);
}

async function exists(vault: Vault, { dataset, path }: Place): Promise<boolean> {
  try {
    await vault.stat(dataset, path);
    return true;
  } catch (error) {
    if (error instanceof VaultError && error.code === 'NOT_FOUND' && vault.workspace.datasets[dataset]) return false;
    throw error;
  }
}
