// In the worker: sealed file to plaintext FIFO.
import { closeSync, writevSync } from 'node:fs';
import { isErrnoError } from '../lib/index.ts';
import { type Control, isStopped, leaveOpen, waitForStop } from './control.ts';
import { decompress } from './decompress.ts';
import { readFully } from './descriptor-io.ts';
import { abortedError } from './error.ts';
import { openForWriting } from './fifo.ts';
import { dropBytes, openFrame, wipeAll } from './frame.ts';
import type { OpenJob, OpenResult, Progress } from './job.ts';
import { FINAL_OVERHEAD, framePlace } from './layout.ts';

const NEWLINE = 0x0a;
const POLL_MS = 1;

/** Not an error: the reader closed its end, as `head` does. */
class ReaderGone extends Error {}

/**
 * Writes the object's plaintext into the FIFO. On failure the FIFO stays open and its descriptor is
 * left in the control words: closing it would look like a clean end of file to the reader (I2).
 */
export async function runOpenJob(job: OpenJob, report: (progress: Progress) => void): Promise<OpenResult> {
  const descriptor = openWhenRead(job.path, job.control);
  const progress: Progress = { read: 0, written: 0 };
  let endedEarly = false;
  try {
    const sink = createSink(job, descriptor, progress);
    if (job.compression === 'none') {
      for (const pieces of plaintextFrames(job, progress)) {
        sink.write(pieces);
        wipeAll(pieces);
        report(progress);
      }
    } else {
      const limits = { compression: job.compression, maxRatio: job.maxRatio };
      for await (const piece of decompress(plaintextFrames(job, progress), limits)) {
        sink.write([piece]);
        piece.fill(0);
        report(progress);
      }
    }
    sink.end();
  } catch (error) {
    if (!(error instanceof ReaderGone)) {
      leaveOpen(job.control, descriptor);
      throw error;
    }
    endedEarly = true;
  }
  closeSync(descriptor);
  return { ...progress, endedEarly };
}

/** The verified plaintext of each frame in turn (I2), as pieces that the consumer wipes. */
function* plaintextFrames(job: OpenJob, progress: Progress): Generator<Uint8Array[]> {
  const { layout, frameKey, sourceDescriptor, control } = job;
  const largest = layout.regularFrames > 0 ? layout.frameLength : layout.finalLength;
  const buffer = Buffer.allocUnsafeSlow(largest + FINAL_OVERHEAD);
  for (let index = 0; index <= layout.regularFrames; index++) {
    if (isStopped(control)) throw abortedError();
    const place = framePlace(layout, index);
    const sealed = buffer.subarray(0, place.sealedLength);
    readFully(sourceDescriptor, sealed, place.offset);
    const pieces = openFrame(frameKey, sealed, place);
    progress.read += place.length;
    yield pieces;
  }
}

function createSink(job: OpenJob, descriptor: number, progress: Progress) {
  let toSkip = job.skipBytes;
  let last = NEWLINE;
  const write = (pieces: Uint8Array[]) => {
    let rest = pieces;
    if (toSkip > 0) {
      const skipped = Math.min(toSkip, totalLength(pieces));
      toSkip -= skipped;
      rest = dropBytes(pieces, skipped);
    }
    const total = totalLength(rest);
    if (total === 0) return;
    last = rest.at(-1)?.at(-1) ?? last;
    writeFully(descriptor, rest, job.control);
    progress.written += total;
  };
  const end = () => {
    if (job.endWithNewline && last !== NEWLINE) write([Buffer.of(NEWLINE)]);
  };
  return { write, end };
}

function openWhenRead(path: string, control: Control): number {
  for (;;) {
    if (isStopped(control)) throw abortedError();
    const descriptor = openForWriting(path);
    if (descriptor !== undefined) return descriptor;
    waitForStop(control, POLL_MS);
  }
}

function writeFully(descriptor: number, pieces: Uint8Array[], control: Control): void {
  let rest = pieces;
  while (rest.length > 0) {
    if (isStopped(control)) throw abortedError();
    try {
      rest = dropBytes(rest, writevSync(descriptor, rest));
    } catch (error) {
      if (isErrnoError(error, 'EPIPE')) throw new ReaderGone();
      throw error;
    }
  }
}

function totalLength(pieces: Uint8Array[]): number {
  return pieces.reduce((total, piece) => total + piece.byteLength, 0);
}
