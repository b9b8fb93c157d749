// Encryption contexts: not the expected one, altered, malformed, out of bounds; and odd ones that open.
import {
  contextSection,
  counted,
  forge,
  framesOf,
  type Pairs,
  type Recipe,
  seededBytes,
  sortedPairs,
  u16,
} from '../../support/forge.ts';
import { flip, mapMessage, replacePart } from '../../support/message-map.ts';
import { FRAME, recipe } from '../../support/samples.ts';
import { CONTEXT } from '../../support/seal.ts';
import { type Draft, expects, expectsAll, one, original } from './vector.ts';

const map = mapMessage(one.message);
const MAX_SECTION = 8192;
const sorted = sortedPairs(CONTEXT);
const PLAIN = seededBytes('context', FRAME + 20);
const NOT_EXPECTED = 'the object belongs to another dataset or workspace (I5)';
const MALFORMED = 'the section’s lengths and counts do not come out even';

export function makeContext(): Draft[] {
  return [...notExpected(), ...malformed(), ...odd()];
}

function notExpected(): Draft[] {
  const expecting = (name: string, context: Record<string, string>): Draft => ({
    ...{ name: `context: ${name}`, why: NOT_EXPECTED, expect: expects('CONTEXT_MISMATCH'), context },
    ...{ plaintext: one.plaintext, message: one.message },
  });
  const rsa = original('JavaScript: RSA unsorted');
  const at = (name: string, message: Uint8Array, text: string) =>
    Buffer.from(message).indexOf(text) + text.indexOf(name);
  const noted = build('noted', { context: { ...CONTEXT, note: 'plain' } });
  return [
    expecting('another dataset', { ...CONTEXT, 'glovebox:dataset': 'claims-features' }),
    expecting('a dataset that begins the same', { ...CONTEXT, 'glovebox:dataset': 'claims' }),
    expecting('a pair that is not there', { ...CONTEXT, purpose: 'x' }),
    expecting('a pair that is not there, with an empty value', { ...CONTEXT, purpose: '' }),
    expecting('the name of a method', { toString: 'x' }),
    {
      ...{ name: 'context: an expected value altered', why: NOT_EXPECTED, expect: expects('CONTEXT_MISMATCH') },
      ...{ plaintext: one.plaintext, message: flip(one.message, at('raw', one.message, 'claims-raw')) },
    },
    {
      ...{ name: 'context: another value altered', why: 'the wrapped key is bound to the context' },
      ...{ expect: expects('UNWRAP_FAILED'), plaintext: PLAIN, message: flip(noted, at('plain', noted, 'plain')) },
    },
    {
      ...{ name: 'context: another value altered, under RSA', why: 'the header tag binds it' },
      ...{ expect: expects('HEADER_AUTH'), keyring: ['rsa'], plaintext: rsa.plaintext },
      message: flip(rsa.message, at('replacement', rsa.message, 'replacement')),
    },
    {
      ...{ name: 'context: all of it cut out', why: 'what is not expected there still binds the key', context: {} },
      ...{ expect: expects('UNWRAP_FAILED'), plaintext: one.plaintext },
      message: replacePart(one.message, { at: map.contextLength.at, end: map.context.end }, u16(0)),
    },
  ];
}

function malformed(): Draft[] {
  const section = contextSection(sorted);
  const lie = (at: number, by: number) => {
    const copy = Buffer.from(section);
    copy.writeUInt16BE(copy.readUInt16BE(at) + by, at);
    return copy;
  };
  const make = (name: string, why: string, more: Partial<Recipe>, expect = expectsAll('HEADER_INVALID')): Draft => ({
    ...{ name: `context: ${name}`, why, expect, plaintext: PLAIN, message: build(name, more) },
  });
  const [pair = ['', '']] = sorted;
  const twice: Pairs = [...sorted, pair];
  const valueAt = 2 + counted(pair[0]).byteLength;
  const text = 'names and values are UTF-8, or two contexts would read as one';
  const bound = 'a bound on what is read, before memory is reserved';
  const raw = (pairs: Pairs) => ({ section: contextSection([...sorted, ...pairs]) });
  return [
    make('a name twice', 'which value would count?', { section: contextSection(twice) }),
    make('a name twice, with another value', 'which value would count?', {
      section: contextSection([...sorted, [pair[0], 'claims-features']]),
    }),
    make('one pair more than there are', MALFORMED, { section: contextSection(sorted, 3) }),
    make('one pair less than there are', MALFORMED, { section: contextSection(sorted, 1) }),
    make('no pair, and pairs', MALFORMED, { section: contextSection(sorted, 0) }),
    make('a name’s length too large', MALFORMED, { section: lie(2, 1) }),
    make('a name’s length of 65535', MALFORMED, { section: lie(2, 0xffff - section.readUInt16BE(2)) }),
    make('a value’s length too small', MALFORMED, { section: lie(valueAt, -1) }),
    make('a section’s length too large', MALFORMED, { sectionLength: section.byteLength + 1 }),
    make('a section’s length too small', MALFORMED, { sectionLength: section.byteLength - 1 }),
    make('a section of one byte', MALFORMED, { section: Buffer.of(0) }),
    make('a section’s length of 65535', bound, { sectionLength: 0xffff }, expectsAll('LIMIT')),
    make('a section of 8193 bytes', bound, { context: ofSize(MAX_SECTION + 1) }, expectsAll('LIMIT')),
    make('a name that is not UTF-8', text, raw([[Buffer.of(0x7a, 0xff), 'x']])),
    make('a value that is not UTF-8', text, raw([['z', Buffer.of(0xc3)]])),
    make('a surrogate in UTF-8', text, raw([['z', Buffer.of(0xed, 0xa0, 0x80)]])),
    make('an overlong letter', text, raw([['z', Buffer.of(0xc1, 0x81)]])),
  ];
}

function odd(): Draft[] {
  const make = (
    name: string,
    why: string,
    more: Partial<Recipe>,
    context: Record<string, string> = CONTEXT,
  ): Draft => ({
    ...{
      name: `context: ${name}`,
      why,
      expect: expects('opens'),
      context,
      plaintext: PLAIN,
      message: build(name, more),
    },
  });
  return [
    make('unsorted', 'only writers must sort', { section: contextSection(sorted.toReversed()) }),
    make('a section of 8192 bytes', 'the largest', { context: ofSize(MAX_SECTION) }),
    make('empty, with a count', 'a count of 0 instead of nothing', { context: {}, section: u16(0) }, {}),
    make(
      'a NUL in a value',
      'nothing ends a text but its length',
      { context: { ...CONTEXT, z: 'a\0b' } },
      { ...CONTEXT, z: 'a\0b' },
    ),
  ];
}

/** A context whose section takes `size` bytes. */
function ofSize(size: number): Record<string, string> {
  const empty = contextSection(sortedPairs({ ...CONTEXT, long: '' })).byteLength;
  return { ...CONTEXT, long: 'x'.repeat(size - empty) };
}

function build(seed: string, more: Partial<Recipe>): Buffer {
  const made = forge(recipe(seed, more));
  return Buffer.concat([made.header, ...framesOf(made, PLAIN, FRAME)]);
}
