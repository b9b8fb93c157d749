// Random access reads what it needs and nothing else: counted, on an object of 10 GiB.
import { fstatSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTEXT, codeOf, collect, rawKeyring } from '../../test/support/seal.ts';
import { type VirtualMessage, virtualMessage, virtualPlaintext } from '../../test/support/virtual-message.ts';
import { inspect, type OpenedMessage, openMessage, type SealedSource, sealFile, verify } from './index.ts';

const FULL = process.env.GLOVEBOX_FULL === '1';
const KIB = 1024;
const GIB = 1024 ** 3;
const FRAME = 256 * KIB;
const SIZE = 10 * GIB + 12_345;
const OPTIONS = { keyring: rawKeyring(), context: CONTEXT };
/** Read at once for the header, whatever its length. */
const HEADER_READ = 4096;
const FINAL_HEADER = 24;

let virtual: VirtualMessage;
let message: OpenedMessage;
beforeAll(async () => {
  virtual = await virtualMessage(SIZE, { ...OPTIONS, frameLength: FRAME });
  message = await openMessage(virtual.source, OPTIONS);
  virtual.takeReads();
});
afterAll(() => message.close());

async function bytesOf(offset: number, length: number): Promise<Buffer> {
  return collect(message.openRange(offset, length));
}

/** The reads of frames `first` to `last`. */
function framesRead(first: number, last: number): [number, number][] {
  const sealed = FRAME + 32;
  const { headerSize } = virtual.layout;
  return Array.from({ length: last - first + 1 }, (_, index) => [headerSize + (first + index) * sealed, sealed]);
}

describe('a range of 10 GiB', () => {
  it('is opened with the header and the final frame', async () => {
    const { layout, source } = virtual;
    expect(layout.regularFrames).toBe(40_960);
    const final = layout.sealedSize - 12_345 - 40;
    expect((await openMessage(source, OPTIONS)).plaintextSize).toBe(SIZE);
    expect(virtual.takeReads()).toEqual([
      [0, HEADER_READ],
      [final, FINAL_HEADER],
      [final, 12_345 + 40],
    ]);
    await inspect(source);
    expect(virtual.takeReads()).toEqual([
      [0, HEADER_READ],
      [final, FINAL_HEADER],
    ]);
  });

  it.each([
    ['at the start', 0, 0],
    ['at the start of a frame', 20_000 * FRAME, 20_000],
    ['at the end of a frame', 20_001 * FRAME - KIB, 20_000],
    ['in the last regular frame', 10 * GIB - KIB, 40_959],
  ])('%s reads one frame for 1 KiB', async (_, offset, frame) => {
    const bytes = await bytesOf(offset, KIB);
    expect(bytes.equals(virtual.plaintextAt(offset, KIB))).toBe(true);
    expect(virtual.takeReads()).toEqual(framesRead(frame, frame));
  });

  it('over a boundary reads two', async () => {
    const offset = 4 * GIB - 500; // more than 32 bits hold, too
    expect((await bytesOf(offset, KIB)).equals(virtual.plaintextAt(offset, KIB))).toBe(true);
    expect(virtual.takeReads()).toEqual(framesRead(16_383, 16_384));
  });

  it('over the boundary of the final frame reads the one before it', async () => {
    const offset = 10 * GIB - 500;
    expect((await bytesOf(offset, KIB)).equals(virtual.plaintextAt(offset, KIB))).toBe(true);
    expect(virtual.takeReads()).toEqual(framesRead(40_959, 40_959));
  });

  it('in the final frame reads nothing more, as often as it is asked for', async () => {
    for (const offset of [10 * GIB, 10 * GIB + 1000, SIZE - KIB]) {
      expect((await bytesOf(offset, KIB)).equals(virtual.plaintextAt(offset, KIB))).toBe(true);
    }
    expect(virtual.takeReads()).toEqual([]);
  });

  it('ends at the end', async () => {
    for (const length of [KIB, 10 * GIB, Number.MAX_SAFE_INTEGER]) {
      expect((await bytesOf(SIZE - 100, length)).equals(virtual.plaintextAt(SIZE - 100, 100))).toBe(true);
    }
    expect(virtual.takeReads()).toEqual([]);
  });

  it('of no byte reads nothing', async () => {
    for (const [offset, length] of [
      [0, 0],
      [FRAME, 0],
      [SIZE, KIB],
      [SIZE, 0],
    ] as const) {
      expect(await bytesOf(offset, length)).toHaveLength(0);
    }
    expect(virtual.takeReads()).toEqual([]);
  });

  it('is refused behind the end, and where it is no range', async () => {
    for (const [offset, length] of [
      [SIZE + 1, 1],
      [SIZE + 1, 0],
      [-1, 10],
      [0, -1],
      [0.5, 1],
      [0, Number.NaN],
      [Number.POSITIVE_INFINITY, 1],
    ] as const) {
      expect(await codeOf(bytesOf(offset, length)), `${offset} ${length}`).toBe('RANGE');
    }
    expect(virtual.takeReads()).toEqual([]);
  });

  it('reads a few frames ahead, and none more once its reader has left', async () => {
    const offset = 5 * GIB + 10;
    let taken = 0;
    for await (const chunk of message.openRange(offset, GIB)) {
      expect(Buffer.from(chunk).equals(virtual.plaintextAt(offset + taken, chunk.byteLength))).toBe(true);
      taken += chunk.byteLength;
      if (taken > 10 * FRAME) break;
    }
    const reads = virtual.takeReads();
    expect(reads).toEqual(framesRead(20_480, 20_480 + reads.length - 1));
    expect(reads.length).toBeLessThan(11 + 6);
  });

  it('is refused once the message was closed', async () => {
    const { openRange, close } = await openMessage(virtual.source, OPTIONS);
    close();
    expect(await codeOf((async () => collect(openRange(0, 1)))())).toBe('ABORTED');
  });
});

