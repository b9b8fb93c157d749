// Bytes of an upload that came before their turn: held in memory, within bounds, until those before them are there.
import type { MemoryBudget } from '../memory-budget.ts';

export interface EarlyBytes {
  readonly count: number;
  /** Keeps a copy. @returns false where it is too much */
  keep(bytes: Uint8Array, offset: number): boolean;
  /** Those that begin at `offset`; the caller calls `done` with them. */
  takeAt(offset: number): Buffer | undefined;
  /** The lowest offset. */
  first(): number | undefined;
  done(bytes: Buffer): void;
  clear(): void;
}

/** What a piece takes beside its bytes: else a client could fill the memory with pieces of one byte. */
const OVERHEAD = 1024;

/** @param limit of all pieces together, in bytes; asked for each time, since it can change */
export function makeEarlyBytes(memory: MemoryBudget, limit: () => number): EarlyBytes {
  const pieces = new Map<number, Buffer>();
  let held = 0;

  function done(bytes: Buffer): void {
    bytes.fill(0);
    held -= bytes.length + OVERHEAD;
    memory.give(bytes.length + OVERHEAD);
  }

  function takeAt(offset: number): Buffer | undefined {
    const bytes = pieces.get(offset);
    pieces.delete(offset);
    return bytes;
  }

  return {
    get count() {
      return pieces.size;
    },
    keep(bytes, offset) {
      const before = takeAt(offset);
      if (before !== undefined) done(before);
      const cost = bytes.length + OVERHEAD;
      if (held + cost > limit() || !memory.take(cost)) return false;
      held += cost;
      // Memory of its own: a part of Buffer's pool would stay when the piece is gone.
      const copy = Buffer.allocUnsafeSlow(bytes.length);
      copy.set(bytes);
      pieces.set(offset, copy);
      return true;
    },
    takeAt,
    first: () => (pieces.size === 0 ? undefined : [...pieces.keys()].reduce((least, at) => Math.min(least, at))),
    done,
    clear() {
      for (const bytes of pieces.values()) done(bytes);
      pieces.clear();
    },
  };
}
