// How much may be under way at once: requests, and the bytes that they and their replies take.

export interface Budget {
  /**
   * Resolves when there is room for one more request of `bytes`: at once, or when others are done. One that is over
   * the limit by itself gets in alone. One call at a time.
   */
  take(bytes: number): Promise<void>;
  give(bytes: number): void;
  /** Resolves when nothing is under way. */
  isEmpty(): Promise<void>;
}

export function makeBudget(maxRequests: number, maxBytes: number): Budget {
  let requests = 0;
  let held = 0;
  let wake: (() => void) | undefined;
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    async take(bytes) {
      await until(() => requests === 0 || (requests < maxRequests && held + bytes <= maxBytes));
      requests += 1;
      held += bytes;
    },
    give(bytes) {
      requests -= 1;
      held -= bytes;
      wake?.();
    },
    isEmpty: () => until(() => requests === 0),
  };
}
