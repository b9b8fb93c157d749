// Worker thread: one job at a time, with synchronous calls, so that blocking reads and writes of FIFOs
// never take a thread of libuv's pool, and files are read and written without a hop between threads.
import { parentPort } from 'node:worker_threads';
import { reportError } from './error.ts';
import { runDigestJob, runFileJob } from './file-job.ts';
import type { Job, JobReply, Progress, Results } from './job.ts';
import { runOpenJob } from './open-job.ts';
import { runSealJob } from './seal-job.ts';

const PROGRESS_INTERVAL_MS = 100;

function send(reply: JobReply): void {
  parentPort?.postMessage(reply);
}

function progressReporter(): (progress: Progress) => void {
  let last = performance.now();
  return (progress) => {
    const now = performance.now();
    if (now - last < PROGRESS_INTERVAL_MS) return;
    last = now;
    send({ kind: 'progress', progress });
  };
}

function run(job: Job): Results[keyof Results] | Promise<Results[keyof Results]> {
  const report = progressReporter();
  if (job.kind === 'open') return runOpenJob(job, report);
  if (job.kind === 'seal') return runSealJob(job, report);
  return job.kind === 'file' ? runFileJob(job, report) : runDigestJob(job);
}

async function runAndTell(job: Job): Promise<void> {
  try {
    send({ kind: 'done', result: await run(job) });
  } catch (error) {
    send({ kind: 'failed', error: reportError(error) });
  }
}

parentPort?.on('message', (job: Job) => void runAndTell(job));
