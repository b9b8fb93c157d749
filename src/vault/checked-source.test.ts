// A source that is held to what it was when it was decided on.
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sourceOf } from '../../test/support/seal.ts';
import { checkSource } from './checked-source.ts';

const MiB = 1024 * 1024;
const changed = () => new Error('changed');

test('has the digests of the whole, and gives every part as it is', async () => {
  for (const size of [0, 1, MiB - 1, MiB, MiB + 1, 3 * MiB + 17]) {
    const bytes = randomBytes(size);
    const { digests, checked } = await checkSource(sourceOf(bytes), changed);
    expect(digests.sha256).toEqual(createHash('sha256').update(bytes).digest());
    expect(digests.sha512).toEqual(createHash('sha512').update(bytes).digest());
    expect([checked.size, checked.descriptor]).toEqual([size, undefined]);
    const part = fc.tuple(fc.nat({ max: size + 10 }), fc.nat({ max: size + 10 }));
    await fc.assert(
      fc.asyncProperty(part, async ([offset, length]) => {
        const buffer = Buffer.alloc(length);
        const wanted = bytes.subarray(offset, offset + length);
        expect(await checked.read(buffer, offset)).toBe(wanted.length);
        expect(buffer.subarray(0, wanted.length).equals(wanted)).toBe(true);
      }),
      { seed: 3, numRuns: 30 },
    );
  }
});

test('fails where a byte was changed since, wherever, and also for reads side by side', async () => {
  const bytes = randomBytes(8 * MiB);
  const { checked } = await checkSource(sourceOf(bytes), changed);
  const at = 5 * MiB + 4711;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  const read = (offset: number, length: number) => checked.read(Buffer.alloc(length), offset);
  await expect(read(at, 1)).rejects.toThrow('changed');
  await expect(read(0, bytes.length)).rejects.toThrow('changed');
  const parts = await Promise.allSettled(Array.from({ length: 32 }, (_, index) => read((index * MiB) / 4, MiB / 4)));
  expect(parts.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))).toEqual([20, 21, 22, 23]);
});

test('fails where the source is shorter than it said, and where it is stopped', async () => {
  const short = { ...sourceOf(Buffer.alloc(10)), size: 11 };
  await expect(checkSource(short, changed)).rejects.toMatchObject({ code: 'TRUNCATED' });
  const signal = AbortSignal.abort();
  await expect(checkSource(sourceOf(Buffer.alloc(10)), changed, signal)).rejects.toMatchObject({ code: 'ABORTED' });
});
