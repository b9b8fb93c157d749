// Reads in any order and length give what is there, and no frame is opened more often than it must be.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRandom } from '../../../test/support/random.ts';
import { bytesOf, type FilesBox, makeFilesBox } from '../../../test/support/user-files.ts';
import type { OpenForReading } from '../../sftp/index.ts';
import type { OpenReading } from '../../vault/index.ts';
import { makeMemoryBudget } from '../memory-budget.ts';
import { makeReading } from './reading.ts';

const MiB = 1024 * 1024;
const KiB = 1024;
const SIZE = 6 * MiB + 12_345;
const content = bytesOf(5, SIZE);
let box: FilesBox;
beforeAll(async () => {
  box = await makeFilesBox();
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(content);
  }
  await box.as('engineer').put('claims-raw', 'x', source());
});
afterAll(() => box.remove());

/** Counts the bytes that are opened in the vault. */
async function open(limit = 64 * MiB) {
  const source = await box.as('reader').openForReading('claims-raw', 'x');
  const counts = { opened: 0, ranges: 0 };
  const counted: OpenReading = {
    ...source,
    async *chunks(offset, length) {
      counts.ranges += 1;
      for await (const chunk of source.chunks(offset, length)) {
        counts.opened += chunk.length;
        yield chunk;
      }
    },
  };
  const memory = makeMemoryBudget(limit);
  return { reading: makeReading(counted, { memory, onBytes: () => undefined }), counts, memory };
}

async function expectRead(reading: OpenForReading, offset: number, length: number): Promise<void> {
  const buffer = Buffer.alloc(length, 0xee);
  const count = await reading.read(buffer, offset);
  const expected = content.subarray(offset, offset + length);
  expect(count, `at ${offset}`).toBe(expected.length);
  expect(buffer.subarray(0, count).equals(expected), `at ${offset}`).toBe(true);
}

describe('reading', () => {
  it.each([32 * KiB, 255 * KiB, 100_001])(
    'in order, %i bytes at once and many under way, opens all once',
    async (length) => {
      const { reading, counts, memory } = await open();
      const offsets = Array.from({ length: Math.ceil(SIZE / length) }, (_, index) => index * length);
      await Promise.all(offsets.map((offset) => expectRead(reading, offset, length)));
      await expectRead(reading, SIZE, 10);
      expect(counts).toEqual({ opened: SIZE, ranges: 1 });
      await reading.close();
      expect(memory.used).toBe(0);
    },
  );

  it('nearly in order, as several requests of a client come, opens all once', async () => {
    const { reading, counts } = await open();
    const length = 64 * KiB;
    const offsets = Array.from({ length: Math.ceil(SIZE / length) }, (_, index) => index * length);
    // Neighbours change places.
    for (let index = 1; index + 1 < offsets.length - 1; index += 2) {
      [offsets[index], offsets[index + 1]] = [offsets[index + 1] ?? 0, offsets[index] ?? 0];
    }
    await Promise.all(offsets.map((offset) => expectRead(reading, offset, length)));
    expect(counts).toEqual({ opened: SIZE, ranges: 1 });
    await reading.close();
  });

  it.each([64 * MiB, 0])(
    'anywhere gives what is there, with a budget of %i bytes for what is read ahead',
    async (limit) => {
      const { reading, memory } = await open(limit);
      const random = makeRandom(77);
      let at = 0;
      for (let round = 0; round < 400; round++) {
        const length = 1 + Math.floor(random() * 400 * KiB);
        const kind = random();
        if (kind < 0.3) at = Math.floor(random() * (SIZE + 1000));
        else if (kind < 0.6) at = Math.max(0, at - Math.floor(random() * 900 * KiB));
        await expectRead(reading, at, length);
        at += length;
        if (at > SIZE) at = 0;
      }
      await reading.close();
      expect(memory.used).toBe(0);
    },
  );

  it('fails where the object does, and lets go of its memory', async () => {
    const { memory } = await open();
    const source = await box.as('reader').openForReading('claims-raw', 'x');
    await source.close();
    const reading = makeReading(source, { memory, onBytes: () => undefined });
    await expect(reading.read(Buffer.alloc(10), 0)).rejects.toMatchObject({ code: 'FAILED' });
    expect(memory.used).toBe(0);
  });
});
