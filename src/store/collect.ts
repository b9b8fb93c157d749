// Removes what nobody refers to any more: unreferenced objects, and what killed writers left behind.
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { type DatasetLock, LOCK_NAME } from './dataset-lock.ts';
import { saying } from './error.ts';
import { findFolder, type Root } from './folders.ts';
import { checkDataset } from './names.ts';
import { listObjects, removeObjects } from './objects.ts';

/** See `Store.collect`. `bytes` are those of objects and of temporary files together. */
export async function collect(
  root: Root,
  lock: DatasetLock,
  dataset: string,
  referenced: ReadonlySet<string>,
  graceMs: number,
): Promise<{ objects: number; bytes: number; temporary: number }> {
  checkDataset(dataset);
  if (!(graceMs >= 0)) throw new RangeError('the grace time must be zero or more milliseconds');
  const before = Date.now() - graceMs;
  const unreferenced: string[] = [];
  let bytes = 0;
  for await (const { id, size, modified } of listObjects(root, dataset)) {
    if (referenced.has(id) || modified.getTime() > before) continue;
    unreferenced.push(id);
    bytes += size;
  }
  await removeObjects(root, dataset, unreferenced);
  const left = await saying(`remove the temporary files of ${dataset}`, async () => {
    const folder = await findFolder(root, [dataset, 'tmp']);
    return folder === undefined ? { count: 0, bytes: 0 } : lock(dataset, () => removeTemporary(folder, before));
  });
  return { objects: unreferenced.length, bytes: bytes + left.bytes, temporary: left.count };
}

/** Under the lock, so that a left-over `lock.<nonce>` belongs to a lock that is gone. */
async function removeTemporary(folder: string, before: number): Promise<{ count: number; bytes: number }> {
  const removed = { count: 0, bytes: 0 };
  for (const name of await readdir(folder)) {
    if (name === LOCK_NAME) continue;
    const path = join(folder, name);
    try {
      const stat = await lstat(path);
      if (stat.isDirectory() || stat.mtimeMs > before) continue;
      await rm(path);
      removed.count += 1;
      // A file that has another name was committed: its bytes stay.
      removed.bytes += stat.nlink > 1 ? 0 : stat.size;
    } catch (error) {
      if (!isErrnoError(error, 'ENOENT')) throw error;
    }
  }
  return removed;
}
