// What one pull into a dataset has begun and done: so that a later run of the same command goes on there. Lines of JSON
// in a file that only grows, and goes when nothing is left to do. It holds names and sizes, nothing of what is in the files.
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isErrnoError } from '../lib/index.ts';
import { TransferError } from './error.ts';
import { isSameFile, type RemoteFile } from './pull-types.ts';

const MAX_BYTES = 512 * 1024 * 1024;

const state = { name: z.string(), place: z.string(), size: z.number(), modified: z.number() };
const lineSchema = z.union([
  z.strictObject({ begun: z.string(), ...state }),
  z.strictObject({ done: z.string(), ...state }),
]);

export interface PullJournal {
  /** The id of the upload that was begun for this very file. */
  begun(file: RemoteFile): string | undefined;
  /** The message id of the object that it became. */
  done(file: RemoteFile): string | undefined;
  /** All uploads that were begun for another state of the file. */
  stale(file: RemoteFile): string | undefined;
  noteBegun(file: RemoteFile, upload: string): Promise<void>;
  noteDone(file: RemoteFile, messageId: string): Promise<void>;
  remove(): Promise<void>;
}

/** The path of the journal in `folder` of one command. @param command from where, to where */
export function pullJournalPath(folder: string, command: readonly string[]): string {
  return join(folder, `${createHash('sha256').update(JSON.stringify(command)).digest('hex')}.jsonl`);
}

/** The journal at `path`, whose folder is there once something is noted. @throws TransferError `SETUP` */
export async function openPullJournal(path: string): Promise<PullJournal> {
  const known = new Map<string, z.infer<typeof lineSchema>>();
  for (const line of (await readText(path)).split('\n')) {
    // The last line may be cut off; what is none of ours counts for nothing.
    const entry = parseLine(line);
    if (entry !== undefined) known.set(entry.name, entry);
  }

  async function append(entry: z.infer<typeof lineSchema>): Promise<void> {
    known.set(entry.name, entry);
    try {
      const file = await open(path, 'a', 0o600);
      try {
        // A line of its own, whatever a kill has left before it.
        await file.appendFile(`\n${JSON.stringify(entry)}\n`);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw unusable(path, error);
    }
  }
  const stateOf = ({ name, place, size, modified }: RemoteFile) =>
    size === undefined || modified === undefined ? undefined : { name, place, size, modified };
  const entryOf = (file: RemoteFile) => {
    const entry = known.get(file.name);
    return entry !== undefined && entry.place === file.place && isSameFile(entry, file) ? entry : undefined;
  };

  return {
    begun(file) {
      const entry = entryOf(file);
      return entry !== undefined && 'begun' in entry ? entry.begun : undefined;
    },
    done(file) {
      const entry = entryOf(file);
      return entry !== undefined && 'done' in entry ? entry.done : undefined;
    },
    stale(file) {
      const entry = known.get(file.name);
      return entry !== undefined && 'begun' in entry && entry !== entryOf(file) ? entry.begun : undefined;
    },
    async noteBegun(file, begun) {
      const what = stateOf(file);
      if (what) await append({ begun, ...what });
    },
    async noteDone(file, done) {
      const what = stateOf(file);
      if (what) await append({ done, ...what });
    },
    remove: () => rm(path, { force: true }),
  };
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      if ((await file.stat()).size > MAX_BYTES) {
        throw new TransferError('SETUP', `${path}: the journal is too long`, { hint: 'remove it: it is begun anew' });
      }
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return '';
    throw unusable(path, error);
  }
}

function parseLine(line: string): z.infer<typeof lineSchema> | undefined {
  try {
    return line === '' ? undefined : lineSchema.safeParse(JSON.parse(line)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function unusable(path: string, error: unknown): unknown {
  if (!isErrnoError(error)) return error;
  return new TransferError('SETUP', `${path}: the journal of transfers cannot be used (${error.code})`, {
    hint: 'check that it is a folder of your own',
    cause: error,
  });
}
