// The entries of a directory store: small files, each replaced as a whole, changed under the dataset's lock.
import { createHash, randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import type { DatasetLock } from './dataset-lock.ts';
import { StoreError, saying } from './error.ts';
import { createFile, findFolder, makeFolder, openFile, type Root, statFile, syncFolder } from './folders.ts';
import { checkDataset, checkEntryName, compareNames, decodeEntryName, encodeEntryName, isNameFolder } from './names.ts';
import type { Entry, EntryKind, ETag } from './types.ts';

/** What an entry may hold, in bytes. */
export const MAX_ENTRY_BYTES = 4 * 1024 * 1024;

/** Where an entry is: a dataset, a kind and a name, checked. */
interface Address {
  dataset: string;
  kind: EntryKind;
  name: string;
  folders: string[];
  file: string;
}

/** @throws StoreError `NAME` */
export function entryAddress(dataset: string, kind: EntryKind, name: string): Address {
  checkDataset(dataset);
  checkEntryName(name);
  const segments = encodeEntryName(name);
  return { dataset, kind, name, folders: [dataset, kind, ...segments.slice(0, -1)], file: segments.at(-1) ?? '' };
}

/** The entry, or undefined. @throws StoreError `TOO_LARGE`, `UNSAFE` */
export function getEntry(root: Root, address: Address): Promise<Entry | undefined> {
  return saying(`read ${shown(address)}`, async () => {
    const folder = await findFolder(root, address.folders);
    const opened = folder === undefined ? undefined : await openFile(join(folder, address.file));
    if (opened === undefined) return undefined;
    try {
      checkSize(opened.size, address);
      const bytes = await opened.file.readFile();
      return { bytes: new Uint8Array(bytes), etag: etagOf(bytes) };
    } finally {
      await opened.file.close();
    }
  });
}

/** Writes or replaces an entry; see `Store.putEntry`. @throws StoreError `CONFLICT`, `TOO_LARGE`, `NO_SPACE`, `BUSY` */
export function putEntry(
  root: Root,
  lock: DatasetLock,
  address: Address,
  bytes: Uint8Array,
  expected?: ETag | null,
): Promise<ETag> {
  return saying(`write ${shown(address)}`, async () => {
    checkSize(bytes.length, address);
    const temporary = join(await makeFolder(root, [address.dataset, 'tmp']), `${randomUUID()}.entry`);
    try {
      await writeDurably(temporary, bytes);
      const folder = await makeFolder(root, address.folders);
      await lock(address.dataset, async () => {
        if (expected !== undefined) {
          const current = (await getEntry(root, address))?.etag ?? null;
          if (current !== expected) throw conflict(address, expected === null);
        }
        await rename(temporary, join(folder, address.file));
      });
      await syncFolder(folder);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return etagOf(bytes);
  });
}

/** See `Store.moveEntry`. @throws StoreError `NOT_FOUND`, `CONFLICT`, `BUSY` */
export function moveEntry(root: Root, lock: DatasetLock, from: Address, to: Address, replace: boolean): Promise<void> {
  return saying(`move ${shown(from)} to ${JSON.stringify(to.name)}`, async () => {
    const source = await findFolder(root, from.folders);
    if (source === undefined) throw notFound(from);
    const target = await makeFolder(root, to.folders);
    await lock(from.dataset, async () => {
      if ((await statFile(join(source, from.file))) === undefined) throw notFound(from);
      if (from.name === to.name) return;
      if ((await statFile(join(target, to.file))) !== undefined && !replace) throw conflict(to, true);
      await rename(join(source, from.file), join(target, to.file));
    });
    await syncFolder(target);
    if (target !== source) await syncFolder(source);
  });
}

/** Removes an entry; resolves to whether it was there. @throws StoreError `UNSAFE`, `BUSY` */
export function removeEntry(root: Root, lock: DatasetLock, address: Address): Promise<boolean> {
  return saying(`remove ${shown(address)}`, async () => {
    const folder = await findFolder(root, address.folders);
    if (folder === undefined) return false;
    const path = join(folder, address.file);
    const removed = await lock(address.dataset, async () => {
      if ((await statFile(path)) === undefined) return false;
      await rm(path, { force: true });
      return true;
    });
    if (removed) await syncFolder(folder);
    return removed;
  });
}

/** The names of a kind as they are at one moment, in byte order, with `prefix`. */
export async function* listEntries(
  root: Root,
  lock: DatasetLock,
  dataset: string,
  kind: EntryKind,
  prefix = '',
): AsyncGenerator<string> {
  checkDataset(dataset);
  const names = await saying(`list the ${kind} of ${dataset}`, async () => {
    const folder = await findFolder(root, [dataset, kind]);
    if (folder === undefined) return [];
    const read = () => readNames(folder, []);
    try {
      // Under the lock: else an entry that is moved meanwhile could be seen under neither of its names.
      return await lock(dataset, read);
    } catch (error) {
      if (isErrnoError(error, 'EROFS')) return await read();
      throw error;
    }
  });
  yield* names.filter((name) => name.startsWith(prefix)).sort(compareNames);
}

async function readNames(folder: string, above: string[]): Promise<string[]> {
  const names: string[] = [];
  for (const found of await readdir(join(folder, ...above), { withFileTypes: true })) {
    const segments = [...above, found.name];
    if (isNameFolder(found.name) && found.isDirectory()) {
      names.push(...(await readNames(folder, segments)));
      continue;
    }
    const name = decodeEntryName(segments);
    if (name !== undefined && (await isEntryFile(found))) names.push(name);
  }
  return names;
}

async function isEntryFile(found: Dirent): Promise<boolean> {
  return found.isFile() || (await statFile(join(found.parentPath, found.name))) !== undefined;
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await createFile(path);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function etagOf(bytes: Uint8Array): ETag {
  return createHash('sha256').update(bytes).digest('hex');
}

function checkSize(size: number, address: Address): void {
  if (size <= MAX_ENTRY_BYTES) return;
  throw new StoreError('TOO_LARGE', `${shown(address)} has ${size} bytes; an entry may have ${MAX_ENTRY_BYTES}`);
}

function conflict(address: Address, existed: boolean): StoreError {
  const what = existed ? 'exists already' : 'was changed by another writer';
  return new StoreError('CONFLICT', `${shown(address)} ${what}`);
}

function notFound(address: Address): StoreError {
  return new StoreError('NOT_FOUND', `there is no ${shown(address)}`);
}

function shown(address: Address): string {
  return `${JSON.stringify(address.name)} in the ${address.kind} of ${address.dataset}`;
}
