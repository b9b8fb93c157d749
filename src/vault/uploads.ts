// Uploads: begun, resumed, listed, removed. What a handle does with one is in upload.ts.
import { randomBytes } from 'node:crypto';
import { checkEntryName, isUploadId } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { VaultError } from './error.ts';
import type { UploadRecord } from './record.ts';
import { discardUpload, type HeldRecord, openUpload, type Upload } from './upload.ts';
import { estimateSize, missingBytes, recoverSize } from './upload-segments.ts';

export interface UploadOptions {
  /**
   * Plaintext bytes that are sealed, and can become durable, at once; 262,144 by default. Less takes less
   * memory and loses less in a crash; more is faster.
   */
  frameLength?: number | undefined;
}

/** What is known of an upload. Times are ISO 8601. */
export interface UploadInfo {
  id: string;
  /** The name that the object will have. */
  path: string;
  /** Plaintext bytes. */
  size: number;
  started: string;
  /** When bytes last came to the disk, or the upload was resumed or suspended. */
  modified: string;
  /** Who began it. */
  writer: string;
}

/** Begins an upload. Nothing of it is listed as an object. @throws StoreError `NAME` */
export async function beginUpload(
  dataset: OpenDataset,
  path: string,
  writer: string,
  { frameLength }: UploadOptions,
): Promise<Upload> {
  checkEntryName(path);
  const id = randomBytes(16).toString('hex');
  const now = new Date().toISOString();
  const times = { started: now, touched: now };
  const record: UploadRecord = { kind: 'upload', dataset: dataset.name, id, path, ...times, size: 0, writer };
  const etag = await dataset.writeRecord(record, { expected: null });
  return openUpload(dataset, { record, etag }, [], { frameLength });
}

/**
 * Takes an upload over, from whoever has it: its `size` is what of it is whole and verifies, made durable.
 *
 * @throws VaultError `NOT_FOUND`, `TAMPERED` (also where bytes are gone that were durable), `CONFLICT` where
 *   somebody else takes it at the same time; SealError where a segment's header does not verify
 */
export async function resumeUpload(dataset: OpenDataset, id: string, { frameLength }: UploadOptions): Promise<Upload> {
  const { record, etag } = await readUpload(dataset, id);
  const { numbers = [], modified = new Date(0) } = (await segmentsByUpload(dataset, id)).get(id) ?? {};
  const size = await recover(dataset, record, numbers, { sync: true });
  const taken = { ...record, touched: new Date().toISOString(), size };
  const next = await dataset.writeRecord(taken, { expected: etag });
  // Files' times are a few milliseconds early: what was named before the upload began is older in any case.
  const cameBy = Math.max(modified.getTime(), Date.parse(record.started) + 1);
  return openUpload(dataset, { record: taken, etag: next }, numbers, { frameLength, cameBy });
}

/** As `resumeUpload` would find it, and takes nothing over. @throws as that */
export async function statUpload(dataset: OpenDataset, id: string): Promise<UploadInfo> {
  const { record } = await readUpload(dataset, id);
  const segments = (await segmentsByUpload(dataset, id)).get(id);
  const size = await recover(dataset, record, segments?.numbers ?? [], { sync: false });
  return infoOf(record, segments, size);
}

/**
 * The uploads of a dataset, in the order of their ids. Their sizes go by the looks of the files, which is
 * cheap; `statUpload` may find less.
 */
export async function listUploads(dataset: OpenDataset): Promise<UploadInfo[]> {
  const segments = await segmentsByUpload(dataset);
  const found: UploadInfo[] = [];
  for await (const id of dataset.store.listEntries(dataset.name, 'uploads')) {
    const record = (await dataset.readRecord('upload', id))?.record;
    if (record === undefined) continue; // over since it was listed
    const newest = segments.get(id);
    const size = (await estimateSize(dataset, id, newest?.numbers ?? [])) ?? record.size;
    found.push(infoOf(record, newest, size));
  }
  return found;
}

