// Fuzzes header and frames: `node test/fuzz/fuzz-seal.ts --seed 1 --seconds 600` (or `--cases 5000`). Each case must
// end in time, with a SealError or the true plaintext, in bounded memory. A failure names the case:
// `--seed 1 --case 4711` runs it alone. The last line is the report in JSON.
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { siblingModule } from '../../src/lib/index.ts';
import type { LoopData, LoopReport } from './loop.ts';

/** A case takes a few milliseconds; this long, it hangs. */
const HANG_MS = 30_000;
const WATCH_MS = 250;

// Small young heaps in every thread, and garbage collected on demand: what is left is what a message takes.
for (const flag of ['--max-semi-space-size=1', '--expose-gc']) setFlagsFromString(flag);

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    cases: { type: 'string', default: String(2 ** 31 - 1) },
    case: { type: 'string' },
  },
});
const seed = Number(values.seed);
const first = Number(values.case ?? 0);
const running = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const data: LoopData = {
  ...{ seed, first, seconds: Number(values.seconds), running },
  end: values.case === undefined ? Number(values.cases) : first + 1,
};

function fail(why: string): never {
  const index = Atomics.load(running, 0);
  process.stderr.write(`${why}\nagain: node test/fuzz/fuzz-seal.ts --seed ${seed} --case ${index}\n`);
  process.exit(1);
}

const worker = new Worker(siblingModule(import.meta.url, 'loop'), { workerData: data });
worker.on('error', (error) => fail(error.stack ?? String(error)));
let last = { index: -1, since: performance.now() };
const watch = setInterval(() => {
  const index = Atomics.load(running, 0);
  const now = performance.now();
  if (index !== last.index) last = { index, since: now };
  else if (now - last.since > HANG_MS) fail('the case does not end');
}, WATCH_MS);
worker.on('message', (report: LoopReport) => {
  clearInterval(watch);
  process.stdout.write(`${JSON.stringify({ seed, ...report })}\n`);
});
worker.on('exit', (code) => {
  clearInterval(watch);
  if (code !== 0) fail('the worker ended');
});
