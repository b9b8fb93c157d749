// Seals and opens whole files, in parallel: workers that read, crypt and write at computed offsets.
import { availableParallelism } from 'node:os';
import { createControl, requestStop } from './control.ts';
import { writeFully } from './descriptor-io.ts';
import { abortedError, SealError, toSealError } from './error.ts';
import { createHeader } from './header.ts';
import { type FileJob, type Progress, runJob } from './job.ts';
import { layoutFor } from './layout.ts';
import { openLegacy } from './legacy.ts';
import { DEFAULT_FRAME_LENGTH, MAX_SEQUENCE_NUMBER, MAX_THREADS } from './limits.ts';
import { type ReadMessage, readMessage, verifyRead } from './message.ts';
import { openFrames } from './open-frames.ts';
import type { EncryptionContext, OpenOptions, SealedSource, SealedSummary, SealOptions } from './types.ts';

/** A file that is open; it stays so until the promise settles, and is neither closed nor synchronized here. */
export interface OpenFile {
  descriptor: number;
}

export interface FileSettings {
  /** Worker threads, 1 to 64; by default as many as there are cores, and fewer for what is small. */
  threads?: number;
  /** Called at most ten times a second for each worker, with the sum of all. */
  onProgress?(progress: Progress): void;
}

/** What was verified of a whole message. */
export interface VerifiedSummary {
  messageId: string;
  context: EncryptionContext;
  plaintextSize: number;
  /** Frames whose tag verified; 0 where the official client did it. */
  frames: number;
}

/** Below this many frames each, another worker costs more than it brings. */
const FRAMES_PER_WORKER = 4;

/**
 * Seals the first `source.size` bytes of a file as one message into `target`, from offset 0. After a failure
 * what the target holds is worthless.
 *
 * @throws SealError `WRAP_FAILED`, `LIMIT`, `TRUNCATED` (the file became shorter), `IO`, `ABORTED`
 */
export async function sealFile(
  source: OpenFile & { size: number },
  options: SealOptions,
  target: OpenFile,
  settings: FileSettings = {},
): Promise<Omit<SealedSummary, 'sha256'>> {
  if (options.signal?.aborted) throw abortedError();
  const frameLength = options.frameLength ?? DEFAULT_FRAME_LENGTH;
  const { key, messageId, bytes } = await createHeader(options.keyring, options.context, frameLength);
  const layout = layoutFor(bytes.byteLength, frameLength, source.size);
  if (layout.regularFrames >= MAX_SEQUENCE_NUMBER) {
    throw new SealError('LIMIT', 'the file has more frames than a message can');
  }
  const frameKey = { key, messageId };
  const files = { sourceDescriptor: source.descriptor, targetDescriptor: target.descriptor };
  await shareOut({ action: 'seal', frameKey, layout, header: bytes, ...files }, settings, options.signal);
  return { messageId: messageId.toString('hex'), plaintextSize: source.size, sealedSize: layout.sealedSize };
}

/**
 * Opens a message into `target`, from offset 0. The plaintext is complete only when the promise resolves (I2):
 * before, frames are written in no order, each after its own tag verified.
 *
 * @throws SealError: any code but `COMPRESSION`, `WRAP_FAILED`, `RANGE`; `UNSUPPORTED` for a source without a
 *   descriptor
 */
export async function openFile(
  source: SealedSource,
  options: OpenOptions,
  target: OpenFile,
  settings: FileSettings = {},
): Promise<VerifiedSummary> {
  const read = await readMessage(source, options);
  if (read.header.isLegacy) {
    await drainLegacy(source, read, options, (piece, offset) => {
      writeFully(target.descriptor, [piece], offset);
    });
    return summaryOf(read, 0);
  }
  if (source.descriptor === undefined) {
    throw new SealError('UNSUPPORTED', 'only an object with a file descriptor can be opened into a file');
  }
  const { frameKey, layout, finalPlaintext } = await verifyRead(source, read, options);
  finalPlaintext.fill(0);
  const files = { sourceDescriptor: source.descriptor, targetDescriptor: target.descriptor };
  await shareOut({ action: 'open', frameKey, layout, header: undefined, ...files }, settings, options.signal);
  return summaryOf(read, layout.regularFrames + 1);
}

/**
 * Verifies a whole message: header, commitment, every frame's tag, and the signature where there is one. Gives
 * no plaintext out; what is decrypted on the way is wiped.
 *
 * @throws SealError: any code but `COMPRESSION`, `WRAP_FAILED`, `RANGE`
 */
