// Collection: removes objects that no record names any more, after a grace time.
import type { OpenDataset } from './dataset.ts';
import { objectsOfDelivery } from './deliveries.ts';
import { listObjects } from './objects.ts';
import { collectUploads } from './uploads.ts';

export interface Collected {
  objects: number;
  bytes: number;
  temporary: number;
  /** Uploads to which nothing came any more. */
  uploads: number;
}

/**
 * Removes what no record of the dataset names, what killed writers left, and uploads to which nothing came, all
 * only when older than `graceMs`: an upload under way has an object before it has a record.
 *
 * @throws VaultError `TAMPERED` where a record does not verify: nothing is removed then.
 */
export async function collectDataset(dataset: OpenDataset, graceMs: number): Promise<Collected> {
  const referenced = new Set<string>();
  // Before the names: what is being accepted has either its delivery's record or its name.
  for await (const id of dataset.store.listEntries(dataset.name, 'deliveries')) {
    for (const object of objectsOfDelivery((await dataset.readRecord('delivery', id))?.record)) referenced.add(object);
  }
  for (const { messageId } of await listObjects(dataset)) referenced.add(messageId);
  // Every version counts, also one whose companion is still to be published.
  for await (const version of dataset.store.listEntries(dataset.name, 'versions')) {
    const record = (await dataset.readRecord('version', version))?.record;
    for (const { messageId } of record?.objects ?? []) referenced.add(messageId);
  }
  const { uploads, bytes } = await collectUploads(dataset, graceMs);
  const collected = await dataset.store.collect(dataset.name, referenced, graceMs);
  return { ...collected, bytes: collected.bytes + bytes, uploads };
}
