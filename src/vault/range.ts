// Ranges of an object, as HTTP has them (RFC 9110, section 14.1.2): both ends are in it.
import { type OpenedMessage, openMessage, SealError } from '../seal/index.ts';
import type { ObjectReader } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { type ObjectInfo, type OpenedObject, openingOptions, openReader } from './objects.ts';

/** From byte `first` to byte `last`, or to the end; or the last `suffix` bytes. Whole numbers from 0 on. */
export type ByteRange = { first: number; last?: number } | { suffix: number };

/**
 * Where the range lies in an object of `size` bytes. What reaches over the end stops there.
 * @throws SealError `RANGE` where the range begins behind the last byte
 */
export function placeRange(range: ByteRange, size: number): { offset: number; length: number } {
  if ('suffix' in range) {
    const length = Math.min(range.suffix, size);
    return { offset: size - length, length };
  }
  const { first, last = size - 1 } = range;
  if (first >= size) {
    throw new SealError('RANGE', `the range begins at byte ${first}, behind the end of the object: it has ${size}`);
  }
  return { offset: first, length: Math.min(last, size - 1) - first + 1 };
}

/** Opens a part of an object: only the frames that hold it are read, and each has verified (I2). */
export async function openObjectRange(
  dataset: OpenDataset,
  info: ObjectInfo,
  range: ByteRange,
  signal?: AbortSignal,
): Promise<OpenedObject> {
  const { offset, length } = placeRange(range, info.size);
  const reader = await openReader(dataset, info);
  try {
    const message = await openMessage(reader, await openingOptions(dataset, info, signal));
    return { info, length, chunks: partOf(message, offset, length, reader) };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function* partOf(
  message: OpenedMessage,
  offset: number,
  length: number,
  reader: ObjectReader,
): AsyncGenerator<Uint8Array> {
  try {
    yield* message.openRange(offset, length);
  } finally {
    message.close();
    await reader.close();
  }
}

/** An object that is open for reading. */
export interface OpenReading {
  info: ObjectInfo;
  /**
   * Up to `length` bytes from `offset`, fewer at the end only, frame by verified frame (I2); several may be under
   * way. The chunks are the caller's, to wipe.
   */
  chunks(offset: number, length: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Opens an object once for any number of ranges. */
export async function openForReading(dataset: OpenDataset, info: ObjectInfo): Promise<OpenReading> {
  const reader = await openReader(dataset, info);
  try {
    const message = await openMessage(reader, await openingOptions(dataset, info, undefined));
    return {
      info,
      chunks: (offset, length) => message.openRange(Math.min(offset, info.size), length),
      async close() {
        message.close();
        await reader.close();
      },
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}
