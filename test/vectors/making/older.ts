// Messages of version 1, and unframed ones: refused unless allowed, and then as strictly checked as others.
import { forge, seededBytes, u16, u64 } from '../../support/forge.ts';
import { flip, type MessageMap, mapMessage, replacePart } from '../../support/message-map.ts';
import type { Answer, Way } from '../../support/open-ways.ts';
import { recipe } from '../../support/samples.ts';
import { ONLY_WHOLE, WHOLE_ONLY } from './originals.ts';
import { type Draft, expects, expectsAll, original, other } from './vector.ts';

const MIB = 1024 * 1024;
const FIRST_SEEN = { chunks: 'UNSUPPORTED' } as const;

interface Older {
  message: Uint8Array;
  plaintext: Uint8Array;
  map: MessageMap;
}

export function makeOlder(): Draft[] {
  const framed = older(original('JavaScript: 0x0178'));
  const unframed = older(original('Python: 0x0078, unframed'));
  const signed = older(original('JavaScript: 0x0378'));
  const version2 = older(unframedVersion2());
  const all = { framed, unframed, signed, 'version 2, unframed': version2 };
  const refused = Object.entries(all).map(([name, { message, plaintext }]) => ({
    ...{
      name: `older: not allowed: ${name}`,
      why: 'without the caller’s leave nothing is opened that does not commit to its key, or is not framed',
    },
    ...{ expect: expects('NON_COMMITTING'), plaintext, message },
  }));
  return [
    ...refused,
    allowed('version 2, unframed', 'suite 0x0478 in one block', 'opens', version2, version2.message),
    ...headers(framed),
    ...frames(framed, signed),
    ...blocks(unframed, version2),
  ];
}

function older({ message, plaintext }: { message: Uint8Array; plaintext: Uint8Array }): Older {
  return { message, plaintext, map: mapMessage(message) };
}

/** The answer where the caller allows older forms: those ways that open the whole give `answer`. */
function allowed(
  name: string,
  why: string,
  answer: Answer,
  { plaintext }: Older,
  message: Uint8Array,
  more: Partial<Record<Way, Answer>> = {},
): Draft {
  const expect = expects(answer, { ...WHOLE_ONLY, ...more });
  return { name: `older: ${name}`, why, expect, difference: ONLY_WHOLE, allowNonCommitting: true, plaintext, message };
}

/** The same where the message's size already tells: only a pipe, which has none, says that it cannot. */
function allowedAll(name: string, why: string, answer: Answer, from: Older, message: Uint8Array): Draft {
  return { ...allowed(name, why, answer, from, message), expect: expectsAll(answer, FIRST_SEEN) };
}

function headers(framed: Older): Draft[] {
  const { message, map, plaintext } = framed;
  const at = (part: { at: number } | undefined) => part?.at ?? 0;
  const invalid = (name: string, why: string, changed: Uint8Array): Draft => ({
    ...{
      name: `older: ${name}`,
      why,
      expect: expectsAll('HEADER_INVALID'),
      allowNonCommitting: true,
      plaintext,
      message: changed,
    },
  });
  return [
    invalid('another type', 'version 1 has one type, 0x80', flip(message, 1)),
    invalid(
      'a suite of version 2',
      'version 1 has suites without commitment',
      replacePart(message, map.suite, u16(0x0478)),
    ),
    invalid('reserved bytes', 'they are zeros', flip(message, at(map.reserved))),
    invalid('an IV of 13 bytes', 'the suite’s have 12', flip(message, at(map.ivLength))),
    invalid(
      'a frame length of 0',
      'frames hold at least one byte',
      replacePart(message, map.frameLength, Buffer.alloc(4)),
    ),
    {
      ...invalid(
        'a frame length of 2^32-1',
        'a bound on what is read',
        replacePart(message, map.frameLength, Buffer.alloc(4, 255)),
      ),
      expect: expectsAll('LIMIT'),
    },
    allowed(
      'the header tag altered',
      'the tag binds the header',
      'HEADER_AUTH',
      framed,
      flip(message, at(map.headerTag)),
    ),
    allowed(
      'the header’s IV altered',
      'the tag binds the header',
      'HEADER_AUTH',
      framed,
      flip(message, at(map.headerTag) - 1),
    ),
    allowed(
      'the message id altered',
      'the key is derived with it',
      'HEADER_AUTH',
      framed,
      flip(message, at(map.messageId)),
    ),
    {
      ...allowed('another key', 'no key of the keyring unwraps it', 'UNWRAP_FAILED', framed, message),
      keyring: ['aes, another'],
    },
    {
      ...{
        name: 'older: another dataset',
        why: 'the object belongs elsewhere (I5)',
        expect: expects('CONTEXT_MISMATCH'),
      },
      ...{ context: { 'glovebox:dataset': 'claims-features' }, allowNonCommitting: true, plaintext, message },
    },
  ];
}

