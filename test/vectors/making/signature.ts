// Suite 0x0578: what its footer must be.
import { contextSection, forge, framesOf, type Recipe, seededBytes, sortedPairs, u16 } from '../../support/forge.ts';
import { flip, mapMessage, replacePart } from '../../support/message-map.ts';
import type { Answer } from '../../support/open-ways.ts';
import { FRAME, recipe } from '../../support/samples.ts';
import { CONTEXT } from '../../support/seal.ts';
import { type Draft, expects, expectsAll, original, SIGNED } from './vector.ts';

const UNSIGNED = 'the signature is not that of these bytes under the key in the context';
const FIRST = 'a stored message is read for its signature before any frame is opened; in a pipe the frame comes first';
const NO_KEY = 'there is no key to verify a signature with';
const SIGNER = 'aws-crypto-public-key';

export function makeSignature(): Draft[] {
  const { message, plaintext } = original('JavaScript: signed');
  const another = original('JavaScript: signed, another').message;
  const rsa = original('JavaScript: signed, RSA');
  const map = mapMessage(message);
  const { footer, frames } = map;
  const theirs = mapMessage(another).footer;
  const [first, second] = frames;
  if (!footer || !theirs || !first || !second) throw new Error('not signed');
  const body = message.subarray(0, footer.length.at);
  const signature = message.subarray(footer.signature.at);
  const length = signature.byteLength;
  const change = (
    name: string,
    why: string,
    expect: Draft['expect'],
    changed: Uint8Array,
    difference?: string,
  ): Draft => ({
    ...{ name: `signature: ${name}`, why, expect, plaintext, message: changed },
    ...(difference === undefined ? {} : { difference }),
  });
  const ending = (
    name: string,
    why: string,
    expect: Draft['expect'],
    lengthField: number,
    bytes: Uint8Array,
    difference?: string,
  ) => change(name, why, expect, Buffer.concat([body, u16(lengthField), bytes]), difference);
  const bad = expects('SIGNATURE');
  return [
    change('the first number altered', UNSIGNED, bad, flip(message, footer.signature.at + 10)),
    change('the last bit altered', UNSIGNED, bad, flip(message, map.end - 1)),
    change('not of the form', 'no sequence of two integers', bad, flip(message, footer.signature.at, 0xff)),
    change('of another message', UNSIGNED, bad, Buffer.concat([body, another.subarray(theirs.length.at)])),
    change('of zeros', 'no signature at all', bad, replacePart(message, footer.signature, Buffer.alloc(length))),
    change(
      'the IV of a frame altered',
      UNSIGNED,
      expects('SIGNATURE', { chunks: 'FRAME_AUTH' }),
      flip(message, first.iv.at),
      FIRST,
    ),
    change(
      'the content of a frame altered',
      UNSIGNED,
      expects('SIGNATURE', { chunks: 'FRAME_AUTH' }),
      flip(message, second.content.at),
      FIRST,
    ),
    change(
      'the header tag altered',
      'the header is verified before the signature',
      expects('HEADER_AUTH'),
      flip(message, map.headerTag.at),
    ),
    change(
      'the key in the context altered',
      'the wrapped key is bound to the context',
      expects('UNWRAP_FAILED'),
      flip(message, Buffer.from(message).indexOf(SIGNER) + SIGNER.length + 20),
    ),
    {
      ...change(
        'the key in the context altered, under RSA',
        'the header tag binds it',
        expects('HEADER_AUTH'),
        flip(rsa.message, Buffer.from(rsa.message).indexOf(SIGNER) + SIGNER.length + 3, 0x40),
      ),
      ...{ keyring: ['rsa'], plaintext: rsa.plaintext },
    },
    ending('missing', 'the length is 0', expectsAll('SIGNATURE'), 0, Buffer.alloc(0)),
    ending('one byte', 'no signature is so short', expectsAll('SIGNATURE'), 1, Buffer.of(0x30)),
    ending(
      '105 bytes',
      'no signature is so long',
      expectsAll('SIGNATURE'),
      105,
      Buffer.concat([signature, Buffer.alloc(105 - length)]),
    ),
    ending(
      'followed by a zero',
      'not the form of a signature',
      bad,
      length + 1,
      Buffer.concat([signature, Buffer.of(0)]),
    ),
    ending('a length too large by one', 'a byte is missing', expectsAll('TRUNCATED'), length + 1, signature),
    ending(
      'a length too small by one',
      'a byte is left over',
      expectsAll('TRAILING_BYTES', { chunks: 'SIGNATURE' }),
      length - 1,
      signature,
      'in a pipe the signature is verified before the byte that is left over is seen',
    ),
    ending(
      'a length of 65535',
      'no signature is so long',
      expectsAll('TRUNCATED', { chunks: 'SIGNATURE' }),
      0xffff,
      signature,
      'in a pipe nobody waits for so many bytes',
    ),
    ending(
      'twice',
      'a message ends with its footer',
      expectsAll('TRAILING_BYTES'),
      length,
      Buffer.concat([signature, u16(length), signature]),
    ),
    forged('no key in the context', NO_KEY, 'UNWRAP_FAILED', {}),
    forged('a key that is not base64', NO_KEY, 'UNWRAP_FAILED', { [SIGNER]: '?' }),
    forged('a key that is no point', 'no signature verifies with it', 'SIGNATURE', {
      [SIGNER]: Buffer.alloc(49, 2).fill(0xff, 1).toString('base64'),
    }),
    forged('a key of another curve', NO_KEY, 'UNWRAP_FAILED', { [SIGNER]: Buffer.alloc(33, 2).toString('base64') }),
  ];
}

/** A message whose tags verify, with a footer that no key can verify. */
function forged(name: string, why: string, answer: Answer, pairs: Record<string, string>): Draft {
  const context = { ...CONTEXT, ...pairs };
  const more: Partial<Recipe> = { suite: SIGNED, context, section: contextSection(sortedPairs(context)) };
  const made = forge(recipe(name, more));
  const plaintext = seededBytes(name, FRAME + 20);
  const footer = Buffer.concat([u16(103), seededBytes(`${name}: footer`, 103)]);
  return {
    ...{ name: `signature: ${name}`, why, expect: expects(answer), plaintext },
    message: Buffer.concat([made.header, ...framesOf(made, plaintext, FRAME), footer]),
  };
}
