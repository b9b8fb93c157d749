// Fetches a file, or a folder's files, from a server into a dataset or a plaintext folder.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { GloveboxError } from '../lib/index.ts';
import { SftpError } from '../sftp/index.ts';
import { type Connection, stopped, watchStall } from './connection.ts';
import { eachOf } from './each-of.ts';
import { TransferError } from './error.ts';
import { type Account, type FileAccount, settleFailures } from './events.ts';
import { type PlanOptions, planTree, remoteTree, remoteType, type Tree } from './plan.ts';
import { readRemote } from './pull-source.ts';
import type { PullSink, PullStore, RemoteFile } from './pull-types.ts';
import { joinRemote, type Remote } from './remote.ts';
import { type RetryOptions, withRetries } from './retry.ts';
import { openSessions, type Sessions } from './sessions.ts';

/** READs under way in all, as many as one download has: 16 MiB on each session. */
const MOST_READS = 64;
const LEAST_READS = 8;
/** A folder takes many answers. */
const LISTING_PATIENCE = 10;

export interface PullOptions extends Pick<PlanOptions, 'include' | 'exclude' | 'maxDepth' | 'signal'> {
  open: () => Promise<Connection>;
  /** Where the files go; told whether the place on the server is a folder, and of a single file the last part. */
  openStore(isFolder: boolean, name: string): { store: PullStore; name: string };
  account: Account;
  /** Files under way at once. */
  parallel: number;
  /** Sessions with the server: few files are read over several at once. */
  sessions: number;
  /** Times that a lost connection is opened again without anything coming through. */
  retries: number;
  /** Milliseconds. */
  stallMs: number;
  /** Reads each file a second time, and compares. */
  verify: boolean;
  /** Also what is there already. */
  again: boolean;
  /** Only says what it would do. */
  dryRun: boolean;
}

export interface PullPlan {
  files: { path: string; to: string; size: number | undefined }[];
  bytes: number;
}

/**
 * Fetches what is at `remote`. A file that does not come is told to the account, and the others go on.
 *
 * @returns what there was to do
 * @throws TransferError `INCOMPLETE` where files did not come (of a single file: what was wrong), `LOCAL`, `ABORTED`;
 *   and as `connect`; SftpError; VaultError
 */
export async function pull(remote: Remote, options: PullOptions): Promise<PullPlan> {
  const { account, signal, retries } = options;
  const sessions = openSessions(options.open, options.sessions);
  const retry = { retries, signal, onRetry: account.retry, hasProgressed: account.hasProgressed };
  try {
    const found = await withRetries(sessions.borrow, (connection) => lookAt(connection, remote, options), retry);
    const name = lastPart(remote);
    const { store, name: single } = options.openStore(found.isFolder, name);
    // As rsync(1) has it: `FOLDER` comes with its name, `FOLDER/` without.
    const prefix = remote.path.endsWith('/') || ['', '.', '..'].includes(name) ? '' : `${name}/`;
    const files = found.files.map((file) => ({ ...file, name: found.isFolder ? `${prefix}${file.name}` : single }));
    const work = async (): Promise<PullPlan> => {
      const choice = await choose(files, found.refused, store, options);
      await fetchAll(choice, store, sessions, retry, options);
      const [failure] = account.failures;
      if (failure !== undefined && files.length === 1) throw failure.error;
      settleFailures(account, choice.wanted.length + choice.bad.length);
      if (!options.dryRun) await store.finish();
      return planOf(choice.wanted, store);
    };
    return await (options.dryRun ? work() : store.exclusively(work));
  } finally {
    await sessions.close();
  }
}

interface Found {
  isFolder: boolean;
  files: RemoteFile[];
  /** Folders in which there are names that are none. */
  refused: { path: string; count: number }[];
}

async function lookAt(connection: Connection, remote: Remote, options: PullOptions): Promise<Found> {
  const { account, signal, stallMs } = options;
  const { sftp } = connection;
  const place = remote.path === '' ? '.' : remote.path;
  const within = <Result>(asking: Promise<Result>, limit = stallMs): Promise<Result> =>
    asking.finally(watchStall(connection, limit).stop);
  const { mode, size, times } = await within(sftp.stat(place));
  const type = remoteType(mode);
  if (type !== 'folder') {
    if (type !== 'file') {
      throw new TransferError('LOCAL', `${remote.text}: is neither a file nor a folder`, { hint: 'name another one' });
    }
    return { isFolder: false, files: [{ name: '', place, size, modified: times?.modified }], refused: [] };
  }
  const found: Found = { isFolder: true, files: [], refused: [] };
  const skipped: { path: string; reason: Parameters<Account['skip']>[1] }[] = [];
  const { list, identify } = remoteTree(sftp, place, { signal });
  const tree: Tree = {
    list: (path) => within(list(path), LISTING_PATIENCE * stallMs),
    identify: (path) => within(identify(path)),
  };
  for await (const planned of planTree(tree, options)) {
    if (planned.kind === 'file') {
      const { path, size: bytes, modified } = planned;
      found.files.push({ name: path, place: joinRemote(place, path), size: bytes, modified });
    } else if (planned.kind === 'skip') skipped.push(planned);
    else if (planned.kind === 'refused') found.refused.push(planned);
  }
  // Not before: a connection that is lost meanwhile has all of it looked at again.
  for (const { path, reason } of skipped) account.skip(path, reason);
  return found;
}

function lastPart({ path }: Remote): string {
  return basename(path.replace(/\/+$/, ''));
}

