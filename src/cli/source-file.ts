// What `put` reads: a file or standard input, as a stream of large chunks.
import { open, stat } from 'node:fs/promises';
import { isErrnoError } from '../lib/index.ts';
import { CliError } from './error.ts';

/** One frame of the format. */
const CHUNK_BYTES = 256 * 1024;

export interface SourceFile {
  /** Bytes; unknown for standard input from a pipe. */
  size?: number;
  chunks: AsyncIterable<Uint8Array>;
}

/**
 * Looks at the file at `path` and gives its content as a stream that fails where the file changes
 * meanwhile: what is stored is what was there at one moment, or nothing.
 *
 * @throws CliError `FILE`, `EMPTY` (unless `allowEmpty`), and `CHANGED` while reading
 */
export async function openSourceFile(path: string, allowEmpty: boolean): Promise<SourceFile> {
  const status = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (status.isDirectory()) {
    throw new CliError('FILE', `${path}: is a folder`, { hint: 'name the files in it: glovebox put FOLDER/* DATASET' });
  }
  if (!status.isFile()) {
    throw new CliError('FILE', `${path}: is not a regular file`, {
      hint: `use standard input: glovebox put - DATASET/NAME < ${path}`,
    });
  }
  if (status.size === 0 && !allowEmpty) throw emptySource(path);
  return { size: status.size, chunks: readFileChunks(path, status) };
}

interface FileState {
  size: number;
  mtimeMs: number;
  ino: number;
  dev: number;
}

async function* readFileChunks(path: string, before: FileState): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    let total = 0;
    for (;;) {
      // A buffer of its own each time: sealing wipes what it was given.
      const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      total += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    const after = await file.stat();
    const same = after.size === before.size && after.mtimeMs === before.mtimeMs && total === before.size;
    if (!same || after.ino !== before.ino || after.dev !== before.dev) {
      throw new CliError('CHANGED', `${path}: changed while it was read; nothing was stored of it`, {
        hint: 'put it again when nobody writes to it',
      });
    }
  } finally {
    await file.close();
  }
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
    yield Buffer.concat(parts);
    parts = [];
    length = 0;
  }
  if (isEmpty && !allowEmpty) throw emptySource('standard input');
  if (length > 0) yield Buffer.concat(parts);
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
  return new CliError('FILE', `${path}: ${reason}`, { hint: 'check the path; nothing was stored', cause: error });
}
