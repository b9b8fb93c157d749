// Seals what arrives in pieces over a long time into one message that may be cut off anywhere: a segment.
import { abortedError, SealError } from './error.ts';
import { plaintextOf } from './frame.ts';
import { beginSession } from './frame-pool.ts';
import { createHeader } from './header.ts';
import { FINAL_OVERHEAD } from './layout.ts';
import { DEFAULT_FRAME_LENGTH, MAX_SEQUENCE_NUMBER } from './limits.ts';
import type { SealedSummary, SealOptions } from './types.ts';

/** Where a segment's bytes go; implemented by the store. One call at a time. */
export interface SegmentSink {
  /** Appends; resolves when the bytes are taken. They are not kept. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when all that was appended is on the disk. */
  sync(): Promise<void>;
}

/**
 * A segment in the making. Calls are worked off in order. After a failure, of the sink too, every later call
 * rejects: which bytes are on the disk is not known then, and a sequence number is never used twice under one
 * key, so what follows goes into a new segment, under a new key.
 */
export interface SegmentWriter {
  messageId: string;
  /** Plaintext bytes taken. */
  readonly position: number;
  /** Plaintext bytes whose frames were on the disk at the last `sync`. */
  readonly durable: number;
  /**
   * Takes `chunk`, which is copied and not kept, and seals and appends every frame that it fills, a few of them
   * while the next chunk comes (back pressure; I6).
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes all full frames durable. @returns `durable` */
  sync(): Promise<number>;
  /** Seals what is left as the final frame, which may be empty, and makes all of it durable. */
  finish(): Promise<SealedSummary>;
  /** Forgets key and plaintext; what was appended stays. Safe at any time, also after `finish`. */
  abandon(): Promise<void>;
}

/**
 * Begins a segment under a data key of its own. Its header is durable when the promise resolves.
 *
 * @throws SealError `WRAP_FAILED`, `LIMIT`; the methods throw `LIMIT`, `IO`, `ABORTED` after the end; all pass
 *   on what the sink throws
 */
export async function beginSegment(options: Omit<SealOptions, 'signal'>, sink: SegmentSink): Promise<SegmentWriter> {
  const frameLength = options.frameLength ?? DEFAULT_FRAME_LENGTH;
  const { key, messageId, bytes: header } = await createHeader(options.keyring, options.context, frameLength);
  await sink.write(header);
  await sink.sync();
  const session = await beginSession({ key, messageId }, true);

  let buffer: Buffer | undefined;
  let spare: Buffer | undefined;
  let filled = 0;
  let sequence = 0;
  let position = 0;
  let durable = 0;
  let sealedSize = header.byteLength;
  /** Why nothing more is taken. */
  let ended: Error | undefined;
  let digest: Promise<string | undefined> | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let appended = Promise.resolve();
  const ahead: Promise<void>[] = [];

  const forgetKey = () => (digest ??= session.end());

  function takeBuffer(): Buffer {
    const taken = spare ?? Buffer.allocUnsafeSlow(frameLength + FINAL_OVERHEAD);
    spare = undefined;
    return taken;
  }

  /** Runs `work` after what was asked for before; a failure is the end of the segment. */
  function next<Result>(work: () => Promise<Result>): Promise<Result> {
    const step = tail.then(async () => {
      if (ended) throw ended;
      try {
        return await work();
      } catch (error) {
        await end(error instanceof Error ? error : new SealError('IO', 'the segment could not be written'));
        throw error;
      }
    });
    tail = step.catch(ignoreUntilAwaited);
    return step;
  }

  async function end(reason: Error): Promise<void> {
    ended ??= reason;
    buffer?.fill(0);
    buffer = undefined;
    spare = undefined;
    filled = 0;
    await Promise.allSettled(ahead.splice(0));
    await Promise.allSettled([forgetKey()]);
  }

  /** Seals `plaintextOf(full)` as the next frame, to be appended behind those before it. */
  function append(full: Buffer, final: boolean): void {
    if (sequence === MAX_SEQUENCE_NUMBER) throw new SealError('LIMIT', 'the data has more frames than a message can');
    // Counted before it is handed over: whatever becomes of this frame, its number is used up.
    sequence += 1;
    const sealing = session.seal(full, sequence, final);
    sealing.catch(ignoreUntilAwaited);
    appended = appended.then(async () => {
      const frame = await sealing;
      if (ended) throw ended;
      await sink.write(frame);
      sealedSize += frame.byteLength;
      // Ciphertext by now. Memory from the system costs more than filling it: it is used again for the next frame.
      if (!final) spare = Buffer.from(frame.buffer);
    });
    appended.catch(ignoreUntilAwaited);
    ahead.push(appended);
  }

  /** Waits until at most `left` frames are on their way. */
  async function drain(left: number): Promise<void> {
    while (ahead.length > left) await ahead.shift();
  }

  return {
    messageId: messageId.toString('hex'),
    get position() {
      return position;
    },
    get durable() {
      return durable;
    },
    write: (chunk) =>
      next(async () => {
        for (let from = 0; from < chunk.byteLength; ) {
          if (ended) throw ended;
          buffer ??= takeBuffer();
          const count = Math.min(frameLength - filled, chunk.byteLength - from);
          plaintextOf(buffer).set(chunk.subarray(from, from + count), filled);
          filled += count;
          from += count;
          position += count;
          if (filled < frameLength) continue;
          // At once and as a regular frame, whether or not more follows, so that it can become durable. On an
          // exact multiple the final frame is then empty, as `sealStream` makes it.
          append(buffer, false);
          buffer = undefined;
          filled = 0;
          await drain(session.parallelism - 1);
        }
      }),
    sync: () =>
      next(async () => {
        await drain(0);
        await sink.sync();
        durable = position - filled;
        return durable;
      }),
    finish: () =>
      next(async () => {
        const last = Buffer.allocUnsafeSlow(filled + FINAL_OVERHEAD);
        if (buffer) plaintextOf(last).set(plaintextOf(buffer).subarray(0, filled));
        append(last, true);
        await drain(0);
        await sink.sync();
        const sha256 = (await forgetKey()) ?? '';
        await end(new SealError('ABORTED', 'the segment is finished'));
        durable = position;
        return { messageId: messageId.toString('hex'), plaintextSize: position, sealedSize, sha256 };
      }),
    async abandon() {
      ended ??= abortedError();
      await tail;
      await end(ended);
    },
  };
}

function ignoreUntilAwaited(): void {}
