// Runs a job in a worker thread that it has for itself, and keeps idle workers for the next job.
import { Worker } from 'node:worker_threads';
import { siblingModule } from '../lib/index.ts';
import type { Control } from './control.ts';
import { type ErrorReport, errorFromReport, SealError } from './error.ts';
import type { FrameKey } from './frame.ts';
import type { Layout } from './layout.ts';

/** How the plaintext is compressed inside the object. */
export type Compression = 'none' | 'gzip' | 'zstd';

export interface OpenJob {
  kind: 'open';
  control: Control;
  frameKey: FrameKey;
  layout: Layout;
  sourceDescriptor: number;
  path: string;
  skipBytes: number;
  compression: Compression;
  maxRatio: number;
  endWithNewline: boolean;
}

export interface SealJob {
  kind: 'seal';
  control: Control;
  frameKey: FrameKey;
  header: Uint8Array;
  frameLength: number;
  pipeDescriptor: number;
  targetDescriptor: number;
}

/** A share in the frames of one message between files: each worker takes the next frame that nobody has. */
export interface FileJob {
  kind: 'file';
  action: 'seal' | 'open' | 'verify';
  control: Control;
  /** The next frame's index, counted up by all workers. */
  next: BigInt64Array<SharedArrayBuffer>;
  frameKey: FrameKey;
  layout: Layout;
  /** What whoever takes the first frame writes before it: for `seal`. */
  header: Uint8Array | undefined;
  sourceDescriptor: number;
  /** Absent for `verify`. */
  targetDescriptor: number | undefined;
}

/** The SHA-256 of a file. */
export interface DigestJob {
  kind: 'digest';
  control: Control;
  sourceDescriptor: number;
  size: number;
}

export type Job = OpenJob | SealJob | FileJob | DigestJob;

/** Bytes so far. */
export interface Progress {
  /** Plaintext read from the object (open) or from the pipe or file (seal). */
  read: number;
  /** Plaintext written to the pipe or file (open), sealed bytes written (seal). */
  written: number;
}

export interface OpenResult extends Progress {
  endedEarly: boolean;
}

export interface SealResult extends Progress {
  /** SHA-256 of the plaintext, lower-case hex. */
  sha256: string;
}

/** What each kind of job comes to. */
export interface Results {
  open: OpenResult;
  seal: SealResult;
  file: Progress;
  digest: string;
}

export type JobReply =
  | { kind: 'progress'; progress: Progress }
  | { kind: 'done'; result: Results[keyof Results] }
  | { kind: 'failed'; error: ErrorReport };

const MAX_IDLE = 4;
const idle: Worker[] = [];

/**
 * Runs `job` to its end. The process stays alive meanwhile.
 *
 * @throws SealError what the worker reports; `IO` when the worker ends unexpectedly
 */
export function runJob<Kind extends Job['kind']>(
  job: Extract<Job, { kind: Kind }>,
  onProgress?: (progress: Progress) => void,
): Promise<Results[Kind]> {
  const worker = idle.pop() ?? startWorker();
  worker.ref();
  return new Promise((resolve, reject) => {
    const settle = (keep: boolean) => {
      worker.off('message', onMessage).off('error', onLost).off('exit', onLost);
      worker.unref();
      if (keep && idle.length < MAX_IDLE) idle.push(worker);
      else void worker.terminate();
    };
    const onMessage = (reply: JobReply) => {
      if (reply.kind === 'progress') return onProgress?.(reply.progress);
      settle(true);
      // The worker gives what belongs to the job's kind (job-worker.ts).
      if (reply.kind === 'done') resolve(reply.result as Results[Kind]);
      else reject(errorFromReport(reply.error));
    };
    const onLost = (cause?: unknown) => {
      settle(false);
      reject(new SealError('IO', 'a worker thread ended unexpectedly', { cause }));
    };
    worker.on('message', onMessage).on('error', onLost).on('exit', onLost);
    worker.postMessage(job);
  });
}

function startWorker(): Worker {
  const worker = new Worker(siblingModule(import.meta.url, 'job-worker'), {
    name: 'glovebox-job',
    execArgv: [],
    // A descriptor that is left open after a failure outlives the worker: see `openToPipe`.
    trackUnmanagedFds: false,
  });
  const forget = () => {
    const at = idle.indexOf(worker);
    if (at >= 0) idle.splice(at, 1);
  };
  // An idle worker that is lost is simply not used again.
  return worker.on('error', forget).on('exit', forget);
}
