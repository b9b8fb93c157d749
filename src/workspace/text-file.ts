// Reads the small text files that people write: bounded, and UTF-8 or an error.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isErrnoError } from '../lib/index.ts';
import { WorkspaceError } from './error.ts';

/** What a configuration file may have, in bytes. */
export const MAX_TEXT_BYTES = 1024 * 1024;

/**
 * The text of the file at `path`, without byte order mark; undefined where there is none.
 *
 * @param shown how messages name the file.
 * @throws WorkspaceError `SYNTAX` where it is too long or not UTF-8; `IO`.
 */
export async function readTextFile(path: string, shown: string = path): Promise<string | undefined> {
  const bytes = await readBounded(path, shown);
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new WorkspaceError('SYNTAX', `${shown}: is not UTF-8 text`, {
      hint: 'save it as UTF-8',
      cause: error,
    });
  }
}

async function readBounded(path: string, shown: string): Promise<Uint8Array | undefined> {
  try {
    // Not waiting: the path could be that of a FIFO.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) throw new WorkspaceError('IO', `${shown}: is not a file`);
    const buffer = Buffer.alloc(MAX_TEXT_BYTES + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > MAX_TEXT_BYTES) {
      throw new WorkspaceError('SYNTAX', `${shown}: is longer than ${MAX_TEXT_BYTES} bytes`);
    }
    return buffer.subarray(0, length);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw asIoError(error, `${shown}: could not be read`);
  }
}

/** An error of the operating system as a WorkspaceError `IO` that begins with `message`; others as they are. */
export function asIoError(error: unknown, message: string): unknown {
  if (!isErrnoError(error)) return error;
  return new WorkspaceError('IO', `${message} (${error.code})`, { cause: error });
}
