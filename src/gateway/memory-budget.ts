// Memory that all connections share: what clients may send before it is asked for, and what waits to be sealed.

/** Bytes that are taken and given back. Nothing waits for it: who gets nothing goes on with what they have. */
export interface MemoryBudget {
  readonly limit: number;
  readonly used: number;
  /** @returns false, and takes nothing, where that many are not left */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** What is taken beyond a smaller limit stays taken until it is given back. */
  setLimit(bytes: number): void;
}

/** @param limit in bytes */
export function makeMemoryBudget(limit: number): MemoryBudget {
  let total = limit;
  let used = 0;
  return {
    get limit() {
      return total;
    },
    get used() {
      return used;
    },
    take(bytes) {
      if (used + bytes > total) return false;
      used += bytes;
      return true;
    },
    give(bytes) {
      used = Math.max(0, used - bytes);
    },
    setLimit(bytes) {
      total = bytes;
    },
  };
}
