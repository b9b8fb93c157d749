// Where `pull` puts what it fetches: a dataset, or a path of this host. The latter is said aloud, and recorded (I1).
import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import {
  type Account,
  openDatasetStore,
  openFolderStore,
  type PullStore,
  pullJournalPath,
  type Remote,
} from '../transfer/index.ts';
import { parseAddress } from '../vault/index.ts';
import { findWorkspace, STATE_FOLDER, WorkspaceError } from '../workspace/index.ts';
import type { CommandContext } from './command.ts';
import { usage } from './error.ts';
import { warnOfPlaintext } from './target-file.ts';
import { openGateOf, openWorkspace, openWorkspaceVault } from './workspace.ts';

export interface PullTarget {
  /** @param name what a single file is called on the server */
  open(isFolder: boolean, name: string): { store: PullStore; name: string };
  /** Says that there is plaintext now. */
  warn(): void;
}

/** @throws CliError `USAGE`; VaultError `ADDRESS`; as `openWorkspaceVault`; AuditError `WRITE` */
export async function openPullTarget(
  context: CommandContext,
  remote: Remote,
  dest: string,
  { isPath, dryRun, account }: { isPath: boolean; dryRun: boolean; account: Pick<Account, 'note'> },
): Promise<PullTarget> {
  if (dest === '') throw usage('the destination is empty');
  return isPath || looksLikePath(dest)
    ? openPath(context, remote, dest, dryRun)
    : openDataset(context, remote, dest, account);
}

/** `/…`, `./…`, `../…`, `.` and `..`: no dataset begins so. */
function looksLikePath(text: string): boolean {
  return /^(?:\.{0,2}\/|\.{1,2}$)/.test(text);
}

async function openDataset(
  context: CommandContext,
  remote: Remote,
  dest: string,
  { note }: Pick<Account, 'note'>,
): Promise<PullTarget> {
  const { dataset, path = '', version } = parseAddress(dest);
  if (version !== undefined) throw usage(`${dest}: a version cannot be written to`, 'only runs make versions');
  const vault = await openWorkspaceVault(context);
  const known = vault.workspace.datasets[dataset];
  if (known?.kind !== 'raw') {
    const what = known === undefined ? `the workspace has no dataset ${dataset}` : `${dataset} is derived`;
    throw usage(`${what}: nothing can be pulled into it`, `for plaintext, say ./${dest} or --plaintext`);
  }
  const journal = pullJournalPath(join(vault.workspace.directory, STATE_FOLDER, 'pulls'), [nameOf(remote), dest]);
  return {
    open(isFolder, name) {
      const open = (prefix: string) =>
        openDatasetStore(vault, dataset, prefix, { journal, note, signal: context.signal });
      if (isFolder) return { store: open(path === '' || path.endsWith('/') ? path : `${path}/`), name };
      return { store: open(''), name: path === '' || path.endsWith('/') ? `${path}${name}` : path };
    },
    warn: () => undefined,
  };
}

async function openPath(context: CommandContext, remote: Remote, dest: string, dryRun: boolean): Promise<PullTarget> {
  if (!dryRun) await record(context, remote, dest);
  return {
    open(isFolder, name) {
      if (isFolder) return { store: openFolderStore(dest, nameOf(remote)), name };
      const isInside = dest.endsWith('/') || statSync(dest, { throwIfNoEntry: false })?.isDirectory() === true;
      const file = isInside ? join(dest, name) : dest;
      return { store: openFolderStore(dirname(file), nameOf(remote), basename(file)), name: basename(file) };
    },
    warn: () => warnOfPlaintext(dest, context.ui),
  };
}

/** Inside a workspace it is in the log that data came past it. */
async function record(context: CommandContext, remote: Remote, dest: string): Promise<void> {
  try {
    await findWorkspace(context.directory);
  } catch (error) {
    if (error instanceof WorkspaceError && error.code === 'NO_WORKSPACE' && !context.directoryGiven) return;
    throw error;
  }
  const { gate } = await openGateOf(context, await openWorkspace(context));
  gate.note('pull', nameOf(remote), resolve(dest));
}

/** The place on the server, in one form, however it was typed. */
function nameOf({ user, host, port, path }: Remote): string {
  return `sftp://${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}/${path}`;
}
