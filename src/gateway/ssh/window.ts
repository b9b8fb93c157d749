// How much a client may send before it is asked for more: the SSH window of one channel (RFC 4254, section 5.2).
//
// ssh2 gives each channel a fixed window, lets clients go over it, and answers without looking whether the client
// takes the answers. Here the credit grows out of a budget that all connections share. What is replaced of ssh2 is
// not public; the version is pinned, and window.test.ts fails where it is not as it is thought to be here.
import type { Duplex } from 'node:stream';
import type { MemoryBudget } from '../memory-budget.ts';

/** What each channel may always have: four packets of 32 KiB. */
export const LEAST_WINDOW = 128 * 1024;
/** What one busy channel may have. More costs time on fast networks, less costs throughput on slow ones. */
export const LARGEST_WINDOW = 8 * 1024 * 1024;
/** Up to here it grows whether or not what came is taken at once: several of SFTP's packets. */
const EASY_WINDOW = 1024 * 1024;

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
 *
 * @param onViolation is called, once, where the client sends more than it may
 */
export function holdWindow(channel: SshChannel, memory: MemoryBudget, onViolation: () => void): Window {
  /** Bytes that may be under way or waiting to be read; beyond the least they are of the budget. */
  let cap = LEAST_WINDOW;
  let isOver = false;
  const queue: Buffer[] = [];
  let queued = 0;
  let hasEnded = false;
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

  function credit(): void {
    if (isOver || channel.outgoing.state === 'closed' || channel.incoming.state !== 'open') return;
    const { window } = channel.incoming;
    // Most of it was used, and what came was taken: the client is faster than the credit comes.
    if (window < cap / 2 && (queued < cap / 4 || cap < EASY_WINDOW)) grow();
    shrink();
    const bytes = cap - window - queued;
    if (bytes < cap / 4) return;
    channel.incoming.window += bytes;
    channel._client._protocol.channelWindowAdjust(channel.outgoing.id, bytes);
  }

  channel.push = (chunk: Buffer | null) => {
    if (chunk === null) hasEnded = true;
    else if (isOver) return false;
    else if (channel.incoming.window < 0) {
      isOver = true;
      onViolation();
    } else {
      queue.push(chunk);
      queued += chunk.length;
      credit();
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
        queued -= chunk.length;
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
      wake?.();
      memory.give(cap - LEAST_WINDOW);
      cap = LEAST_WINDOW;
    },
  };
}
