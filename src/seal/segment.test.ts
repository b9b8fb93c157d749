// Segments: what was written comes back as far as it got, wherever the file ends and whatever failed.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boundarySizes,
  CONTEXT,
  codeOf,
  collect,
  official,
  openBytes,
  randomPlaintext,
  rawKeyring,
  sealBytes,
  sourceOf,
} from '../../test/support/seal.ts';
import {
  beginSegment,
  inspect,
  inspectSegment,
  openSegment,
  SealError,
  type SegmentExtent,
  type SegmentSink,
} from './index.ts';

const FRAME = 64;
const SEED = 20261124;

/** A file in memory. `failAt`: the write or sync, counted from 1, that fails; half of a failing write arrives. */
function memorySink(failAt = 0) {
  const parts: Buffer[] = [];
  let calls = 0;
  const sink = {
    durableSize: 0,
    calls: () => calls,
    bytes: () => Buffer.concat(parts),
    async write(bytes: Uint8Array) {
      calls += 1;
      parts.push(Buffer.from(calls === failAt ? bytes.subarray(0, bytes.byteLength / 2) : bytes));
      if (calls === failAt) throw new RangeError('disk');
    },
    async sync() {
      calls += 1;
      if (calls === failAt) throw new RangeError('disk');
      sink.durableSize = sink.bytes().byteLength;
    },
  } satisfies SegmentSink & Record<string, unknown>;
  return sink;
}

const settings = (frameLength = FRAME) => ({ keyring: rawKeyring(), context: CONTEXT, frameLength });

/** A finished segment, written in chunks of the given lengths, over and over. */
async function writeSegment(plaintext: Uint8Array, lengths: number[] = [1000], frameLength = FRAME) {
  const sink = memorySink();
  const writer = await beginSegment(settings(frameLength), sink);
  for (let from = 0, turn = 0; from < plaintext.byteLength; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    await writer.write(plaintext.subarray(from, from + length));
    from += length;
  }
  return { bytes: sink.bytes(), summary: await writer.finish(), sealed: sink.bytes(), writer };
}

async function open(bytes: Uint8Array) {
  const segment = await openSegment(sourceOf(bytes), { keyring: rawKeyring(), context: CONTEXT });
  return { segment, extent: await segment.measure() };
}

