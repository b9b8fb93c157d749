// Files and a FIFO in a temporary folder, for opening sealed bytes in every way there is.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isErrnoError } from '../../src/lib/index.ts';
import type { SealedSource } from '../../src/seal/index.ts';
import { sourceOf } from './seal.ts';

/** What untouched places of the target hold. */
export const FILLER = 0xa5;

export interface Workbench {
  folder: string;
  /** A source over `bytes` in a file of their own; good until the next one. */
  source(bytes: Uint8Array): SealedSource & { descriptor: number };
  /** Descriptor of the target, which now holds `length` bytes of filler. */
  target(length: number): number;
  /** What the target holds. */
  targetBytes(): Buffer;
  fifo: string;
  /** What has come out of the FIFO and was not taken yet; undefined when nothing is there now. */
  takeFromFifo(): Buffer | undefined;
  close(): Promise<void>;
}

/** Makes the files. The FIFO's reading end stays open, so that writers never wait for a reader. */
export async function makeWorkbench(): Promise<Workbench> {
  const folder = await mkdtemp(join(tmpdir(), 'glovebox-workbench-'));
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', ['-m', '600', fifo]);
  const [sealed, opened] = [openSync(join(folder, 'sealed'), 'w+'), openSync(join(folder, 'opened'), 'w+')];
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const scrap = Buffer.alloc(64 * 1024);
  return {
    folder,
    fifo,
    source(bytes) {
      ftruncateSync(sealed, 0);
      writeSync(sealed, bytes, 0, bytes.byteLength, 0);
      return { ...sourceOf(bytes), descriptor: sealed };
    },
    target(length) {
      ftruncateSync(opened, 0);
      writeSync(opened, Buffer.alloc(length, FILLER), 0, length, 0);
      return opened;
    },
    targetBytes() {
      const bytes = Buffer.alloc(fstatSync(opened).size);
      readSync(opened, bytes, 0, bytes.byteLength, 0);
      return bytes;
    },
    takeFromFifo() {
      try {
        const count = readSync(reader, scrap);
        return count === 0 ? undefined : Buffer.from(scrap.subarray(0, count));
      } catch (error) {
        if (isErrnoError(error, 'EAGAIN')) return undefined;
        throw error;
      }
    },
    async close() {
      for (const descriptor of [sealed, opened, reader]) closeSync(descriptor);
      await rm(folder, { recursive: true });
    },
  };
}
