// Objects from files and into files: workers that read, crypt and write at computed offsets, where the
// store has descriptors; in order where it has none.
import { failedWrite } from '../lib/index.ts';
import { digestFile, type FileSettings, openFile, SealError, sealFile } from '../seal/index.ts';
import { toStoreError } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { nameObject, type ObjectInfo, openingOptions, openObject, openReader, putObject } from './objects.ts';
import { type ByteRange, openObjectRange } from './range.ts';

/** A file of plaintext, open for reading; it stays open until the promise settles. */
export interface PlainFile {
  descriptor: number;
  /** Bytes, as they were when it was opened. */
  size: number;
  /** Its content in order, for a store that takes no descriptors. Fails where the file changes meanwhile. */
  chunks: AsyncIterable<Uint8Array>;
  /** Raises unless the file is what it was when it was opened. */
  confirm(): Promise<void>;
}

/** Where plaintext goes. */
export interface PlainTarget {
  /** Of a new file, into which workers may write at any place. Absent where bytes are taken in order only. */
  descriptor?: number;
  write(chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** What both directions may be told. */
export interface FileOptions {
  signal?: AbortSignal | undefined;
  /** Worker threads; by default as many as there are cores. */
  threads?: number | undefined;
  /** Called now and then with the plaintext bytes so far, of how many. */
  onBytes?: ((bytes: number, totalBytes: number) => void) | undefined;
}

/**
 * As `putObject`, from a file. It is read twice side by side, once to seal it and once for the digest in its
 * record: that both saw the same bytes is what `file.confirm` vouches for, before the object gets its name.
 */
export async function putFile(
  dataset: OpenDataset,
  path: string,
  file: PlainFile,
  { writerName, ...options }: FileOptions & { writerName: string },
): Promise<ObjectInfo> {
  const writer = await dataset.store.createObject(dataset.name);
  try {
    const { descriptor } = writer;
    if (descriptor === undefined) {
      await writer.abort();
      return await putObject(dataset, path, file.chunks, { writer: writerName, signal: options.signal });
    }
    const { signal } = options;
    const sealing = { keyring: await dataset.sealingKeyring(), context: dataset.context };
    const [sealed, sha256] = await bothOf(signal, (stop) => [
      sealFile(file, { ...sealing, signal: stop }, { descriptor }, settingsOf(options, file.size)),
      digestFile(file, stop),
    ]).catch(async (error: unknown) => {
      await file.confirm(); // a file that became shorter is one that changed
      const cause = error instanceof SealError ? failedWrite(error) : undefined;
      throw cause === undefined ? error : toStoreError(cause, `write an object to ${dataset.name}`);
    });
    await file.confirm();
    return await nameObject(dataset, path, writer, { ...sealed, sha256 }, { writer: writerName });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/**
 * Opens the object that `info` names, or a range of it, into `target`. The plaintext is complete only when the
 * promise resolves (I2): a file may have holes before. @returns the plaintext bytes that were written
 */
export async function openInto(
  dataset: OpenDataset,
  info: ObjectInfo,
  target: PlainTarget,
  { range, ...options }: FileOptions & { range?: ByteRange | undefined },
): Promise<number> {
  const { descriptor } = target;
  const { signal, onBytes } = options;
  if (range === undefined && descriptor !== undefined) {
    const reader = await openReader(dataset, info);
    try {
      if (reader.descriptor !== undefined) {
        const expected = await openingOptions(dataset, info, signal);
        await openFile(reader, expected, { descriptor }, settingsOf(options, info.size));
        return info.size;
      }
    } finally {
      await reader.close();
    }
  }
  const opened =
    range === undefined ? await openObject(dataset, info, signal) : await openObjectRange(dataset, info, range, signal);
  await target.write(counting(opened.chunks, opened.length, onBytes));
  return opened.length;
}

/** Runs two jobs to their ends; when one fails the other is stopped. Nobody works any more when it settles. */
async function bothOf<First, Second>(
  signal: AbortSignal | undefined,
  begin: (stop: AbortSignal) => [Promise<First>, Promise<Second>],
): Promise<[First, Second]> {
  const controller = new AbortController();
  const jobs = begin(signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]));
  try {
    return await Promise.all(jobs);
  } catch (error) {
    controller.abort();
    await Promise.allSettled(jobs);
    throw error;
  }
}

/** What seal/ is told of the work on a file of `totalBytes`. */
export function settingsOf({ threads, onBytes }: FileOptions, totalBytes: number): FileSettings {
  return {
    ...(threads === undefined ? {} : { threads }),
    ...(onBytes === undefined ? {} : { onProgress: ({ read }) => onBytes(read, totalBytes) }),
  };
}

async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  totalBytes: number,
  onBytes: FileOptions['onBytes'],
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    onBytes?.(bytes, totalBytes);
    yield chunk;
  }
}
