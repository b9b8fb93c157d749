// I2 for signed messages (suite 0x0578): the signature is verified before anything is released of a stored
// message, and at the end of a pipe.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flip, type MessageMap, mapMessage } from '../../test/support/message-map.ts';
import type { Answer } from '../../test/support/open-ways.ts';
import { type Answers, anyNumbers, LONG, openEveryWay, runs, type Whole } from '../../test/support/tamper.ts';
import { readVectors } from '../../test/support/vectors.ts';
import { makeWorkbench, type Workbench } from '../../test/support/workbench.ts';

const NAMES = ['JavaScript: signed', 'JavaScript: signed, two frames', 'Python: signed', 'Python: signed, two frames'];
const samples: Whole[] = readVectors()
  .flatMap(({ vectors }) => vectors)
  .filter(({ name }) => NAMES.includes(name))
  .map(({ message, plaintext }) => ({
    message: Buffer.from(message, 'hex'),
    plaintext: Buffer.from(plaintext, 'hex'),
  }));
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

const HEADER: Answer[] = ['HEADER_INVALID', 'HEADER_AUTH', 'COMMITMENT', 'CONTEXT_MISMATCH', 'UNWRAP_FAILED', 'LIMIT'];
const LENGTHS: Answer[] = ['TRUNCATED', 'TRAILING_BYTES', 'FRAME_AUTH', 'SIGNATURE'];

/** The answers of a stored message and of a pipe when a bit of the byte at `at` is turned over. */
function expectedOf({ header, frames, footer }: MessageMap, at: number): { stored: Answer[]; chunks: Answer[] } {
  if (at < header.end) {
    // A suite, frame length or count changed may lead anywhere before the key is asked.
    return { stored: [...HEADER, 'TRUNCATED', 'TRAILING_BYTES'], chunks: [...HEADER, 'TRUNCATED'] };
  }
  const frame = frames.find((each) => at < each.end);
  if (!frame) {
    const isLength = footer !== undefined && at < footer.length.end;
    return isLength
      ? { stored: LENGTHS, chunks: ['SIGNATURE', 'TRUNCATED'] }
      : { stored: ['SIGNATURE'], chunks: ['SIGNATURE'] };
  }
  const isContent = at >= frame.content.at || (at >= frame.iv.at && at < frame.iv.end);
  if (isContent) return { stored: ['SIGNATURE'], chunks: ['FRAME_AUTH'] };
  if (!frame.length) return { stored: ['SIGNATURE'], chunks: ['FRAME_ORDER'] };
  // The place of the final frame, of which the size of the footer is not known.
  return { stored: LENGTHS, chunks: ['FRAME_ORDER', 'TRUNCATED', 'FRAME_AUTH'] };
}

describe('a damaged signed message', LONG, () => {
  it('is refused whatever bit is flipped', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, fc.nat(), fc.nat(7), anyNumbers, async (index, position, bit, numbers) => {
        const whole = sampleAt(index);
        const at = position % whole.message.byteLength;
        const answers = await openEveryWay(flip(whole.message, at, 1 << bit), whole.plaintext, bench, numbers);
        const expected = expectedOf(mapMessage(whole.message), at);
        expect(expected.stored).toContain(answers.stored);
        expect(expected.chunks).toContain(answers.chunks);
      }),
      runs(120),
    );
  });

  it('is refused whatever bit of its footer is flipped', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, fc.nat(), fc.nat(7), anyNumbers, async (index, place, bit, numbers) => {
        const { message, plaintext } = sampleAt(index);
        const { footer, end } = mapMessage(message);
        const from = footer?.signature.at ?? 0;
        const answers = await openEveryWay(
          flip(message, from + (place % (end - from)), 1 << bit),
          plaintext,
          bench,
          numbers,
        );
        expect(answers).toEqual({ inspect: 'opens', stored: 'SIGNATURE', chunks: 'SIGNATURE' } satisfies Answers);
      }),
      runs(60),
    );
  });

  it('is refused wherever it is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, fc.nat(), anyNumbers, async (index, length, numbers) => {
        const { message, plaintext } = sampleAt(index);
        const answers = await openEveryWay(message.subarray(0, length % message.byteLength), plaintext, bench, numbers);
        expect(answers).toEqual({ inspect: 'TRUNCATED', stored: 'TRUNCATED', chunks: 'TRUNCATED' } satisfies Answers);
      }),
      runs(60),
    );
  });

  it('is refused with the body or the footer of another', async () => {
    const [one, other] = [sampleAt(0), sampleAt(1)];
    const [map, theirs] = [mapMessage(one.message), mapMessage(other.message)];
    const mixed = Buffer.concat([
      one.message.subarray(0, map.footer?.length.at),
      other.message.subarray(theirs.footer?.length.at),
    ]);
    const body = Buffer.concat([one.message.subarray(0, map.header.end), other.message.subarray(theirs.header.end)]);
    expect(await openEveryWay(mixed, one.plaintext, bench, [50])).toEqual({
      ...{ inspect: 'opens', stored: 'SIGNATURE', chunks: 'SIGNATURE' },
    });
    expect(await openEveryWay(body, one.plaintext, bench, [50])).toEqual({
      ...{ inspect: 'opens', stored: 'SIGNATURE', chunks: 'FRAME_AUTH' },
    });
  });
});
