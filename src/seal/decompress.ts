// Decompression inside a pipe worker, with bounds on what comes out (a small object may hold a bomb).
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import { SealError } from './error.ts';
import { wipeAll } from './frame.ts';
import { RATIO_FREE_BYTES } from './limits.ts';

const OUTPUT_PIECE = 64 * 1024;

/**
 * Decompresses plaintext frames; they are wiped once taken in. Pieces come out as they arise, so memory
 * stays bounded (I6); the consumer may overwrite them. Several gzip members or zstd frames in a row
 * are one file; anything else behind the last one is an error.
 *
 * @param maxRatio bound of output to input bytes, checked above 64 MiB of output
 * @throws SealError `COMPRESSION` for damaged, truncated or trailing data, `LIMIT`; what `frames` throws
 */
export async function* decompress(
  frames: Iterable<Uint8Array[]>,
  { compression, maxRatio }: { compression: 'gzip' | 'zstd'; maxRatio: number },
): AsyncGenerator<Uint8Array> {
  const input = createInput(frames);
  let written = 0;
  do {
    for await (const piece of decodeOne(input, compression)) {
      written += piece.byteLength;
      if (written > RATIO_FREE_BYTES && written > maxRatio * input.taken()) {
        throw new SealError('LIMIT', `the data grows more than ${maxRatio} times when decompressed`);
      }
      yield piece;
    }
  } while (input.hasMore());
}

/** The pieces of all frames in turn, with the possibility to put the end of the last one back. */
interface Input {
  next(): Uint8Array | undefined;
  putBack(rest: Uint8Array): void;
  hasMore(): boolean;
  /** Bytes given out so far. */
  taken(): number;
}

function createInput(frames: Iterable<Uint8Array[]>): Input {
  function* walk(): Generator<Uint8Array> {
    for (const pieces of frames) {
      for (const piece of pieces) if (piece.byteLength > 0) yield piece;
      wipeAll(pieces);
    }
  }
  const iterator = walk();
  let pending: Uint8Array | undefined;
  let taken = 0;
  const next = () => {
    const piece = pending ?? iterator.next().value ?? undefined;
    pending = undefined;
    taken += piece?.byteLength ?? 0;
    return piece;
  };
  const putBack = (rest: Uint8Array) => {
    pending = rest;
    taken -= rest.byteLength;
  };
  const hasMore = () => {
    const piece = next();
    if (piece) putBack(piece);
    return piece !== undefined;
  };
  return { next, putBack, hasMore, taken: () => taken };
}

/** Decodes with one decoder until it says that its stream ended; what it left is put back. */
async function* decodeOne(input: Input, compression: 'gzip' | 'zstd'): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: OUTPUT_PIECE };
  const decoder = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  let inputFailure: { error: unknown } | undefined;
  const fed = feed(input, decoder).catch((error: unknown) => {
    inputFailure = { error };
    decoder.destroy(new Error('the input failed'));
  });
  try {
    for await (const piece of decoder) if (piece instanceof Uint8Array) yield piece;
    await fed;
  } catch (cause) {
    if (inputFailure) throw inputFailure.error;
    throw new SealError('COMPRESSION', `the ${compression} data is damaged, cut off or followed by something else`, {
      cause,
    });
  } finally {
    decoder.destroy();
  }
}

async function feed(input: Input, decoder: Gunzip | ZstdDecompress): Promise<void> {
  let fed = 0;
  for (let piece = input.next(); piece; piece = input.next()) {
    fed += piece.byteLength;
    await taken(decoder, piece);
    // Node calls back with bytes left over where the compressed stream ended before them.
    const left = fed - decoder.bytesWritten;
    if (left > 0) input.putBack(piece.subarray(piece.byteLength - left));
    if (left > 0 || decoder.destroyed) return;
  }
  decoder.end();
}

/** Resolves when the decoder has used the piece up, or has come to its end before. */
function taken(decoder: Gunzip | ZstdDecompress, piece: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      decoder.off('end', done).off('close', done);
      resolve();
    };
    decoder.once('end', done).once('close', done);
    decoder.write(piece, done);
  });
}
