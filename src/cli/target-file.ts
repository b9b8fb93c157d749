// What `get`, `seal` and `open` write: standard output, or a file that appears whole or not at all, readable
// by its owner only.
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failedWrite, isErrnoError } from '../lib/index.ts';
import { SealError, wipeAll } from '../seal/index.ts';
import { CliError, usage } from './error.ts';
import { writeStandardOutput } from './standard-streams.ts';
import type { Ui } from './ui.ts';

/** Where output goes. */
export interface Target {
  /** Of a new file: workers may write at any place in it. Absent where bytes are taken in order only. */
  descriptor?: number;
  /** Appends; once, and not together with `descriptor`. */
  write(chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Refuses what must not go to the terminal, and two things on one standard output. @throws CliError `USAGE` */
export function checkOutput(output: string, ui: Ui, what: string): void {
  if (output !== '-') return;
  const hint = 'name a file with -o FILE';
  if (ui.resultsToTerminal) throw usage(`this would print ${what} on the terminal`, `pipe it on, or ${hint}`);
  if (ui.json) throw usage(`--json and ${what} cannot share standard output`, hint);
}

/** The one plaintext that Glovebox writes to a disk (I1): said aloud. */
export function warnOfPlaintext(path: string, ui: Ui): void {
  ui.warn(`${path} is plaintext on your disk, readable by you (0600)`, 'remove it when you are done with it');
}

/** Writes `chunks`, which are wiped and given back, to the file `path`, as `fillTarget`; a file of that name is replaced. */
export async function writeTargetFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await fillFile(path, true, (target) => target.write(chunks));
}

/**
 * Lets `fill` write to standard output (`-`), or into a temporary file beside `output` (0600), which gets
 * its name when all of it is on the disk, and is removed on failure. What is there already and is no regular file (a device, a FIFO) is written
 * to directly.
 *
 * @param options.replace whether a file of that name is replaced; else it is an error, also where it came meanwhile
 * @throws CliError `FILE`, `WRITE`; what `fill` and standard output throw
 */
export function fillTarget<Result>(
  output: string,
  { replace, signal }: { replace: boolean; signal: AbortSignal },
  fill: (target: Target) => Promise<Result>,
): Promise<Result> {
  if (output === '-') return fill({ write: (chunks) => writeStandardOutput(chunks, signal) });
  return fillFile(output, replace, fill);
}

async function fillFile<Result>(
  path: string,
  replace: boolean,
  fill: (target: Target) => Promise<Result>,
): Promise<Result> {
  const present = await statOrNothing(path);
  if (present?.isDirectory()) {
    throw new CliError('FILE', `${path}: is a folder`, { hint: 'name a file in it: -o FOLDER/NAME' });
  }
  if (present !== undefined && !present.isFile()) {
    const target = await open(path, 'w');
    try {
      return await fill({ write: (chunks) => writeAll(target, path, chunks) });
    } finally {
      await target.close();
    }
  }
  if (present !== undefined && !replace) throw exists(path);
  const temporary = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomBytes(6).toString('hex')}.part`);
  try {
    const result = await fillNewFile(temporary, path, fill);
    if (replace) await rename(temporary, path);
    else await renameNew(temporary, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function fillNewFile<Result>(
  temporary: string,
  path: string,
  fill: (target: Target) => Promise<Result>,
): Promise<Result> {
  const target = await open(temporary, 'wx', 0o600).catch((error: unknown) => {
    if (!isErrnoError(error, 'ENOENT', 'ENOTDIR')) throw unwritable(path, error);
    throw new CliError('FILE', `${path}: there is no such folder`, { hint: 'make it first', cause: error });
  });
  try {
    await target.chmod(0o600);
    const result = await fill({
      descriptor: target.fd,
      write: (chunks) => writeAll(target, path, chunks),
    }).catch((error: unknown) => {
      // A worker does not know the path.
      const cause = error instanceof SealError ? failedWrite(error) : undefined;
      throw cause === undefined ? error : unwritable(path, cause);
    });
    await target.sync().catch((error: unknown) => {
      throw unwritable(path, error);
    });
    return result;
  } finally {
    await target.close();
  }
}

/** As rename(2), which replaces; link(2) does not. Where there are no links, it is looked at just before. */
async function renameNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await rm(from);
  } catch (error) {
    if (isErrnoError(error, 'EEXIST')) throw exists(to);
    if (!isErrnoError(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK')) throw error;
    if ((await statOrNothing(to)) !== undefined) throw exists(to);
    await rename(from, to);
  }
}

/** Makes the new name survive a power cut. Some folders cannot be read, and some file systems do not have it. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!isErrnoError(error)) throw error;
  }
}

async function writeAll(target: FileHandle, path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length; ) {
      const { bytesWritten } = await target.write(chunk, offset).catch((error: unknown) => {
        throw unwritable(path, error);
      });
      offset += bytesWritten;
    }
    wipeAll([chunk]); // often plaintext
  }
}

function exists(path: string): CliError {
  return new CliError('FILE', `${path}: exists already`, { hint: 'name another file with -o, or say --force' });
}

function unwritable(path: string, cause: unknown): unknown {
  if (!isErrnoError(cause)) return cause;
  const isFull = cause.code === 'ENOSPC' || cause.code === 'EDQUOT';
  const reason = isFull ? 'no space is left on the disk' : `it cannot be written (${cause.code})`;
  return new CliError('WRITE', `${path}: ${reason}; the file was not made`, {
    hint: isFull ? 'free space, or name a file on another disk' : 'check the folder and its mode',
    cause,
  });
}

async function statOrNothing(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
