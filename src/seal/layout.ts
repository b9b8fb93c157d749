// Where the frames of a message lie. AWS Encryption SDK message format, "Body structure: framed data".
import { SealError } from './error.ts';

/** Sequence number and IV before, tag behind a regular frame's ciphertext. */
export const FRAME_HEADER = 4 + 12;
/** Marker, sequence number, IV and length before the final frame's ciphertext. */
export const FINAL_HEADER = 4 + 4 + 12 + 4;
export const TAG_LENGTH = 16;
export const FRAME_OVERHEAD = FRAME_HEADER + TAG_LENGTH;
export const FINAL_OVERHEAD = FINAL_HEADER + TAG_LENGTH;
export const FINAL_MARKER = 0xffff_ffff;

/** The arithmetic of one message. Sizes and offsets in bytes from the message's start. */
export interface Layout {
  headerSize: number;
  frameLength: number;
  /** Regular frames; the final frame comes on top. */
  regularFrames: number;
  /** Plaintext bytes of the final frame: 0 to `frameLength`. */
  finalLength: number;
  plaintextSize: number;
  /** Length field and signature behind the final frame; 0 where the suite does not sign. */
  footerSize: number;
  /** The whole message, its footer included. */
  sealedSize: number;
}

/**
 * Computes a message's layout from its whole size. The final frame at `finalOffset` authenticates the
 * result: until it has verified, nothing here is trusted.
 *
 * @returns `undefined` where no message of this size exists (something is missing or added).
 */
export function layoutOf(
  headerSize: number,
  frameLength: number,
  sealedSize: number,
  footerSize = 0,
): Layout | undefined {
  const body = sealedSize - headerSize - FINAL_OVERHEAD - footerSize;
  if (body < 0) return undefined;
  const regularFrames = Math.floor(body / (frameLength + FRAME_OVERHEAD));
  const finalLength = body - regularFrames * (frameLength + FRAME_OVERHEAD);
  if (finalLength > frameLength) return undefined;
  const plaintextSize = regularFrames * frameLength + finalLength;
  return { headerSize, frameLength, regularFrames, finalLength, plaintextSize, footerSize, sealedSize };
}

/**
 * The layout of a message that is to be written: all frames full but the last, which is empty on an exact
 * multiple, as in seal-stream.ts.
 */
export function layoutFor(headerSize: number, frameLength: number, plaintextSize: number): Layout {
  const regularFrames = Math.floor(plaintextSize / frameLength);
  const finalLength = plaintextSize - regularFrames * frameLength;
  const sealedSize = headerSize + regularFrames * (frameLength + FRAME_OVERHEAD) + finalLength + FINAL_OVERHEAD;
  return { headerSize, frameLength, regularFrames, finalLength, plaintextSize, footerSize: 0, sealedSize };
}

/** One frame's place and kind. */
export interface FramePlace {
  /** Counts from 1. */
  sequence: number;
  final: boolean;
  /** Offset of the frame's first byte in the message. */
  offset: number;
  /** Frame header, ciphertext and tag. */
  sealedLength: number;
  /** Plaintext bytes. */
  length: number;
}

/** The place of frame `index` (from 0); index `regularFrames` is the final frame. */
export function framePlace(layout: Layout, index: number): FramePlace {
  const final = index === layout.regularFrames;
  if (index < 0 || index > layout.regularFrames) throw new SealError('LIMIT', `no frame ${index} in this message`);
  const length = final ? layout.finalLength : layout.frameLength;
  return {
    sequence: index + 1,
    final,
    offset: layout.headerSize + index * (layout.frameLength + FRAME_OVERHEAD),
    sealedLength: length + (final ? FINAL_OVERHEAD : FRAME_OVERHEAD),
    length,
  };
}
