// What is sent: a local file, or whatever else gives its bytes from any place on, and tells whether it stayed the same.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrnoError } from '../lib/index.ts';
import { TransferError } from './error.ts';

const CHUNK_BYTES = 1024 * 1024;
/** As in cli/source-file.ts: a file written to so shortly before may change without its times moving. */
const CLOCK_TICK_MS = 20;

export interface PushSource {
  /** Where it goes, relative to the target; empty for the target itself. */
  path: string;
  /** Bytes. */
  size: number;
  /** Permissions that it gets on the server. */
  mode: number;
  /** Another one where the content is another one: what was sent of it earlier counts only then. */
  identity(): Promise<string>;
  open(): Promise<OpenPushSource>;
}

export interface OpenPushSource {
  /** All its bytes from the first to the last; a chunk is overwritten when the next one is asked for. */
  chunks: AsyncIterable<Uint8Array>;
  /** @throws TransferError `CHANGED` unless it is what it was when it was identified */
  confirm(): Promise<void>;
  close(): Promise<void>;
}

type FileState = Record<'size' | 'mtimeMs' | 'ctimeMs' | 'ino' | 'dev', number>;

/**
 * A local file, looked at when it is its turn. @param size what is known of its size
 */
export function localSource(file: string, path: string, size: number): PushSource {
  let before: (FileState & { mode: number }) | undefined;
  const source: PushSource = {
    path,
    size,
    mode: 0o600,
    async identity() {
      const stats = await lstat(file).catch((error: unknown) => {
        throw unreadable(file, error);
      });
      if (!stats.isFile()) {
        throw new TransferError('LOCAL', `${file}: is not a regular file`, { hint: 'name a file, or a folder' });
      }
      before = stats;
      source.size = stats.size;
      source.mode = stats.mode & 0o777;
      const { dev, ino, mtimeMs, ctimeMs } = stats;
      return `file:${dev}:${ino}:${stats.size}:${mtimeMs}:${ctimeMs}`;
    },
    async open() {
      if (before === undefined) await source.identity();
      const expected = before;
      if (expected === undefined) throw changed(file);
      const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
        (error: unknown) => {
          throw unreadable(file, error);
        },
      );
      const age = Date.now() - Math.max(expected.mtimeMs, expected.ctimeMs);
      if (age < CLOCK_TICK_MS) await sleep(Math.min(CLOCK_TICK_MS, CLOCK_TICK_MS - age));
      const confirm = async (read = expected.size): Promise<void> => {
        const after: FileState = await handle.stat();
        const keys = ['size', 'mtimeMs', 'ctimeMs', 'ino', 'dev'] as const;
        if (read !== expected.size || keys.some((key) => after[key] !== expected[key])) throw changed(file);
      };
      return { chunks: readInOrder(handle, confirm), confirm, close: () => handle.close() };
    },
  };
  return source;
}

/** Reads a chunk ahead of the one that is used. */
async function* readInOrder(file: FileHandle, confirm: (read: number) => Promise<void>): AsyncGenerator<Uint8Array> {
  const buffers: [Buffer, Buffer] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  let position = 0;
  const read = (buffer: Buffer) => file.read(buffer, 0, buffer.length, position);
  let next = read(buffers[0]);
  try {
    for (;;) {
      const { bytesRead, buffer } = await next;
      if (bytesRead === 0) break;
      position += bytesRead;
      buffers.reverse();
      next = read(buffers[0]);
      next.catch(() => undefined);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await next.catch(() => undefined);
    for (const buffer of buffers) buffer.fill(0);
  }
  await confirm(position);
}

function changed(file: string): TransferError {
  return new TransferError('CHANGED', `${file}: changed while it was read`, {
    hint: 'try again when nobody writes to it',
  });
}

function unreadable(file: string, error: unknown): unknown {
  if (!isErrnoError(error)) return error;
  const { code = '' } = error;
  const what = ['ENOENT', 'ENOTDIR'].includes(code) ? 'there is no such file' : `cannot be read (${code})`;
  return new TransferError('LOCAL', `${file}: ${what}`, { hint: 'check the path', cause: error });
}

/** Eight characters that tell one content from another, for a name on the server. */
export function tagOf(identity: string): string {
  return createHash('sha256').update(identity).digest('hex').slice(0, 8);
}
