// Seals what an engine writes into a FIFO.
import { closeSync, writeSync } from 'node:fs';
import { isErrnoError } from '../lib/index.ts';
import { createControl, requestFinish, requestStop } from './control.ts';
import { abortedError } from './error.ts';
import { openForReading, openOtherEnd } from './fifo.ts';
import { createHeader } from './header.ts';
import { type Progress, runJob } from './job.ts';
import { DEFAULT_FRAME_LENGTH } from './limits.ts';
import type { SealedSummary, SealOptions } from './types.ts';

export interface FileTarget {
  /** Written at explicit offsets from 0. */
  descriptor: number;
  /** Called at most ten times a second. `read`: plaintext bytes taken from the FIFO. */
  onProgress?(progress: Progress): void;
}

/** What came out of a FIFO: nothing at all (and nothing was written), or a whole message. */
export type SealedPipe = { empty: true } | { empty: false; summary: SealedSummary };

/** A message in the making; the FIFO is open for reading, so that a writer's open does not block. */
export interface SealingPipe {
  /** The object's future name. */
  messageId: string;
  /** Resolves after `finish`, when the last writer closed the FIFO; without `finish` it never does. */
  done: Promise<SealedPipe>;
  /** Says that everything was written (the engine's own word for it; a closed FIFO is not). */
  finish(): void;
  /** Stops; `done` rejects with `ABORTED`. What was written to the target is worthless then. */
  abort(): void;
}

const WAKE_INTERVAL_MS = 5;

/**
 * Seals the FIFO at `path` into the file `target.descriptor` in a worker thread of its own. The
 * descriptor must stay open until `done` settles; it is neither closed nor synchronized here.
 *
 * @throws SealError `WRAP_FAILED`, `LIMIT`, `UNSUPPORTED` (not a FIFO), `ABORTED`. `done` rejects with
 *   `IO` (a full disk, say: see `cause`), `LIMIT`, `ABORTED`.
 */
export async function sealFromPipe(path: string, options: SealOptions, target: FileTarget): Promise<SealingPipe> {
  if (options.signal?.aborted) throw abortedError();
  const frameLength = options.frameLength ?? DEFAULT_FRAME_LENGTH;
  const pipeDescriptor = openForReading(path);
  const header = await createHeader(options.keyring, options.context, frameLength).catch((error: unknown) => {
    closeSync(pipeDescriptor);
    throw error;
  });
  const control = createControl();
  const messageId = header.messageId.toString('hex');
  let settled = false;
  let stopping = false;
  const job = runJob(
    {
      kind: 'seal',
      control,
      frameKey: { key: header.key, messageId: header.messageId },
      header: header.bytes,
      frameLength,
      pipeDescriptor,
      targetDescriptor: target.descriptor,
    },
    target.onProgress?.bind(target),
  );
  const abort = () => {
    if (settled || stopping) return;
    stopping = true;
    requestStop(control);
    wakeUntil(path, () => settled);
  };
  options.signal?.addEventListener('abort', abort, { once: true });
  const done = job
    .then(({ read, written, sha256 }): SealedPipe => {
      if (read === 0) return { empty: true };
      return { empty: false, summary: { messageId, plaintextSize: read, sealedSize: written, sha256 } };
    })
    .finally(() => {
      settled = true;
      options.signal?.removeEventListener('abort', abort);
    });
  // An error may come before the caller looks at `done`: that is no unhandled rejection.
  done.catch(ignoreUntilAwaited);
  if (options.signal?.aborted) abort();
  return { messageId, done, finish: () => requestFinish(control), abort };
}

function ignoreUntilAwaited(): void {}

// A worker that is blocked in read(2) notices a stop only when something comes: so send something.
function wakeUntil(path: string, isSettled: () => boolean): void {
  const timer = setInterval(() => {
    if (isSettled()) {
      clearInterval(timer);
      return;
    }
    const descriptor = openOtherEnd(path, 'write');
    if (descriptor === undefined) return;
    try {
      writeSync(descriptor, '\n');
    } catch (error) {
      // Full: then nobody is blocked. Or gone.
      if (!isErrnoError(error, 'EAGAIN', 'EPIPE')) throw error;
    } finally {
      closeSync(descriptor);
    }
  }, WAKE_INTERVAL_MS);
}
