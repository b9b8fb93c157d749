// The objects of a directory store: written under a temporary name, linked to their id when whole (I3).
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { link, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { StoreError, saying } from './error.ts';
import {
  createFile,
  findFolder,
  makeFolder,
  openFile,
  type Root,
  statFile,
  syncFolder,
  writeFully,
} from './folders.ts';
import { checkDataset, checkObjectId, isObjectId } from './names.ts';
import { createSteps } from './steps.ts';
import type { ObjectReader, ObjectWriter } from './types.ts';

/** Opens a writer in the dataset, which is made where it is missing. @throws StoreError */
export async function createObject(root: Root, dataset: string): Promise<ObjectWriter> {
  checkDataset(dataset);
  return saying(`begin an object in ${dataset}`, async () => {
    const temporary = join(await makeFolder(root, [dataset, 'tmp']), `${randomUUID()}.object`);
    return objectWriter(root, dataset, temporary, await createFile(temporary));
  });
}

function objectWriter(root: Root, dataset: string, temporary: string, file: FileHandle): ObjectWriter {
  let position = 0;
  const steps = createSteps('the object is already committed or aborted', async () => {
    await file.close();
    await rm(temporary, { force: true });
  });
  return {
    descriptor: file.fd,
    write: (chunk) =>
      steps.next(`write an object to ${dataset}`, async () => {
        position += await writeFully(file, chunk, position);
      }),
    commit: (id) =>
      steps.next(`commit an object to ${dataset}`, async () => {
        checkObjectId(id);
        // The grace time of `collect` begins now, however long ago the last byte came.
        const now = new Date();
        await file.utimes(now, now);
        await file.sync();
        const folder = await makeFolder(root, [dataset, 'objects']);
        await linkNew(temporary, join(folder, id), `object ${id}`);
        await steps.end();
        await syncFolder(folder);
      }),
    abort: steps.close,
  };
}

/** Gives the file at `from` another name, and never replaces what has it. @throws StoreError `CONFLICT`, `NOT_FOUND` */
export async function linkNew(from: string, path: string, what: string): Promise<void> {
  try {
    await link(from, path);
  } catch (error) {
    if (isErrnoError(error, 'EEXIST')) throw new StoreError('CONFLICT', `${what} exists already`);
    if (isErrnoError(error, 'ENOENT')) {
      throw new StoreError('NOT_FOUND', `the file of ${what} was removed while it was written`);
    }
    throw error;
  }
}

/** Opens an object for reading. @throws StoreError `NOT_FOUND`, `NAME`, `UNSAFE` */
export async function openObject(root: Root, dataset: string, id: string): Promise<ObjectReader> {
  checkDataset(dataset);
  checkObjectId(id);
  return saying(`open object ${id} of ${dataset}`, async () => {
    const folder = await findFolder(root, [dataset, 'objects']);
    const opened = folder === undefined ? undefined : await openFile(join(folder, id));
    if (opened === undefined) throw new StoreError('NOT_FOUND', `there is no object ${id} in ${dataset}`);
    return objectReader(opened.file, opened.size, `read object ${id} of ${dataset}`);
  });
}

/** Reads a file that is open; errors say `doing`. */
export function objectReader(file: FileHandle, size: number, doing: string): ObjectReader {
  return {
    size,
    descriptor: file.fd,
    read: (buffer, offset) =>
      saying(doing, async () => {
        let done = 0;
        while (done < buffer.length) {
          const { bytesRead } = await file.read(buffer, done, buffer.length - done, offset + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return done;
      }),
    close: () => file.close(),
  };
}

/** The objects of a dataset in no order; files that are not named like objects are passed over. */
export async function* listObjects(
  root: Root,
  dataset: string,
): AsyncGenerator<{ id: string; size: number; modified: Date }> {
  checkDataset(dataset);
  const doing = `list the objects of ${dataset}`;
  const folder = await saying(doing, () => findFolder(root, [dataset, 'objects']));
  if (folder === undefined) return;
  for (const id of await saying(doing, () => readdir(folder))) {
    if (!isObjectId(id)) continue;
    const stat = await saying(doing, () => statFile(join(folder, id)));
    if (stat !== undefined) yield { id, ...stat };
  }
}

/** Removes objects for good; those that are not there are passed over. Durable when it resolves. */
export async function removeObjects(root: Root, dataset: string, ids: string[]): Promise<void> {
  checkDataset(dataset);
  ids.forEach(checkObjectId);
  await saying(`remove objects of ${dataset}`, async () => {
    const folder = await findFolder(root, [dataset, 'objects']);
    if (folder === undefined) return;
    for (const id of ids) await rm(join(folder, id), { force: true });
    await syncFolder(folder);
  });
}