/** A chunk is wiped when the next is asked for. */
async function copied(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

describe('a finished segment', () => {
  for (const frameLength of [1, FRAME, 4096, 65_537]) {
    it(`is a message that every client opens, frames of ${frameLength} bytes`, async () => {
      for (const size of boundarySizes(frameLength)) {
        const plaintext = randomPlaintext(size);
        const { sealed, summary } = await writeSegment(
          plaintext,
          [1, 7, frameLength, 3 * frameLength + 1],
          frameLength,
        );
        const sha256 = createHash('sha256').update(plaintext).digest('hex');
        expect(summary).toMatchObject({ plaintextSize: size, sealedSize: sealed.byteLength, sha256 });
        const opened = await openBytes(sealed, { messageId: summary.messageId, plaintextSize: size });
        expect(opened.plaintext.equals(plaintext)).toBe(true);
        expect((await official.decrypt(rawKeyring(), sealed)).plaintext.equals(plaintext)).toBe(true);
        const { segment, extent } = await open(sealed);
        expect(extent).toEqual({ plaintextSize: size, finished: true });
        expect((await copied(segment.chunks(0, size))).equals(plaintext)).toBe(true);
        expect(await inspectSegment(sourceOf(sealed))).toEqual({ context: CONTEXT, plaintextSize: size });
      }
    });
  }

  it('gives any range, and what sealStream made too', async () => {
    const plaintext = randomPlaintext(10 * FRAME);
    const { segment, extent } = await open((await sealBytes(plaintext, { frameLength: FRAME })).bytes);
    expect(extent).toEqual({ plaintextSize: plaintext.byteLength, finished: true });
    const place = fc.nat(plaintext.byteLength);
    await fc.assert(
      fc.asyncProperty(place, place, async (from, to) => {
        expect(await copied(segment.chunks(from, to))).toEqual(plaintext.subarray(from, Math.max(from, to)));
      }),
      { numRuns: 100, seed: SEED },
    );
    expect(await codeOf(copied(segment.chunks(0, plaintext.byteLength + 1)))).toBe('TRUNCATED');
  });

  it('is the same whatever the chunks, which are copied', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 5 * FRAME }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.nat(20 * FRAME), lengths, async (size, chunkLengths) => {
        const plaintext = randomPlaintext(size);
        const sink = memorySink();
        const writer = await beginSegment(settings(), sink);
        const calls: Promise<void>[] = [];
        for (let from = 0, turn = 0; from < size; turn += 1) {
          const length = chunkLengths[turn % chunkLengths.length] ?? 1;
          const chunk = Buffer.from(plaintext.subarray(from, from + length));
          // Also without waiting, they are taken in order.
          calls.push(writer.write(chunk).finally(() => chunk.fill(0)));
          from += length;
        }
        await writer.finish();
        await Promise.all(calls);
        expect((await openBytes(sink.bytes())).plaintext.equals(plaintext)).toBe(true);
      }),
      { numRuns: 60, seed: SEED },
    );
  });

  it('counts what is taken, and what a sync has made durable', async () => {
    const sink = memorySink();
    const writer = await beginSegment(settings(), sink);
    const plaintext = randomPlaintext(3 * FRAME + 10);
    expect(sink.durableSize).toBe(sink.bytes().byteLength);
    expect(await writer.sync()).toBe(0);
    await writer.write(plaintext);
    expect([writer.position, writer.durable]).toEqual([plaintext.byteLength, 0]);
    expect(await writer.sync()).toBe(3 * FRAME);
    expect(writer.durable).toBe(3 * FRAME);
    const { extent } = await open(sink.bytes().subarray(0, sink.durableSize));
    expect(extent).toEqual({ plaintextSize: 3 * FRAME, finished: false });
    await writer.finish();
    expect(writer.durable).toBe(plaintext.byteLength);
    expect(sink.durableSize).toBe(sink.bytes().byteLength);
  });
});

