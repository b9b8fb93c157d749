// The segments of an upload: what each is bound to, how much of them can be recovered, and all as one stream.
import { type EncryptionContext, inspectSegment, type OpenedSegment, openSegment, SealError } from '../seal/index.ts';
import type { SegmentReader } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { isStoreError, VaultError } from './error.ts';

/** The pair that says at which plaintext byte of the upload a segment begins. */
const OFFSET = 'glovebox:offset';

/** A segment of which the header has verified. */
interface Part {
  reader: SegmentReader;
  segment: OpenedSegment;
  /** The upload's plaintext byte at which it begins. */
  offset: number;
}

/** What a segment is bound to besides its dataset (I5): so that one that was swapped or moved is found (I2). */
export function segmentContext(dataset: OpenDataset, id: string, number: number, offset: number): EncryptionContext {
  return { ...placeContext(dataset, id, number), [OFFSET]: String(offset) };
}

function placeContext(dataset: OpenDataset, id: string, number: number): EncryptionContext {
  return { ...dataset.context, 'glovebox:upload': id, 'glovebox:segment': String(number) };
}

/**
 * Plaintext bytes of the upload that are there, frame by frame verified as far as the newest segment goes; those
 * before it were verified when it was begun, and are again on completion. With `sync` they are durable, too.
 *
 * @throws SealError where a header does not verify; the codes of `openSegment`
 */
export async function recoverSize(
  dataset: OpenDataset,
  id: string,
  numbers: readonly number[],
  { sync }: { sync: boolean },
): Promise<number> {
  for (const number of numbers.toReversed()) {
    const part = await openPart(dataset, id, number);
    if (part === undefined) continue;
    try {
      if (sync) await part.reader.sync();
      return part.offset + (await part.segment.measure()).plaintextSize;
    } finally {
      await part.reader.close();
    }
  }
  return 0;
}

/**
 * The same by the looks of the newest segment's header and size, without a key and without reading its frames.
 * Nothing is authenticated. @returns undefined where they say nothing
 */
export async function estimateSize(
  dataset: OpenDataset,
  id: string,
  numbers: readonly number[],
): Promise<number | undefined> {
  const number = numbers.at(-1);
  const reader = number === undefined ? undefined : await openReader(dataset, id, number);
  if (reader === undefined) return undefined;
  try {
    const { context, plaintextSize } = await inspectSegment(reader);
    const offset = Number(context[OFFSET]);
    return Number.isSafeInteger(offset + plaintextSize) ? offset + plaintextSize : undefined;
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  } finally {
    await reader.close();
  }
}

/**
 * The upload's first `size` plaintext bytes, frame by verified frame (I2). Each segment counts up to where the
 * next one begins: what a writer that was given up for dead added behind that is overridden. A segment that
 * holds nothing may be missing; bytes may not.
 *
 * @throws VaultError `TAMPERED` where bytes are missing between segments; SealError where one does not verify,
 *   `TRUNCATED` where it is shorter than it was
 */
export async function* joinSegments(
  dataset: OpenDataset,
  id: string,
  numbers: readonly number[],
  size: number,
): AsyncGenerator<Uint8Array> {
  let part: Part | undefined;
  try {
    for (const number of numbers) {
      const next = await openPart(dataset, id, number);
      if (next === undefined) continue;
      const before = part;
      part = next;
      yield* readPart(before, next.offset, id);
    }
    const last = part;
    part = undefined;
    yield* readPart(last, size, id);
  } finally {
    await part?.reader.close();
  }
}

/** The bytes of `part` up to the upload's byte `to`, and closes it. No part holds nothing. */
async function* readPart(part: Part | undefined, to: number, id: string): AsyncGenerator<Uint8Array> {
  try {
    const from = part?.offset ?? 0;
    if (to < from || (part === undefined && to > 0)) throw missingBytes(id, Math.min(from, to));
    if (part !== undefined) yield* part.segment.chunks(0, to - from);
  } finally {
    await part?.reader.close();
  }
}

/** Opens a segment; undefined where it is not there, or not even its header: then it holds nothing. */
async function openPart(dataset: OpenDataset, id: string, number: number): Promise<Part | undefined> {
  const reader = await openReader(dataset, id, number);
  if (reader === undefined) return undefined;
  try {
    const context = placeContext(dataset, id, number);
    const segment = await openSegment(reader, { keyring: await dataset.openingKeyring(), context });
    const offset = Number(segment.context[OFFSET]);
    if (!Number.isSafeInteger(offset) || offset < 0) throw missingBytes(id, 0);
    return { reader, segment, offset };
  } catch (error) {
    await reader.close();
    if (error instanceof SealError && error.code === 'TRUNCATED') return undefined;
    throw error;
  }
}

async function openReader(dataset: OpenDataset, id: string, number: number): Promise<SegmentReader | undefined> {
  try {
    return await dataset.store.openSegment(dataset.name, id, number);
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** The error for an upload that is less than it was. */
export function missingBytes(id: string, from: number): VaultError {
  return new VaultError('TAMPERED', `the upload ${id} lacks bytes from ${from} on that were there before`, {
    hint: 'remove it and send the file again, or restore the store from a copy',
  });
}
