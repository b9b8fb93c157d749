// Opens a segment, which may be cut off anywhere: what its frames hold up to the first that does not verify.
import { SealError } from './error.ts';
import { beginSession, type FrameSession } from './frame-pool.ts';
import { type ParsedHeader, readHeader, unlockHeader } from './header.ts';
import { FINAL_HEADER, FINAL_MARKER, FINAL_OVERHEAD, FRAME_OVERHEAD, type FramePlace } from './layout.ts';
import { expectHeader } from './message.ts';
import type { EncryptionContext, OpenOptions, SealedSource } from './types.ts';

/** What a segment was found to hold. */
export interface SegmentExtent {
  /** Plaintext bytes of the frames from the first on that are whole and verify. */
  plaintextSize: number;
  /** Whether the final frame is among them and nothing follows it. */
  finished: boolean;
}

/** A segment whose header has verified. */
export interface OpenedSegment {
  messageId: string;
  context: EncryptionContext;
  /** Verifies frame after frame, up to the first that is not whole or does not verify. Throws what the source throws. */
  measure(): Promise<SegmentExtent>;
  /**
   * Plaintext bytes `from` up to `to` (exclusive), frame by verified frame (I2). A chunk is wiped when the next
   * one is asked for. @throws SealError `TRUNCATED` where the segment holds less, `FRAME_AUTH`, `FRAME_ORDER`
   */
  chunks(from: number, to: number): AsyncIterable<Uint8Array>;
}

/**
 * Opens a segment: header, commitment and context verify when the promise resolves; of the frames nothing is
 * known until they are read. Unlike a message's, a segment's length is not authenticated unless it is finished.
 *
 * @throws SealError `TRUNCATED` where the header is not whole, `HEADER_INVALID`, `LIMIT`, `NON_COMMITTING`,
 *   `UNSUPPORTED` (signed), `CONTEXT_MISMATCH`, `UNWRAP_FAILED`, `COMMITMENT`, `HEADER_AUTH`
 */
export async function openSegment(
  source: SealedSource,
  options: Pick<OpenOptions, 'keyring' | 'context'>,
): Promise<OpenedSegment> {
  const header = await readHeader(source);
  if (header.isSigned) throw new SealError('UNSUPPORTED', 'a segment is not signed');
  const { id, context } = expectHeader(header, options);
  const { key, messageId } = await unlockHeader(header, options.keyring);
  const framesFrom = async function* (first: number, end: number): AsyncGenerator<OpenedFrame> {
    const session = await beginSession({ key, messageId }, false);
    const ahead: Promise<OpenedFrame | undefined>[] = [];
    try {
      for (let next = first; ; ) {
        for (; next < end && ahead.length < session.parallelism; next++) {
          ahead.push(openOne(source, header, next, session));
        }
        const frame = await ahead.shift();
        if (!frame) return;
        try {
          yield frame;
        } finally {
          frame.plaintext.fill(0);
        }
        if (frame.place.final) return;
      }
    } finally {
      const rest = await Promise.allSettled(ahead);
      for (const frame of rest) if (frame.status === 'fulfilled') frame.value?.plaintext.fill(0);
      await session.end();
    }
  };
  return {
    messageId: id,
    context,
    async measure() {
      const extent: SegmentExtent = { plaintextSize: 0, finished: false };
      try {
        for await (const { place } of framesFrom(0, Number.POSITIVE_INFINITY)) {
          extent.plaintextSize += place.length;
          extent.finished = place.final && place.offset + place.sealedLength === source.size;
        }
      } catch (error) {
        // Anything else, such as a read that failed, does not mean that the segment ends here.
        if (!(error instanceof SealError && (error.code === 'FRAME_AUTH' || error.code === 'FRAME_ORDER'))) throw error;
      }
      return extent;
    },
    chunks: (from, to) => chunksOf(framesFrom, header.info.messageHeader.frameLength, from, to),
  };
}

/**
 * What a segment says about itself without any key: its context, and the plaintext bytes that its size has
 * room for. Nothing in it is authenticated; `measure` may find less.
 *
 * @throws SealError `TRUNCATED` where the header is not whole, `HEADER_INVALID`, `LIMIT`
 */
export async function inspectSegment(
  source: SealedSource,
): Promise<{ context: EncryptionContext; plaintextSize: number }> {
  const header = await readHeader(source);
  const { encryptionContext, frameLength } = header.info.messageHeader;
  const frames = Math.max(0, Math.floor((source.size - header.size) / (frameLength + FRAME_OVERHEAD)));
  // The last frame may be a final one that is about as long as a regular one: so look at two.
  for (const index of frames > 0 ? [frames - 1, frames] : [0]) {
    const place = placeOf(header, index, await readAt(source, frameOffset(header, index), FINAL_HEADER), source.size);
    if (place && !place.final) continue;
    return { context: { ...encryptionContext }, plaintextSize: index * frameLength + (place?.length ?? 0) };
  }
  return { context: { ...encryptionContext }, plaintextSize: frames * frameLength };
}

interface OpenedFrame {
  place: FramePlace;
  plaintext: Uint8Array;
}

async function* chunksOf(
  framesFrom: (first: number, end: number) => AsyncIterable<OpenedFrame>,
  frameLength: number,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  if (from >= to) return;
  const first = Math.floor(from / frameLength);
  let at = first * frameLength;
  for await (const { plaintext } of framesFrom(first, Math.ceil(to / frameLength))) {
    const part = plaintext.subarray(Math.max(0, from - at), to - at);
    at += plaintext.byteLength;
    if (part.byteLength > 0) yield part;
  }
  if (at < to) throw new SealError('TRUNCATED', `the segment ends after ${at} bytes, and ${to} are needed`);
}

/** Opens frame `index` (from 0); undefined where it is not whole. */
function openOne(
  source: SealedSource,
  header: ParsedHeader,
  index: number,
  session: FrameSession,
): Promise<OpenedFrame | undefined> {
  const open = async (): Promise<OpenedFrame | undefined> => {
    const longest = header.info.messageHeader.frameLength + FINAL_OVERHEAD;
    const sealed = await readAt(source, frameOffset(header, index), longest);
    const place = placeOf(header, index, sealed, frameOffset(header, index) + sealed.byteLength);
    if (!place) return undefined;
    return { place, plaintext: await session.open(sealed.subarray(0, place.sealedLength), place) };
  };
  const opened = open();
  // Awaited in order later on; until then a rejection is not an unhandled one.
  opened.catch(ignoreUntilAwaited);
  return opened;
}

/** The place that frame `index` claims by its first bytes; undefined where it does not end before `end`. */
function placeOf(header: ParsedHeader, index: number, first: Buffer, end: number): FramePlace | undefined {
  const { frameLength } = header.info.messageHeader;
  const offset = frameOffset(header, index);
  const final = first.byteLength >= FINAL_HEADER && first.readUInt32BE(0) === FINAL_MARKER;
  const length = final ? first.readUInt32BE(FINAL_HEADER - 4) : frameLength;
  const sealedLength = length + (final ? FINAL_OVERHEAD : FRAME_OVERHEAD);
  if (length > frameLength || offset + sealedLength > end) return undefined;
  return { sequence: index + 1, final, offset, sealedLength, length };
}

/** Up to `length` bytes in memory of their own, fewer at the end. */
async function readAt(source: SealedSource, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, source.size - offset)));
  return buffer.subarray(0, await source.read(buffer, offset));
}

function frameOffset(header: ParsedHeader, index: number): number {
  return header.size + index * (header.info.messageHeader.frameLength + FRAME_OVERHEAD);
}

function ignoreUntilAwaited(): void {}
