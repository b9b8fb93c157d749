// Runs a pipe job in a worker thread that it has for itself, and keeps idle workers for the next job.
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

/** Bytes so far. */
export interface PipeProgress {
  /** Plaintext read from the object (open) or the pipe (seal). */
  read: number;
  /** Plaintext written to the pipe (open), sealed bytes written (seal). */
  written: number;
}

export interface OpenResult extends PipeProgress {
  endedEarly: boolean;
}

export interface SealResult extends PipeProgress {
  /** SHA-256 of the plaintext, lower-case hex. */
  sha256: string;
}

export type JobReply<Result> =
  | { kind: 'progress'; progress: PipeProgress }
  | { kind: 'done'; result: Result }
  | { kind: 'failed'; error: ErrorReport };

const MAX_IDLE = 4;
const idle: Worker[] = [];

/**
 * Runs `job` to its end. The process stays alive meanwhile.
 *
 * @throws SealError what the worker reports; `IO` when the worker ends unexpectedly
 */
export function runPipeJob(job: OpenJob, onProgress?: (progress: PipeProgress) => void): Promise<OpenResult>;
export function runPipeJob(job: SealJob, onProgress?: (progress: PipeProgress) => void): Promise<SealResult>;
export function runPipeJob(
  job: OpenJob | SealJob,
  onProgress?: (progress: PipeProgress) => void,
): Promise<OpenResult | SealResult> {
  const worker = idle.pop() ?? startWorker();
  worker.ref();
  return new Promise((resolve, reject) => {
    const settle = (keep: boolean) => {
      worker.off('message', onMessage).off('error', onLost).off('exit', onLost);
      worker.unref();
      if (keep && idle.length < MAX_IDLE) idle.push(worker);
      else void worker.terminate();
    };
    const onMessage = (reply: JobReply<OpenResult | SealResult>) => {
      if (reply.kind === 'progress') return onProgress?.(reply.progress);
      settle(true);
      if (reply.kind === 'done') resolve(reply.result);
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
  const worker = new Worker(siblingModule(import.meta.url, 'pipe-worker'), {
    name: 'glovebox-pipe',
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