/** Removes an upload, whoever has it, also one that does not verify. @throws VaultError `NOT_FOUND` */
export async function removeUpload(dataset: OpenDataset, id: string): Promise<void> {
  if (!isUploadId(id) || (await dataset.store.getEntry(dataset.name, 'uploads', id)) === undefined) {
    throw noUpload(dataset, id);
  }
  await discardUpload(dataset, id);
}

/**
 * Removes uploads to which nothing came for `graceMs`, and segments that no upload has any more.
 *
 * @returns the uploads removed, and the bytes of segments
 * @throws VaultError `TAMPERED` where a record does not verify: nothing is removed then
 */
export async function collectUploads(
  dataset: OpenDataset,
  graceMs: number,
): Promise<{ uploads: number; bytes: number }> {
  const before = Date.now() - graceMs;
  // Segments before records: an upload that begins meanwhile has a record by the time that its segment is there.
  const segments = await segmentsByUpload(dataset);
  const expired: { id: string; bytes: number; isUpload: boolean }[] = [];
  for await (const id of dataset.store.listEntries(dataset.name, 'uploads')) {
    const record = (await dataset.readRecord('upload', id))?.record;
    const found = segments.get(id);
    segments.delete(id);
    if (record === undefined || Date.parse(modifiedOf(record, found)) > before) continue;
    expired.push({ id, bytes: found?.bytes ?? 0, isUpload: true });
  }
  for (const [id, { bytes, modified }] of segments) {
    if (modified.getTime() <= before) expired.push({ id, bytes, isUpload: false });
  }
  for (const { id } of expired) await discardUpload(dataset, id);
  const bytes = expired.reduce((sum, each) => sum + each.bytes, 0);
  return { uploads: expired.filter(({ isUpload }) => isUpload).length, bytes };
}

async function readUpload(dataset: OpenDataset, id: string): Promise<HeldRecord> {
  const held = isUploadId(id) ? await dataset.readRecord('upload', id) : undefined;
  if (held === undefined) throw noUpload(dataset, id);
  return held;
}

/** I2: what was durable once is there, or it is an error. */
async function recover(
  dataset: OpenDataset,
  record: UploadRecord,
  numbers: number[],
  options: { sync: boolean },
): Promise<number> {
  const size = await recoverSize(dataset, record.id, numbers, options);
  if (size < record.size) throw missingBytes(record.id, size);
  return size;
}

interface Segments {
  numbers: number[];
  bytes: number;
  /** Of the one that was written last. */
  modified: Date;
}

/** What there is of segments, by upload. */
async function segmentsByUpload(dataset: OpenDataset, id?: string): Promise<Map<string, Segments>> {
  const found = new Map<string, Segments>();
  for await (const { upload, number, size, modified } of dataset.store.listSegments(dataset.name, id)) {
    const known = found.get(upload) ?? { numbers: [], bytes: 0, modified };
    known.numbers.push(number);
    known.bytes += size;
    if (modified > known.modified) known.modified = modified;
    found.set(upload, known);
  }
  for (const { numbers } of found.values()) numbers.sort((a, b) => a - b);
  return found;
}

function infoOf(record: UploadRecord, segments: Segments | undefined, size: number): UploadInfo {
  const { id, path, started, writer } = record;
  return { id, path, size, started, modified: modifiedOf(record, segments), writer };
}

function modifiedOf({ touched }: UploadRecord, segments: Segments | undefined): string {
  const modified = segments?.modified.toISOString() ?? touched;
  return modified > touched ? modified : touched;
}

function noUpload(dataset: OpenDataset, id: string): VaultError {
  return new VaultError('NOT_FOUND', `there is no upload ${JSON.stringify(id)} in ${dataset.name}`, {
    hint: 'it is over, or was removed because nothing came for too long',
  });
}
