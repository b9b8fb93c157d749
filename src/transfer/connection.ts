// A session with a server, whichever way it came about, with a limit on how long it may be silent.
import type { Duplex } from 'node:stream';
import { openSftp, type SftpClient, SftpError } from '../sftp/index.ts';
import { TransferError } from './error.ts';

export interface Connection {
  sftp: SftpClient;
  /** Ends it in good order. Resolves when nothing is left of it, whatever state it was in. */
  close(): Promise<void>;
  /** Breaks it off: all that is under way fails with SftpError `LOST`. */
  drop(): void;
  /** Calls `listener` once nothing comes over it any more. */
  onLost(listener: () => void): void;
}

/**
 * The session on `channel`. @param release frees what carries the channel
 * @throws SftpError; TransferError `CONNECT` where it takes too long, `ABORTED`
 */
export async function startSession(
  channel: Duplex,
  { signal, timeoutMs, release }: { signal: AbortSignal; timeoutMs: number; release: () => Promise<void> },
): Promise<Connection> {
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    channel.destroy();
  }, timeoutMs);
  const stop = (): void => void channel.destroy();
  signal.addEventListener('abort', stop, { once: true });
  const end = async (): Promise<void> => {
    signal.removeEventListener('abort', stop);
    channel.destroy();
    await release();
  };
  channel.on('error', () => undefined);
  try {
    if (signal.aborted) throw stopped();
    const sftp = await openSftp(channel);
    return {
      sftp,
      async close() {
        const tooLong = setTimeout(stop, CLOSE_MS);
        await sftp.end().catch(() => undefined);
        clearTimeout(tooLong);
        await end();
      },
      drop: stop,
      onLost: (listener) => void channel.once('close', listener),
    };
  } catch (error) {
    await end();
    if (signal.aborted) throw stopped();
    if (!isLate) throw error;
    throw new TransferError('CONNECT', `no session came about in ${timeoutMs / 1000} s`, {
      hint: 'check the host, the port, and firewalls in between',
      cause: error,
    });
  } finally {
    clearTimeout(late);
  }
}

const CLOSE_MS = 5000;

/** The error for what the caller stopped. */
export function stopped(): TransferError {
  return new TransferError('ABORTED', 'the transfer was stopped', { hint: 'the same command goes on where it was' });
}

/** Whether the connection was lost: another one may do better. */
export function isLost(error: unknown): boolean {
  return error instanceof SftpError && error.code === 'LOST';
}

export interface StallWatch {
  /** Something came: it is counted from now. */
  touch(): void;
  stop(): void;
}

/** Breaks `connection` off where nothing comes for `limitMs`. */
export function watchStall(connection: Pick<Connection, 'drop'>, limitMs: number): StallWatch {
  const timer = setTimeout(() => connection.drop(), limitMs);
  return { touch: () => void timer.refresh(), stop: () => clearTimeout(timer) };
}
