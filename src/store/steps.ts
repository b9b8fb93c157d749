// Steps on a file that is being written: one after the other, and a failure is the end of it.
import { StoreError, toStoreError } from './error.ts';

export interface Steps {
  /** Runs `work` after what was asked for before. @throws StoreError `CONFLICT` after the end; what `work` raises, as one */
  next(doing: string, work: () => Promise<void>): Promise<void>;
  /** Ends it now, from within a step. Does nothing the second time. */
  end(): Promise<void>;
  /** Ends it when the steps before are done. */
  close(): Promise<void>;
}

/** `over` says why nothing is taken after the end, at which `onEnd` runs once. */
export function createSteps(over: string, onEnd: () => Promise<void>): Steps {
  let open = true;
  let tail: Promise<void> = Promise.resolve();
  async function end(): Promise<void> {
    if (!open) return;
    open = false;
    await onEnd();
  }
  return {
    next(doing, work) {
      const step = tail.then(async () => {
        if (!open) throw new StoreError('CONFLICT', `could not ${doing}: ${over}`);
        try {
          await work();
        } catch (error) {
          await end();
          throw toStoreError(error, doing);
        }
      });
      tail = step.catch(() => undefined);
      return step;
    },
    end,
    async close() {
      await tail;
      await end();
    },
  };
}
