// One change at a time to a dataset's entries, within this process and between processes.
import { join } from 'node:path';
import { withProcessLock } from '../lib/index.ts';
import { makeFolder, type Root } from './folders.ts';

/** The lock's file name in the dataset's `tmp` folder; broken locks are `lock.<nonce>`. */
export const LOCK_NAME = 'lock';

/** Runs `work` while nobody else changes entries of `dataset`. */
export type DatasetLock = <T>(dataset: string, work: () => Promise<T>) => Promise<T>;

/**
 * A lock for each dataset under `root`. Callers of this process stand in line and only the first
 * competes with other processes; it waits at most `waitMs` milliseconds, then `BUSY` is raised.
 */
export function createDatasetLock(root: Root, waitMs: number): DatasetLock {
  const lines = new Map<string, Promise<unknown>>();
  return (dataset, work) => {
    const turn = async () => {
      const folder = await makeFolder(root, [dataset, 'tmp']);
      return withProcessLock(join(folder, LOCK_NAME), work, waitMs);
    };
    const result = (lines.get(dataset) ?? Promise.resolve()).then(turn);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    lines.set(dataset, settled);
    void settled.then(() => {
      if (lines.get(dataset) === settled) lines.delete(dataset);
    });
    return result;
  };
}
