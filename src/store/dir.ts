// A store in a directory: `<root>/<dataset>/objects/<id>`, `<root>/<dataset>/<kind>/<encoded name>`,
// `<root>/<dataset>/segments/<upload>.<number>`, and `<root>/<dataset>/tmp` for what is not whole yet.
import { resolve } from 'node:path';
import { collect } from './collect.ts';
import { createDatasetLock } from './dataset-lock.ts';
import { entryAddress, getEntry, listEntries, moveEntry, putEntry, removeEntry } from './entries.ts';
import type { Root } from './folders.ts';
import { createObject, listObjects, openObject, removeObjects } from './objects.ts';
import { commitSegment, createSegment, listSegments, openSegment, removeSegments } from './segments.ts';
import type { Store } from './types.ts';

const LOCK_WAIT_MS = 15_000;

/**
 * The store in the directory `root` (relative to the working directory). Touches no file itself: folders
 * are made by the first write, and reading where nothing was written finds nothing. Every method raises
 * only StoreError.
 *
 * @param options.lockWaitMs how long a change waits for other processes before `BUSY`; default 15 s.
 */
export function openDirectoryStore(root: string, options: { lockWaitMs?: number } = {}): Store {
  const at: Root = { path: resolve(root), durable: new Set() };
  const lock = createDatasetLock(at, options.lockWaitMs ?? LOCK_WAIT_MS);
  return {
    createObject: (dataset) => createObject(at, dataset),
    openObject: (dataset, id) => openObject(at, dataset, id),
    listObjects: (dataset) => listObjects(at, dataset),
    removeObject: (dataset, id) => removeObjects(at, dataset, [id]),
    createSegment: (dataset, upload, number) => createSegment(at, dataset, upload, number),
    openSegment: (dataset, upload, number) => openSegment(at, dataset, upload, number),
    listSegments: (dataset, upload) => listSegments(at, dataset, upload),
    commitSegment: (dataset, upload, number, id) => commitSegment(at, dataset, upload, number, id),
    removeSegments: (dataset, upload) => removeSegments(at, dataset, upload),
    getEntry: async (dataset, kind, name) => getEntry(at, entryAddress(dataset, kind, name)),
    putEntry: async (dataset, kind, name, bytes, expected) =>
      putEntry(at, lock, entryAddress(dataset, kind, name), bytes, expected),
    moveEntry: async (dataset, kind, from, to, replace = false) =>
      moveEntry(at, lock, entryAddress(dataset, kind, from), entryAddress(dataset, kind, to), replace),
    removeEntry: async (dataset, kind, name) => removeEntry(at, lock, entryAddress(dataset, kind, name)),
    listEntries: (dataset, kind, prefix) => listEntries(at, lock, dataset, kind, prefix),
    collect: (dataset, referenced, graceMs) => collect(at, lock, dataset, referenced, graceMs),
  };
}