/** Random access to an open file, with what it reads. */
function countingSource(file: FileHandle): { source: SealedSource; reads: [number, number][] } {
  const reads: [number, number][] = [];
  return {
    reads,
    source: {
      size: fstatSync(file.fd).size,
      async read(buffer, offset) {
        reads.push([offset, buffer.byteLength]);
        return (await file.read(buffer, 0, buffer.byteLength, offset)).bytesRead;
      },
    },
  };
}

describe(`a range of a file of ${FULL ? '10 GiB' : '64 MiB'}`, () => {
  const size = (FULL ? 10 * GIB : 64 * 1024 * KIB) + 777;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glovebox-range-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it(
    'reads the header, the final frame and at most two others',
    async () => {
      // Written where it is read later on; a hole everywhere else.
      const places = [0, 3 * FRAME - 512, Math.floor(size / 2), size - KIB];
      const [plain, sealed] = [await open(join(folder, 'plain'), 'w+'), await open(join(folder, 'sealed'), 'w+')];
      try {
        await plain.truncate(size);
        for (const offset of places) await plain.write(virtualPlaintext(offset, KIB), 0, KIB, offset);
        const { sealedSize } = await sealFile({ descriptor: plain.fd, size }, OPTIONS, { descriptor: sealed.fd });
        for (const offset of places) {
          const { source, reads } = countingSource(sealed);
          const opened = await openMessage(source, OPTIONS);
          const bytes = await collect(opened.openRange(offset, KIB));
          expect(bytes.equals(virtualPlaintext(offset, KIB)), `at ${offset}`).toBe(true);
          expect(reads.slice(0, 3)).toEqual([
            [0, HEADER_READ],
            [sealedSize - 777 - 40, FINAL_HEADER],
            [sealedSize - 777 - 40, 777 + 40],
          ]);
          expect(reads.slice(3).every(([, length]) => length === FRAME + 32)).toBe(true);
          expect(reads.length - 3).toBeLessThanOrEqual(2);
          opened.close();
        }
        const { frames } = await verify({ ...countingSource(sealed).source, descriptor: sealed.fd }, OPTIONS);
        expect(frames).toBe(Math.floor(size / FRAME) + 1);
      } finally {
        await plain.close();
        await sealed.close();
      }
    },
    FULL ? 600_000 : 60_000,
  );
});
