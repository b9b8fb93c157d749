// Headers that are altered, or made as no writer makes them with a tag that verifies.
import { forge, framesOf, type Recipe } from '../../support/forge.ts';
import { flip, mapMessage, replacePart } from '../../support/message-map.ts';
import { FRAME, recipe, sample } from '../../support/samples.ts';
import { type Draft, expects, expectsAll, one, original, other } from './vector.ts';

const map = mapMessage(one.message);
const MIB = 1024 * 1024;
const NO_HEADER = 'no header of a message begins like this';
const BOUND = 'a bound on what is read, before memory is reserved';

export function makeHeader(): Draft[] {
  return [...beginnings(), ...altered(), ...authentic()];
}

function beginnings(): Draft[] {
  const begin = (name: string, message: Uint8Array, why = NO_HEADER): Draft => ({
    ...{ name: `header: ${name}`, why, expect: expectsAll('HEADER_INVALID'), plaintext: one.plaintext, message },
  });
  const suite = (id: number) => replacePart(one.message, map.suite, Buffer.of(id >> 8, id & 255));
  return [
    begin('version 0', Buffer.concat([Buffer.of(0), one.message.subarray(1)])),
    begin('version 1 before the fields of version 2', Buffer.concat([Buffer.of(1), one.message.subarray(1)])),
    begin('version 3', Buffer.concat([Buffer.of(3), one.message.subarray(1)])),
    begin('base64 of a message', Buffer.from(one.message.toString('base64'))),
    begin('plain text', Buffer.from('claim_id,patient_id\n1,2\n'.repeat(20))),
    begin('zeros', Buffer.alloc(400)),
    begin('suite 0x0479', suite(0x0479), 'there is no such suite'),
    begin('suite 0x0178 in version 2', suite(0x0178), 'a suite of version 1: what is not committed to is not opened'),
  ];
}

function altered(): Draft[] {
  const change = (name: string, why: string, expect: Draft['expect'], message: Uint8Array, from = one): Draft => ({
    ...{ name: `header: ${name}`, why, expect, plaintext: from.plaintext, message },
  });
  const signed = original('JavaScript: signed');
  const short = sample('short', 20);
  const tagged = 'the header tag binds it';
  return [
    change(
      'one bit of the message id',
      'the commitment is derived from it',
      expects('COMMITMENT'),
      flip(one.message, map.messageId.at),
    ),
    change(
      'the message id of another message',
      'the commitment is derived from it',
      expects('COMMITMENT'),
      replacePart(one.message, map.messageId, other.messageId),
    ),
    change(
      'one bit of the commitment',
      'the data key is not the one committed to',
      expects('COMMITMENT'),
      flip(one.message, map.commitment?.at ?? 0),
    ),
    change('the first bit of the tag', tagged, expects('HEADER_AUTH'), flip(one.message, map.headerTag.at, 0x80)),
    change('the last bit of the tag', tagged, expects('HEADER_AUTH'), flip(one.message, map.headerTag.end - 1)),
    change(
      'the header of another message',
      'of another key',
      expects('FRAME_AUTH'),
      Buffer.concat([other.header, ...one.frames]),
    ),
    change(
      'twice the frame length, and a final frame alone',
      tagged,
      expects('HEADER_AUTH'),
      flip(short.message, mapMessage(short.message).frameLength.end - 1, 0xc0),
      short,
    ),
    {
      ...change(
        'one byte more of frame length',
        tagged,
        expectsAll('FRAME_ORDER', { chunks: 'HEADER_AUTH' }),
        flip(one.message, map.frameLength.end - 1),
      ),
      difference: 'a stored message is first asked where its final frame would lie, which needs no key',
    },
    {
      ...change(
        'suite 0x0578 instead of 0x0478',
        'bound to the data key by its derivation',
        expectsAll('TRUNCATED', { chunks: 'UNWRAP_FAILED' }),
        flip(one.message, map.suite.at),
      ),
      difference:
        'a stored message of this suite would have a footer; in a pipe the key is asked first, and there is no key to verify a signature with',
    },
    {
      ...change(
        'suite 0x0478 instead of 0x0578',
        'a signature cannot be argued away',
        expectsAll('TRAILING_BYTES', { chunks: 'UNWRAP_FAILED' }),
        flip(signed.message, 1),
      ),
      difference:
        'in a stored message the footer is too much; in a pipe the key is asked first, which refuses a context with a signing key',
      plaintext: signed.plaintext,
    },
  ];
}

function authentic(): Draft[] {
  const make = (name: string, why: string, expect: Draft['expect'], more: Partial<Recipe>): Draft => {
    const wanted = recipe(name, more);
    const made = forge(wanted);
    const plaintext = one.plaintext.subarray(0, FRAME + 20);
    const frames = framesOf(made, plaintext, FRAME);
    return { name: `header: ${name}`, why, expect, plaintext, message: Buffer.concat([made.header, ...frames]) };
  };
  const largest = sample('largest', 20, { frameLength: 64 * MIB });
  const invalid = expectsAll('HEADER_INVALID');
  return [
    make('content type 0', 'neither framed nor not', invalid, { contentType: 0 }),
    make('content type 3', 'neither framed nor not', invalid, { contentType: 3 }),
    make('content type 1 with a frame length', 'what is not framed has no frame length', invalid, { contentType: 1 }),
    make('frame length 0', 'frames hold at least one byte', invalid, { frameLength: 0 }),
    make('a frame length of 64 MiB and a byte', BOUND, expectsAll('LIMIT'), { frameLength: 64 * MIB + 1 }),
    make('a frame length of 2^32-1', BOUND, expectsAll('LIMIT'), { frameLength: 0xffff_ffff }),
    {
      ...{ name: 'header: a frame length of 64 MiB', why: 'the largest; the message has a final frame alone' },
      ...{ expect: expects('opens'), plaintext: largest.plaintext, message: largest.message },
    },
  ];
}
