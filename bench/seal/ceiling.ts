// What node:crypto alone can do with frames of a given length: the ceiling that the seal room is measured
// against. No format, no keys, no checks; every result is released at once, as the fastest program would.
import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM, type KeyObject } from 'node:crypto';
import { readSync, writevSync } from 'node:fs';

const TAG = 16;

/** Bytes given to one `update`. The benchmark tries several and takes the fastest as the ceiling. */
export const PIECES = [64 * 1024, 96 * 1024, 120 * 1024];

/** Where a frame's bytes come from and go to; in memory, or in files. */
export interface Frames {
  count: number;
  read(index: number): Uint8Array;
  write(index: number, pieces: Uint8Array[]): void;
}

/** Encrypts all frames, IV and tag each; no frame header. */
export function encryptAll(key: KeyObject, frames: Frames, piece: number): void {
  for (let index = 0; index < frames.count; index++) {
    const cipher = createCipheriv('aes-256-gcm', key, ivOf(index));
    const pieces = update(cipher, frames.read(index), piece);
    cipher.final();
    frames.write(index, [...pieces, cipher.getAuthTag()]);
    releaseAll(pieces);
  }
}

/** Decrypts what `encryptAll` wrote: ciphertext and tag of each frame. */
export function decryptAll(key: KeyObject, frames: Frames, piece: number): void {
  for (let index = 0; index < frames.count; index++) {
    const sealed = frames.read(index);
    const decipher = createDecipheriv('aes-256-gcm', key, ivOf(index));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
    const pieces = update(decipher, sealed.subarray(0, sealed.length - TAG), piece);
    decipher.final();
    frames.write(index, pieces);
    releaseAll(pieces);
  }
}

/** The same frame again and again, and nowhere to write to. */
export function inMemory(frame: Uint8Array, count: number): Frames {
  return { count, read: () => frame, write: () => undefined };
}

/** Frames of `length` bytes in the file `source`, to frames of `targetLength` in `target`. */
export function betweenFiles(
  source: number,
  target: number,
  { count, length, targetLength }: { count: number; length: number; targetLength: number },
): Frames {
  const buffer = Buffer.allocUnsafeSlow(length);
  return {
    count,
    read(index) {
      return buffer.subarray(0, readSync(source, buffer, 0, length, index * length));
    },
    write: (index, pieces) => void writevSync(target, pieces, index * targetLength),
  };
}

function update(cipher: CipherGCM | DecipherGCM, bytes: Uint8Array, piece: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += piece) pieces.push(cipher.update(bytes.subarray(from, from + piece)));
  return pieces;
}

function releaseAll(pieces: Uint8Array[]): void {
  for (const piece of pieces) if (piece.buffer instanceof ArrayBuffer) piece.buffer.transfer(0);
}

function ivOf(index: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(index + 1, 8);
  return iv;
}
