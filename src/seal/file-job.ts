// In the worker: frames from file to file, each read and written at its own offset.
import { createHash } from 'node:crypto';
import { isStopped } from './control.ts';
import { readFully, writeFully } from './descriptor-io.ts';
import { abortedError } from './error.ts';
import { openFrame, releaseAll, sealFrame, wipeAll } from './frame.ts';
import type { DigestJob, FileJob, Progress } from './job.ts';
import { FINAL_OVERHEAD, framePlace } from './layout.ts';

const DIGEST_PIECE = 256 * 1024;

/** Takes frames until none is left. @returns the plaintext read and what was written of it by this worker */
export function runFileJob(job: FileJob, report: (progress: Progress) => void): Progress {
  const { action, layout } = job;
  const progress: Progress = { read: 0, written: 0 };
  const largest = layout.regularFrames > 0 ? layout.frameLength : layout.finalLength;
  const buffer = Buffer.allocUnsafeSlow(largest + FINAL_OVERHEAD);
  const handle = action === 'seal' ? sealOne : openOne;
  try {
    for (let index = takeNext(job); index <= layout.regularFrames; index = takeNext(job)) {
      if (isStopped(job.control)) throw abortedError();
      progress.written += handle(job, index, buffer);
      progress.read += framePlace(layout, index).length;
      report(progress);
    }
  } finally {
    if (action === 'seal') buffer.fill(0);
  }
  return progress;
}

/** SHA-256 of the first `size` bytes of the file, lower-case hex. */
export function runDigestJob({ sourceDescriptor, size, control }: DigestJob): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(Math.min(size, DIGEST_PIECE));
  try {
    for (let offset = 0; offset < size; offset += DIGEST_PIECE) {
      if (isStopped(control)) throw abortedError();
      const piece = buffer.subarray(0, Math.min(DIGEST_PIECE, size - offset));
      readFully(sourceDescriptor, piece, offset);
      hash.update(piece);
    }
    return hash.digest('hex');
  } finally {
    buffer.fill(0);
  }
}

function takeNext({ next }: FileJob): number {
  return Number(Atomics.add(next, 0, 1n));
}

// Frame `index` is taken once, so its sequence number is used once with this key.
function sealOne(job: FileJob, index: number, buffer: Buffer): number {
  const { layout, frameKey, header, sourceDescriptor, targetDescriptor } = job;
  if (targetDescriptor === undefined) return 0;
  const { sequence, final, offset, length } = framePlace(layout, index);
  const plaintext = buffer.subarray(0, length);
  readFully(sourceDescriptor, plaintext, index * layout.frameLength);
  const pieces = sealFrame(frameKey, plaintext, sequence, final);
  const before = index === 0 && header ? writeFully(targetDescriptor, [header], 0) : 0;
  const written = writeFully(targetDescriptor, pieces, offset);
  releaseAll(pieces);
  return before + written;
}

function openOne(job: FileJob, index: number, buffer: Buffer): number {
  const { layout, frameKey, sourceDescriptor, targetDescriptor } = job;
  const place = framePlace(layout, index);
  const sealed = buffer.subarray(0, place.sealedLength);
  readFully(sourceDescriptor, sealed, place.offset);
  const pieces = openFrame(frameKey, sealed, place);
  try {
    return targetDescriptor === undefined ? 0 : writeFully(targetDescriptor, pieces, index * layout.frameLength);
  } finally {
    wipeAll(pieces);
  }
}
