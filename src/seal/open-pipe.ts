// Opens a message into a FIFO that an engine reads.
import { closeSync, readSync } from 'node:fs';
import { isErrnoError } from '../lib/index.ts';
import { type Control, createControl, requestStop, takeLeftOpen } from './control.ts';
import { SealError } from './error.ts';
import { openOtherEnd } from './fifo.ts';
import { type Compression, type Progress, runJob } from './job.ts';
import { DEFAULT_MAX_RATIO } from './limits.ts';
import { verifyMessage } from './message.ts';
import type { OpenOptions, SealedSource } from './types.ts';

export interface PipeTarget {
  /** A FIFO. Its reader may come later. */
  path: string;
  /** Plaintext bytes (after decompression) that are left out at the start. */
  skipBytes?: number;
  compression?: Compression;
  /** Most bytes out for a byte in, above 64 MiB; default 200. */
  maxRatio?: number;
  /** Adds a line feed where the plaintext does not end in one. */
  endWithNewline?: boolean;
  /** Called at most ten times a second. `read`: plaintext bytes taken from the object. */
  onProgress?(progress: Progress): void;
}

/** A message on its way into a FIFO; header and final frame have verified. */
export interface OpeningPipe {
  messageId: string;
  plaintextSize: number;
  /**
   * Resolves when all is written and the FIFO closed, or when the reader left (`endedEarly`). On
   * failure it rejects and the FIFO stays open: the reader must not take the end of what it got for
   * the end of the data (I2). Kill the reader, then call `release`.
   */
  done: Promise<{ bytes: number; endedEarly: boolean }>;
  /** Stops (if need be) and closes the FIFO. Call it after the reader has been killed. */
  release(): void;
  /** Stops; `done` rejects with `ABORTED` and the FIFO stays open until `release`. */
  cancel(): void;
}

const WAKE_INTERVAL_MS = 5;

/**
 * Verifies the message as `openStream` does, then decrypts it into a FIFO in a worker thread of its
 * own. Each frame is written only after its tag verified. `source.descriptor` must stay open until
 * `done` settles.
 *
 * @throws SealError as `openStream`, `UNSUPPORTED` for a source without a descriptor. `done` rejects
 *   with `FRAME_AUTH`, `FRAME_ORDER`, `TRUNCATED`, `COMPRESSION`, `LIMIT`, `IO`, `ABORTED`.
 */
export async function openToPipe(source: SealedSource, options: OpenOptions, target: PipeTarget): Promise<OpeningPipe> {
  if (source.descriptor === undefined) {
    throw new SealError('UNSUPPORTED', 'only an object with a file descriptor can be opened into a pipe');
  }
  const message = await verifyMessage(source, options);
  message.finalPlaintext.fill(0);
  const control = createControl();
  let settled = false;
  let released = false;
  let stopping = false;
  const job = runJob(
    {
      kind: 'open',
      control,
      frameKey: message.frameKey,
      layout: message.layout,
      sourceDescriptor: source.descriptor,
      path: target.path,
      skipBytes: target.skipBytes ?? 0,
      compression: target.compression ?? 'none',
      maxRatio: target.maxRatio ?? DEFAULT_MAX_RATIO,
      endWithNewline: target.endWithNewline ?? false,
    },
    target.onProgress?.bind(target),
  );
  const cancel = () => {
    if (settled || stopping) return;
    stopping = true;
    requestStop(control);
    drainUntil(target.path, () => settled);
  };
  options.signal?.addEventListener('abort', cancel, { once: true });
  const done = job
    .then(({ written, endedEarly }) => ({ bytes: written, endedEarly }))
    .finally(() => {
      settled = true;
      options.signal?.removeEventListener('abort', cancel);
      if (released) closeLeftOpen(control);
    });
  // An error may come before the caller looks at `done`: that is no unhandled rejection.
  done.catch(ignoreUntilAwaited);
  if (options.signal?.aborted) cancel();
  const release = () => {
    released = true;
    if (settled) closeLeftOpen(control);
    else cancel();
  };
  return { messageId: message.id, plaintextSize: message.layout.plaintextSize, done, release, cancel };
}

function ignoreUntilAwaited(): void {}

// A worker that is blocked in write(2) notices a stop only when there is room: so make room.
function drainUntil(path: string, isSettled: () => boolean): void {
  const descriptor = openOtherEnd(path, 'read');
  if (descriptor === undefined) return;
  const scrap = Buffer.alloc(64 * 1024);
  const timer = setInterval(() => {
    try {
      if (!isSettled()) {
        readSync(descriptor, scrap);
        scrap.fill(0);
        return;
      }
    } catch (error) {
      if (isErrnoError(error, 'EAGAIN')) return;
      throw error;
    }
    clearInterval(timer);
    closeSync(descriptor);
  }, WAKE_INTERVAL_MS);
}

function closeLeftOpen(control: Control): void {
  const descriptor = takeLeftOpen(control);
  if (descriptor !== undefined) closeSync(descriptor);
}
