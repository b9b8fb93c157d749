// FIFOs with synchronous calls. The descriptors block: a blocking write is woken by the kernel at
// once, while waiting on EAGAIN by timer costs a wake-up of 50 microseconds for every 64 KiB.
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { isErrnoError } from '../lib/index.ts';
import { SealError } from './error.ts';

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, O_NOFOLLOW } = constants;

/**
 * Opens a FIFO for blocking reads without waiting for a writer. Reads give 0 bytes while there is
 * no writer, before the first one and after the last.
 *
 * @throws SealError `UNSUPPORTED` where `path` is not a FIFO; the operating system's error
 */
export function openForReading(path: string): number {
  return openBlocking(path, O_RDONLY);
}

/**
 * Opens a FIFO for blocking writes if it has a reader by now.
 *
 * @returns the descriptor, or `undefined` where nobody reads yet
 * @throws as `openForReading`
 */
export function openForWriting(path: string): number | undefined {
  let probe: number;
  try {
    probe = openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
  } catch (error) {
    if (isErrnoError(error, 'ENXIO')) return undefined;
    throw error;
  }
  try {
    return openBlocking(path, O_WRONLY);
  } finally {
    closeSync(probe);
  }
}

/** Opens without blocking, for waking whoever is blocked at the other end; `undefined` where nobody is there. */
export function openOtherEnd(path: string, end: 'read' | 'write'): number | undefined {
  try {
    return openSync(path, (end === 'read' ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOFOLLOW);
  } catch (error) {
    if (isErrnoError(error, 'ENXIO', 'ENOENT')) return undefined;
    throw error;
  }
}

// fifo(7), Linux: opening for reading and writing never blocks. Held for a moment, it is the other
// end that a blocking open waits for.
function openBlocking(path: string, mode: number): number {
  const both = openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
  try {
    if (!fstatSync(both).isFIFO()) throw new SealError('UNSUPPORTED', `${path} is not a named pipe`);
    return openSync(path, mode | O_NOFOLLOW);
  } finally {
    closeSync(both);
  }
}
