// A plaintext folder that files are pulled into (I1's exception: the user named it). A file comes as `.NAME.part` beside
// its place (0600), with a note of how far it is certain, and gets its name when it is whole and on the disk.
import type { Stats } from 'node:fs';
import { lstat, mkdir, realpath, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isErrnoError, withProcessLock } from '../lib/index.ts';
import { TransferError } from './error.ts';
import { badName, collisions, OWN_PREFIX } from './local-names.ts';
import { journalName, openPart, partName } from './pull-part.ts';
import type { PullStore, RemoteFile } from './pull-types.ts';

const FOLDER_LOCK = `${OWN_PREFIX}.lock`;

/**
 * The folder `root`, which is made (0700) when the first file comes. @param source names the server, in the notes of
 * parts @param single the one file that goes there, if it is one
 */
export function openFolderStore(root: string, source: string, single?: string): PullStore {
  const made = new Set<string>(['.']);

  let base = root;

  async function makeRoot(): Promise<void> {
    try {
      await mkdir(root, { recursive: true, mode: 0o700 });
      // The user may name a link; nothing below is one.
      base = await realpath(root);
    } catch (error) {
      throw unusable(root, error);
    }
  }

  async function makeFolder(folder: string): Promise<void> {
    if (made.has(folder)) return;
    await makeFolder(dirname(folder));
    const path = join(base, folder);
    await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
      if (!isErrnoError(error, 'EEXIST')) throw unusable(path, error);
    });
    const present = await lstat(path);
    if (!present.isDirectory()) throw inTheWay(path, present);
    made.add(folder);
  }

  return {
    isPlaintext: true,
    addressOf: (name) => join(root, name),
    async exclusively(work) {
      await makeRoot();
      // Different single files may come to one folder at once.
      return withProcessLock(join(base, single === undefined ? FOLDER_LOCK : `${partName(single)}.lock`), work);
    },
    check(files) {
      const bad = new Map<RemoteFile, Error>();
      const names = files.map(({ name }) => name);
      const clashes = collisions(names, {
        foldCase: process.platform === 'darwin' || process.platform === 'win32',
        isTree: true,
        taken: (name) => [partName(name), journalName(name)].map((own) => join(dirname(name), own)),
      });
      for (const file of files) {
        const error = badName(file.name) ?? clashes.get(file.name);
        if (error !== undefined) bad.set(file, error);
      }
      return bad;
    },
    async makeRoom(files) {
      let bytes = 0;
      for (const { name, size = 0 } of files) {
        const part = await statOrNothing(join(base, dirname(name), partName(name)));
        bytes += Math.max(0, size - (part?.size ?? 0));
      }
      const { bavail, bsize } = await statfs(base);
      if (bytes <= bavail * bsize) return;
      throw new TransferError('LOCAL', `${root}: there is no room for ${bytes} bytes: ${bavail * bsize} are free`, {
        hint: 'free space, or name a folder on another disk',
      });
    },
    async has({ name, size, modified }) {
      const present = await statOrNothing(join(base, name));
      if (present === undefined || !present.isFile() || size === undefined || modified === undefined) return false;
      return present.size === size && Math.floor(present.mtimeMs / 1000) === modified;
    },
    async open(file) {
      await makeFolder(dirname(file.name));
      const path = join(base, file.name);
      const present = await statOrNothing(path);
      if (present !== undefined && !present.isFile()) throw inTheWay(path, present);
      return openPart(path, source, file);
    },
    finish: async () => undefined,
  };
}

function inTheWay(path: string, stats: Stats): TransferError {
  const what = stats.isSymbolicLink() ? 'is a symbolic link' : stats.isDirectory() ? 'is a folder' : 'is no file';
  return new TransferError('LOCAL', `${path}: ${what}: nothing is written there`, {
    hint: 'move it away, or name another folder',
  });
}

function unusable(path: string, error: unknown): unknown {
  if (!isErrnoError(error)) return error;
  return new TransferError('LOCAL', `${path}: the folder cannot be made (${error.code})`, {
    hint: 'check the path, and the mode of the folders above',
    cause: error,
  });
}

async function statOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
