// Sealed bytes that are decided on before they are opened: hashed once, and held to that while they are read
// again. What somebody writes into the file in between, or back and forth, is an error (I2).
import { createHash } from 'node:crypto';
import { SealError, type SealedSource } from '../seal/index.ts';

const BLOCK_BYTES = 1024 * 1024;
/** Blocks at hand, so that frames read side by side do not each read theirs anew. */
const CACHED_BLOCKS = 4;

/** Digests of a whole message, by the names that signatures have for them. */
export interface Digests {
  sha256: Buffer;
  sha512: Buffer;
}

/**
 * Reads all of `source`.
 *
 * @returns its digests, and a source whose every byte is one that they cover: 32 bytes of memory for each MiB.
 * @throws SealError `TRUNCATED` where it is shorter than it said, `ABORTED`; reading `checked` throws `what()`
 *   where the bytes have changed
 */
export async function checkSource(
  source: SealedSource,
  changed: () => Error,
  signal?: AbortSignal,
): Promise<{ digests: Digests; checked: SealedSource }> {
  const whole = { sha256: createHash('sha256'), sha512: createHash('sha512') };
  const blocks: Buffer[] = [];
  for (let index = 0; index * BLOCK_BYTES < source.size; index += 1) {
    if (signal?.aborted) throw new SealError('ABORTED', 'stopped before the end');
    const block = await readBlock(source, index);
    whole.sha256.update(block);
    whole.sha512.update(block);
    blocks.push(sha256(block));
  }
  const cache = new Map<number, Promise<Buffer>>();
  const checkedBlock = async (index: number): Promise<Buffer> => {
    const block = await readBlock(source, index);
    if (blocks[index]?.equals(sha256(block))) return block;
    throw changed();
  };
  const blockAt = (index: number): Promise<Buffer> => {
    const cached = cache.get(index) ?? checkedBlock(index);
    cache.set(index, cached);
    const [oldest = index] = cache.keys();
    if (cache.size > CACHED_BLOCKS) cache.delete(oldest);
    return cached;
  };
  const checked: SealedSource = {
    size: source.size,
    async read(buffer, offset) {
      let done = 0;
      while (done < buffer.byteLength && offset + done < source.size) {
        const at = offset + done;
        const block = await blockAt(Math.floor(at / BLOCK_BYTES));
        const part = block.subarray(at % BLOCK_BYTES, (at % BLOCK_BYTES) + buffer.byteLength - done);
        buffer.set(part, done);
        done += part.byteLength;
      }
      return done;
    },
  };
  return { digests: { sha256: whole.sha256.digest(), sha512: whole.sha512.digest() }, checked };
}

async function readBlock(source: SealedSource, index: number): Promise<Buffer> {
  const offset = index * BLOCK_BYTES;
  const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, source.size - offset));
  if ((await source.read(block, offset)) === block.byteLength) return block;
  throw new SealError('TRUNCATED', 'the object became shorter while it was read');
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
