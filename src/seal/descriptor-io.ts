// Whole reads and writes at explicit offsets, with synchronous calls: for workers.
import { readSync, writevSync } from 'node:fs';
import { SealError } from './error.ts';
import { dropBytes } from './frame.ts';

/** Fills `target` from `offset`. @throws SealError `TRUNCATED` at the end of the file; the operating system's error */
export function readFully(descriptor: number, target: Uint8Array, offset: number): void {
  let filled = 0;
  while (filled < target.byteLength) {
    const count = readSync(descriptor, target, filled, target.byteLength - filled, offset + filled);
    if (count === 0) throw new SealError('TRUNCATED', 'the file became shorter while it was read');
    filled += count;
  }
}

/** Writes `pieces` one behind the other from `position`. @returns the bytes written */
export function writeFully(descriptor: number, pieces: Uint8Array[], position: number): number {
  let written = 0;
  let rest = pieces;
  while (rest.length > 0) {
    const count = writevSync(descriptor, rest, position + written);
    written += count;
    rest = dropBytes(rest, count);
  }
  return written;
}
