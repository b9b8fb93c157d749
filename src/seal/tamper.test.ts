// I2: any bit flipped and any message cut off is an error, with the code of what was hit, in every way of opening.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FrameMap, flip, type MessageMap, mapMessage } from '../../test/support/message-map.ts';
import type { Answer } from '../../test/support/open-ways.ts';
import { FRAME, sample } from '../../test/support/samples.ts';
import { CONTEXT, codeOf, openBytes, sealBytes, sourceOf } from '../../test/support/seal.ts';
import { type Answers, anyNumbers, LONG, openEveryWay, runs, type Whole } from '../../test/support/tamper.ts';
import { makeWorkbench, type Workbench } from '../../test/support/workbench.ts';
import { inspect } from './index.ts';

// Twenty frames are shared by several workers.
const SIZES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 5 * FRAME, 5 * FRAME + 7, 20 * FRAME + 3];
const samples: Whole[] = SIZES.map((size) => sample(`tamper ${size}`, size));
// By index: a failure prints it.
const anySample = fc.nat(samples.length - 1);

function sampleAt(index: number): Whole {
  const whole = samples[index];
  if (!whole) throw new Error(`no sample ${index}`);
  return whole;
}

let bench: Workbench;
beforeAll(async () => {
  bench = await makeWorkbench();
});
afterAll(() => bench.close());

/** Codes of a header whose lengths or counts have changed: what they lead to depends on the bytes there. */
const LENGTHS: Answer[] = ['HEADER_INVALID', 'TRUNCATED', 'LIMIT'];

interface Expected {
  stored: Answer[];
  chunks: Answer[];
}

function both(...answers: Answer[]): Expected {
  return { stored: answers, chunks: answers };
}

/** What must be the answer when one bit of the byte at `at` is turned over. */
function expectedOf(map: MessageMap, at: number, bad: Buffer): Expected {
  const is = (part: { at: number; end: number } | undefined) => part !== undefined && at >= part.at && at < part.end;
  const frame = map.frames.find(is);
  if (frame) return expectedInFrame(map, frame, at, bad);
  if (is(map.messageId) || is(map.commitment)) return both('COMMITMENT');
  if (is(map.headerTag)) return both('HEADER_AUTH');
  if (is(map.contentType)) return both('HEADER_INVALID');
  if (is(map.contextLength) || is(map.wrappedCount)) return both(...LENGTHS);
  if (is(map.context)) return both('CONTEXT_MISMATCH', 'HEADER_INVALID');
  if (map.wrappedKeys.some(({ provider, info, key }) => is(provider) || is(info) || is(key)))
    return both('UNWRAP_FAILED');
  if (map.wrappedKeys.some(is)) return both(...LENGTHS);
  if (is(map.frameLength)) {
    // The layout that it asks for is looked at before the key.
    const invalid: Answer[] = ['LIMIT', 'HEADER_INVALID', 'HEADER_AUTH'];
    return { stored: [...invalid, 'TRUNCATED', 'FRAME_ORDER', 'FRAME_AUTH'], chunks: invalid };
  }
  // The suite that signs, where one bit leads to it: there is no footer, and no key to verify one with.
  if (bad.readUInt16BE(1) === 0x0578) return { stored: ['TRUNCATED'], chunks: ['UNWRAP_FAILED'] };
  return both('HEADER_INVALID'); // version and suite
}

function expectedInFrame(map: MessageMap, frame: FrameMap, at: number, bad: Buffer): Expected {
  if (at >= frame.content.at || (at >= frame.iv.at && at < frame.iv.end)) return both('FRAME_AUTH');
  if (!frame.length) return both('FRAME_ORDER');
  if (at >= frame.length.at) {
    const length = bad.readUInt32BE(frame.length.at);
    if (length > FRAME) return both('FRAME_AUTH');
    if (length > frame.content.end - frame.content.at) return both('TRUNCATED');
    // In a pipe the tag is taken from where the length says, before the bytes that are left over are seen.
    return { stored: ['TRAILING_BYTES'], chunks: ['FRAME_AUTH'] };
  }
  // Without its marker it is a regular frame to a pipe, if it is long enough for one.
  const isLong = map.end - frame.at >= FRAME + 32;
  return at < frame.sequence.at && !isLong ? { stored: ['FRAME_ORDER'], chunks: ['TRUNCATED'] } : both('FRAME_ORDER');
}

function expectAnswers({ inspect: seen, stored, chunks }: Answers, expected: Expected): void {
  expect(expected.stored).toContain(stored);
  expect(expected.chunks).toContain(chunks);
  // What shows without a key is the same with one; the caller's context alone comes before.
  if (seen !== 'opens') expect([seen, 'CONTEXT_MISMATCH']).toContain(stored);
}

