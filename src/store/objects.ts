// The objects of a directory store: written under a temporary name, linked to their id when whole (I3).
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { link, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { StoreError, saying, toStoreError } from './error.ts';
import { createFile, findFolder, makeFolder, openFile, type Root, statFile, syncFolder } from './folders.ts';
import { checkDataset, checkObjectId, isObjectId } from './names.ts';
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
  let open = true;
  let position = 0;
  let tail: Promise<void> = Promise.resolve();

  async function abort(): Promise<void> {
    if (!open) return;
    open = false;
    await file.close();
    await rm(temporary, { force: true });
  }

  /** Runs `work` after what was asked for before; a failure is the end of this object. */
  function next(doing: string, work: () => Promise<void>): Promise<void> {
    const step = tail.then(async () => {
      if (!open) throw new StoreError('CONFLICT', `could not ${doing}: the object is already committed or aborted`);
      try {
        await work();
      } catch (error) {
        await abort();
        throw toStoreError(error, doing);
      }
    });
    tail = step.catch(() => undefined);
    return step;
  }

  return {
    descriptor: file.fd,
    write: (chunk) =>
      next(`write an object to ${dataset}`, async () => {
        for (let done = 0; done < chunk.length; ) {
          const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position);
          done += bytesWritten;
          position += bytesWritten;
        }
      }),
    commit: (id) =>
      next(`commit an object to ${dataset}`, async () => {
        checkObjectId(id);
        // The grace time of `collect` begins now, however long ago the last byte came.
        const now = new Date();
        await file.utimes(now, now);
        await file.sync();
        const folder = await makeFolder(root, [dataset, 'objects']);
        await linkNew(temporary, join(folder, id), id);
        await abort();
        await syncFolder(folder);
      }),
    abort: async () => {
      await tail;
      await abort();
    },
  };
}

/** Gives the temporary file its name, and never replaces an object. */
async function linkNew(temporary: string, path: string, id: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (isErrnoError(error, 'EEXIST')) throw new StoreError('CONFLICT', `object ${id} exists already`);
    if (isErrnoError(error, 'ENOENT')) {
      throw new StoreError('NOT_FOUND', `the temporary file of object ${id} was removed while it was written`);
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

function objectReader(file: FileHandle, size: number, doing: string): ObjectReader {
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