describe('a segment that was cut off', () => {
  /** What `cut` bytes of a segment must give: the frames that are whole in them. */
  const wholeFrames = (cut: number, headerSize: number, size: number): SegmentExtent => {
    const frames = Math.floor((cut - headerSize) / (FRAME + 32));
    const regular = Math.floor(size / FRAME);
    const final = cut >= headerSize + regular * (FRAME + 32) + (size % FRAME) + 40;
    return final
      ? { plaintextSize: size, finished: true }
      : { plaintextSize: Math.min(frames, regular) * FRAME, finished: false };
  };

  for (const size of [0, 5 * FRAME, 5 * FRAME + 30, 6 * FRAME - 3]) {
    it(`gives its whole frames wherever the cut is, ${size} bytes`, async () => {
      const plaintext = randomPlaintext(size);
      const { sealed } = await writeSegment(plaintext);
      const { headerSize } = await inspect(sourceOf(sealed));
      for (let cut = 0; cut <= sealed.byteLength; cut += 1) {
        const bytes = sealed.subarray(0, cut);
        if (cut < headerSize) {
          expect([cut, await codeOf(open(bytes))]).toEqual([cut, 'TRUNCATED']);
          expect(await codeOf(inspectSegment(sourceOf(bytes)))).toBe('TRUNCATED');
          continue;
        }
        const { segment, extent } = await open(bytes);
        expect([cut, extent]).toEqual([cut, wholeFrames(cut, headerSize, size)]);
        expect((await inspectSegment(sourceOf(bytes))).plaintextSize).toBe(extent.plaintextSize);
        expect(await copied(segment.chunks(0, extent.plaintextSize))).toEqual(
          plaintext.subarray(0, extent.plaintextSize),
        );
        expect(await codeOf(copied(segment.chunks(0, extent.plaintextSize + 1)))).toBe('TRUNCATED');
      }
    });
  }

  it('gives the frames before the damage, and never a byte of a bad frame', async () => {
    const plaintext = randomPlaintext(8 * FRAME + 20);
    const { sealed } = await writeSegment(plaintext);
    const { headerSize } = await inspect(sourceOf(sealed));
    const damage = fc.constantFrom('flip', 'zeros', 'swap', 'repeat');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: headerSize, max: sealed.byteLength - 1 }), damage, async (at, kind) => {
        const bad = Buffer.from(sealed);
        const index = Math.floor((at - headerSize) / (FRAME + 32));
        const place = headerSize + index * (FRAME + 32);
        const before = place - (FRAME + 32);
        if (kind === 'flip') bad[at] = (bad[at] ?? 0) ^ 1;
        else if (kind === 'zeros') bad.fill(0, at);
        else if (before < headerSize) return;
        else if (kind === 'swap')
          Buffer.concat([sealed.subarray(place), sealed.subarray(before, place)]).copy(bad, before);
        else sealed.copy(bad, place, before, place);
        if (bad.equals(sealed)) return;
        const { segment, extent } = await open(bad);
        // Of zeros in the last frame, those that were zero anyhow change nothing.
        const good = kind === 'swap' ? index - 1 : index;
        expect([kind, at, extent]).toEqual([kind, at, { plaintextSize: good * FRAME, finished: false }]);
        const seen: Buffer[] = [];
        const read = async () => {
          for await (const chunk of segment.chunks(0, plaintext.byteLength)) seen.push(Buffer.from(chunk));
        };
        expect(['FRAME_AUTH', 'FRAME_ORDER', 'TRUNCATED']).toContain(await codeOf(read()));
        expect(Buffer.concat(seen)).toEqual(plaintext.subarray(0, good * FRAME));
      }),
      { numRuns: 300, seed: SEED },
    );
  });

  it('does not open with a header that was altered, or that belongs elsewhere', async () => {
    const { sealed } = await writeSegment(randomPlaintext(100));
    const { headerSize } = await inspect(sourceOf(sealed));
    const codes = new Set<string | undefined>();
    for (let at = 0; at < headerSize; at += 1) {
      const bad = Buffer.from(sealed);
      bad[at] = (bad[at] ?? 0) ^ 1;
      codes.add(await codeOf(open(bad)));
    }
    expect(codes).not.toContain(undefined);
    const options = { keyring: rawKeyring(), context: { ...CONTEXT, 'glovebox:segment': '0' } };
    expect(await codeOf(openSegment(sourceOf(sealed), options))).toBe('CONTEXT_MISMATCH');
    const other = { keyring: rawKeyring('k/1', Buffer.alloc(32, 8)), context: CONTEXT };
    expect(await codeOf(openSegment(sourceOf(sealed), other))).toBe('UNWRAP_FAILED');
    const signed = await official.encrypt(rawKeyring(), 'x', { encryptionContext: CONTEXT });
    expect(await codeOf(open(signed.result))).toBe('UNSUPPORTED');
  });

  it('is not finished where bytes follow, and a read that fails is not its end', async () => {
    const { sealed } = await writeSegment(randomPlaintext(3 * FRAME + 5));
    const more = Buffer.concat([sealed, Buffer.alloc(200)]);
    expect((await open(more)).extent).toEqual({ plaintextSize: 3 * FRAME + 5, finished: false });
    const source = sourceOf(sealed);
    const segment = await openSegment(source, { keyring: rawKeyring(), context: CONTEXT });
    source.read = () => Promise.reject(new RangeError('disk'));
    await expect(segment.measure()).rejects.toThrow(RangeError);
    source.read = () => Promise.reject(new SealError('IO', 'a worker thread ended unexpectedly'));
    expect(await codeOf(segment.measure())).toBe('IO');
  });
});

