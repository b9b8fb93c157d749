// Frames that are altered, in another place, of another message, or made as no writer makes them.
import { FINAL_MARKER, FINAL_TEXT, REGULAR_TEXT, seededBytes, u32 } from '../../support/forge.ts';
import { flip, mapMessage, replacePart } from '../../support/message-map.ts';
import { FRAME, sample } from '../../support/samples.ts';
import { type Draft, expects, expectsAll, fourFrames, one, other, plaintextFrom } from './vector.ts';

const NOT_RELEASED = 'the tag does not verify: no byte of that frame is released (I2)';
const NOT_IN_PLACE = 'the sequence number is not the one that the place asks for';

export function makeFrames(): Draft[] {
  return [...altered(), ...moved(), ...odd(), ...many()];
}

function altered(): Draft[] {
  const { frames } = mapMessage(one.message);
  const at = (name: string, index: number, part: 'iv' | 'content' | 'tag', offset = 0): Draft => ({
    ...{ name: `altered: ${name}`, why: NOT_RELEASED, expect: expects('FRAME_AUTH') },
    ...{ plaintext: one.plaintext, message: flip(one.message, (frames[index]?.[part].at ?? 0) + offset) },
  });
  return [
    at('the IV of the first frame', 0, 'iv', 11),
    at('the first byte of the first frame', 0, 'content'),
    at('the last byte of the third frame', 2, 'content', FRAME - 1),
    at('the tag of the second frame', 1, 'tag'),
    at('the IV of the final frame', 3, 'iv'),
    at('the content of the final frame', 3, 'content'),
    at('the tag of the final frame', 3, 'tag', 15),
  ];
}

function moved(): Draft[] {
  const body = (name: string, why: string, expect: Draft['expect'], frames: Uint8Array[]): Draft => ({
    ...{ name: `frames: ${name}`, why, expect, plaintext: one.plaintext },
    message: Buffer.concat([one.header, ...frames]),
  });
  const renumbered = (frame: Uint8Array, sequence: number, at = 0) =>
    replacePart(frame, { at, end: at + 4 }, u32(sequence));
  const [f1, f2, f3, f4] = fourFrames(one);
  const [o1, o2, , o4] = fourFrames(other);
  const order = expects('FRAME_ORDER');
  const number = 'the number alone does not help: it is authenticated';
  return [
    body('two exchanged', NOT_IN_PLACE, order, [f2, f1, f3, f4]),
    body('two exchanged and renumbered', number, expects('FRAME_AUTH'), [renumbered(f2, 1), renumbered(f1, 2), f3, f4]),
    body('one repeated', NOT_IN_PLACE, expectsAll('FRAME_ORDER'), [f1, f1, f2, f3, f4]),
    body('one in place of another', NOT_IN_PLACE, order, [f1, f1, f3, f4]),
    body('one dropped', NOT_IN_PLACE, expectsAll('FRAME_ORDER'), [f1, f3, f4]),
    body('one dropped, the others renumbered', number, expects('FRAME_AUTH'), [
      f1,
      renumbered(f3, 2),
      renumbered(f4, 3, 4),
    ]),
    body('the first of another message', 'of another key', expects('FRAME_AUTH'), [o1, f2, f3, f4]),
    body('one of another message, in another place', NOT_IN_PLACE, order, [f1, o1, f3, f4]),
    body('one of another message', 'of another key', expects('FRAME_AUTH'), [f1, o2, f3, f4]),
    body('the final one of another message', 'of another key', expects('FRAME_AUTH'), [f1, f2, f3, o4]),
    body('all of another message', 'of another key', expects('FRAME_AUTH'), other.frames),
    body('the third dressed as the final one', 'what is authenticated names the kind of frame', expects('FRAME_AUTH'), [
      ...[f1, f2, Buffer.concat([u32(FINAL_MARKER), f3.subarray(0, 16), u32(FRAME), f3.subarray(16)])],
    ]),
    body('the final one before the last', NOT_IN_PLACE, expectsAll('FRAME_ORDER'), [f1, f2, f4, f3]),
  ];
}