describe('a damaged message', LONG, () => {
  it('is refused whatever bit is flipped', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, fc.nat(), fc.nat(7), anyNumbers, async (index, position, bit, numbers) => {
        const whole = sampleAt(index);
        const at = position % whole.message.byteLength;
        const bad = flip(whole.message, at, 1 << bit);
        const answers = await openEveryWay(bad, whole.plaintext, bench, numbers);
        expectAnswers(answers, expectedOf(mapMessage(whole.message), at, bad));
      }),
      runs(600),
    );
  });

  it('is refused wherever it is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, fc.nat(), anyNumbers, async (index, length, numbers) => {
        const { message, plaintext } = sampleAt(index);
        const answers = await openEveryWay(message.subarray(0, length % message.byteLength), plaintext, bench, numbers);
        expect(answers).toEqual({ inspect: 'TRUNCATED', stored: 'TRUNCATED', chunks: 'TRUNCATED' });
      }),
      runs(200),
    );
  });

  it('is refused with bytes behind its end', async () => {
    const more = fc.uint8Array({ minLength: 1, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(anySample, more, anyNumbers, async (index, bytes, numbers) => {
        const { message, plaintext } = sampleAt(index);
        const answers = await openEveryWay(Buffer.concat([message, bytes]), plaintext, bench, numbers);
        expect(answers).toEqual({ inspect: 'TRAILING_BYTES', stored: 'TRAILING_BYTES', chunks: 'TRAILING_BYTES' });
      }),
      runs(100),
    );
  });

  it('is refused where bytes are missing or too many inside of it', async () => {
    const some = fc.uint8Array({ maxLength: 100 });
    await fc.assert(
      fc.asyncProperty(
        anySample,
        fc.nat(),
        fc.nat(100),
        some,
        anyNumbers,
        async (index, place, less, more, numbers) => {
          const { message, plaintext } = sampleAt(index);
          const at = place % message.byteLength;
          const bad = Buffer.concat([message.subarray(0, at), more, message.subarray(at + less)]);
          fc.pre(!bad.equals(message));
          const { stored, chunks } = await openEveryWay(bad, plaintext, bench, numbers);
          expect([stored, chunks]).not.toContain('opens');
          const { header } = mapMessage(message);
          if (bad.subarray(0, header.end).equals(message.subarray(0, header.end))) {
            const inBody: Answer[] = ['FRAME_AUTH', 'FRAME_ORDER', 'TRUNCATED', 'TRAILING_BYTES'];
            expect(inBody).toContain(stored);
            expect(inBody).toContain(chunks);
          }
        },
      ),
      runs(150),
    );
  });

  it('is refused as another object than the one recorded', async () => {
    const { bytes, messageId } = await sealBytes(Buffer.from('plain'));
    const other = await sealBytes(Buffer.from('plain'));
    expect(await codeOf(openBytes(other.bytes, { messageId }))).toBe('MESSAGE_MISMATCH');
    expect(await codeOf(openBytes(bytes, { messageId, plaintextSize: 6 }))).toBe('SIZE_MISMATCH');
    expect(await codeOf(openBytes(bytes, { messageId, plaintextSize: 5 }))).toBeUndefined();
  });

  it('never crashes the parser, whatever the bytes are', async () => {
    const codes = ['TRUNCATED', 'HEADER_INVALID', 'LIMIT', 'NON_COMMITTING', 'CONTEXT_MISMATCH', 'UNWRAP_FAILED'];
    const beginnings = [[], [2, 4, 0x78], [2, 5, 0x78], [1, 0x80, 1, 0x78]];
    const anyBytes = fc.uint8Array({ maxLength: 400 });
    await fc.assert(
      fc.asyncProperty(anyBytes, fc.constantFrom(...beginnings), anyNumbers, async (bytes, beginning, numbers) => {
        const bad = Buffer.concat([Buffer.from(beginning), bytes]);
        const { stored, chunks } = await openEveryWay(bad, Buffer.alloc(0), bench, numbers);
        expect([...codes, 'TRAILING_BYTES', 'FRAME_ORDER']).toContain(stored);
        expect(codes).toContain(chunks);
        expect(await codeOf(inspect(sourceOf(bad)))).toBeDefined();
      }),
      runs(200),
    );
  });
});

it('the samples open as they are', async () => {
  for (const { message, plaintext } of samples) {
    const answers = await openEveryWay(message, plaintext, bench, [100, 7, 300]);
    expect(answers).toEqual({ inspect: 'opens', stored: 'opens', chunks: 'opens' });
  }
  expect(CONTEXT).toEqual((await inspect(sourceOf(samples[0]?.message ?? Buffer.alloc(0)))).context);
});
