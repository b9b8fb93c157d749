// Opens a message as a stream of verified frames.
import { abortedError } from './error.ts';
import { beginSession, type FrameSession } from './frame-pool.ts';
import { framePlace } from './layout.ts';
import { readFrame, type VerifiedMessage, verifyMessage } from './message.ts';
import type { OpenedStream, OpenOptions, SealedSource } from './types.ts';

/**
 * Opens a sealed object. When the promise resolves, header, commitment, context and the final frame
 * have verified, so that size and context can be trusted; the chunks follow frame by frame, each
 * verified before it is handed on (I2). A few frames are decrypted ahead in worker threads, whatever
 * the object's size (I6).
 *
 * @throws SealError: any code but `COMPRESSION`, `WRAP_FAILED`; `chunks` throws `FRAME_AUTH`,
 *   `FRAME_ORDER`, `TRUNCATED`, `ABORTED`, and what the source throws.
 */
export async function openStream(source: SealedSource, options: OpenOptions): Promise<OpenedStream> {
  const message = await verifyMessage(source, options);
  return {
    messageId: message.id,
    plaintextSize: message.layout.plaintextSize,
    context: message.context,
    chunks: openFrames(source, message, options.signal),
  };
}

async function* openFrames(
  source: SealedSource,
  { layout, frameKey, finalPlaintext }: VerifiedMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (layout.regularFrames > 0) {
    const session = await beginSession(frameKey, false);
    const ahead: Promise<Uint8Array>[] = [];
    try {
      for (let index = 0, next = 0; index < layout.regularFrames; index++) {
        for (; next < layout.regularFrames && ahead.length < session.parallelism; next++) {
          ahead.push(openOne(source, layout, next, session));
        }
        const plaintext = await ahead.shift();
        if (signal?.aborted) throw abortedError();
        if (plaintext) yield plaintext;
      }
    } finally {
      const rest = await Promise.allSettled(ahead);
      for (const frame of rest) if (frame.status === 'fulfilled') frame.value.fill(0);
      await session.end();
    }
  }
  if (signal?.aborted) throw abortedError();
  if (finalPlaintext.byteLength > 0) yield finalPlaintext;
}

function openOne(source: SealedSource, layout: VerifiedMessage['layout'], index: number, session: FrameSession) {
  const opened = readFrame(source, layout, index).then((buffer) => session.open(buffer, framePlace(layout, index)));
  // Awaited in order later on; until then a rejection is not an unhandled one.
  opened.catch(ignoreUntilAwaited);
  return opened;
}

function ignoreUntilAwaited(): void {}
