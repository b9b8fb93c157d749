// Sends many files to one server, several at once.
import { FILE_TYPE, PARTIAL_UPLOAD, type SftpClient, SftpError } from '../sftp/index.ts';
import { type Connection, stopped } from './connection.ts';
import { eachOf } from './each-of.ts';
import { type Account, type FileAccount, settleFailures } from './events.ts';
import { pushFile } from './push-file.ts';
import type { PushJournal } from './push-journal.ts';
import type { PushSource } from './push-source.ts';
import { joinRemote, type Remote } from './remote.ts';
import { withRetries } from './retry.ts';
import { openSessions } from './sessions.ts';

export interface PushOptions {
  open: () => Promise<Connection>;
  account: Account;
  journal: PushJournal;
  /** Files under way at once. */
  parallel: number;
  /** Sessions with the server. */
  sessions: number;
  /** Times that a lost connection is opened again without anything coming through. */
  retries: number;
  verify: boolean;
  /** Milliseconds. */
  stallMs: number;
  signal: AbortSignal;
}

/**
 * Sends `sources` to `remote`: into that folder, which is made, where they have paths; a single one without a path
 * goes to that very place, or into it where it is a folder already (`name` is what it is called there).
 *
 * A file that does not come over is told to the account, and the others go on; what concerns the connection ends
 * all.
 *
 * @throws TransferError `INCOMPLETE` where files did not come over (of a single file: what was wrong); and as
 *   `connect`; SftpError
 */
export async function push(
  remote: Remote,
  sources: readonly PushSource[],
  options: PushOptions & { name?: string | undefined },
): Promise<void> {
  const { account, signal, retries } = options;
  const sessions = openSessions(options.open, options.sessions);
  const total = sources.reduce((sum, { size }) => sum + size, 0);
  try {
    const retry = {
      retries,
      signal,
      onRetry: account.retry,
      hasProgressed: account.hasProgressed,
    };
    const places = await withRetries(
      sessions.borrow,
      ({ sftp }) => prepare(sftp, remote, sources, options.name),
      retry,
    );
    account.start(sources.length, total);
    await eachOf(sources, options.parallel, async (source) => {
      const place = places.get(source) ?? remote.path;
      const shown = source.path === '' ? place : source.path;
      let file: FileAccount | undefined;
      const begin = (position: number): FileAccount => {
        if (file === undefined) file = account.file(shown, source.size, position);
        else file.restart(position);
        return file;
      };
      try {
        const target = JSON.stringify([remote.user ?? '', remote.host, remote.port ?? 0, place]);
        const { verify, stallMs, journal } = options;
        const job = { place, target, journal, begin, verify, stallMs, signal };
        const pushed = await withRetries(sessions.borrow, (connection) => pushFile(connection, source, job), retry);
        if (pushed.isInSteps)
          account.note(`${shown}: the server removed the old file before it had the new one in place`);
        file?.done({ to: place, size: pushed.size, sha256: pushed.sha256, verified: pushed.verified });
      } catch (error) {
        if (signal.aborted) throw stopped();
        if (!(error instanceof Error) || isOfConnection(error)) throw error;
        if (file === undefined) account.failed(shown, error);
        else file.failed(error);
      }
    });
  } finally {
    await sessions.close();
  }
  const [first] = account.failures;
  if (first !== undefined && sources.length === 1) throw first.error;
  settleFailures(account, sources.length);
}

const OF_CONNECTION = ['LOST', 'PROTOCOL', 'MALFORMED', 'CONNECT', 'HOST_UNKNOWN', 'HOST_KEY', 'LOGIN', 'SETUP'];

function isOfConnection(error: Error): boolean {
  return !('code' in error) || typeof error.code !== 'string' || OF_CONNECTION.includes(error.code);
}

/** Where each goes. Makes the folders on the way, except where names make them (a server of ours). */
async function prepare(
  sftp: SftpClient,
  remote: Remote,
  sources: readonly PushSource[],
  name: string | undefined,
): Promise<Map<PushSource, string>> {
  const [single] = sources;
  if (single?.path === '' && sources.length === 1) {
    const isFolder = remote.path === '' || remote.path.endsWith('/') || (await isFolderThere(sftp, remote.path));
    const place = isFolder ? joinRemote(remote.path, name ?? '') : remote.path;
    if (isFolder && remote.path.endsWith('/')) await makeFolders(sftp, [place]);
    return new Map([[single, place]]);
  }
  const places = new Map(sources.map((source) => [source, joinRemote(remote.path, source.path)]));
  await makeFolders(sftp, places.values());
  return places;
}

async function isFolderThere(sftp: SftpClient, path: string): Promise<boolean> {
  try {
    const { mode = 0 } = await sftp.stat(path);
    return (mode & FILE_TYPE.mask) === FILE_TYPE.directory;
  } catch (error) {
    if (error instanceof SftpError && ['NOT_FOUND', 'DENIED', 'FAILED'].includes(error.code)) return false;
    throw error;
  }
}

async function makeFolders(sftp: SftpClient, places: Iterable<string>): Promise<void> {
  if (sftp.extensions.has(PARTIAL_UPLOAD.name)) return;
  const made = new Set<string>();
  for (const place of places) {
    for (let cut = place.indexOf('/', 1); cut > 0; cut = place.indexOf('/', cut + 1)) {
      const folder = place.slice(0, cut);
      if (made.has(folder) || folder.endsWith('/')) continue;
      made.add(folder);
      if (await isFolderThere(sftp, folder)) continue;
      await sftp.mkdir(folder).catch((error: unknown) => {
        if (!(error instanceof SftpError) || error.code !== 'EXISTS') throw error;
      });
    }
  }
}
