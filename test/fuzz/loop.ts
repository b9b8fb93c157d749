// Worker: runs the fuzzer's cases one after the other. What it does is in shared words for whoever watches; what
// it found, in its messages.
import { readFileSync, writeFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import {
  type Answer,
  cutInto,
  OF_A_FRAME,
  type Opening,
  throughChunks,
  throughFile,
  throughInspect,
  throughRange,
  throughStream,
  throughVerify,
} from '../support/open-ways.ts';
import { sample } from '../support/samples.ts';
import { makeWorkbench, type Workbench } from '../support/workbench.ts';
import { caseOf, options } from './cases.ts';
import { type Random, randomOf } from './random.ts';

export interface LoopData {
  seed: number;
  /** First case, and the one to stop before. */
  first: number;
  end: number;
  seconds: number;
  /** The number of the case that runs. */
  running: Int32Array<SharedArrayBuffer>;
}

export interface LoopReport {
  cases: number;
  answers: Partial<Record<Answer, number>>;
  /** Above what the process had after the first cases, in bytes. */
  peakResident: number;
  peakExternal: number;
  /** The most bytes that were asked for at once in this thread. */
  largestAllocation: number;
}

/** Until then modules are compiled, and threads started. */
const WARM_UP = 1000;
/** Largest allocation for a message of at most 64 KiB: a piece that is hashed for a signature. */
const ALLOCATION_LIMIT = 256 * 1024;
/** What V8 leaves lying about for long is no memory that a message takes. */
const COLLECT_AFTER = 200;
const MEMORY_LIMIT = 64 * 1024 * 1024;
/** Every so many cases the ways are taken too that need a file. */
const WITH_FILES = 8;

let largestAllocation = 0;
let allocated = 0;

/** Notes what is asked for, also when nobody writes into it: a reservation alone shows in no resident page. */
function watchAllocations(): void {
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name].bind(Buffer);
    Object.defineProperty(Buffer, name, {
      value: (size: number, ...rest: []) => {
        allocated = Math.max(allocated, size);
        return original(size, ...rest);
      },
    });
  }
}

async function drive(opening: Opening, random: Random, bench: Workbench | undefined): Promise<Answer> {
  const { message, plaintext } = opening;
  const lengths = [1 + random.below(300), 1 + random.below(5000), 1];
  const seen = await throughInspect(opening);
  const stored = await throughStream(opening);
  await throughChunks(opening, cutInto(message, lengths));
  const [offset, length] = [random.below(plaintext.byteLength + 10), random.below(5000)];
  const others: Answer[] = [await throughVerify(opening)];
  if (opening.options.allowNonCommitting !== true) others.push(await throughRange(opening, [[offset, length]]));
  if (bench) others.push(await throughVerify(opening, bench), await throughFile(opening, bench, 1 + random.below(4)));
  for (const answer of others) {
    const isOfAFrame = OF_A_FRAME.includes(answer) && OF_A_FRAME.includes(stored);
    if (answer !== stored && !isOfAFrame) throw new Error(`as a stream: ${stored}; in another way: ${answer}`);
  }
  if (seen !== 'opens' && stored === 'opens') throw new Error(`inspect: ${seen}; as a stream: ${stored}`);
  return stored;
}

/** As many worker threads as there ever are, so that none of them counts as memory of a message. */
async function startThreads(bench: Workbench): Promise<void> {
  const { message, plaintext } = sample('threads', 400, { frameLength: 10 });
  const opening = { message, plaintext, options };
  for (let round = 0; round < 20; round++) {
    await throughFile(opening, bench, 4);
    await throughStream(opening);
  }
}

/** The highest that the process' resident memory has been since the last call, in bytes. */
function takePeakResident(): number {
  const peak = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;
  writeFileSync('/proc/self/clear_refs', '5'); // proc(5): resets the peak
  return peak;
}

// The flag is set by fuzz-seal.ts, for contexts that are made later.
const collectGarbage: () => void = runInNewContext('gc');

async function run({ seed, first, end, seconds, running }: LoopData): Promise<LoopReport> {
  watchAllocations();
  const bench = await makeWorkbench();
  const report: LoopReport = { cases: 0, answers: {}, peakResident: 0, peakExternal: 0, largestAllocation: 0 };
  await startThreads(bench);
  const until = performance.now() + seconds * 1000;
  let base = { resident: 0, external: 0 };
  try {
    for (let index = first; index < end && performance.now() < until; index++) {
      Atomics.store(running, 0, index);
      const opening = caseOf(seed, index);
      allocated = 0;
      const answer = await drive(opening, randomOf(seed + 1, index), index % WITH_FILES === 0 ? bench : undefined);
      report.answers[answer] = (report.answers[answer] ?? 0) + 1;
      report.cases++;
      largestAllocation = Math.max(largestAllocation, allocated);
      if (allocated > ALLOCATION_LIMIT) throw new Error(`${allocated} bytes were asked for at once`);
      const { external } = process.memoryUsage(); // array buffers are a part of it
      if (report.cases === WARM_UP) base = { resident: takePeakResident(), external };
      if (report.cases <= WARM_UP) continue;
      report.peakExternal = Math.max(report.peakExternal, external - base.external);
      if (report.peakExternal > MEMORY_LIMIT) throw new Error(`${report.peakExternal} bytes outside of the heap`);
      if (report.cases % COLLECT_AFTER !== 0) continue;
      collectGarbage();
      report.peakResident = Math.max(report.peakResident, takePeakResident() - base.resident);
      if (report.peakResident > MEMORY_LIMIT) throw new Error(`${report.peakResident} bytes resident above the start`);
    }
  } finally {
    await bench.close();
  }
  return { ...report, largestAllocation };
}

const data: LoopData = workerData;
parentPort?.postMessage(await run(data));
