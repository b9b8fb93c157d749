// The frames of a verified message, decrypted in order, a few ahead.
import { abortedError } from './error.ts';
import { openFrameInPlace } from './frame.ts';
import { beginSession, type FrameSession } from './frame-pool.ts';
import { framePlace, type Layout } from './layout.ts';
import { readFrame, type VerifiedMessage } from './message.ts';
import type { SealedSource } from './types.ts';

/** As few as these are opened in the calling thread: handing them to another one would take longer. */
const FEW_FRAMES = 2;

/**
 * The plaintext of the regular frames from `first` up to `end` (exclusive), each one only after its tag
 * verified (I2). A few are decrypted ahead in worker threads, whatever the size (I6). Who leaves early
 * leaves nothing behind.
 *
 * @throws SealError `FRAME_AUTH`, `FRAME_ORDER`, `TRUNCATED`, `ABORTED`; what the source throws
 */
export async function* openFrames(
  source: SealedSource,
  { layout, frameKey }: VerifiedMessage,
  { first, end, signal }: { first: number; end: number; signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  if (end - first <= FEW_FRAMES) {
    for (let index = first; index < end; index++) {
      if (signal?.aborted) throw abortedError();
      yield openFrameInPlace(frameKey, await readFrame(source, layout, index), framePlace(layout, index));
    }
    return;
  }
  const session = await beginSession(frameKey, false);
  const ahead: Promise<Uint8Array>[] = [];
  try {
    for (let index = first, next = first; index < end; index++) {
      for (; next < end && ahead.length < session.parallelism; next++) {
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

function openOne(source: SealedSource, layout: Layout, index: number, session: FrameSession): Promise<Uint8Array> {
  const opened = readFrame(source, layout, index).then((buffer) => session.open(buffer, framePlace(layout, index)));
  // Awaited in order later on; until then a rejection is not an unhandled one.
  opened.catch(ignoreUntilAwaited);
  return opened;
}

function ignoreUntilAwaited(): void {}
