// What `get` writes: a file that appears whole or not at all, readable by its owner only.
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { CliError } from './error.ts';

/**
 * Writes `chunks` to the file `path` through a temporary file beside it (0600), which is removed on
 * failure. What is there already and is no regular file (a device, a FIFO) is written to directly.
 *
 * @throws CliError `FILE`, `WRITE`; what `chunks` throws
 */
export async function writeTargetFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const present = await statOrNothing(path);
  if (present?.isDirectory()) {
    throw new CliError('FILE', `${path}: is a folder`, { hint: 'name a file in it: -o FOLDER/NAME' });
  }
  if (present !== undefined && !present.isFile()) {
    const target = await open(path, 'w');
    try {
      await writeAll(target, path, chunks);
    } finally {
      await target.close();
    }
    return;
  }
  const temporary = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomBytes(6).toString('hex')}.part`);
  try {
    const target = await open(temporary, 'wx', 0o600).catch((error: unknown) => {
      if (!isErrnoError(error, 'ENOENT', 'ENOTDIR')) throw unwritable(path, error);
      throw new CliError('FILE', `${path}: there is no such folder`, { hint: 'make it first', cause: error });
    });
    try {
      await target.chmod(0o600);
      await writeAll(target, path, chunks);
      await target.sync();
    } finally {
      await target.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
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
  }
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
