// Messages that end too early, at every place of the format, and messages that go on behind their end.
import { type FrameMap, mapMessage, type Part } from '../../support/message-map.ts';
import { sample } from '../../support/samples.ts';
import { type Draft, expects, expectsAll, one, original, other } from './vector.ts';

const map = mapMessage(one.message);
const { first, last } = ends();

/** Each is cut off in the middle of a part, or where the first byte is no longer there. */
const PLACES: [string, Part | number][] = [
  ['nothing at all', 0],
  ['the suite', map.suite],
  ['the message id', map.messageId],
  ['the length of the context', map.contextLength],
  ['the context', map.context],
  ['the number of wrapped keys', map.wrappedCount],
  ['the wrapped keys', map.wrappedKeys[0] ?? 0],
  ['the content type', map.contentType.at],
  ['the frame length', map.frameLength],
  ['the commitment', map.commitment ?? 0],
  ['the header tag', map.headerTag],
  ['everything behind the header', map.header.end],
  ['the first sequence number', first.sequence],
  ['the first IV', first.iv],
  ['the first ciphertext', first.content],
  ['the first tag', first.tag],
  ['everything behind the first frame', first.end],
  ['the final frame', last.at],
  ['the final marker', last.at + 2],
  ['the final sequence number', last.sequence],
  ['the final IV', last.iv],
  ['the final length', last.length],
  ['the final ciphertext', last.content],
  ['the final tag', last.tag],
];

export function makeTruncated(): Draft[] {
  const signed = original('JavaScript: signed');
  const { footer, end } = mapMessage(signed.message);
  if (!footer) throw new Error('not signed');
  const why = 'bytes are missing: nothing of the message is complete (I2)';
  const whole = PLACES.map(([name, place]) => ({
    ...{ name: `cut off: ${name}`, why, expect: expectsAll('TRUNCATED'), plaintext: one.plaintext },
    message: one.message.subarray(0, typeof place === 'number' ? place : (place.at + place.end) >> 1),
  }));
  const cuts: [string, number][] = [
    ['the footer', footer.length.at],
    ['the length of the signature', footer.length.at + 1],
    ['the signature', footer.signature.at],
    ['the last byte of the signature', end - 1],
  ];
  const footers = cuts.map(([name, to]) => ({
    ...{ name: `cut off: ${name}`, why: 'suite 0x0578 without its whole footer', expect: expectsAll('TRUNCATED') },
    ...{ plaintext: signed.plaintext, message: signed.message.subarray(0, to) },
  }));
  return [...whole, ...footers];
}

export function makeTrailing(): Draft[] {
  const empty = sample('nothing', 0);
  const signed = original('JavaScript: signed');
  const behind = (name: string, more: Uint8Array, from = one, expect = expectsAll('TRAILING_BYTES')) => ({
    ...{ name: `bytes behind the end: ${name}`, why: 'the official clients ignore them, the specification does not' },
    ...{ expect, plaintext: from.plaintext, message: Buffer.concat([from.message, more]) },
  });
  return [
    behind('one', Buffer.of(0)),
    behind('a line feed', Buffer.from('\n')),
    behind('less than a frame', Buffer.alloc(39, 0xff)),
    behind('zeros, as many as a frame has', Buffer.alloc(96)),
    behind('the final frame again', one.message.subarray(last.at)),
    behind('a regular frame', one.message.subarray(first.at, first.end)),
    behind('the same message again', one.message),
    behind('another message', other.message),
    behind('one, and there is no plaintext', Buffer.of(0), empty),
    {
      ...behind('a frame that looks like a final one in its place', lookalike()),
      expect: expects('FRAME_AUTH', { chunks: 'TRAILING_BYTES' }),
      difference: 'a stored message is taken to end where its size says, and what lies there does not verify',
    },
    {
      ...{ name: 'bytes behind the end: a signature', why: 'suite 0x0478 has no footer' },
      ...{ expect: expectsAll('TRAILING_BYTES'), plaintext: one.plaintext },
      message: Buffer.concat([one.message, signed.message.subarray(mapMessage(signed.message).footer?.length.at)]),
    },
    {
      ...{ name: 'bytes behind the end: one behind the signature', why: 'suite 0x0578 ends with its footer' },
      ...{ expect: expectsAll('TRAILING_BYTES'), plaintext: signed.plaintext },
      message: Buffer.concat([signed.message, Buffer.of(0)]),
    },
  ];
}

function ends(): { first: FrameMap; last: FrameMap & { length: Part } } {
  const [first] = map.frames;
  const last = map.frames.at(-1);
  if (!first || !last?.length) throw new Error('not framed');
  return { first, last: { ...last, length: last.length } };
}

/** What makes `one` look like a message of two regular frames more: the end of one, and a final frame. */
function lookalike(): Buffer {
  const regular = 96;
  const fill = Buffer.alloc(2 * regular - (one.message.byteLength - (map.header.end + 3 * regular)));
  return Buffer.concat([fill, one.final(6, one.plaintext.subarray(0, 20)).fill(0, 24)]);
}
