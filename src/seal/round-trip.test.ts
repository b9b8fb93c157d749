// What goes in comes out: any size, frame length, chunks, threads, context and range, however it was sealed.
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededBytes } from '../../test/support/forge.ts';
import {
  cutInto,
  throughChunks,
  throughFile,
  throughPipe,
  throughRange,
  throughStream,
  throughVerify,
} from '../../test/support/open-ways.ts';
import { collect, rawKeyring, sourceOf } from '../../test/support/seal.ts';
import { anyNumbers, LONG, runs } from '../../test/support/tamper.ts';
import { makeWorkbench, type Workbench } from '../../test/support/workbench.ts';
import { type EncryptionContext, inspect, sealFile, sealFromPipe, sealStream } from './index.ts';

const MOST_FRAMES = 400;
const MOST_BYTES = 100_000;

let bench: Workbench;
beforeAll(async () => {
  bench = await makeWorkbench();
});
afterAll(() => bench.close());

interface Order {
  context: EncryptionContext;
  frameLength: number;
  size: number;
  threads: number;
  numbers: number[];
  ranges: [number, number][];
}

const anyText = fc.string({ unit: 'grapheme', maxLength: 20 });
/** Sizes on a boundary of frames, one byte before and behind it, and anywhere. */
const anyShape = fc
  .record({
    frameLength: fc.integer({ min: 1, max: 5000 }),
    frames: fc.nat(MOST_FRAMES),
    more: fc.oneof(fc.constantFrom(-1, 0, 1), fc.nat(5000)),
  })
  .map(({ frameLength, frames, more }) => {
    const whole = Math.min(frames, Math.floor(MOST_BYTES / frameLength)) * frameLength;
    return { frameLength, size: Math.max(0, whole + (more % frameLength)) };
  });
const anyOrder = fc
  .record({
    shape: anyShape,
    context: fc.dictionary(anyText, anyText, { maxKeys: 6 }),
    threads: fc.integer({ min: 1, max: 4 }),
    numbers: anyNumbers,
    ranges: fc.array(fc.tuple(fc.nat(MOST_BYTES), fc.nat(20_000)), { maxLength: 6 }),
  })
  .map(({ shape, ...order }): Order => ({ ...shape, ...order }));

const keyring = rawKeyring();

/** Seals and gives the whole message; those that write into a file write into `target`. */
type Writer = (plaintext: Buffer, order: Order, target: FileHandle) => Promise<Uint8Array>;

const path = () => join(bench.folder, 'made');

const WRITERS: Record<string, Writer> = {
  async sealStream(plaintext, { context, frameLength, numbers }) {
    return collect((await sealStream(cutInto(plaintext, numbers), { keyring, context, frameLength })).chunks);
  },
  async sealFile(plaintext, { context, frameLength, threads }, { fd }) {
    const source = { descriptor: bench.source(plaintext).descriptor, size: plaintext.byteLength };
    await sealFile(source, { keyring, context, frameLength }, { descriptor: fd }, { threads });
    return readFile(path());
  },
  async sealFromPipe(plaintext, { context, frameLength }, { fd }) {
    const sealing = await sealFromPipe(bench.fifo, { keyring, context, frameLength }, { descriptor: fd });
    const writer = await open(bench.fifo, 'w');
    await writer.writeFile(plaintext);
    await writer.close();
    sealing.finish();
    // Nothing at all makes no message.
    expect((await sealing.done).empty).toBe(plaintext.byteLength === 0);
    return readFile(path());
  },
};

async function expectSame(sealed: Uint8Array, plaintext: Buffer, order: Order): Promise<void> {
  const { context, threads, numbers } = order;
  const opening = { message: sealed, options: { keyring, context, plaintextSize: plaintext.byteLength }, plaintext };
  // Clipped at the end; one that begins behind it is refused, which throughRange knows.
  const ranges = order.ranges.map(([offset, length]): [number, number] => [
    offset % (plaintext.byteLength + 50),
    length,
  ]);
  expect({
    stream: await throughStream(opening),
    chunks: await throughChunks(opening, cutInto(sealed, numbers)),
    range: await throughRange(opening, ranges),
    file: await throughFile(opening, bench, threads),
    verify: await throughVerify(opening),
    'verify with a descriptor': await throughVerify(opening, bench),
    pipe: await throughPipe(opening, bench),
  }).toEqual({
    ...{ stream: 'opens', chunks: 'opens', range: 'opens', file: 'opens' },
    ...{ verify: 'opens', 'verify with a descriptor': 'opens', pipe: 'opens' },
  });
  expect(await inspect(sourceOf(sealed))).toMatchObject({
    ...{ frameLength: order.frameLength, plaintextSize: plaintext.byteLength, sealedSize: sealed.byteLength },
  });
}

describe.each(Object.entries(WRITERS))('%s', LONG, (name, write) => {
  it('makes what every way opens', async () => {
    await fc.assert(
      fc.asyncProperty(anyOrder, async (order) => {
        fc.pre(name !== 'sealFromPipe' || order.size > 0);
        const plaintext = seededBytes('round trip', order.size);
        const target = await open(path(), 'w');
        try {
          await expectSame(await write(plaintext, order, target), plaintext, order);
        } finally {
          await target.close();
        }
      }),
      runs(50),
    );
  });
});
