// Finds where the frames of a stored message lie, from its size and what stands at its end.
import { SealError } from './error.ts';
import type { ParsedHeader } from './header.ts';
import { FINAL_HEADER, FINAL_MARKER, FRAME_OVERHEAD, type Layout, layoutOf, TAG_LENGTH } from './layout.ts';
import { MAX_SIGNATURE_LENGTH, MAX_UNFRAMED_LENGTH } from './limits.ts';
import type { SealedSource } from './types.ts';

/** The footer's length field (specification, "Footer"). */
export const SIGNATURE_LENGTH_SIZE = 2;
const MIN_SIGNATURE_LENGTH = 8;
/** IV and length before the content of an unframed body (specification, "Body structure: non-framed data"). */
const UNFRAMED_HEADER = 12 + 8;
// Frames that are looked at backwards to tell bytes added from bytes missing; only for the error's code.
const TRAILING_SEARCH = 1024;

/**
 * The layout that the size asks for, once the final frame's header stands where it should. Nothing here is
 * authenticated.
 *
 * @throws SealError `TRUNCATED`, `TRAILING_BYTES`, `FRAME_ORDER`, `FRAME_AUTH` (a final frame longer than a
 *   frame), `SIGNATURE`, `LIMIT` (unframed bodies)
 */
export async function findLayout(source: SealedSource, header: ParsedHeader): Promise<Layout> {
  const { frameLength } = header.info.messageHeader;
  if (frameLength === 0) return findUnframed(source, header);
  for (const footerSize of header.isSigned ? await possibleFooters(source, header) : [0]) {
    const layout = layoutOf(header.size, frameLength, source.size, footerSize);
    if (layout && (await isFinalFrame(source, header, layout.regularFrames, layout.finalLength))) return layout;
  }
  throw await explainMissing(source, header);
}

/** Sizes of footers that could end the message: those whose length field says so. */
async function possibleFooters(source: SealedSource, header: ParsedHeader): Promise<number[]> {
  const from = Math.max(header.size, source.size - SIGNATURE_LENGTH_SIZE - MAX_SIGNATURE_LENGTH);
  const tail = await readBytes(source, from, source.size - from);
  const sizes: number[] = [];
  for (let length = MIN_SIGNATURE_LENGTH; length + SIGNATURE_LENGTH_SIZE <= tail.byteLength; length++) {
    const size = length + SIGNATURE_LENGTH_SIZE;
    if (tail.readUInt16BE(tail.byteLength - size) === length) sizes.push(size);
  }
  return sizes;
}

/** Something was cut off or added. The frame headers tell which; nothing is trusted for it. */
async function explainMissing(source: SealedSource, header: ParsedHeader): Promise<SealError> {
  const { frameLength } = header.info.messageHeader;
  const last = Math.floor((source.size - header.size) / (frameLength + FRAME_OVERHEAD));
  for (let index = last; index >= Math.max(0, last - TRAILING_SEARCH); index--) {
    const first = await readFrameHeader(source, header, index);
    if (first?.readUInt32BE(0) !== FINAL_MARKER || first.readUInt32BE(4) !== index + 1) continue;
    const length = first.readUInt32BE(20);
    if (length > frameLength) return new SealError('FRAME_AUTH', 'the final frame is longer than a frame');
    return explainEnd(source, header, frameOffset(header, index) + FINAL_HEADER + length + TAG_LENGTH);
  }
  const layout = header.isSigned ? undefined : layoutOf(header.size, frameLength, source.size);
  const first = layout && (await readFrameHeader(source, header, layout.regularFrames));
  if (layout && first && first.readUInt32BE(0) !== layout.regularFrames + 1) {
    return new SealError('FRAME_ORDER', 'the final frame is not in its place');
  }
  return new SealError('TRUNCATED', 'the final frame is missing');
}

/** What is wrong where the final frame should end at `end`, and a footer should follow if there is one. */
async function explainEnd(source: SealedSource, header: ParsedHeader, end: number): Promise<SealError> {
  const rest = source.size - end;
  if (rest < 0) return new SealError('TRUNCATED', 'the final frame is cut off');
  if (!header.isSigned) return new SealError('TRAILING_BYTES', 'bytes follow the final frame');
  if (rest < SIGNATURE_LENGTH_SIZE) return new SealError('TRUNCATED', 'the signature is cut off');
  const footer = SIGNATURE_LENGTH_SIZE + (await readBytes(source, end, SIGNATURE_LENGTH_SIZE)).readUInt16BE(0);
  if (rest < footer) return new SealError('TRUNCATED', 'the signature is cut off');
  if (rest > footer) return new SealError('TRAILING_BYTES', 'bytes follow the signature');
  return new SealError('SIGNATURE', 'the signature has a length that no signature has');
}

async function findUnframed(source: SealedSource, header: ParsedHeader): Promise<Layout> {
  const first = await readBytes(source, header.size, UNFRAMED_HEADER);
  if (first.byteLength < UNFRAMED_HEADER) throw new SealError('TRUNCATED', 'the body is missing');
  const length = first.readBigUInt64BE(UNFRAMED_HEADER - 8);
  if (length > BigInt(source.size)) throw new SealError('TRUNCATED', 'the body is cut off');
  if (length > MAX_UNFRAMED_LENGTH) {
    throw new SealError('LIMIT', `an unframed body of ${length} bytes is over the limit of ${MAX_UNFRAMED_LENGTH}`);
  }
  const plaintextSize = Number(length);
  const end = header.size + UNFRAMED_HEADER + plaintextSize + TAG_LENGTH;
  const footers = header.isSigned ? await possibleFooters(source, header) : [0];
  const footerSize = footers.find((size) => end + size === source.size);
  if (footerSize === undefined) throw await explainEnd(source, header, end);
  return {
    headerSize: header.size,
    frameLength: 0,
    regularFrames: 0,
    finalLength: plaintextSize,
    plaintextSize,
    footerSize,
    sealedSize: source.size,
  };
}

async function isFinalFrame(source: SealedSource, header: ParsedHeader, index: number, length: number) {
  const first = await readFrameHeader(source, header, index);
  if (first?.readUInt32BE(0) !== FINAL_MARKER) return false;
  return first.readUInt32BE(4) === index + 1 && first.readUInt32BE(20) === length;
}

async function readFrameHeader(source: SealedSource, header: ParsedHeader, index: number): Promise<Buffer | undefined> {
  const bytes = await readBytes(source, frameOffset(header, index), FINAL_HEADER);
  return bytes.byteLength < FINAL_HEADER ? undefined : bytes;
}

function frameOffset(header: ParsedHeader, index: number): number {
  return header.size + index * (header.info.messageHeader.frameLength + FRAME_OVERHEAD);
}

async function readBytes(source: SealedSource, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, length));
  return bytes.subarray(0, await source.read(bytes, offset));
}
