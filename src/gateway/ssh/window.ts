// How much a client may send before it is asked for more: the SSH window of one channel (RFC 4254, section 5.2).
//
// ssh2 gives each channel a fixed window, whether or not what comes is read. Here the credit grows out of a budget
// that all connections share. What is replaced of ssh2 is not public; the version is pinned, and
// private-parts.test.ts fails where it is not as it is thought to be here.
import type { Duplex } from 'node:stream';
import type { MemoryBudget } from '../memory-budget.ts';

/** What each channel may always have: four packets of 32 KiB. */
export const LEAST_WINDOW = 128 * 1024;
/** What one busy channel may have. More costs time on fast networks, less costs throughput on slow ones. */
export const LARGEST_WINDOW = 8 * 1024 * 1024;
/** Up to here it grows whether or not what came is taken at once: several of SFTP's packets. */
const EASY_WINDOW = 1024 * 1024;
/** Who uses up their window faster than this may wait for credit: longer than any way to a server and back. */
const GROW_WITHIN_MS = 1000;

/** The private parts of ssh2's channel that this file replaces or reads. */
export interface SshChannel extends Duplex {
  incoming: { window: number; state: string };
  outgoing: { id: number; window: number; state: string };
  /** Tells the client how its session ended. */
  exit(status: number): void;
  close(): void;
  _client: { _protocol: { channelWindowAdjust(id: number, bytes: number): void } };
}

export interface Window {
  /** Gives back what it has of the budget. Safe at any time. */
  release(): void;
}

/**
 * Takes the window of a channel over, whose client has been given `LEAST_WINDOW` bytes of credit. What the client
 * sends is read with the channel's `iterator`, piece by piece as it came, and is not copied.
 */
export function holdWindow(channel: SshChannel, memory: MemoryBudget): Window {
  /** Bytes that may be under way or waiting to be read; beyond the least they are of the budget. */
  let cap = LEAST_WINDOW;
  let isOver = false;
  const queue: Buffer[] = [];
  let queued = 0;
  let hasEnded = false;
  /** Bytes that were taken since then. */
  let taken = 0;
  let since = performance.now();
  let wake: (() => void) | undefined;

  function grow(): void {
    const next = Math.min(LARGEST_WINDOW, cap * 2);
    // The last quarter is for those that have less.
    const isScarce = memory.used > memory.limit * 0.75 && next > LEAST_WINDOW * 4;
    if (next > cap && !isScarce && memory.take(next - cap)) cap = next;
  }

  function shrink(): void {
    if (cap <= LEAST_WINDOW || memory.used <= memory.limit * 0.9) return;
    const next = Math.max(LEAST_WINDOW, cap / 2, channel.incoming.window + queued);
    memory.give(cap - next);
    cap = next;
  }

  /** What is not taken as fast as it comes needs no larger window. */
  function take(bytes: number): void {
    queued -= bytes;
    taken += bytes;
    if (taken < cap) return;
    const now = performance.now();
    if (now - since < GROW_WITHIN_MS && (queued < cap / 2 || cap < EASY_WINDOW)) grow();
    taken = 0;
    since = now;
  }

  function credit(): void {
    if (isOver || channel.outgoing.state === 'closed' || channel.incoming.state !== 'open') return;
    shrink();
    const bytes = cap - channel.incoming.window - queued;
    if (bytes < cap / 4) return;
    channel.incoming.window += bytes;
    channel._client._protocol.channelWindowAdjust(channel.outgoing.id, bytes);
  }

  const push = channel.push.bind(channel);
  channel.push = (chunk: Buffer | null) => {
    if (chunk === null) {
      hasEnded = true;
      push(null);
      // Now it says `end`, without which ssh2 never says `close`.
      channel.read();
    } else if (!isOver) {
      queue.push(chunk);
      queued += chunk.length;
    }
    wake?.();
    // ssh2 then asks for nothing itself.
    return false;
  };
  channel._read = () => undefined;

  async function* pieces(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = queue.shift();
      if (chunk !== undefined) {
        take(chunk.length);
        credit();
        yield chunk;
      } else if (hasEnded || isOver || channel.destroyed) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
    }
  }
  channel.iterator = pieces;
  channel.once('close', () => {
    hasEnded = true;
    wake?.();
  });

  return {
    release() {
      isOver = true;
      queue.length = 0;
      wake?.();
      memory.give(cap - LEAST_WINDOW);
      cap = LEAST_WINDOW;
    },
  };
}
