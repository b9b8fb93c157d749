// What was sent to which place, and how far the server has answered for it: so that a later run goes on there.
// It holds names and sizes, and nothing of what is in the files.
import { createHash } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError, writeFileAtomically } from '../lib/index.ts';
import { TransferError } from './error.ts';

const MAX_BYTES = 64 * 1024;

export interface PushRecord {
  /** As `PushSource.identity`. */
  identity: string;
  /** Bytes from the first on that the server has taken. */
  written: number;
}

export interface PushJournal {
  /** @param target names the place: server, user and path */
  read(target: string): Promise<PushRecord | undefined>;
  write(target: string, record: PushRecord): Promise<void>;
  remove(target: string): Promise<void>;
}

/** The journal in `folder`, which is made. All may throw TransferError `SETUP`. */
export function openPushJournal(folder: string): PushJournal {
  const placeOf = (target: string) => join(folder, `${createHash('sha256').update(target).digest('hex')}.json`);
  const unusable = (cause: unknown) =>
    new TransferError('SETUP', `${folder}: the journal of transfers cannot be used`, {
      hint: 'check that it is a folder of your own',
      cause,
    });
  return {
    async read(target) {
      try {
        const file = await open(placeOf(target), 'r');
        try {
          const buffer = Buffer.alloc(MAX_BYTES);
          const { bytesRead } = await file.read(buffer, 0, MAX_BYTES, 0);
          return parse(buffer.toString('utf8', 0, bytesRead), target);
        } finally {
          await file.close();
        }
      } catch (error) {
        if (isErrnoError(error, 'ENOENT', 'ENOTDIR')) return undefined;
        throw unusable(error);
      }
    },
    async write(target, { identity, written }) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeFileAtomically(placeOf(target), JSON.stringify({ version: 1, target, identity, written }));
      } catch (error) {
        throw unusable(error);
      }
    },
    async remove(target) {
      await rm(placeOf(target), { force: true });
    },
  };
}

/** What is no record, or of another place, counts as none: it is sent anew. */
function parse(text: string, target: string): PushRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('target' in value) || value.target !== target) return undefined;
  if (!('identity' in value) || typeof value.identity !== 'string' || !('written' in value)) return undefined;
  const { identity, written } = value;
  return typeof written === 'number' && Number.isSafeInteger(written) && written >= 0
    ? { identity, written }
    : undefined;
}
