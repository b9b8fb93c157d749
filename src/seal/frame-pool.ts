// A few worker threads, shared by all streams of the process, that seal and open frames.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { siblingModule } from '../lib/index.ts';
import { type ErrorReport, errorFromReport, SealError } from './error.ts';
import type { FrameKey } from './frame.ts';
import type { FramePlace } from './layout.ts';

/** What the worker is asked. Every `buffer` is transferred and comes back in the reply. */
export type FrameRequest = { id: number; session: number } & FrameTask;
type FrameTask =
  | { kind: 'begin'; frameKey: FrameKey; hashed: boolean }
  | { kind: 'end' }
  | { kind: 'seal'; buffer: Uint8Array; sequence: number; final: boolean }
  | { kind: 'open'; buffer: Uint8Array; place: FramePlace };

export interface FrameReply {
  id: number;
  result?: Uint8Array | string | undefined;
  error?: ErrorReport;
}

interface Pending {
  resolve(result: Uint8Array | string | undefined): void;
  reject(error: SealError): void;
}

interface PoolWorker {
  worker: Worker;
  pending: Map<number, Pending>;
  /** Sessions that are pinned to it, and frames in it. */
  load: number;
  lost: boolean;
}

const POOL_SIZE = Math.min(2, availableParallelism());
const pool: PoolWorker[] = [];
let lastId = 0;

/** Frames of one message, handed to the pool. */
export interface FrameSession {
  /** Frames that are worth having in flight at once. */
  parallelism: number;
  /** Hashes and seals what lies in `buffer` (layout: `sealFrameInPlace`) and returns the frame. */
  seal(buffer: Uint8Array, sequence: number, final: boolean): Promise<Uint8Array>;
  open(buffer: Uint8Array, place: FramePlace): Promise<Uint8Array>;
  /** Forgets the key. @returns the SHA-256 of what was sealed, in lower-case hex, in a hashed session. */
  end(): Promise<string | undefined>;
}

/**
 * Starts a session. A hashed one stays with one worker, which sees the frames in order; an unhashed
 * one uses all. Nothing in the pool keeps the process alive but frames in flight.
 */
export async function beginSession(frameKey: FrameKey, hashed: boolean): Promise<FrameSession> {
  const session = ++lastId;
  while (pool.length < POOL_SIZE) pool.push(startWorker());
  const members = hashed ? [leastLoaded(pool)] : [...pool];
  for (const member of members) member.load++;
  await Promise.all(members.map((member) => post(member, { kind: 'begin', frameKey, hashed, session })));
  const run = async (task: { session: number } & FrameTask, buffer: Uint8Array): Promise<Uint8Array> => {
    const member = leastLoaded(members);
    member.load++;
    try {
      const result = await post(member, task, [buffer.buffer as ArrayBuffer]);
      if (!(result instanceof Uint8Array)) throw new SealError('IO', 'the worker gave no frame');
      return result;
    } finally {
      member.load--;
    }
  };
  return {
    parallelism: members.length + 2,
    seal: (buffer, sequence, final) => run({ kind: 'seal', buffer, sequence, final, session }, buffer),
    open: (buffer, place) => run({ kind: 'open', buffer, place, session }, buffer),
    async end() {
      for (const member of members) member.load--;
      const results = await Promise.all(members.map((member) => post(member, { kind: 'end', session })));
      const digest = results[0];
      return typeof digest === 'string' ? digest : undefined;
    },
  };
}

function leastLoaded(members: PoolWorker[]): PoolWorker {
  const first = members[0];
  if (!first) throw new SealError('IO', 'there is no worker');
  return members.reduce((least, member) => (member.load < least.load ? member : least), first);
}

function post(
  member: PoolWorker,
  task: { session: number } & FrameTask,
  transfer: ArrayBuffer[] = [],
): Promise<Uint8Array | string | undefined> {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    if (member.lost) return reject(new SealError('IO', 'a worker thread ended unexpectedly'));
    if (member.pending.size === 0) member.worker.ref();
    member.pending.set(id, { resolve, reject });
    member.worker.postMessage({ ...task, id } satisfies FrameRequest, transfer);
  });
}

function startWorker(): PoolWorker {
  const worker = new Worker(siblingModule(import.meta.url, 'frame-worker'), { name: 'glovebox-frames', execArgv: [] });
  const member: PoolWorker = { worker, pending: new Map(), load: 0, lost: false };
  worker.on('message', (reply: FrameReply) => {
    const pending = member.pending.get(reply.id);
    member.pending.delete(reply.id);
    if (member.pending.size === 0) worker.unref();
    if (reply.error) pending?.reject(errorFromReport(reply.error));
    else pending?.resolve(reply.result);
  });
  const lost = (cause?: unknown) => {
    member.lost = true;
    const at = pool.indexOf(member);
    if (at >= 0) pool.splice(at, 1);
    for (const pending of member.pending.values()) {
      pending.reject(new SealError('IO', 'a worker thread ended unexpectedly', { cause }));
    }
    member.pending.clear();
  };
  worker.on('error', lost);
  worker.on('exit', () => lost());
  // Last: listening for messages takes a reference again.
  worker.unref();
  return member;
}