function frames(framed: Older, signed: Older): Draft[] {
  const { message, map } = framed;
  const [first, second, final] = map.frames;
  const { footer } = signed.map;
  if (!first || !second || !final || !footer) throw new Error('not three frames');
  const part = ({ at, end }: { at: number; end: number }) => message.subarray(at, end);
  const body = (...parts: Uint8Array[]) => Buffer.concat([part(map.header), ...parts]);
  // Behind its end, what looks like the final frame of a longer message.
  const fill = Buffer.alloc(2 * 96 - (final.end - final.at));
  const hidden = replacePart(part(final), { at: 4, end: 8 }, Buffer.of(0, 0, 0, 5));
  return [
    allowed('a frame altered', 'its tag does not verify', 'FRAME_AUTH', framed, flip(message, second.content.at)),
    allowed('the final frame altered', 'its tag does not verify', 'FRAME_AUTH', framed, flip(message, final.tag.at)),
    allowed(
      'two frames exchanged',
      'numbers count up',
      'FRAME_ORDER',
      framed,
      body(part(second), part(first), part(final)),
    ),
    allowedAll('a frame dropped', 'numbers count up', 'FRAME_ORDER', framed, body(part(first), part(final))),
    allowedAll(
      'no final frame',
      'nothing of it is complete (I2)',
      'TRUNCATED',
      framed,
      body(part(first), part(second)),
    ),
    allowedAll(
      'cut off in the final tag',
      'nothing of it is complete (I2)',
      'TRUNCATED',
      framed,
      message.subarray(0, -1),
    ),
    allowedAll(
      'one byte behind the end',
      'the official client ignores it',
      'TRAILING_BYTES',
      framed,
      Buffer.concat([message, Buffer.of(0)]),
    ),
    allowed(
      'a frame behind the end that looks like a final one in its place',
      'the official client ignores it',
      'TRAILING_BYTES',
      framed,
      Buffer.concat([message, fill, hidden]),
    ),
    allowed(
      'frames of version 2 behind a header of version 1',
      'of another key',
      'FRAME_AUTH',
      framed,
      body(...other.frames.slice(0, 2), part(final)),
    ),
    allowed(
      'signed: the signature altered',
      'not the signature of these bytes',
      'SIGNATURE',
      signed,
      flip(signed.message, footer.signature.end - 1),
    ),
    allowed(
      'signed: a frame altered',
      'the signature is verified before any frame is opened',
      'SIGNATURE',
      signed,
      flip(signed.message, signed.map.frames[0]?.content.at ?? 0),
    ),
    allowedAll(
      'signed: no footer',
      'nothing of it is complete (I2)',
      'TRUNCATED',
      signed,
      signed.message.subarray(0, footer.length.at),
    ),
  ];
}

function blocks(unframed: Older, version2: Older): Draft[] {
  const { message, map } = unframed;
  const [block] = map.frames;
  if (!block?.length) throw new Error('framed');
  const { length } = block;
  const size = BigInt(unframed.plaintext.byteLength);
  const saying = (bytes: bigint) => replacePart(message, length, u64(bytes));
  const lie = 'the length leads behind the end';
  return [
    allowed('unframed: altered', 'its tag does not verify', 'FRAME_AUTH', unframed, flip(message, block.content.at)),
    allowed('unframed: the IV altered', 'its tag does not verify', 'FRAME_AUTH', unframed, flip(message, block.iv.at)),
    allowed('unframed: the tag altered', 'it does not verify', 'FRAME_AUTH', unframed, flip(message, block.tag.at)),
    allowedAll('unframed: a length of 2^63', lie, 'TRUNCATED', unframed, saying(2n ** 63n)),
    allowedAll('unframed: a length of 2^64-1', lie, 'TRUNCATED', unframed, saying(2n ** 64n - 1n)),
    allowedAll('unframed: a length of 64 MiB and a byte', lie, 'TRUNCATED', unframed, saying(BigInt(64 * MIB + 1))),
    allowedAll('unframed: a length too large by one', lie, 'TRUNCATED', unframed, saying(size + 1n)),
    allowedAll(
      'unframed: a length too small by one',
      'a byte is left over',
      'TRAILING_BYTES',
      unframed,
      saying(size - 1n),
    ),
    allowedAll('unframed: a length of 0', 'bytes are left over', 'TRAILING_BYTES', unframed, saying(0n)),
    allowedAll(
      'unframed: cut off in the IV',
      'there is no body',
      'TRUNCATED',
      unframed,
      message.subarray(0, block.iv.at + 5),
    ),
    allowedAll(
      'unframed: cut off behind the length',
      'there is no content',
      'TRUNCATED',
      unframed,
      message.subarray(0, length.end),
    ),
    allowedAll(
      'unframed: cut off in the content',
      'there is no tag',
      'TRUNCATED',
      unframed,
      message.subarray(0, block.content.at + 50),
    ),
    allowedAll('unframed: cut off in the tag', 'the tag is not whole', 'TRUNCATED', unframed, message.subarray(0, -1)),
    allowedAll(
      'unframed: one byte behind the end',
      'the official client ignores it',
      'TRAILING_BYTES',
      unframed,
      Buffer.concat([message, Buffer.of(0)]),
    ),
    allowed(
      'version 2, unframed: altered',
      'its tag does not verify',
      'FRAME_AUTH',
      version2,
      flip(version2.message, version2.map.frames[0]?.content.at ?? 0),
    ),
    allowed(
      'version 2, unframed: the commitment altered',
      'the data key is not the one committed to',
      'COMMITMENT',
      version2,
      flip(version2.message, version2.map.commitment?.at ?? 0),
    ),
  ];
}

function unframedVersion2(): { message: Buffer; plaintext: Buffer } {
  const made = forge(recipe('unframed', { contentType: 1, frameLength: 0 }));
  const plaintext = seededBytes('unframed: plaintext', 200);
  return { plaintext, message: Buffer.concat([made.header, made.unframed(plaintext)]) };
}
