// Objects with names, in raw datasets: put, get, list, stat, rename, remove.
import { type OpenOptions, openStream, releaseAll, type SealedSummary, sealStream } from '../seal/index.ts';
import type { ObjectReader, ObjectWriter } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { isStoreError, VaultError } from './error.ts';
import type { NameRecord } from './record.ts';

/** What a record tells of an object. Sizes are plaintext bytes. */
export interface ObjectInfo {
  path: string;
  messageId: string;
  size: number;
  sha256: string;
  time: string;
  writer: string;
}

/** An object's plaintext, frame by verified frame (I2). Leaving the loop early releases everything. */
export interface OpenedObject {
  info: ObjectInfo;
  /** Bytes that `chunks` comes to: the object's size, or that of the range. */
  length: number;
  chunks: AsyncIterable<Uint8Array>;
}

/** An object as it is stored; `reader` is the caller's to close. */
export interface SealedObject {
  info: ObjectInfo;
  reader: ObjectReader;
}

export interface PutOptions {
  writer: string;
  /** The upload that becomes the object, for its record. */
  upload?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Called with the plaintext as it goes in; the buffers are not to be kept. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Seals `source` under `path`. The object appears whole, with its name, when the promise resolves; on
 * any failure what was there before stays (I3).
 */
export async function putObject(
  dataset: OpenDataset,
  path: string,
  source: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<ObjectInfo> {
  const { signal } = options;
  const counted = options.onBytes === undefined ? source : counting(source, options.onBytes);
  const writer = await dataset.store.createObject(dataset.name);
  try {
    const keyring = await dataset.sealingKeyring();
    const sealing = await sealStream(counted, { keyring, context: dataset.context, ...(signal ? { signal } : {}) });
    for await (const chunk of sealing.chunks) {
      await writer.write(chunk);
      releaseAll([chunk]);
    }
    return await nameObject(dataset, path, writer, await sealing.summary, options);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Makes the written object visible under its message id, and then under its name. */
export async function nameObject(
  dataset: OpenDataset,
  path: string,
  object: Pick<ObjectWriter, 'commit'>,
  { messageId, plaintextSize, sha256 }: Pick<SealedSummary, 'messageId' | 'plaintextSize' | 'sha256'>,
  { writer, upload }: Pick<PutOptions, 'writer' | 'upload'>,
): Promise<ObjectInfo> {
  await object.commit(messageId);
  const info = { messageId, size: plaintextSize, sha256, time: new Date().toISOString(), writer };
  const from = upload === undefined ? {} : { upload };
  await dataset.writeRecord({ kind: 'name', dataset: dataset.name, name: path, ...from, ...info });
  return { path, ...info };
}

async function* counting(
  source: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** The info of the object named `path`. @throws VaultError `NOT_FOUND`, `TAMPERED` */
export async function statObject(dataset: OpenDataset, path: string): Promise<ObjectInfo> {
  return (await readName(dataset, path)).info;
}

async function readName(
  dataset: OpenDataset,
  path: string,
): Promise<{ info: ObjectInfo; record: NameRecord; etag: string }> {
  const found = await dataset.readRecord('name', path);
  if (found === undefined) {
    throw new VaultError('NOT_FOUND', `there is no ${dataset.name}/${path}`, {
      hint: `what is there is listed by: glovebox ls ${dataset.name}`,
    });
  }
  return { info: infoOf(path, found.record), ...found };
}

/** What a record says of the object that is named `path`. */
export function infoOf(path: string, { messageId, size, sha256, time, writer }: NameRecord): ObjectInfo {
  return { path, messageId, size, sha256, time, writer };
}

/** The objects whose names begin with `prefix`, in byte order. */
export async function listObjects(dataset: OpenDataset, prefix = ''): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of eachObject(dataset, prefix)) found.push(info);
  return found;
}

/** Records that are read at once. */
const READ_AHEAD = 16;

/** The same, one by one. */
export async function* eachObject(dataset: OpenDataset, prefix: string): AsyncGenerator<ObjectInfo> {
  let names: string[] = [];
  for await (const name of dataset.store.listEntries(dataset.name, 'names', prefix)) {
    names.push(name);
    if (names.length < READ_AHEAD) continue;
    yield* await readInfos(dataset, names);
    names = [];
  }
  yield* await readInfos(dataset, names);
}

/** Of those names that have not been removed since they were listed. */
async function readInfos(dataset: OpenDataset, names: readonly string[]): Promise<ObjectInfo[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const record = (await dataset.readRecord('name', name))?.record;
      return record === undefined ? undefined : infoOf(name, record);
    }),
  );
  return found.filter((info) => info !== undefined);
}

/** Opens the sealed object that `info` names. @throws VaultError `MISSING_OBJECT` */
export async function openReader(dataset: OpenDataset, info: ObjectInfo): Promise<ObjectReader> {
  try {
    return await dataset.store.openObject(dataset.name, info.messageId);
  } catch (error) {
    if (!isStoreError(error, 'NOT_FOUND')) throw error;
    throw new VaultError('MISSING_OBJECT', `the object of ${dataset.name}/${info.path} is not in the store`, {
      hint: 'it was removed behind our back: restore it from a copy of the store',
      cause: error,
    });
  }
}

/** Opens an object for reading as a stream; the object must be the one that `info` names (I2, I5). */
export async function openObject(dataset: OpenDataset, info: ObjectInfo, signal?: AbortSignal): Promise<OpenedObject> {
  const reader = await openReader(dataset, info);
  try {
    const opened = await openStream(reader, await openingOptions(dataset, info, signal));
    return { info, length: info.size, chunks: closing(opened.chunks, reader) };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** What the object that `info` names must be (I2, I5). */
export async function openingOptions(
  dataset: OpenDataset,
  info: ObjectInfo,
  signal: AbortSignal | undefined,
): Promise<OpenOptions> {
  return {
    keyring: await dataset.openingKeyring(),
    context: dataset.context,
    messageId: info.messageId,
    plaintextSize: info.size,
    ...(signal ? { signal } : {}),
  };
}

async function* closing(chunks: AsyncIterable<Uint8Array>, reader: ObjectReader): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    await reader.close();
  }
}

/**
 * Renames in one atomic step, whatever the object's size (I3). The record first says both names, which
 * makes it valid in both places; then it moves; then it forgets the old name.
 *
 * @throws VaultError `NOT_FOUND`, `EXISTS` (without `replace`), `CONFLICT`
 */
export async function renameObject(dataset: OpenDataset, from: string, to: string, replace: boolean): Promise<void> {
  const { record, etag } = await readName(dataset, from);
  if (from === to) return;
  const { formerly: _, ...plain } = record;
  const exists = new VaultError('EXISTS', `${dataset.name}/${to} exists`, {
    hint: 'choose another name, or say --force',
  });
  if (!replace && (await dataset.readRecord('name', to)) !== undefined) throw exists;
  await dataset.writeRecord({ ...plain, name: to, formerly: from }, { place: from, expected: etag });
  try {
    await dataset.store.moveEntry(dataset.name, 'names', from, to, replace);
  } catch (error) {
    await dataset.writeRecord({ ...plain, name: from });
    throw isStoreError(error, 'CONFLICT') ? exists : error;
  }
  await dataset.writeRecord({ ...plain, name: to });
}

/** Removes the name; the object goes when it is collected. @throws VaultError `NOT_FOUND` */
export async function removeObject(dataset: OpenDataset, path: string): Promise<void> {
  if (!(await dataset.store.removeEntry(dataset.name, 'names', path))) await readName(dataset, path);
}
