// Seals a stream of plaintext into a stream of frames.
import { abortedError, SealError } from './error.ts';
import { plaintextOf } from './frame.ts';
import { beginSession, type FrameSession } from './frame-pool.ts';
import { createHeader, type NewHeader } from './header.ts';
import { FINAL_OVERHEAD } from './layout.ts';
import { DEFAULT_FRAME_LENGTH, MAX_SEQUENCE_NUMBER } from './limits.ts';
import type { SealedSummary, SealingStream, SealOptions } from './types.ts';

/**
 * Seals `source` as one message. Each chunk is copied, and wiped when the next one is asked for. The data key is made before the promise resolves; plaintext is read
 * as `chunks` is consumed (back pressure), a few frames ahead (I6). Leaving `chunks` early, or the
 * signal, stops everything and rejects `summary` with `ABORTED`.
 *
 * @throws SealError `WRAP_FAILED`, `LIMIT`, `ABORTED`; `chunks` also throws what the source throws.
 */
export async function sealStream(source: AsyncIterable<Uint8Array>, options: SealOptions): Promise<SealingStream> {
  if (options.signal?.aborted) throw abortedError();
  const frameLength = options.frameLength ?? DEFAULT_FRAME_LENGTH;
  const header = await createHeader(options.keyring, options.context, frameLength);
  const { promise: summary, resolve, reject } = Promise.withResolvers<SealedSummary>();
  // Whoever consumes `chunks` sees the error there; not looking at `summary` then is no fault.
  summary.catch(ignoreUntilAwaited);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let failure: unknown = abortedError();
    try {
      resolve(yield* sealFrames(source, header, frameLength, options.signal));
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      reject(failure);
    }
  }
  return { messageId: header.messageId.toString('hex'), chunks: chunks(), summary };
}

async function* sealFrames(
  source: AsyncIterable<Uint8Array>,
  header: NewHeader,
  frameLength: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, SealedSummary> {
  const session = await beginSession({ key: header.key, messageId: header.messageId }, true);
  const ahead: Promise<Uint8Array>[] = [];
  let digest: string | undefined;
  let plaintextSize = 0;
  let sealedSize = header.bytes.byteLength;
  try {
    yield header.bytes;
    let sequence = 0;
    for await (const { buffer, final } of frameBuffers(source, frameLength, signal)) {
      if (++sequence > MAX_SEQUENCE_NUMBER) throw new SealError('LIMIT', 'the data has more frames than a message can');
      plaintextSize += plaintextOf(buffer).byteLength;
      ahead.push(sealOne(session, buffer, sequence, final));
      while (ahead.length >= (final ? 1 : session.parallelism)) {
        const frame = await ahead.shift();
        if (signal?.aborted) throw abortedError();
        if (!frame) break;
        sealedSize += frame.byteLength;
        yield frame;
      }
    }
  } finally {
    await Promise.allSettled(ahead);
    digest = await session.end();
  }
  return { messageId: header.messageId.toString('hex'), plaintextSize, sealedSize, sha256: digest ?? '' };
}

/**
 * Gathers the source into buffers laid out for `sealFrameInPlace`. On an exact multiple the final frame is
 * empty: the specification prefers a full one ("Final frame"), but the official Python client refuses that.
 */
async function* frameBuffers(
  source: AsyncIterable<Uint8Array>,
  frameLength: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ buffer: Buffer; final: boolean }> {
  let buffer: Buffer | undefined;
  let filled = 0;
  for await (const chunk of untilAborted(source, signal)) {
    for (let from = 0; from < chunk.byteLength; ) {
      buffer ??= Buffer.allocUnsafeSlow(frameLength + FINAL_OVERHEAD);
      const count = Math.min(frameLength - filled, chunk.byteLength - from);
      plaintextOf(buffer).set(chunk.subarray(from, from + count), filled);
      filled += count;
      from += count;
      if (filled < frameLength) continue;
      yield { buffer, final: false };
      buffer = undefined;
      filled = 0;
    }
    chunk.fill(0);
  }
  const last = Buffer.allocUnsafeSlow(filled + FINAL_OVERHEAD);
  if (buffer) {
    plaintextOf(last).set(plaintextOf(buffer).subarray(0, filled));
    buffer.fill(0);
  }
  yield { buffer: last, final: true };
}

/** Passes `source` on; a signal ends it at once, also while the source is not answering. */
async function* untilAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (!signal) {
    yield* source;
    return;
  }
  // A promise of its own for each step: one that outlives them all would keep every chunk alive (I6).
  let fail: (reason: Error) => void = () => undefined;
  const onAbort = () => fail(abortedError());
  signal.addEventListener('abort', onAbort, { once: true });
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        fail = reject;
        if (signal.aborted) onAbort();
        else iterator.next().then(resolve, reject);
      });
      if (step.done) return;
      yield step.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: a source that hangs must not hold us.
    void iterator.return?.()?.catch(ignoreUntilAwaited);
  }
}

function sealOne(session: FrameSession, buffer: Buffer, sequence: number, final: boolean): Promise<Uint8Array> {
  const sealed = session.seal(buffer, sequence, final);
  sealed.catch(ignoreUntilAwaited);
  return sealed;
}

function ignoreUntilAwaited(): void {}