export async function verify(
  source: SealedSource,
  options: OpenOptions,
  settings: FileSettings = {},
): Promise<VerifiedSummary> {
  const read = await readMessage(source, options);
  if (read.header.isLegacy) {
    await drainLegacy(source, read, options, () => undefined);
    return summaryOf(read, 0);
  }
  const message = await verifyRead(source, read, options);
  const { frameKey, layout } = message;
  message.finalPlaintext.fill(0);
  if (source.descriptor === undefined) {
    const all = { first: 0, end: layout.regularFrames, signal: options.signal };
    for await (const plaintext of openFrames(source, message, all)) plaintext.fill(0);
  } else {
    const files = { sourceDescriptor: source.descriptor, targetDescriptor: undefined };
    await shareOut({ action: 'verify', frameKey, layout, header: undefined, ...files }, settings, options.signal);
  }
  return summaryOf(read, layout.regularFrames + 1);
}

/** SHA-256 of the first `size` bytes of a file, lower-case hex, in a worker. @throws SealError `TRUNCATED`, `IO`, `ABORTED` */
export function digestFile({ descriptor, size }: OpenFile & { size: number }, signal?: AbortSignal): Promise<string> {
  const control = createControl();
  return stoppable([control], signal, () => runJob({ kind: 'digest', control, sourceDescriptor: descriptor, size }));
}

/** Hands the verified pieces of a legacy message to `take`, in order, and wipes them. */
async function drainLegacy(
  source: SealedSource,
  read: ReadMessage,
  options: OpenOptions,
  take: (piece: Uint8Array, offset: number) => void,
): Promise<void> {
  let offset = 0;
  try {
    for await (const piece of await openLegacy(source, read, options)) {
      take(piece, offset);
      offset += piece.byteLength;
      piece.fill(0);
    }
  } catch (error) {
    throw toSealError(error);
  }
}

/** Runs the job in several workers that share its frames; the first failure stops the others. */
async function shareOut(
  share: Omit<FileJob, 'kind' | 'control' | 'next'>,
  { threads = availableParallelism(), onProgress }: FileSettings,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new SealError('LIMIT', `the number of threads must lie between 1 and ${MAX_THREADS}`);
  }
  const frames = share.layout.regularFrames + 1;
  const count = Math.max(1, Math.min(threads, Math.floor(frames / FRAMES_PER_WORKER)));
  const next = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  const controls = Array.from({ length: count }, createControl);
  const parts: Progress[] = controls.map(() => ({ read: 0, written: 0 }));
  const stopAll = () => controls.forEach(requestStop);
  const work = async (control: FileJob['control'], worker: number) => {
    const note = (progress: Progress) => {
      parts[worker] = progress;
      onProgress?.(total(parts));
    };
    try {
      parts[worker] = await runJob({ kind: 'file', control, next, ...share }, note);
    } catch (error) {
      stopAll();
      throw error;
    }
  };
  // All of them have ended when this settles: nobody uses the descriptors any more.
  const settled = await stoppable(controls, signal, () => Promise.allSettled(controls.map(work)));
  const failures = settled.flatMap((job) => (job.status === 'rejected' ? [job.reason] : []));
  if (failures.length > 0) throw failures.find((error) => !isAborted(error)) ?? abortedError();
  if (total(parts).read !== share.layout.plaintextSize) throw new SealError('IO', 'a worker thread left a frame out');
}

/**
 * Starts the work, and tells the workers to stop when the signal fires; the promise still settles when they have
 * ended. A signal that fired before is told to them before they start: they could be done otherwise.
 */
async function stoppable<Result>(
  controls: ReturnType<typeof createControl>[],
  signal: AbortSignal | undefined,
  start: () => Promise<Result>,
): Promise<Result> {
  const stop = () => controls.forEach(requestStop);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    return await start();
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function total(parts: Progress[]): Progress {
  return parts.reduce((sum, { read, written }) => ({ read: sum.read + read, written: sum.written + written }));
}

function isAborted(error: unknown): boolean {
  return error instanceof SealError && error.code === 'ABORTED';
}

function summaryOf({ id, context, layout }: ReadMessage, frames: number): VerifiedSummary {
  return { messageId: id, context, plaintextSize: layout.plaintextSize, frames };
}