function odd(): Draft[] {
  const piece = (index: number) => plaintextFrom(one, index);
  const rest = one.plaintext.subarray(3 * FRAME);
  const made = (
    name: string,
    why: string,
    expect: Draft['expect'],
    frames: Uint8Array[],
    plaintext = one.plaintext,
  ): Draft => ({
    ...{ name: `frames: ${name}`, why, expect, plaintext, message: Buffer.concat([one.header, ...frames]) },
  });
  const [r1, r2, r3] = [one.regular(1, piece(0)), one.regular(2, piece(1)), one.regular(3, piece(2))];
  const last = one.final(4, rest);
  const iv = (name: string) => seededBytes(name, 12);
  const tooLong = one.final(2, one.plaintext.subarray(FRAME, FRAME + 84));
  const fitting = one.final(2, one.plaintext.subarray(FRAME, FRAME + 120));
  const atPlace = (frame: Buffer, at: number, by: number) => replacePart(frame, { at, end: at + 4 }, u32(by));
  const final = plaintextFrom(one, 1, 56);
  return [
    made('IVs of a writer’s own choice', 'readers use the IV that is there', expects('opens'), [
      ...[one.regular(1, piece(0), { iv: iv('first') }), one.regular(2, piece(1), { iv: iv('second') }), r3],
      one.final(4, rest, { iv: iv('final') }),
    ]),
    made(
      'a full final frame',
      'on an exact multiple the specification prefers it to an empty one',
      expects('opens'),
      [r1, one.final(2, piece(1))],
      one.plaintext.subarray(0, 2 * FRAME),
    ),
    made(
      'a full final frame alone',
      'on an exact multiple the specification prefers it to an empty one',
      expects('opens'),
      [one.final(1, piece(0))],
      piece(0),
    ),
    made(
      'an empty final frame',
      'writers make it on an exact multiple',
      expects('opens'),
      [r1, r2, one.final(3, Buffer.alloc(0))],
      one.plaintext.subarray(0, 2 * FRAME),
    ),
    made('number 0', 'numbers count from 1', expects('FRAME_ORDER'), [one.regular(0, piece(0)), r2, r3, last]),
    made(
      'numbered from 0',
      'numbers count from 1',
      expectsAll('FRAME_ORDER'),
      [one.regular(0, piece(0)), one.regular(1, piece(1)), one.regular(2, piece(2)), one.final(3, rest)],
      one.plaintext.subarray(FRAME),
    ),
    made('another number in the authenticated data', NOT_RELEASED, expects('FRAME_AUTH'), [
      ...[r1, one.regular(2, piece(1), { authenticatedSequence: 7 }), r3, last],
    ]),
    made(
      'a final marker on a regular frame',
      'what is behind the marker is no final frame',
      expects('FRAME_ORDER', { chunks: 'FRAME_AUTH' }),
      [r1, one.regular(2, piece(1), { first: FINAL_MARKER }), r3, last],
    ),
    made(
      'a final frame among the others',
      'each verifies by itself',
      expects('FRAME_ORDER', { chunks: 'TRAILING_BYTES' }),
      [...[r1, one.final(2, final), r3, last]],
      Buffer.concat([piece(0), final]),
    ),
    made('two final frames', 'each verifies by itself', expectsAll('TRAILING_BYTES'), [
      r1,
      r2,
      r3,
      last,
      one.final(5, rest),
    ]),
    made(
      'no final frame',
      'all that is there verifies',
      expectsAll('TRUNCATED'),
      [r1, r2, r3, one.regular(4, piece(0))],
      Buffer.concat([piece(0), piece(1), piece(2), piece(0)]),
    ),
    made(
      'a final frame longer than a frame',
      'it verifies',
      expectsAll('FRAME_AUTH'),
      [r1, tooLong],
      one.plaintext.subarray(0, FRAME),
    ),
    made(
      'a final frame longer than a frame, of a size that fits',
      'it verifies',
      expectsAll('FRAME_AUTH'),
      [r1, fitting],
      one.plaintext.subarray(0, FRAME),
    ),
    made('a final length of 2^32-1', 'longer than a frame', expectsAll('FRAME_AUTH'), [
      r1,
      r2,
      r3,
      atPlace(last, 20, 0xffff_ffff),
    ]),
    made('a final length too large by one', 'the frame ends before it', expectsAll('TRUNCATED'), [
      r1,
      r2,
      r3,
      atPlace(last, 20, 21),
    ]),
    made(
      'a final length too small by one',
      'a byte is left over',
      expectsAll('TRAILING_BYTES', { chunks: 'FRAME_AUTH' }),
      [...[r1, r2, r3, atPlace(last, 20, 19)]],
    ),
    made('another number on the final frame', 'it verifies', expectsAll('FRAME_ORDER'), [
      r1,
      r2,
      r3,
      one.final(5, rest),
    ]),
    made('another number in the final frame’s authenticated data', NOT_RELEASED, expects('FRAME_AUTH'), [
      ...[r1, r2, r3, one.final(4, rest, { authenticatedSequence: 5 })],
    ]),
    made('a final frame that says it is a regular one', NOT_RELEASED, expects('FRAME_AUTH'), [
      ...[r1, r2, r3, one.final(4, rest, { text: REGULAR_TEXT })],
    ]),
    made('a regular frame that says it is the final one', NOT_RELEASED, expects('FRAME_AUTH'), [
      ...[r1, one.regular(2, piece(1), { text: FINAL_TEXT }), r3, last],
    ]),
  ].map(withDifference);
}

