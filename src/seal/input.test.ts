import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededBytes } from '../../test/support/forge.ts';
import { cutInto } from '../../test/support/open-ways.ts';
import { wipeAll } from './frame.ts';
import { createInput } from './input.ts';

const RUNS = { seed: 20_240_601, numRuns: 200 };
const BYTES = seededBytes('input', 300_000);

describe('createInput', () => {
  it('gives the bytes of the chunks, in pieces of any other lengths', async () => {
    const anyLengths = fc.array(fc.oneof(fc.nat(100), fc.nat(100_000)), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(anyLengths, anyLengths, fc.nat(BYTES.byteLength), async (chunks, takes, size) => {
        const input = createInput(
          cutInto(
            BYTES.subarray(0, size),
            chunks.map((length) => length + 1),
          ),
        );
        let at = 0;
        for (const length of takes) {
          expect(await input.fill(length)).toBe(at + length <= size);
          const there = Math.min(length, input.buffered());
          expect(input.peek(there).equals(BYTES.subarray(at, at + there))).toBe(true);
          expect(input.take(there).equals(BYTES.subarray(at, at + there))).toBe(true);
          at += there;
        }
        await input.close();
      }),
      RUNS,
    );
  });

  it('keeps no chunk: it is done with when the next one is asked for', async () => {
    async function* wiped(): AsyncGenerator<Uint8Array> {
      for await (const chunk of cutInto(BYTES, [64 * 1024, 100])) {
        const own = new Uint8Array(chunk);
        yield own;
        wipeAll([own]);
      }
    }
    const input = createInput(wiped());
    expect(await input.fill(BYTES.byteLength)).toBe(true);
    expect(input.take(BYTES.byteLength).equals(BYTES)).toBe(true);
  });

  it('asks its source for no more than it needs, and tells it to stop', async () => {
    let given = 0;
    let stopped = false;
    async function* counted(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          given++;
          yield Buffer.alloc(10);
        }
      } finally {
        stopped = true;
      }
    }
    const input = createInput(counted());
    await input.fill(95);
    expect([given, input.buffered()]).toEqual([10, 100]);
    input.take(95);
    await input.fill(5);
    expect(given).toBe(10);
    await input.close();
    expect(stopped).toBe(true);
    expect(await input.fill(6)).toBe(false);
  });
});