function planOf(files: readonly RemoteFile[], store: PullStore): PullPlan {
  const bytes = files.reduce((sum, { size }) => sum + (size ?? 0), 0);
  return { files: files.map(({ name, size }) => ({ path: name, to: store.addressOf(name), size })), bytes };
}

interface Choice {
  wanted: RemoteFile[];
  /** What cannot be here, with the reason. */
  bad: { path: string; error: Error }[];
}

/** What there is to do: without what is there already. */
async function choose(
  files: readonly RemoteFile[],
  refused: Found['refused'],
  store: PullStore,
  { account, again }: PullOptions,
): Promise<Choice> {
  const errors = store.check(files);
  const choice: Choice = { wanted: [], bad: [] };
  for (const file of files) {
    const error = errors.get(file);
    if (error !== undefined) choice.bad.push({ path: file.name, error });
    else if (!again && (await store.has(file))) account.skip(file.name, 'same');
    else choice.wanted.push(file);
  }
  for (const { path, count } of refused) {
    const where = path === '' ? 'the folder' : path;
    const error = new TransferError('LOCAL', `${where} has ${count} names on the server that are none here`, {
      hint: 'they are not UTF-8, too long, or have a "/": have them renamed there',
    });
    choice.bad.push({ path: path === '' ? '.' : path, error });
  }
  return choice;
}

async function fetchAll(
  { wanted, bad }: Choice,
  store: PullStore,
  sessions: Sessions,
  retry: RetryOptions,
  options: PullOptions,
): Promise<void> {
  const { account } = options;
  if (!options.dryRun) await store.makeRoom(wanted);
  account.start(
    wanted.length + bad.length,
    wanted.reduce((sum, { size }) => sum + (size ?? 0), 0),
  );
  for (const { path, error } of bad) account.failed(path, error);
  if (options.dryRun) return;
  const parallel = Math.max(1, Math.min(options.parallel, wanted.length));
  // Where there are fewer files than sessions, each is read over several.
  const share = Math.max(1, Math.floor(options.sessions / parallel));
  const reads = Math.max(LEAST_READS, Math.floor((MOST_READS * options.sessions) / (parallel * share)));
  await eachOf(wanted, parallel, async (file) => {
    const job: Job = { file, sink: undefined, account: undefined, attempts: 0 };
    const work = async (connection: Connection) => {
      const others = Array.from({ length: share - 1 }, sessions.borrow);
      await fetchOne([connection, ...(await Promise.all(others))], job, store, reads, options);
    };
    try {
      await withRetries(sessions.borrow, work, retry);
    } catch (error) {
      if (options.signal.aborted) throw stopped();
      if (!(error instanceof Error) || concernsAll(error)) throw error;
      if (job.account === undefined) account.failed(file.name, error);
      else job.account.failed(error);
    } finally {
      await job.sink?.suspend();
    }
  });
}

interface Job {
  file: RemoteFile;
  sink: PullSink | undefined;
  account: FileAccount | undefined;
  attempts: number;
}

/** Goes on with the file where it is, to its end. */
async function fetchOne(
  connections: readonly Connection[],
  job: Job,
  store: PullStore,
  parallel: number,
  { account, signal, stallMs, verify }: PullOptions,
): Promise<void> {
  job.attempts += 1;
  if (job.attempts > 1) await lookAgain(connections, job, stallMs);
  job.sink ??= await store.open(job.file);
  const { sink, file } = job;
  job.account ??= account.file(file.name, file.size, sink.position);
  const reading = { parallel, stallMs, signal };
  for await (const chunk of readRemote(connections, file, { from: sink.position, ...reading })) {
    const { length } = chunk;
    await sink.write(chunk);
    job.account.moved(length);
  }
  let expected: string | undefined;
  if (verify) {
    const hash = createHash('sha256');
    for await (const chunk of readRemote(connections, file, { from: 0, ...reading })) {
      hash.update(chunk);
      chunk.fill(0);
    }
    expected = hash.digest('hex');
  }
  const { size, sha256 } = await sink.complete(expected);
  job.sink = undefined;
  const to = store.addressOf(file.name);
  job.account.done({ to, size, sha256, verified: verify ? 'read-again' : 'on-the-way' });
}

/** After a failure: whether it is still the same file. */
async function lookAgain([connection]: readonly Connection[], job: Job, stallMs: number): Promise<void> {
  if (connection === undefined) return;
  const { size, times } = await connection.sftp.stat(job.file.place).finally(watchStall(connection, stallMs).stop);
  const modified = times?.modified;
  const isSame = size === job.file.size && modified === job.file.modified;
  // Without these nobody can say whether what came is the beginning of it.
  if (isSame && size !== undefined && modified !== undefined) return;
  job.file = { ...job.file, size, modified };
  await job.sink?.restart(job.file);
  job.account?.restart(0);
}

const OF_ALL = [
  // Of the connection.
  ...['LOST', 'PROTOCOL', 'MALFORMED', 'CONNECT', 'HOST_UNKNOWN', 'HOST_KEY', 'LOGIN', 'SETUP'],
  // Of the dataset.
  ...['KIND', 'NO_SPACE', 'WRITE'],
];

/** Whether it would be the same with the next file. */
function concernsAll(error: Error): boolean {
  if (!(error instanceof GloveboxError)) return true;
  // The server may deny one file and give another; the vault decides on the dataset.
  if (error.code === 'DENIED') return !(error instanceof SftpError);
  return OF_ALL.includes(error.code);
}
