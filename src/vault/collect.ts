// Collection: removes objects that no record names any more, after a grace time.
import type { OpenDataset } from './dataset.ts';
import { listObjects } from './objects.ts';

export interface Collected {
  objects: number;
  bytes: number;
  temporary: number;
}

/**
 * Removes what no record of the dataset names and what killed writers left, both only when older than
 * `graceMs`: an upload under way has an object before it has a record.
 *
 * @throws VaultError `TAMPERED` where a record does not verify: nothing is removed then.
 */
export async function collectDataset(dataset: OpenDataset, graceMs: number): Promise<Collected> {
  const referenced = new Set<string>();
  for (const { messageId } of await listObjects(dataset)) referenced.add(messageId);
  // Every version counts, also one whose companion is still to be published.
  for await (const version of dataset.store.listEntries(dataset.name, 'versions')) {
    const record = (await dataset.readRecord('version', version))?.record;
    for (const { messageId } of record?.objects ?? []) referenced.add(messageId);
  }
  return dataset.store.collect(dataset.name, referenced, graceMs);
}
