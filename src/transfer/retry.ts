// Tries again, with a new connection, what a lost connection broke off.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, isLost, stopped } from './connection.ts';
import { TransferError } from './error.ts';

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

export interface RetryOptions {
  /** How many times in a row, at most, without anything coming through. */
  retries: number;
  signal: AbortSignal;
  onRetry?: ((error: Error, attempt: number, delayMs: number) => void) | undefined;
  /** Whether something came through since it was asked last: then it counts from the start again. */
  hasProgressed?: (() => boolean) | undefined;
}

/**
 * What `work` makes of a connection. The connection is closed in the end; where it is lost, another one is opened after
 * a while: half a second at first, twice as long each time, up to 30 s, with jitter. Not where the server says no, or
 * breaks the protocol; and where the first connection does not come about, that is told at once.
 *
 * @throws what `open` and `work` throw; TransferError `ABORTED`
 */
export async function withRetries<Result>(
  open: () => Promise<Connection>,
  work: (connection: Connection) => Promise<Result>,
  { retries, signal, onRetry, hasProgressed }: RetryOptions,
): Promise<Result> {
  let hasConnected = false;
  let hasChanged = false;
  for (let attempt = 1; ; attempt += 1) {
    let connection: Connection | undefined;
    try {
      if (signal.aborted) throw stopped();
      connection = await open();
      hasConnected = true;
      return await work(connection);
    } catch (error) {
      if (signal.aborted) throw stopped();
      if (!(error instanceof Error)) throw error;
      if (hasProgressed?.() === true) attempt = 1;
      const isUnreachable = hasConnected && error instanceof TransferError && error.code === 'CONNECT';
      // Once more for a file that changed: it may be whole now.
      const isFirstChange: boolean = isChange(error) && !hasChanged;
      hasChanged ||= isFirstChange;
      if (attempt > retries || !(isLost(error) || isUnreachable || isFirstChange)) throw error;
      const delay = delayOf(attempt);
      onRetry?.(error, attempt, delay);
      await sleep(delay, undefined, { signal }).catch(() => {
        throw stopped();
      });
    } finally {
      await connection?.close();
    }
  }
}

function isChange(error: Error): boolean {
  return 'code' in error && error.code === 'CHANGED';
}

/** Full jitter over the second half: clients that were cut off together do not come back together. */
export function delayOf(attempt: number, random = Math.random): number {
  const whole = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(whole / 2 + (random() * whole) / 2);
}