/** Of so many frames that several workers share them. */
function many(): Draft[] {
  const { message, plaintext, header, frames } = sample('many', 40 * 16 + 5, { frameLength: 16 });
  const among = (name: string, why: string, expect: Draft['expect'], changed: Uint8Array): Draft => ({
    ...{ name: `frames: of 41: ${name}`, why, expect, plaintext, message: changed },
  });
  const map = mapMessage(message).frames;
  const alter = (index: number) => flip(message, map[index]?.content.at ?? 0);
  const [tenth = header, thirtieth = header] = [frames[9], frames[29]];
  const exchanged = frames.with(9, thirtieth).with(29, tenth);
  return [
    among('nothing wrong', 'several workers share them', expects('opens'), message),
    among('the first altered', NOT_RELEASED, expects('FRAME_AUTH'), alter(0)),
    among('one in the middle altered', NOT_RELEASED, expects('FRAME_AUTH'), alter(20)),
    among('the last but one altered', NOT_RELEASED, expects('FRAME_AUTH'), alter(39)),
    among('two exchanged', NOT_IN_PLACE, expects('FRAME_ORDER'), Buffer.concat([header, ...exchanged])),
    among('one dropped', NOT_IN_PLACE, expectsAll('FRAME_ORDER'), Buffer.concat([header, ...frames.toSpliced(20, 1)])),
    among(
      'cut off behind the thirtieth',
      'bytes are missing',
      expectsAll('TRUNCATED'),
      message.subarray(0, map[29]?.end),
    ),
  ];
}

const DIFFERENCES: Record<string, string> = {
  'frames: a final marker on a regular frame':
    'in a stored message the place asks for a regular frame; in a pipe the marker asks for a final one, whose length is too large',
  'frames: a final frame among the others':
    'a stored message is taken to end where its size says; a pipe to end at its final frame',
  'frames: a final length too small by one':
    'in a pipe the tag is taken from where the length says, before the byte that is left over is seen',
};

function withDifference(draft: Draft): Draft {
  const difference = DIFFERENCES[draft.name];
  return difference === undefined ? draft : { ...draft, difference };
}
