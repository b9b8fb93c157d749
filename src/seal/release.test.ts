// Chunks of a stream can be given back once they are done with, and nothing else is.
import { describe, expect, it } from 'vitest';
import {
  CONTEXT,
  chunked,
  openBytes,
  randomPlaintext,
  rawKeyring,
  sealBytes,
  sourceOf,
} from '../../test/support/seal.ts';
import { openChunks, openMessage, openStream, releaseAll, sealStream, wipeAll } from './index.ts';

const OPTIONS = { keyring: rawKeyring(), context: CONTEXT };
const FRAME = 10_000;
const plaintext = randomPlaintext(5 * FRAME + 7);

/** Copies each chunk and gives it back. @returns all of them, and how many really left their memory */
async function collectAndWipe(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ bytes: Buffer; freed: number; count: number }> {
  const parts: Buffer[] = [];
  let freed = 0;
  for await (const chunk of chunks) {
    parts.push(Buffer.from(chunk));
    wipeAll([chunk]);
    if (chunk.byteLength === 0) freed++;
  }
  return { bytes: Buffer.concat(parts), freed, count: parts.length };
}

describe('wipeAll', () => {
  it('frees each chunk of what is opened', async () => {
    const { bytes } = await sealBytes(plaintext, { frameLength: FRAME });
    for (const { chunks } of [await openStream(sourceOf(bytes), OPTIONS), await openChunks(chunked(bytes), OPTIONS)]) {
      const opened = await collectAndWipe(chunks);
      expect(opened.bytes.equals(plaintext)).toBe(true);
      expect(opened).toMatchObject({ freed: 6, count: 6 });
    }
  });

  it('frees each frame of what is sealed, and the bytes were whole before', async () => {
    const { chunks } = await sealStream(chunked(plaintext), { ...OPTIONS, frameLength: FRAME });
    const { bytes, freed } = await collectAndWipe(chunks);
    expect(freed).toBe(6); // the header is a part of Node's pool
    expect((await openBytes(bytes)).plaintext.equals(plaintext)).toBe(true);
  });

  it('wipes a part of a frame, and the same range gives it again', async () => {
    const { bytes } = await sealBytes(plaintext, { frameLength: FRAME });
    const message = await openMessage(sourceOf(bytes), OPTIONS);
    for (let round = 0; round < 2; round++) {
      const range = await collectAndWipe(message.openRange(FRAME - 5, 4 * FRAME + 12));
      expect(range.bytes.equals(plaintext.subarray(FRAME - 5))).toBe(true);
    }
    message.close();
  });
});

describe('releaseAll', () => {
  it('leaves memory alone that others share', () => {
    const pooled = Buffer.from('pooled');
    const shared = new Uint8Array(1000).fill(1);
    const part = shared.subarray(0, 500);
    releaseAll([pooled, part]);
    expect([pooled.toString(), part.byteLength, shared.byteLength]).toEqual(['pooled', 500, 1000]);
    releaseAll([shared]);
    expect([shared.byteLength, part.byteLength]).toEqual([0, 0]);
  });
});
