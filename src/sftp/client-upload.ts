// Writes a stream of bytes to an open file, with many WRITEs under way at once.
import type { RequestGroup } from './client-connection.ts';
import type { Handle } from './client-requests.ts';
import { errorOfStatus, type SftpError } from './error.ts';
import { encodeWriteHeader } from './requests.ts';

/** Where the bytes go, and how. */
export interface Writing {
  handle: Handle;
  /** Where the first byte goes. */
  at: number;
  /** Bytes of one WRITE. */
  length: number;
  /** Bytes that may be under way before the server has answered for them. */
  window: number;
  /** Hears how far all is written without a gap, each time it grows: an offset in the file. */
  onWritten?: ((position: number) => void) | undefined;
}

/**
 * Writes `source` to its end. Its chunks are copied before the next one is asked for. The first failure stops it,
 * also where the source has nothing to give just then; what was under way may or may not be written.
 *
 * @param begin begins the group of requests; its callback hears when they are stopped
 * @returns the bytes written, all of them answered for
 * @throws SftpError what a status says, and what stops the group; what the source throws
 */
export async function writeAll(
  begin: (onStop: (error: SftpError) => void) => RequestGroup,
  source: AsyncIterable<Uint8Array>,
  writing: Writing,
): Promise<number> {
  const steps = interruptible();
  const group = begin(steps.interrupt);
  const writer = createWriter(group, writing, steps);
  const iterator = source[Symbol.asyncIterator]();
  let isWaiting = false;
  let isOver = false;
  try {
    for (;;) {
      isWaiting = true;
      const step = await steps.wait(iterator.next());
      isWaiting = false;
      if (step.done === true) break;
      for (let rest = step.value; rest.length > 0; ) rest = rest.subarray(await writer.add(rest));
    }
    isOver = true;
    return await writer.finish();
  } finally {
    group.end();
    writer.wipe();
    if (!isOver) {
      const closing = Promise.resolve(iterator.return?.()).catch(ignore);
      // A source that is being waited for may never answer.
      if (!isWaiting) await closing;
    }
  }
}

interface Steps {
  /** As `promise`, but it rejects with the first interruption, whatever becomes of `promise`. */
  wait<Result>(promise: Promise<Result>): Promise<Result>;
  interrupt(error: Error): void;
}

// Not Promise.race with one promise for all steps: that one would collect a reaction for each of millions.
function interruptible(): Steps {
  let reason: Error | undefined;
  let rejectCurrent: ((error: Error) => void) | undefined;
  return {
    wait: (promise) =>
      new Promise((resolve, reject) => {
        if (reason) reject(reason);
        rejectCurrent = reject;
        promise.then(resolve, reject);
      }),
    interrupt(error) {
      reason ??= error;
      rejectCurrent?.(reason);
    },
  };
}

/** One WRITE that is under way. */
interface Flight {
  length: number;
  buffer: Buffer;
  isAnswered: boolean;
}

function createWriter(group: RequestGroup, writing: Writing, steps: Steps) {
  const { handle, at, length, window, onWritten } = writing;
  const header = encodeWriteHeader(0, handle, 0, 0).length;
  /** In the order of their offsets; those answered are removed once they are the first. */
  const flights: Flight[] = [];
  const free: Buffer[] = [];
  let packet: Buffer | undefined;
  let filled = 0;
  let sent = at;
  let written = at;
  let underWay = 0;
  let isOver = false;
  let onAnswer: (() => void) | undefined;

  function send(): void {
    const current = packet;
    if (!current || filled === 0) return;
    const flight = { length: filled, isAnswered: false, buffer: current };
    const encode = (id: number) => {
      current.set(encodeWriteHeader(id, handle, sent, flight.length));
      return current.subarray(0, header + flight.length);
    };
    const answer = group.send(encode, { expected: 'status' });
    flights.push(flight);
    underWay += filled;
    sent += filled;
    filled = 0;
    packet = undefined;
    answer
      .then(({ failure }) => {
        if (failure) throw errorOfStatus(failure, 'write to the file');
        settle(flight);
      })
      .catch(steps.interrupt);
  }

  function settle(flight: Flight): void {
    flight.isAnswered = true;
    // Only now: a channel may hand on what is written to it as it is, and be read later.
    if (isOver) flight.buffer.fill(0);
    else free.push(flight.buffer);
    underWay -= flight.length;
    const before = written;
    while (flights[0]?.isAnswered === true) written += flights.shift()?.length ?? 0;
    if (written > before) onWritten?.(written);
    onAnswer?.();
  }

  const answered = () =>
    steps.wait(
      new Promise<void>((resolve) => {
        onAnswer = resolve;
      }),
    );

  return {
    /** Takes the first bytes of `chunk`, and says how many. */
    async add(chunk: Uint8Array): Promise<number> {
      while (underWay > 0 && underWay + length > window) await answered();
      packet ??= free.pop() ?? Buffer.allocUnsafeSlow(header + length);
      const taken = chunk.subarray(0, length - filled);
      packet.set(taken, header + filled);
      filled += taken.length;
      if (filled === length) send();
      return taken.length;
    },
    async finish(): Promise<number> {
      send();
      while (underWay > 0) await answered();
      return written - at;
    },
    /** Overwrites the plaintext that is held, but for what is still under way. */
    wipe(): void {
      isOver = true;
      for (const buffer of [...free, ...(packet ? [packet] : [])]) buffer.fill(0);
    },
  };
}

function ignore(): void {}
