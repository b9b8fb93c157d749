// Wrapped data keys: too many, none, malformed, altered, of another key.
import {
  contextSection,
  counted,
  forge,
  framesOf,
  type Recipe,
  seededBytes,
  sortedPairs,
  u16,
  u32,
  wrapDataKey,
} from '../../support/forge.ts';
import { flip, mapMessage } from '../../support/message-map.ts';
import { aesKey, FRAME, recipe } from '../../support/samples.ts';
import { CONTEXT } from '../../support/seal.ts';
import { type Draft, expects, expectsAll, one, original } from './vector.ts';

const map = mapMessage(one.message);
const PLAIN = seededBytes('wrapped keys', FRAME + 20);
const AAD = contextSection(sortedPairs(CONTEXT));
const REFUSED = 'no key of the keyring unwraps it';
const BOUND = 'a bound on what is read, before any key is asked';

export function makeWrappedKeys(): Draft[] {
  return [...counts(), ...notUnwrapped(), ...odd()];
}

function make(name: string, why: string, expect: Draft['expect'], more: Partial<Recipe>): Draft {
  const made = forge(recipe(name, more));
  const message = Buffer.concat([made.header, ...framesOf(made, PLAIN, FRAME)]);
  return { name: `wrapped keys: ${name}`, why, expect, plaintext: PLAIN, message };
}

function counts(): Draft[] {
  const times = (count: number) => ({ wrapped: (own: Buffer) => Array.from({ length: count }, () => own) });
  return [
    make('none', 'a message has at least one', expectsAll('HEADER_INVALID'), times(0)),
    make('sixteen', 'as many as are read', expects('opens'), times(16)),
    make('seventeen', BOUND, expectsAll('LIMIT'), times(17)),
    make('65535, of which one is there', BOUND, expectsAll('LIMIT'), { wrappedCount: 0xffff }),
    make('none, of which one is there', 'a message has at least one', expectsAll('HEADER_INVALID'), {
      wrappedCount: 0,
    }),
    make('two, of which one is there', 'the lengths lead behind the end', expectsAll('TRUNCATED'), { wrappedCount: 2 }),
    make('one, of which two are there', 'what follows is no content type', expectsAll('HEADER_INVALID'), {
      ...times(2),
      wrappedCount: 1,
    }),
  ];
}

function notUnwrapped(): Draft[] {
  const [wrapped] = map.wrappedKeys;
  if (!wrapped) throw new Error('no wrapped key');
  const rsa = original('glovebox: RSA');
  const [byRsa] = mapMessage(rsa.message).wrappedKeys;
  const altered = (name: string, at: number): Draft => ({
    ...{ name: `wrapped keys: ${name}`, why: REFUSED, expect: expects('UNWRAP_FAILED') },
    ...{ plaintext: one.plaintext, message: flip(one.message, at) },
  });
  const refused = (name: string, wrappedAs: (own: Buffer) => Buffer): Draft =>
    make(name, REFUSED, expects('UNWRAP_FAILED'), { wrapped: (own) => [wrappedAs(own)] });
  const invalid = (name: string, wrappedAs: () => Buffer): Draft =>
    make(name, 'none of its fields may be empty', expectsAll('HEADER_INVALID'), { wrapped: () => [wrappedAs()] });
  const { keyNamespace, keyName } = aesKey('aes');
  const info = (tagBits: number, iv: number) =>
    Buffer.concat([Buffer.from(keyName), u32(tagBits), u32(iv), Buffer.alloc(iv)]);
  const entry = (about: Uint8Array, key: Uint8Array) =>
    Buffer.concat([counted(keyNamespace), counted(about), counted(key)]);
  return [
    { ...altered('another key of that name', 0), keyring: ['aes, another'], message: one.message },
    { ...altered('a key of another name', 0), keyring: ['recovery'], message: one.message },
    { ...altered('an RSA key', 0), keyring: ['rsa'], message: one.message },
    altered('the namespace altered', wrapped.provider.at),
    altered('the name altered', wrapped.info.at),
    altered('the IV altered', wrapped.info.end - 1),
    altered('the wrapped key altered', wrapped.key.at),
    altered('the wrapped key’s tag altered', wrapped.key.end - 1),
    invalid('empty', () => Buffer.concat([u16(0), u16(0), u16(0)])),
    invalid('an empty key', () => entry(info(128, 12), Buffer.alloc(0))),
    refused('a key of 1 byte', () => entry(info(128, 12), Buffer.of(1))),
    refused('a tag of 96 bits', () => entry(info(96, 12), Buffer.alloc(48))),
    refused('an IV of 11 bytes', () => entry(info(128, 11), Buffer.alloc(48))),
    refused('the name alone', () => entry(Buffer.from(keyName), Buffer.alloc(48))),
    {
      ...altered('under RSA: altered', 0),
      keyring: ['rsa'],
      plaintext: rsa.plaintext,
      message: flip(rsa.message, byRsa?.key.at ?? 0),
    },
    {
      ...altered('under RSA: another key of that name', 0),
      keyring: ['rsa, another'],
      plaintext: rsa.plaintext,
      message: rsa.message,
    },
  ];
}

function odd(): Draft[] {
  const foreign = () => wrapDataKey(aesKey('aes'), seededBytes('foreign', 32), seededBytes('foreign IV', 12), AAD);
  const short = () => wrapDataKey(aesKey('aes'), seededBytes('foreign', 16), seededBytes('foreign IV', 12), AAD);
  const kms = Buffer.concat([
    counted('aws-kms'),
    counted('arn:aws:kms:eu-west-1:000000000000:key/x'),
    counted('sealed'),
  ]);
  return [
    make(
      'another data key, wrapped under the right key',
      'the header commits to one data key (no two readers see different plaintexts)',
      expects('COMMITMENT'),
      {
        wrapped: () => [foreign()],
      },
    ),
    make(
      'another data key first',
      'the first that unwraps counts, and is not the one committed to',
      expects('COMMITMENT'),
      {
        wrapped: (own) => [foreign(), own],
      },
    ),
    make('another data key last', 'the first that unwraps counts', expects('opens'), {
      wrapped: (own) => [own, foreign()],
    }),
    make('a data key of 16 bytes', 'too short for the suite', expects('UNWRAP_FAILED'), { wrapped: () => [short()] }),
    make('one of a provider that is not known, first', 'it is passed over', expects('opens'), {
      wrapped: (own) => [kms, own],
    }),
    make('one that does not unwrap, first', 'it is passed over', expects('opens'), {
      wrapped: (own) => [flip(own, own.byteLength - 1), own],
    }),
  ];
}
