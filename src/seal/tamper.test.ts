import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  CONTEXT,
  codeOf,
  openBytes,
  randomPlaintext,
  rawKeyring,
  sealBytes,
  sourceOf,
} from '../../test/support/seal.ts';
import { inspect, openStream } from './index.ts';

const FRAME = 64;
const SEED = 20_240_601;
const RUNS = { seed: SEED, numRuns: 150 };

interface Sample {
  plaintext: Buffer;
  bytes: Buffer;
  messageId: string;
  headerSize: number;
}

const samples: Sample[] = [];

beforeAll(async () => {
  for (const size of [0, 1, FRAME - 1, FRAME, FRAME + 1, 5 * FRAME, 5 * FRAME + 7]) {
    for (let copy = 0; copy < 2; copy++) {
      const plaintext = randomPlaintext(size);
      const { bytes, messageId } = await sealBytes(plaintext, { frameLength: FRAME });
      const { headerSize } = await inspect(sourceOf(bytes));
      samples.push({ plaintext, bytes, messageId, headerSize });
    }
  }
});

const anySample = fc.nat(13).map((index) => {
  const sample = samples[index];
  if (!sample) throw new Error('no such sample');
  return sample;
});

/** Opens and gives the code of the failure, checking that only correct plaintext came out before it. */
async function failure(bytes: Uint8Array, original: Buffer): Promise<string | undefined> {
  let released = 0;
  const reading = async () => {
    const { chunks } = await openStream(sourceOf(bytes), { keyring: rawKeyring(), context: CONTEXT });
    for await (const chunk of chunks) {
      const expected = original.subarray(released, released + chunk.byteLength);
      if (!expected.equals(chunk)) throw new Error('wrong plaintext was released');
      released += chunk.byteLength;
    }
  };
  return codeOf(reading());
}

describe('a damaged object', () => {
  it('is refused whatever bit is flipped', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, fc.nat(), fc.nat(7), async ({ bytes, plaintext, headerSize }, position, bit) => {
        const at = position % bytes.byteLength;
        const bad = Buffer.from(bytes);
        bad[at] = (bad[at] ?? 0) ^ (1 << bit);
        const code = await failure(bad, plaintext);
        const inBody = ['FRAME_AUTH', 'FRAME_ORDER', 'TRUNCATED', 'TRAILING_BYTES'];
        const inHeader = [
          ...['HEADER_INVALID', 'HEADER_AUTH', 'COMMITMENT', 'CONTEXT_MISMATCH', 'UNWRAP_FAILED', 'LIMIT'],
          ...['NON_COMMITTING', 'SIGNATURE', 'TRUNCATED', 'TRAILING_BYTES', 'FRAME_ORDER'],
        ];
        expect(at < headerSize ? inHeader : inBody).toContain(code);
      }),
      RUNS,
    );
  });

  it('is refused wherever it is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, fc.nat(), async ({ bytes, plaintext }, length) => {
        expect(await failure(bytes.subarray(0, length % bytes.byteLength), plaintext)).toBe('TRUNCATED');
      }),
      RUNS,
    );
  });

  it('is refused with bytes behind its end', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, fc.uint8Array({ minLength: 1, maxLength: 300 }), async (sample, more) => {
        const bad = Buffer.concat([sample.bytes, more]);
        expect(await failure(bad, sample.plaintext)).toBe('TRAILING_BYTES');
      }),
      RUNS,
    );
  });

  it('is refused with two frames exchanged, one repeated, or one of another message', async () => {
    const [five, other] = [samples[12], samples[13]];
    if (!five || !other) throw new Error('no sample');
    const frame = (sample: Sample, index: number) => {
      const at = sample.headerSize + index * (FRAME + 32);
      return sample.bytes.subarray(at, at + FRAME + 32);
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(4), fc.nat(4), fc.boolean(), async (first, second, foreign) => {
        const from = foreign ? other : five;
        fc.pre(foreign || first !== second);
        const bad = Buffer.from(five.bytes);
        bad.set(frame(from, second), five.headerSize + first * (FRAME + 32));
        expect(await failure(bad, five.plaintext)).toBe(first === second ? 'FRAME_AUTH' : 'FRAME_ORDER');
        // The number alone does not help: it is authenticated.
        bad.writeUInt32BE(first + 1, five.headerSize + first * (FRAME + 32));
        expect(await failure(bad, five.plaintext)).toBe('FRAME_AUTH');
      }),
      { ...RUNS, numRuns: 40 },
    );
    const lastOfOther = Buffer.from(five.bytes);
    lastOfOther.set(frame(other, 5), five.headerSize + 5 * (FRAME + 32));
    expect(await failure(lastOfOther, five.plaintext)).toBe('FRAME_AUTH');
    const shorter = Buffer.concat([
      five.bytes.subarray(0, five.headerSize + 2 * (FRAME + 32)),
      five.bytes.subarray(five.headerSize + 3 * (FRAME + 32)),
    ]);
    expect(await failure(shorter, five.plaintext)).toBe('FRAME_ORDER');
  });

  it('is refused under the header of another', async () => {
    const [one, other] = [samples[10], samples[11]];
    if (!one || !other) throw new Error('no sample');
    expect(one.headerSize).toBe(other.headerSize);
    const bad = Buffer.concat([other.bytes.subarray(0, other.headerSize), one.bytes.subarray(one.headerSize)]);
    expect(await failure(bad, one.plaintext)).toBe('FRAME_AUTH');
    expect(await codeOf(openBytes(other.bytes, { messageId: one.messageId }))).toBe('MESSAGE_MISMATCH');
    const id = Buffer.from(one.bytes);
    id.set(other.bytes.subarray(3, 35), 3);
    expect(await failure(id, one.plaintext)).toBe('COMMITMENT');
    const tag = Buffer.from(one.bytes);
    tag[one.headerSize - 1] = (tag[one.headerSize - 1] ?? 0) ^ 1;
    expect(await failure(tag, one.plaintext)).toBe('HEADER_AUTH');
  });

  it('never crashes the parser, whatever the bytes are', async () => {
    const codes = ['TRUNCATED', 'HEADER_INVALID', 'LIMIT', 'NON_COMMITTING', 'CONTEXT_MISMATCH', 'UNWRAP_FAILED'];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.boolean(), async (bytes, looksRight) => {
        const bad = looksRight ? Buffer.concat([Buffer.from([2, 4, 0x78]), bytes]) : Buffer.from(bytes);
        expect([...codes, 'TRAILING_BYTES', 'FRAME_ORDER']).toContain(await failure(bad, Buffer.alloc(0)));
        expect(await codeOf(inspect(sourceOf(bad)))).toBeDefined();
      }),
      { ...RUNS, numRuns: 300 },
    );
  });
});
