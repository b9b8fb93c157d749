// Opens ranges of a message: random access that reads only the frames it needs.
import { SealError } from './error.ts';
import { type VerifiedMessage, verifyMessage } from './message.ts';
import { openFrames } from './open-frames.ts';
import type { EncryptionContext, OpenOptions, SealedSource } from './types.ts';

/** A verified message, open for reading at any place. */
export interface OpenedMessage {
  messageId: string;
  plaintextSize: number;
  context: EncryptionContext;
  /**
   * Plaintext bytes from `offset`, `length` of them or up to the end, frame by verified frame (I2). Reads the
   * frames that hold them and no other; the final frame is at hand.
   *
   * @throws SealError `RANGE` at once where `offset` lies behind the end, or one of the two is no whole
   *   number from 0 on; the chunks throw `FRAME_AUTH`, `FRAME_ORDER`, `TRUNCATED`, `ABORTED`
   */
  openRange(offset: number, length: number): AsyncIterable<Uint8Array>;
  /** Wipes what is at hand; no range can be opened any more. The source is the caller's to close. */
  close(): void;
}

/**
 * Opens a message for random access: reads and verifies header and final frame, once for any number of
 * ranges. A signed message is read once as a whole before, to verify its signature.
 *
 * @throws SealError: any code but `COMPRESSION`, `WRAP_FAILED`, `RANGE`; `UNSUPPORTED` for a legacy message
 */
export async function openMessage(source: SealedSource, options: OpenOptions): Promise<OpenedMessage> {
  const message = await verifyMessage(source, options);
  const { plaintextSize } = message.layout;
  let open = true;
  return {
    messageId: message.id,
    plaintextSize,
    context: message.context,
    openRange(offset, length) {
      if (!open) throw new SealError('ABORTED', 'the message has been closed');
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
        throw new SealError('RANGE', 'a range is a whole number of bytes from a whole offset on');
      }
      if (offset > plaintextSize) {
        throw new SealError('RANGE', `the range begins at ${offset}, behind the end at ${plaintextSize} bytes`);
      }
      return rangeOf(source, message, offset, Math.min(offset + length, plaintextSize), options.signal);
    },
    close() {
      open = false;
      message.finalPlaintext.fill(0);
    },
  };
}

async function* rangeOf(
  source: SealedSource,
  message: VerifiedMessage,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (from >= to) return;
  const { frameLength, regularFrames } = message.layout;
  const first = Math.min(Math.floor(from / frameLength), regularFrames);
  const end = Math.min(Math.ceil(to / frameLength), regularFrames);
  let at = first * frameLength;
  const cut = (plaintext: Uint8Array) => {
    const part = plaintext.subarray(Math.max(0, from - at), to - at);
    at += plaintext.byteLength;
    return part;
  };
  for await (const plaintext of openFrames(source, message, { first, end, signal })) {
    // What nobody asked for is wiped.
    plaintext.fill(0, 0, Math.max(0, from - at)).fill(0, Math.min(to - at, plaintext.byteLength));
    yield cut(plaintext);
  }
  if (to > regularFrames * frameLength) {
    at = regularFrames * frameLength;
    yield Buffer.from(cut(message.finalPlaintext)); // a copy: the next range may need it too
  }
}
