// A message, opened as far as needed to trust its length: header, context, commitment, final frame.
import { abortedError, SealError } from './error.ts';
import { type FrameKey, openFrameInPlace } from './frame.ts';
import { type ParsedHeader, readHeader, unlockHeader } from './header.ts';
import { FINAL_HEADER, FINAL_MARKER, FRAME_OVERHEAD, framePlace, type Layout, layoutOf } from './layout.ts';
import type { EncryptionContext, OpenOptions, SealedSource } from './types.ts';

/** A message whose header and final frame have verified: its length and context can be trusted. */
export interface VerifiedMessage {
  id: string;
  context: EncryptionContext;
  layout: Layout;
  frameKey: FrameKey;
  /** Plaintext of the final frame, at most one frame length. */
  finalPlaintext: Uint8Array;
}

// Frames that are looked at backwards to tell bytes added from bytes missing; only for the error's code.
const TRAILING_SEARCH = 1024;

/**
 * Verifies everything that stands before the first frame, and the final frame, which authenticates
 * the number of frames and so the plaintext size (I2).
 *
 * @throws SealError: any code but `COMPRESSION`, `WRAP_FAILED`
 */
export async function verifyMessage(source: SealedSource, options: OpenOptions): Promise<VerifiedMessage> {
  if (options.signal?.aborted) throw abortedError();
  const header = await readHeader(source);
  const id = Buffer.from(header.info.messageHeader.messageId).toString('hex');
  if (options.messageId !== undefined && options.messageId !== id) {
    throw new SealError('MESSAGE_MISMATCH', 'this is another object than the one recorded');
  }
  const context = expectContext(header, options.context);
  const layout = await findLayout(source, header);
  if (options.plaintextSize !== undefined && options.plaintextSize !== layout.plaintextSize) {
    throw new SealError('SIZE_MISMATCH', 'the object has another size than the one recorded');
  }
  const frameKey = await unlockHeader(header, options.keyring);
  const finalPlaintext = openFrameInPlace(
    frameKey,
    await readFrame(source, layout, layout.regularFrames),
    framePlace(layout, layout.regularFrames),
  );
  return { id, context, layout, frameKey, finalPlaintext };
}

/**
 * The sealed bytes of frame `index`, in memory of their own.
 *
 * @throws SealError `TRUNCATED` when the source is shorter than it said
 */
export async function readFrame(source: SealedSource, layout: Layout, index: number): Promise<Uint8Array> {
  const place = framePlace(layout, index);
  const buffer = Buffer.allocUnsafeSlow(place.sealedLength);
  let filled = 0;
  while (filled < buffer.byteLength) {
    const count = await source.read(buffer.subarray(filled), place.offset + filled);
    if (count === 0) throw new SealError('TRUNCATED', 'the object became shorter while it was read');
    filled += count;
  }
  return buffer;
}

/**
 * The layout that the size asks for, once the final frame's header stands where it should.
 *
 * @throws SealError `TRUNCATED`, `TRAILING_BYTES`, `FRAME_ORDER`
 */
export async function findLayout(source: SealedSource, header: ParsedHeader): Promise<Layout> {
  const { frameLength } = header.info.messageHeader;
  const layout = layoutOf(header.size, frameLength, source.size);
  if (layout && (await isFinalFrame(source, header, layout.regularFrames, layout.finalLength))) return layout;
  // Something was cut off or added. The frame headers tell which; nothing is trusted for it.
  const last = Math.floor((source.size - header.size) / (frameLength + FRAME_OVERHEAD));
  for (let index = last; index >= Math.max(0, last - TRAILING_SEARCH); index--) {
    const first = await readFrameHeader(source, header, index);
    if (first?.getUint32(0) !== FINAL_MARKER || first.getUint32(4) !== index + 1) continue;
    const length = first.getUint32(20);
    const end = frameOffset(header, index) + FINAL_HEADER + length + 16;
    if (length <= frameLength && end < source.size) {
      throw new SealError('TRAILING_BYTES', 'bytes follow the final frame');
    }
    throw new SealError('TRUNCATED', 'the final frame is cut off');
  }
  const first = layout && (await readFrameHeader(source, header, layout.regularFrames));
  if (first && first.getUint32(0) !== layout.regularFrames + 1) {
    throw new SealError('FRAME_ORDER', 'the final frame is not in its place');
  }
  throw new SealError('TRUNCATED', 'the final frame is missing');
}

function expectContext(header: ParsedHeader, expected: EncryptionContext): EncryptionContext {
  const context = header.info.messageHeader.encryptionContext;
  for (const [name, value] of Object.entries(expected)) {
    if (!Object.hasOwn(context, name) || context[name] !== value) {
      throw new SealError('CONTEXT_MISMATCH', `the object's encryption context does not hold the expected ${name}`, {
        hint: 'the object belongs to another dataset or workspace, or its header was altered',
      });
    }
  }
  return { ...context };
}

async function isFinalFrame(source: SealedSource, header: ParsedHeader, index: number, length: number) {
  const first = await readFrameHeader(source, header, index);
  return first?.getUint32(0) === FINAL_MARKER && first.getUint32(4) === index + 1 && first.getUint32(20) === length;
}

async function readFrameHeader(source: SealedSource, header: ParsedHeader, index: number) {
  const bytes = Buffer.alloc(FINAL_HEADER);
  const count = await source.read(bytes, frameOffset(header, index));
  return count < FINAL_HEADER ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function frameOffset(header: ParsedHeader, index: number): number {
  return header.size + index * (header.info.messageHeader.frameLength + FRAME_OVERHEAD);
}
