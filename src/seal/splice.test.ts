// I2: no splice of two messages opens, whatever comes from which: not a byte that stands elsewhere in either of
// them is released.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { u32 } from '../../test/support/forge.ts';
import { mapMessage, replacePart } from '../../test/support/message-map.ts';
import type { Answer } from '../../test/support/open-ways.ts';
import { FRAME, type Sample, sample } from '../../test/support/samples.ts';
import { anyNumbers, LONG, openEveryWay, runs } from '../../test/support/tamper.ts';
import { makeWorkbench, type Workbench } from '../../test/support/workbench.ts';

const SIZES = [0, 20, FRAME, 3 * FRAME + 20, 5 * FRAME, 5 * FRAME + 50, 18 * FRAME + 1];
const samples = SIZES.flatMap((size) => [sample(`one ${size}`, size), sample(`other ${size}`, size)]);
// By index: a failure prints it.
const anyPair = fc.uniqueArray(fc.nat(samples.length - 1), { minLength: 2, maxLength: 2 });
const IN_BODY: Answer[] = ['FRAME_AUTH', 'FRAME_ORDER', 'TRUNCATED', 'TRAILING_BYTES'];
const IN_HEADER: Answer[] = [
  'HEADER_INVALID',
  'HEADER_AUTH',
  'COMMITMENT',
  'CONTEXT_MISMATCH',
  'UNWRAP_FAILED',
  'LIMIT',
];

let bench: Workbench;
beforeAll(async () => {
  bench = await makeWorkbench();
});
afterAll(() => bench.close());

function pairOf([first = 0, second = 0]: number[]): [Sample, Sample] {
  const [one, other] = [samples[first], samples[second]];
  if (!one || !other) throw new Error('no such samples');
  return [one, other];
}

function begins(message: Buffer, { header }: Sample): boolean {
  return message.subarray(0, header.byteLength).equals(header);
}

/** Opens a splice of `pair`, of which only what the message with its header holds may come out. */
async function expectRefused(spliced: Buffer, pair: Sample[], numbers: number[]): Promise<void> {
  const whose = pair.find((each) => begins(spliced, each));
  const { stored, chunks } = await openEveryWay(spliced, whose?.plaintext ?? Buffer.alloc(0), bench, numbers);
  const allowed = whose ? IN_BODY : [...IN_HEADER, ...IN_BODY];
  expect(allowed).toContain(stored);
  expect(allowed).toContain(chunks);
}

describe('a splice of two messages', LONG, () => {
  it('is refused: the beginning of one, the end of the other, cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(anyPair, fc.nat(), fc.nat(), anyNumbers, async (indices, first, second, numbers) => {
        const pair = pairOf(indices);
        const [one, other] = pair;
        const from = first % (one.message.byteLength + 1);
        const to = second % (other.message.byteLength + 1);
        const spliced = Buffer.concat([one.message.subarray(0, from), other.message.subarray(to)]);
        fc.pre(!pair.some(({ message }) => message.equals(spliced)));
        await expectRefused(spliced, pair, numbers);
      }),
      runs(300),
    );
  });

  it('is refused: a part of one over a part of the other, at the same place or another', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyPair,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 200 }),
        anyNumbers,
        async (indices, first, second, length, numbers) => {
          const pair = pairOf(indices);
          const [one, other] = pair;
          const spliced = Buffer.from(one.message);
          const at = first % spliced.byteLength;
          const from = second % 3 === 0 ? at : second % other.message.byteLength;
          spliced.set(other.message.subarray(from, from + Math.min(length, spliced.byteLength - at)), at);
          fc.pre(!pair.some(({ message }) => message.equals(spliced)));
          await expectRefused(spliced, pair, numbers);
        },
      ),
      runs(200),
    );
  });

  it('is refused: one behind the other, whole or in part', async () => {
    await fc.assert(
      fc.asyncProperty(anyPair, fc.nat(), anyNumbers, async (indices, second, numbers) => {
        const [one, other] = pairOf(indices);
        const rest = other.message.subarray(second % other.message.byteLength);
        const { stored, chunks } = await openEveryWay(
          Buffer.concat([one.message, rest]),
          one.plaintext,
          bench,
          numbers,
        );
        expect(chunks).toBe('TRAILING_BYTES');
        // A stored message is taken to end where its size says, and the other's final frame may stand right there.
        expect(['TRAILING_BYTES', 'FRAME_AUTH']).toContain(stored);
      }),
      runs(100),
    );
  });

  it('is refused: frames of both in any order under one header, the first fault named', async () => {
    // Of which message, which frame, and whether it bears the number of its new place.
    const anyFrames = fc.array(fc.tuple(fc.boolean(), fc.nat(), fc.boolean()), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(anyPair, anyFrames, anyNumbers, async (indices, choices, numbers) => {
        const [one, other] = pairOf(indices);
        const chosen = choices.map(([foreign, number, renumbered], index) =>
          choose(foreign ? other : one, number, renumbered ? index + 1 : undefined, foreign),
        );
        const spliced = Buffer.concat([one.header, ...chosen.map(({ bytes }) => bytes)]);
        fc.pre(!spliced.equals(one.message));
        const { stored, chunks } = await openEveryWay(spliced, one.plaintext, bench, numbers);
        expect(chunks).toBe(firstFault(chosen));
        expect(IN_BODY).toContain(stored);
      }),
      runs(300),
    );
  });

  it('is refused: the header of one over the body of the other', async () => {
    for (let index = 0; index < samples.length; index += 2) {
      const [one, other] = pairOf([index, index + 1]);
      const spliced = Buffer.concat([one.header, ...other.frames]);
      const answers = await openEveryWay(spliced, one.plaintext, bench, [100, 10]);
      expect(answers).toEqual({ inspect: 'opens', stored: 'FRAME_AUTH', chunks: 'FRAME_AUTH' });
      const { messageId } = mapMessage(one.message);
      const renamed = replacePart(one.message, messageId, other.messageId);
      expect((await openEveryWay(renamed, one.plaintext, bench, [100, 10])).stored).toBe('COMMITMENT');
    }
  });
});

interface Chosen {
  bytes: Buffer;
  final: boolean;
  /** What stands in it. */
  number: number;
  /** What its tag says, under the key of the header: undefined where it is of another key. */
  authentic: number | undefined;
}

function choose({ frames }: Sample, index: number, renumber: number | undefined, foreign: boolean): Chosen {
  const at = index % frames.length;
  const frame = frames[at] ?? Buffer.alloc(0);
  const final = at === frames.length - 1;
  const number = renumber ?? at + 1;
  const place = final ? 4 : 0;
  const bytes = replacePart(frame, { at: place, end: place + 4 }, u32(number));
  return { bytes, final, number, authentic: foreign ? undefined : at + 1 };
}

/** What a reader of a pipe must say, frame by frame, and written down apart from it. */
function firstFault(frames: Chosen[]): Answer {
  for (const [index, { final, number, authentic }] of frames.entries()) {
    if (number !== index + 1) return 'FRAME_ORDER';
    if (authentic !== number) return 'FRAME_AUTH';
    if (final) return index + 1 < frames.length ? 'TRAILING_BYTES' : 'opens';
  }
  return 'TRUNCATED';
}
