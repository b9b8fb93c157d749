// The segments of uploads in a directory store: files that grow, survive their writer, and are no objects yet.
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
import { checkDataset, checkObjectId, parseSegmentFileName, segmentFileName } from './names.ts';
import { linkNew, objectReader } from './objects.ts';
import { createSteps } from './steps.ts';
import type { SegmentAppender, SegmentInfo, SegmentReader } from './types.ts';

const FOLDER = 'segments';

/** See `Store.createSegment`. @throws StoreError `NAME` */
export async function createSegment(
  root: Root,
  dataset: string,
  upload: string,
  number: number,
): Promise<SegmentAppender> {
  checkDataset(dataset);
  const name = segmentFileName(upload, number);
  const doing = `write segment ${number} of upload ${upload} to ${dataset}`;
  return saying(doing, async () => {
    const temporary = join(await makeFolder(root, [dataset, 'tmp']), `${randomUUID()}.segment`);
    const file = await createFile(temporary);
    const steps = createSteps('the segment is already closed', async () => {
      await file.close();
      await rm(temporary, { force: true });
    });
    let position = 0;
    let visible = false;
    return {
      write: (chunk) =>
        steps.next(doing, async () => {
          position += await writeFully(file, chunk, position);
        }),
      sync: () =>
        steps.next(doing, async () => {
          await file.sync();
          if (visible) return;
          // A name only now, so that no crash leaves a segment without its first bytes (its header).
          const folder = await makeFolder(root, [dataset, FOLDER]);
          await linkNew(temporary, join(folder, name), `segment ${number} of upload ${upload}`);
          visible = true;
          await rm(temporary, { force: true });
          await syncFolder(folder);
        }),
      close: steps.close,
    };
  });
}

/** See `Store.openSegment`. @throws StoreError `NOT_FOUND`, `NAME`, `UNSAFE` */
export async function openSegment(root: Root, dataset: string, upload: string, number: number): Promise<SegmentReader> {
  const doing = `read segment ${number} of upload ${upload} of ${dataset}`;
  const { folder, file, size } = await findSegment(root, dataset, upload, number, doing);
  return {
    ...objectReader(file, size, doing),
    // The folder too: its writer may have been killed before it came to that.
    sync: () => saying(doing, async () => void (await Promise.all([file.sync(), syncFolder(folder)]))),
  };
}

/** See `Store.listSegments`; files that are not named like segments are passed over. */
export async function* listSegments(root: Root, dataset: string, upload?: string): AsyncGenerator<SegmentInfo> {
  checkDataset(dataset);
  const doing = `list the segments of ${dataset}`;
  const folder = await saying(doing, () => findFolder(root, [dataset, FOLDER]));
  if (folder === undefined) return;
  for (const name of await saying(doing, () => readdir(folder))) {
    const found = parseSegmentFileName(name);
    if (found === undefined || (upload !== undefined && found.upload !== upload)) continue;
    const stat = await saying(doing, () => statFile(join(folder, name)));
    if (stat !== undefined) yield { ...found, ...stat };
  }
}

/** See `Store.commitSegment`. @throws StoreError `CONFLICT`, `NOT_FOUND`, `NAME`, `UNSAFE` */
export async function commitSegment(
  root: Root,
  dataset: string,
  upload: string,
  number: number,
  id: string,
): Promise<void> {
  checkObjectId(id);
  const doing = `commit segment ${number} of upload ${upload} to ${dataset}`;
  const { folder, name, file } = await findSegment(root, dataset, upload, number, doing);
  try {
    await saying(doing, async () => {
      // The grace time of `collect` begins now, however long ago the last byte came. No `sync`: its bytes are on the
      // disk, and a power cut that takes the time with it takes whoever would name the object, too.
      const now = new Date();
      await file.utimes(now, now);
      const objects = await makeFolder(root, [dataset, 'objects']);
      await linkNew(join(folder, name), join(objects, id), `object ${id}`);
      await syncFolder(objects);
    });
  } finally {
    await file.close();
  }
}

/** See `Store.removeSegments`. Durable when it resolves. */
export async function removeSegments(root: Root, dataset: string, upload: string): Promise<void> {
  checkDataset(dataset);
  segmentFileName(upload, 0);
  await saying(`remove the segments of upload ${upload} of ${dataset}`, async () => {
    const folder = await findFolder(root, [dataset, FOLDER]);
    if (folder === undefined) return;
    for (const name of await readdir(folder)) {
      if (parseSegmentFileName(name)?.upload === upload) await rm(join(folder, name), { force: true });
    }
    await syncFolder(folder);
  });
}

async function findSegment(root: Root, dataset: string, upload: string, number: number, doing: string) {
  checkDataset(dataset);
  const name = segmentFileName(upload, number);
  return saying(doing, async () => {
    const folder = await findFolder(root, [dataset, FOLDER]);
    const opened = folder === undefined ? undefined : await openFile(join(folder, name));
    if (folder === undefined || opened === undefined) {
      throw new StoreError('NOT_FOUND', `there is no segment ${number} of upload ${upload} in ${dataset}`);
    }
    return { folder, name, ...opened };
  });
}
