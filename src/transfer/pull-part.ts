// One plaintext file on its way in: `.NAME.part`, and beside it `.NAME.part.json`, which says how far it is certain.
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { isErrnoError, writeFileAtomically } from '../lib/index.ts';
import { TransferError } from './error.ts';
import { isSameFile, type PullSink, type RemoteFile } from './pull-types.ts';

/** Between two notes comes so much, or so much time where it is slow: what may be lost where it is killed. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const CHECKPOINT_MS = 5000;
const LEAST_CHECKPOINT_BYTES = 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const MAX_JOURNAL_BYTES = 64 * 1024;
/** Leaves room for what is put around it, within the 255 bytes of a name. */
const MAX_NAME_BYTES = 230;

const journalSchema = z.strictObject({
  version: z.literal(1),
  source: z.string(),
  place: z.string(),
  size: z.number(),
  modified: z.number(),
  /** Bytes that are on the disk, and their SHA-256. */
  position: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export function partName(name: string): string {
  const last = basename(name);
  const isShort = Buffer.byteLength(last) <= MAX_NAME_BYTES;
  return `.${isShort ? last : createHash('sha256').update(last).digest('hex')}.part`;
}

export function journalName(name: string): string {
  return `${partName(name)}.json`;
}

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Takes up what came of `file` for `path`, where it is what the note says; or begins. @throws TransferError `LOCAL` */
export async function openPart(path: string, source: string, given: RemoteFile): Promise<PullSink> {
  const folder = dirname(path);
  const part = join(folder, partName(path));
  const journal = join(folder, journalName(path));
  let file = given;
  let { handle, position, hash } = await takeUp();
  let noted = position;
  let notedAt = performance.now();
  let noting: Promise<void> = Promise.resolve();
  let failure: Error | undefined;
  let isOpen = true;

  async function takeUp(): Promise<{ handle: FileHandle; position: number; hash: Hash }> {
    const known = await readJournal(journal);
    const isOurs = known?.source === source && known.place === file.place && isSameFile(known, file);
    if (known !== undefined && isOurs) {
      const taken = await openKnown(part, known);
      if (taken !== undefined) return { ...taken, position: known.position };
    }
    try {
      await rm(part, { force: true });
      await rm(journal, { force: true });
      const handle = await open(part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      await handle.chmod(0o600);
      return { handle, position: 0, hash: createHash('sha256') };
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** Brings what came to the disk, and notes how much that is. */
  async function note(upTo: number, sha256: string): Promise<void> {
    const { place, size, modified } = file;
    if (size === undefined || modified === undefined) return;
    await handle.datasync();
    await writeFileAtomically(
      journal,
      JSON.stringify({ version: 1, source, place, size, modified, position: upTo, sha256 }),
    );
    noted = upTo;
  }

  /** The same while more comes. */
  function noteMeanwhile(): void {
    if (file.size === undefined || file.modified === undefined) return;
    const [upTo, sha256] = [position, hash.copy().digest('hex')];
    noted = upTo;
    notedAt = performance.now();
    noting = noting
      .then(() => note(upTo, sha256))
      .catch((error: unknown) => {
        failure ??= error instanceof Error ? error : new TransferError('LOCAL', `${path}: it cannot be written`);
      });
  }

  return {
    get position() {
      return position;
    },
    async write(chunk) {
      if (failure) throw unwritable(path, failure);
      try {
        for (let offset = 0; offset < chunk.length; ) {
          const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset, position + offset);
          offset += bytesWritten;
        }
      } catch (error) {
        throw unwritable(path, error);
      }
      hash.update(chunk);
      position += chunk.length;
      const isDue = performance.now() - notedAt >= CHECKPOINT_MS && position - noted >= LEAST_CHECKPOINT_BYTES;
      if (isDue || position - noted >= CHECKPOINT_BYTES) noteMeanwhile();
    },
    async restart(next) {
      await noting;
      await rm(journal, { force: true });
      await handle.truncate(0);
      file = next;
      hash = createHash('sha256');
      position = 0;
      noted = 0;
    },
    async complete(expected) {
      await noting;
      const sha256 = hash.copy().digest('hex');
      if (expected !== undefined && expected !== sha256) {
        // Nobody knows which bytes are right: none is gone on with.
        await rm(journal, { force: true });
        position = 0;
        noted = 0;
        throw new TransferError('DIGEST', `${path}: the server gave other bytes when it was read again`, {
          hint: 'nothing was put in place; pull it again, and ask whoever runs the server',
        });
      }
      try {
        const { modified } = file;
        if (modified !== undefined) await handle.utimes(modified, modified);
        await handle.sync();
        await handle.close();
        isOpen = false;
        await rename(part, path);
        await syncFolder(folder);
      } catch (error) {
        throw unwritable(path, error);
      }
      await rm(journal, { force: true });
      return { size: position, sha256 };
    },
    async suspend() {
      if (!isOpen) return;
      isOpen = false;
      await noting;
      try {
        if (position > noted) await note(position, hash.copy().digest('hex'));
      } finally {
        await handle.close();
        if (noted === 0) await rm(part, { force: true });
      }
    },
  };
}

type Journal = z.infer<typeof journalSchema>;

/** What is no note of ours counts as none. */
async function readJournal(path: string): Promise<Journal | undefined> {
  try {
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_JOURNAL_BYTES), 0, MAX_JOURNAL_BYTES, 0);
      return journalSchema.safeParse(JSON.parse(buffer.toString('utf8', 0, bytesRead))).data;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof SyntaxError || isErrnoError(error)) return undefined;
    throw error;
  }
}

/** The part, where it is a file of our own that begins with what the note says: all of that is read again. */
async function openKnown(
  part: string,
  { position, sha256 }: Journal,
): Promise<{ handle: FileHandle; hash: Hash } | undefined> {
  const handle = await open(part, O_RDWR | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) => {
    if (isErrnoError(error)) return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    const stats = await handle.stat();
    const isOwn = stats.isFile() && stats.nlink === 1 && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0;
    const hash = isOwn && stats.size >= position ? await hashStart(handle, position) : undefined;
    if (hash?.copy().digest('hex') === sha256) {
      await handle.truncate(position);
      return { handle, hash };
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

async function hashStart(handle: FileHandle, length: number): Promise<Hash> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  try {
    for (let position = 0; position < length; ) {
      const wanted = Math.min(READ_BYTES, length - position);
      const { bytesRead } = await handle.read(buffer, 0, wanted, position);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    return hash;
  } finally {
    buffer.fill(0);
  }
}

/** Some file systems do not have it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    if (!isErrnoError(error)) throw error;
  } finally {
    await folder.close();
  }
}

function unwritable(path: string, error: unknown): unknown {
  if (!isErrnoError(error)) return error;
  const isFull = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  if (isFull) return error;
  return new TransferError('LOCAL', `${path}: it cannot be written (${error.code})`, {
    hint: 'check the folder and its mode',
    cause: error,
  });
}
