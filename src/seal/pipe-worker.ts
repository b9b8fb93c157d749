// Worker thread: one pipe job at a time, with synchronous calls, so that blocking reads and writes of
// FIFOs never take a thread of libuv's pool.
import { parentPort } from 'node:worker_threads';
import { reportError } from './error.ts';
import { runOpenJob } from './open-job.ts';
import type { JobReply, OpenJob, OpenResult, PipeProgress, SealJob, SealResult } from './pipe-job.ts';
import { runSealJob } from './seal-job.ts';

const PROGRESS_INTERVAL_MS = 100;

function send(reply: JobReply<OpenResult | SealResult>): void {
  parentPort?.postMessage(reply);
}

function progressReporter(): (progress: PipeProgress) => void {
  let last = performance.now();
  return (progress) => {
    const now = performance.now();
    if (now - last < PROGRESS_INTERVAL_MS) return;
    last = now;
    send({ kind: 'progress', progress });
  };
}

async function runJob(job: OpenJob | SealJob): Promise<void> {
  try {
    const report = progressReporter();
    const result = job.kind === 'open' ? await runOpenJob(job, report) : runSealJob(job, report);
    send({ kind: 'done', result });
  } catch (error) {
    send({ kind: 'failed', error: reportError(error) });
  }
}

parentPort?.on('message', (job: OpenJob | SealJob) => void runJob(job));