describe('a writer', () => {
  it('is broken for good by any failure of the sink, and what was durable stays', async () => {
    const plaintext = randomPlaintext(10 * FRAME + 9);
    const work = async (sink: ReturnType<typeof memorySink>, durable: { size: number }) => {
      const writer = await beginSegment(settings(), sink);
      const after = async () => {
        const calls = [writer.write(Buffer.from('x')), writer.sync(), writer.finish()];
        const results = await Promise.allSettled(calls);
        await writer.abandon();
        return results.map((result) => (result.status === 'rejected' ? result.reason : undefined));
      };
      try {
        for (let from = 0; from < plaintext.byteLength; from += 2 * FRAME + 3) {
          await writer.write(plaintext.subarray(from, from + 2 * FRAME + 3));
          durable.size = await writer.sync();
        }
        durable.size = (await writer.finish()).plaintextSize;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        const appended = sink.bytes();
        expect(await after()).toEqual([error, error, error]);
        expect(sink.bytes().equals(appended)).toBe(true);
        throw error;
      }
    };
    const whole = memorySink();
    await work(whole, { size: 0 });
    expect(whole.calls()).toBeGreaterThan(15);
    for (let failAt = 1; failAt <= whole.calls(); failAt += 1) {
      const sink = memorySink(failAt);
      const durable = { size: 0 };
      await expect(work(sink, durable)).rejects.toThrow(RangeError);
      // Header and first sync: there is no segment before.
      if (failAt <= 2) continue;
      const { segment, extent } = await open(sink.bytes().subarray(0, sink.durableSize));
      expect(extent.plaintextSize).toBeGreaterThanOrEqual(durable.size);
      expect(await copied(segment.chunks(0, extent.plaintextSize))).toEqual(
        plaintext.subarray(0, extent.plaintextSize),
      );
    }
  });

  it('waits for a slow sink, and gives up at once when it is abandoned', async () => {
    const sink = memorySink();
    const gate = Promise.withResolvers<void>();
    let waiting = false;
    const { write } = sink;
    const writer = await beginSegment(settings(), sink);
    sink.write = async (bytes) => {
      waiting = true;
      await gate.promise;
      await write(bytes);
    };
    let taken = false;
    const writing = writer.write(randomPlaintext(50 * FRAME)).then(() => {
      taken = true;
    });
    while (!waiting) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(taken).toBe(false);
    expect(writer.position).toBeLessThan(10 * FRAME);
    const abandoning = writer.abandon();
    gate.resolve();
    expect(await codeOf(writing)).toBe('ABORTED');
    await abandoning;
    const { extent } = await open(sink.bytes());
    expect(extent.plaintextSize).toBeLessThanOrEqual(FRAME);
    expect(await codeOf(writer.write(Buffer.from('x')))).toBe('ABORTED');
    await writer.abandon();
  });

  it('takes nothing after its end, and has another key each time', async () => {
    const plaintext = randomPlaintext(2 * FRAME);
    const [one, two] = [await writeSegment(plaintext), await writeSegment(plaintext)];
    expect(await codeOf(one.writer.write(Buffer.from('x')))).toBe('ABORTED');
    expect(await codeOf(one.writer.sync())).toBe('ABORTED');
    expect(await codeOf(one.writer.finish())).toBe('ABORTED');
    await one.writer.abandon();
    expect(one.bytes.equals(one.sealed.subarray(0, one.bytes.byteLength))).toBe(true);
    expect(one.summary.messageId).not.toBe(two.summary.messageId);
    // Were the keys the same, so would be the ciphertext of the same frames.
    const { headerSize } = await inspect(sourceOf(one.sealed));
    const frame = (bytes: Buffer) => bytes.subarray(headerSize, headerSize + FRAME + 32);
    expect(frame(one.sealed).equals(frame(two.sealed))).toBe(false);
    const tooLong = beginSegment({ ...settings(2 ** 30) }, memorySink());
    await expect(tooLong).rejects.toSatisfy((error) => error instanceof SealError && error.code === 'LIMIT');
    expect(await collect((await open(two.sealed)).segment.chunks(0, 0))).toHaveLength(0);
  });
});
