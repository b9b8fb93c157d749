// In the worker: plaintext FIFO to sealed file.
import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { type Control, isFinishing, isStopped, waitForStop } from './control.ts';
import { writeFully } from './descriptor-io.ts';
import { abortedError, SealError } from './error.ts';
import { releaseAll, sealFrame } from './frame.ts';
import type { Progress, SealJob, SealResult } from './job.ts';
import { MAX_SEQUENCE_NUMBER } from './limits.ts';

const POLL_MS = 1;

/**
 * Seals what comes out of the FIFO until the caller said that it is complete and the last writer has
 * closed it. A writer that closes says nothing by itself: an engine that failed looks the same.
 * The FIFO is closed in any case. Nothing is written for 0 bytes.
 */
export function runSealJob(job: SealJob, report: (progress: Progress) => void): SealResult {
  const progress: Progress = { read: 0, written: 0 };
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(job.frameLength);
  let filled = 0;
  let sequence = 0;
  const append = (pieces: Uint8Array[]) => {
    progress.written += writeFully(job.targetDescriptor, pieces, progress.written);
  };
  const seal = (plaintext: Uint8Array, final: boolean) => {
    if (++sequence > MAX_SEQUENCE_NUMBER) throw new SealError('LIMIT', 'the data has more frames than a message can');
    const pieces = sealFrame(job.frameKey, plaintext, sequence, final);
    if (sequence === 1) pieces.unshift(Buffer.from(job.header));
    append(pieces);
    releaseAll(pieces);
    report(progress);
  };
  try {
    for (;;) {
      const count = readSome(job.pipeDescriptor, buffer.subarray(filled), job.control);
      if (count === 0) break;
      hash.update(buffer.subarray(filled, filled + count));
      filled += count;
      progress.read += count;
      if (filled < job.frameLength) continue;
      seal(buffer, false);
      filled = 0;
    }
    // On an exact multiple an empty one, as in seal-stream.ts.
    if (progress.read > 0) seal(buffer.subarray(0, filled), true);
    return { ...progress, sha256: hash.digest('hex') };
  } finally {
    buffer.fill(0);
    closeSync(job.pipeDescriptor);
  }
}

/** Blocks for data. @returns 0 at the end, which is: told to finish, then no writer and nothing left. */
function readSome(descriptor: number, target: Uint8Array, control: Control): number {
  for (;;) {
    if (isStopped(control)) throw abortedError();
    // Asked before the read: what was written before the caller's `finish` is in the pipe by then.
    const finishing = isFinishing(control);
    const count = readSync(descriptor, target);
    if (isStopped(control)) throw abortedError();
    if (count > 0 || finishing) return count;
    waitForStop(control, POLL_MS);
  }
}
