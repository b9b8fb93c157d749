// What `put` and `seal` read: a file, at any place or in order, or standard input as a stream of large chunks.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrnoError } from '../lib/index.ts';
import { wipeAll } from '../seal/index.ts';
import { CliError, usage } from './error.ts';

/** One frame of the format. */
const CHUNK_BYTES = 256 * 1024;
/**
 * A file that was written to so shortly before may be written to again without its time of change moving: the
 * clock for it ticks every 10 ms at the slowest (CONFIG_HZ=100).
 */
const CLOCK_TICK_MS = 20;

export interface SourceFile {
  /** Bytes; unknown for standard input from a pipe. */
  size?: number;
  chunks: AsyncIterable<Uint8Array>;
  /** Opens it for reading at any place; absent for standard input. @throws CliError `FILE` */
  open?(): Promise<OpenSource>;
}

/** A file, open. Whoever reads it at any place closes it, and calls `confirm` before using what came of it. */
export interface OpenSource {
  descriptor: number;
  size: number;
  chunks: AsyncIterable<Uint8Array>;
  /** @throws CliError `CHANGED` unless the file is as it was when it was looked at first */
  confirm(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Looks at the file at `path` and gives its content, in order or at any place, in a way that fails where the
 * file changes meanwhile: what is sealed is what was there at one moment, or nothing.
 *
 * @throws CliError `FILE`, `EMPTY` (unless `allowEmpty`), and `CHANGED` while reading
 */
export async function openSourceFile(
  path: string,
  allowEmpty: boolean,
): Promise<SourceFile & Required<Pick<SourceFile, 'open'>>> {
  const before = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (before.isDirectory()) throw new CliError('FILE', `${path}: is a folder`, { hint: 'name the files in it' });
  if (!before.isFile()) {
    throw new CliError('FILE', `${path}: is not a regular file`, { hint: `use standard input: - < ${path}` });
  }
  if (before.size === 0 && !allowEmpty) throw emptySource(path);
  return { size: before.size, chunks: readWhole(path, before), open: () => openAsBefore(path, before) };
}

interface FileState {
  size: number;
  mtimeMs: number;
  /** Moves too where a copy sets the time of change back, as `cp -p` does. */
  ctimeMs: number;
  ino: number;
  dev: number;
}

async function openAsBefore(path: string, before: FileState): Promise<OpenSource> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const age = Date.now() - Math.max(before.mtimeMs, before.ctimeMs);
  if (age < CLOCK_TICK_MS) await sleep(Math.min(CLOCK_TICK_MS, CLOCK_TICK_MS - age));
  const confirm = async (read = before.size): Promise<void> => {
    const after = await file.stat();
    const isSame = (['size', 'mtimeMs', 'ctimeMs', 'ino', 'dev'] as const).every((key) => after[key] === before[key]);
    if (isSame && read === before.size) return;
    throw new CliError('CHANGED', `${path}: changed while it was read; nothing was kept of it`, {
      hint: 'try again when nobody writes to it',
    });
  };
  const chunks = readInOrder(file, confirm);
  return { descriptor: file.fd, size: before.size, chunks, confirm, close: () => file.close() };
}

async function* readInOrder(file: FileHandle, confirm: (read: number) => Promise<void>): AsyncGenerator<Uint8Array> {
  let position = 0;
  for (;;) {
    // A buffer of its own each time: sealing wipes what it is given.
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
    wipeAll([buffer]);
  }
  await confirm(position); // a file of /proc has more than it says
}

async function* readWhole(path: string, before: FileState): AsyncGenerator<Uint8Array> {
  const source = await openAsBefore(path, before);
  try {
    yield* source.chunks;
  } finally {
    await source.close();
  }
}

/** Standard input, unless it is a terminal. @throws CliError `USAGE`; `EMPTY` while reading, unless `allowEmpty` */
export function openStandardInput(signal: AbortSignal, allowEmpty: boolean): SourceFile {
  if (process.stdin.isTTY) throw usage('standard input is a terminal', 'pipe the data in, or name a file');
  return { chunks: readStandardInput(addAbortSignal(signal, process.stdin), allowEmpty) };
}

/**
 * Standard input as a stream. Not through file reads: one that waits could not be interrupted.
 * @throws CliError `EMPTY` while reading, unless `allowEmpty`
 */
export async function* readStandardInput(
  input: AsyncIterable<Uint8Array>,
  allowEmpty: boolean,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let isEmpty = true;
  for await (const part of input) {
    if (part.length === 0) continue;
    isEmpty = false;
    parts.push(part);
    length += part.length;
    if (length < CHUNK_BYTES) continue;
    yield* gather(parts);
    parts = [];
    length = 0;
  }
  if (isEmpty && !allowEmpty) throw emptySource('standard input');
  if (length > 0) yield* gather(parts);
}

/** One chunk of them; they are wiped and given back, and so is the chunk when the next one is asked for. */
function* gather(parts: Uint8Array[]): Generator<Uint8Array> {
  const whole = Buffer.allocUnsafeSlow(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    whole.set(part, filled);
    filled += part.length;
  }
  wipeAll(parts);
  yield whole;
  wipeAll([whole]);
}

function emptySource(what: string): CliError {
  return new CliError('EMPTY', `${what}: is empty; nothing was stored`, { hint: 'say --allow-empty if that is right' });
}

function unreadable(path: string, error: unknown): unknown {
  if (!isErrnoError(error)) return error;
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'there is no such file',
    EACCES: 'you may not read it',
    EISDIR: 'is a folder',
  };
  const reason = reasons[error.code ?? ''] ?? `cannot be read (${error.code})`;
  return new CliError('FILE', `${path}: ${reason}`, { hint: 'check the path', cause: error });
}
