// Opens a message as a stream of verified frames.
import { abortedError } from './error.ts';
import { openLegacy } from './legacy.ts';
import { readMessage, type VerifiedMessage, verifyRead } from './message.ts';
import { openFrames } from './open-frames.ts';
import type { OpenedStream, OpenOptions, SealedSource } from './types.ts';

/**
 * Opens a sealed object. When the promise resolves, header, commitment, context, the final frame and the
 * signature, where there is one, have verified, so that size and context can be trusted; the chunks follow
 * frame by frame, each verified before it is handed on (I2). A few frames are decrypted ahead in worker
 * threads, whatever the object's size (I6).
 *
 * @throws SealError: any code but `COMPRESSION`, `WRAP_FAILED`, `RANGE`; `chunks` throws `FRAME_AUTH`,
 *   `FRAME_ORDER`, `TRUNCATED`, `ABORTED`, and what the source throws.
 */
export async function openStream(source: SealedSource, options: OpenOptions): Promise<OpenedStream> {
  const read = await readMessage(source, options);
  const { id: messageId, context } = read;
  const opened = { messageId, context, plaintextSize: read.layout.plaintextSize };
  if (read.header.isLegacy) return { ...opened, chunks: await openLegacy(source, read, options) };
  return { ...opened, chunks: allFrames(source, await verifyRead(source, read, options), options.signal) };
}

async function* allFrames(
  source: SealedSource,
  message: VerifiedMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  yield* openFrames(source, message, { first: 0, end: message.layout.regularFrames, signal });
  if (signal?.aborted) throw abortedError();
  if (message.finalPlaintext.byteLength > 0) yield message.finalPlaintext;
}
