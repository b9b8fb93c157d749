// Folders and files of a directory store: made durable, private, and never through a link.
import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { StoreError, unsafe } from './error.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** A store's root, absolute, and the folders whose making this process has seen on the disk. */
export interface Root {
  path: string;
  durable: Set<string>;
}

/**
 * The path of the folder `segments` under the root, or undefined where it does not exist.
 *
 * @throws StoreError `UNSAFE` where one of them is not a real folder, `NOT_A_STORE` where the root is not.
 */
export async function findFolder(root: Root, segments: string[]): Promise<string | undefined> {
  let path = root.path;
  if (!(await isFolder(path, root))) return undefined;
  for (const segment of segments) {
    path = join(path, segment);
    if (!(await isFolder(path, root))) return undefined;
  }
  return path;
}

/** As `findFolder`, but makes what is missing: 0700 whatever the umask, durable when it resolves. */
export async function makeFolder(root: Root, segments: string[]): Promise<string> {
  if (!(await isFolder(root.path, root))) await makeRoot(root.path);
  let path = root.path;
  for (const segment of segments) {
    const parent = path;
    path = join(parent, segment);
    if (!(await isFolder(path, root))) await makeOne(path, root);
    if (root.durable.has(path)) continue;
    // Also where another process made it: that one may not have come to this yet.
    await syncFolder(parent);
    root.durable.add(path);
  }
  return path;
}

/** Flushes a folder's own entries to the disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** A new file, 0600 whatever the umask, open for reading and writing. */
export async function createFile(path: string): Promise<FileHandle> {
  const file = await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await file.chmod(0o600);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes all of `chunk` at `position`. @returns its length in bytes */
export async function writeFully(file: FileHandle, chunk: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < chunk.length) {
    done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  }
  return done;
}

/**
 * Opens a regular file for reading; undefined where there is none.
 *
 * @throws StoreError `UNSAFE` where it is anything else, without following or waiting for it.
 */
export async function openFile(path: string): Promise<{ file: FileHandle; size: number } | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw unsafe(`${path} is not a regular file`);
    return { file, size: stat.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Size and time of a regular file; undefined where there is none. @throws StoreError `UNSAFE` */
export async function statFile(path: string): Promise<{ size: number; modified: Date } | undefined> {
  try {
    const stat = await lstat(path);
    if (!stat.isFile()) throw unsafe(`${path} is not a regular file`);
    return { size: stat.size, modified: stat.mtime };
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function isFolder(path: string, root: Root): Promise<boolean> {
  try {
    const stat = await lstat(path);
    if (stat.isDirectory()) return true;
    if (path === root.path && !stat.isSymbolicLink()) {
      throw new StoreError('NOT_A_STORE', `${path} is not a folder`, {
        hint: "check the store's path in glovebox.yaml",
      });
    }
    throw unsafe(`${path} is ${stat.isSymbolicLink() ? 'a symbolic link' : 'not a folder'}`);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return false;
    throw error;
  }
}

async function makeOne(path: string, root: Root): Promise<void> {
  try {
    await mkdir(path, 0o700);
    await chmod(path, 0o700);
  } catch (error) {
    if (!isErrnoError(error, 'EEXIST')) throw error;
    await isFolder(path, root);
  }
}

/** The root and the folders above it that are missing. */
async function makeRoot(path: string): Promise<void> {
  try {
    await mkdir(path, 0o700);
    await chmod(path, 0o700);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT') && dirname(path) !== path) {
      await makeRoot(dirname(path));
      return makeRoot(path);
    }
    if (!isErrnoError(error, 'EEXIST')) throw error;
  }
  await syncFolder(dirname(path));
}
