// Every way to open a sealed message, each reduced to one answer: a code, or that it opens. Each way checks
// by itself that nothing but the true plaintext came out, in its place, whatever the answer is (I2).
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  inspect,
  type OpenOptions,
  openChunks,
  openFile,
  openMessage,
  openStream,
  openToPipe,
  SealError,
  type SealErrorCode,
  verify,
} from '../../src/seal/index.ts';
import { chunked, sourceOf } from './seal.ts';
import { FILLER, type Workbench } from './workbench.ts';

export const WAYS = ['inspect', 'stream', 'chunks', 'range', 'file', 'verify', 'pipe'] as const;
export type Way = (typeof WAYS)[number];
export type Answer = SealErrorCode | 'opens';

/** What to open, and all the plaintext that may come out of it. */
export interface Opening {
  message: Uint8Array;
  options: OpenOptions;
  plaintext: Uint8Array;
}

/** Bytes asked for: offset and length. */
export type Range = [number, number];

export async function throughInspect({ message }: Opening): Promise<Answer> {
  return answerOf(async () => void (await inspect(sourceOf(message))));
}

export async function throughStream({ message, options, plaintext }: Opening): Promise<Answer> {
  return inOrder(plaintext, async (take) => {
    const { chunks, plaintextSize } = await openStream(sourceOf(message), options);
    for await (const chunk of chunks) take(chunk);
    return plaintextSize;
  });
}

/** `chunks` are the message's bytes, cut anywhere. */
export async function throughChunks(
  { message, options, plaintext }: Opening,
  chunks: AsyncIterable<Uint8Array> = chunked(message, Math.max(1, message.byteLength)),
): Promise<Answer> {
  return inOrder(plaintext, async (take) => {
    for await (const chunk of (await openChunks(chunks, options)).chunks) take(chunk);
    return plaintext.byteLength;
  });
}

/** Codes of single frames: where several are bad, it depends on the way which one is come upon first. */
export const OF_A_FRAME: readonly Answer[] = ['FRAME_AUTH', 'FRAME_ORDER'];

/** The answer for the whole as one range. Each of `ranges` must give the right bytes, or fail as the whole does. */
export async function throughRange({ message, options, plaintext }: Opening, ranges: Range[]): Promise<Answer> {
  let opened: Awaited<ReturnType<typeof openMessage>>;
  try {
    opened = await openMessage(sourceOf(message), options);
  } catch (error) {
    return codeOf(error);
  }
  const { openRange, plaintextSize, close } = opened;
  try {
    const whole = await inOrder(plaintext, async (take) => {
      for await (const chunk of openRange(0, plaintextSize)) take(chunk);
      return plaintextSize;
    });
    for (const [offset, length] of ranges) {
      const wanted = plaintext.subarray(offset, offset + length);
      const part = await inOrder(wanted, async (take) => {
        for await (const chunk of openRange(offset, length)) take(chunk);
        return wanted.byteLength;
      });
      const isSame = part === whole || (OF_A_FRAME.includes(part) && OF_A_FRAME.includes(whole));
      if (part === 'opens' || isSame || (part === 'RANGE' && offset > plaintextSize)) continue;
      throw new Error(`the whole gives ${whole}, bytes ${offset} to ${offset + length} give ${part}`);
    }
    return whole;
  } finally {
    close();
  }
}

export async function throughFile(
  { message, options, plaintext }: Opening,
  bench: Workbench,
  threads: number,
): Promise<Answer> {
  const room = plaintext.byteLength + 256;
  const descriptor = bench.target(room);
  const answer = await answerOf(async () => {
    await openFile(bench.source(message), options, { descriptor }, { threads });
  });
  const bytes = bench.targetBytes();
  if (bytes.byteLength !== room) throw new Error('more was written than there is');
  for (const [at, byte] of bytes.entries()) {
    const isTrue = at < plaintext.byteLength && byte === plaintext[at];
    if (isTrue || (byte === FILLER && (answer !== 'opens' || at >= plaintext.byteLength))) continue;
    throw new Error(`wrong plaintext was written at ${at}`);
  }
  return answer;
}

export async function throughVerify({ message, options, plaintext }: Opening, bench?: Workbench): Promise<Answer> {
  return answerOf(async () => {
    const { plaintextSize } = await verify(bench?.source(message) ?? sourceOf(message), options, { threads: 2 });
    if (plaintextSize !== plaintext.byteLength) throw new Error('another size was verified');
  });
}

export async function throughPipe({ message, options, plaintext }: Opening, bench: Workbench): Promise<Answer> {
  return inOrder(plaintext, async (take) => {
    const opening = await openToPipe(bench.source(message), options, { path: bench.fifo });
    let settled = false;
    const done = opening.done.finally(() => {
      settled = true;
    });
    done.catch(() => undefined);
    try {
      while (!settled) {
        takeAll(bench, take);
        await nextTurn();
      }
      return (await done).bytes;
    } finally {
      opening.release();
      takeAll(bench, take);
    }
  });
}

function takeAll(bench: Workbench, take: (bytes: Uint8Array) => void): void {
  for (let bytes = bench.takeFromFifo(); bytes; bytes = bench.takeFromFifo()) take(bytes);
}

/** Runs `open`, which hands on what comes out and resolves to the size; checks all of it against `plaintext`. */
async function inOrder(
  plaintext: Uint8Array,
  open: (take: (chunk: Uint8Array) => void) => Promise<number>,
): Promise<Answer> {
  let released = 0;
  let isWrong = false;
  const take = (chunk: Uint8Array) => {
    const wanted = plaintext.subarray(released, released + chunk.byteLength);
    isWrong ||= Buffer.compare(wanted, chunk) !== 0;
    released += chunk.byteLength;
  };
  const answer = await answerOf(async () => {
    const size = await open(take);
    if (released === plaintext.byteLength && size === released) return;
    throw new Error(`${released} bytes came out, ${size} were announced, of ${plaintext.byteLength}`);
  });
  if (isWrong) throw new Error('wrong plaintext was released');
  return answer;
}

async function answerOf(open: () => Promise<void>): Promise<Answer> {
  try {
    await open();
    return 'opens';
  } catch (error) {
    return codeOf(error);
  }
}

/** Only a SealError is an answer: anything else is a fault of the room, or of the test. */
function codeOf(error: unknown): SealErrorCode {
  if (error instanceof SealError) return error.code;
  throw error;
}

/** The bytes in chunks of lengths that `lengths` gives, over and over. */
export async function* cutInto(bytes: Uint8Array, lengths: number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (let index = 0; from < bytes.byteLength; index++) {
    const to = from + Math.max(1, lengths[index % lengths.length] ?? 1);
    yield Buffer.from(bytes.subarray(from, to)); // a copy: sealing wipes what it takes
    from = to;
  }
}
