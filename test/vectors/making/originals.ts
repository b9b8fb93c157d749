// Messages that open, made by three writers: ours, the official JavaScript client, the official Python client.
import type { EncryptionContext } from '../../../src/seal/index.ts';
import { javascriptBuffers, type SealRequest } from '../../support/encryption-client.ts';
import { seededBytes } from '../../support/forge.ts';
import { startPythonClient } from '../../support/python.ts';
import { COMMITTING, FRAME } from '../../support/samples.ts';
import { CONTEXT, sealBytes } from '../../support/seal.ts';
import { readKeys, type VectorClass } from '../../support/vectors.ts';
import { keyringOf, type WrappingKey } from '../../support/wrapping-keys.ts';
import { type Draft, expects, finish, SIGNED } from './vector.ts';

interface Order {
  name: string;
  why: string;
  size: number;
  frameLength?: number;
  suite?: number;
  context?: EncryptionContext;
  /** Names from wrapping-keys.json; default `aes`. */
  keys?: string[];
  /** Of these, the ones to open with; default all of `keys`. */
  openWith?: string[];
}

type Writer = (plaintext: Uint8Array, request: SealRequest) => Promise<Uint8Array>;

const OTHER_SCRIPTS = { ...CONTEXT, 日本: '語', Ελλάδα: '\u{1F600}', 'caf\u00e9': '1', 'cafe\u0301': '2' };
// By UTF-16 the surrogates of U+1F511 come before U+FFFD, by UTF-8 behind it.
const SORTED_DIFFERENTLY = { ...CONTEXT, '\u{1F511}': 'key', '\uFFFD': 'replacement', z: '' };
const OWN_NAMES = JSON.parse('{"__proto__":"1","constructor":"2","toString":"3"}');
const IN_TWO = 'opened with the second of two wrapped keys: the first is not in the keyring';
const EMPTY_LAST = 'an exact multiple, with an empty final frame behind full ones, as every writer makes it';
/** Ways that take messages of the older forms, where the caller allows them: those that open the whole. */
export const WHOLE_ONLY = { chunks: 'UNSUPPORTED', range: 'UNSUPPORTED', pipe: 'UNSUPPORTED' } as const;
export const ONLY_WHOLE =
  'a message of an older form is opened whole, through the official client: not from a pipe, into one, or in part';

const OURS: Order[] = [
  { name: 'glovebox: nothing', why: 'no plaintext: an empty final frame alone', size: 0 },
  { name: 'glovebox: one byte', why: 'a final frame alone', size: 1 },
  { name: 'glovebox: one byte less than a frame', why: 'a final frame that is not full', size: FRAME - 1 },
  {
    name: 'glovebox: one frame',
    why: 'an exact multiple: an empty final frame behind a full one',
    size: FRAME,
  },
  { name: 'glovebox: one byte more than a frame', why: 'a final frame of one byte', size: FRAME + 1 },
  { name: 'glovebox: three frames', why: EMPTY_LAST, size: 3 * FRAME },
  { name: 'glovebox: five frames and a part', why: 'the usual shape', size: 5 * FRAME + 7 },
  { name: 'glovebox: frames of one byte', why: 'the smallest frame length', size: 5, frameLength: 1 },
  { name: 'glovebox: no context', why: 'the context section is empty', size: 100, context: {} },
  { name: 'glovebox: other scripts', why: 'names and values that are not ASCII', size: 100, context: OTHER_SCRIPTS },
  {
    name: 'glovebox: sorted differently',
    why: 'names sort by UTF-8, not by UTF-16',
    size: 100,
    context: SORTED_DIFFERENTLY,
  },
  {
    name: 'glovebox: names of an object',
    why: 'names that JavaScript objects have by themselves',
    size: 100,
    context: OWN_NAMES,
  },
  { name: 'glovebox: two keys', why: IN_TWO, size: 100, keys: ['aes', 'recovery'], openWith: ['recovery'] },
  { name: 'glovebox: RSA', why: 'sealed with the public key (RSA-OAEP, SHA-256)', size: 100, keys: ['rsa'] },
];

const JAVASCRIPT: Order[] = [
  { name: 'JavaScript: two frames and a part', why: 'the usual shape', size: 2 * FRAME + 5 },
  { name: 'JavaScript: two frames', why: EMPTY_LAST, size: 2 * FRAME },
  { name: 'JavaScript: nothing', why: 'no plaintext', size: 0 },
  { name: 'JavaScript: frames of one byte', why: 'the smallest frame length', size: 3, frameLength: 1 },
  { name: 'JavaScript: other scripts', why: 'names and values that are not ASCII', size: 100, context: OTHER_SCRIPTS },
  { name: 'JavaScript: RSA and AES', why: IN_TWO, size: 100, keys: ['rsa', 'aes'], openWith: ['aes'] },
  {
    name: 'JavaScript: RSA unsorted',
    why: 'names sorted by UTF-16 in the header',
    size: 70,
    context: SORTED_DIFFERENTLY,
    keys: ['rsa'],
  },
  { name: 'JavaScript: signed', why: 'suite 0x0578: a signature in the footer', size: 2 * FRAME + 5, suite: SIGNED },
  { name: 'JavaScript: signed, another', why: 'suite 0x0578', size: 2 * FRAME + 5, suite: SIGNED },
  { name: 'JavaScript: signed, two frames', why: EMPTY_LAST, size: 2 * FRAME, suite: SIGNED },
  {
    name: 'JavaScript: signed, RSA',
    why: 'the signing key is bound by the header tag alone',
    size: 70,
    suite: SIGNED,
    keys: ['rsa'],
  },
  { name: 'JavaScript: 0x0178', why: 'version 1, framed, without key commitment', size: 2 * FRAME + 5, suite: 0x0178 },
  { name: 'JavaScript: 0x0178, two frames', why: `version 1; ${EMPTY_LAST}`, size: 2 * FRAME, suite: 0x0178 },
  { name: 'JavaScript: 0x0378', why: 'version 1, framed, signed', size: 2 * FRAME + 5, suite: 0x0378 },
];

const PYTHON: Order[] = [
  { name: 'Python: two frames and a part', why: 'the usual shape', size: 261, frameLength: 128 },
  { name: 'Python: two frames', why: EMPTY_LAST, size: 256, frameLength: 128 },
  { name: 'Python: nothing', why: 'no plaintext', size: 0, frameLength: 128 },
  {
    name: 'Python: other scripts',
    why: 'names and values that are not ASCII',
    size: 100,
    frameLength: 128,
    context: OTHER_SCRIPTS,
  },
  {
    name: 'Python: sorted differently',
    why: 'names sort by UTF-8, not by UTF-16',
    size: 100,
    frameLength: 128,
    context: SORTED_DIFFERENTLY,
  },
  { name: 'Python: RSA', why: 'RSA-OAEP with SHA-256', size: 100, frameLength: 128, keys: ['rsa'] },
  { name: 'Python: two keys', why: IN_TWO, size: 100, frameLength: 128, keys: ['recovery', 'aes'], openWith: ['aes'] },
  { name: 'Python: AES-192', why: 'a wrapping key of 192 bits', size: 100, frameLength: 128, keys: ['aes-192'] },
  {
    name: 'Python: signed',
    why: 'suite 0x0578: a signature in the footer',
    size: 261,
    frameLength: 128,
    suite: SIGNED,
  },
  { name: 'Python: signed, two frames', why: EMPTY_LAST, size: 256, frameLength: 128, suite: SIGNED },
  {
    name: 'Python: 0x0014',
    why: 'version 1, AES-128, the data key used as it is',
    size: 261,
    frameLength: 128,
    suite: 0x0014,
  },
  { name: 'Python: 0x0146', why: 'version 1, AES-192, HKDF-SHA256', size: 261, frameLength: 128, suite: 0x0146 },
  { name: 'Python: 0x0214', why: 'version 1, AES-128, signed with P-256', size: 261, frameLength: 128, suite: 0x0214 },
  { name: 'Python: 0x0078, unframed', why: 'version 1, one block', size: 200, frameLength: 0, suite: 0x0078 },
  {
    name: 'Python: 0x0178, unframed, nothing',
    why: 'version 1, one empty block',
    size: 0,
    frameLength: 0,
    suite: 0x0178,
  },
  {
    name: 'Python: 0x0378, unframed',
    why: 'version 1, one block, signed with P-384',
    size: 200,
    frameLength: 0,
    suite: 0x0378,
  },
];

/** Makes them anew: no two runs give the same bytes. `GLOVEBOX_PYTHON` names a Python with the client. */
export async function makeOriginals(): Promise<VectorClass[]> {
  const python = startPythonClient();
  const ours: Writer = async (plaintext, { keys, context, frameLength }) =>
    (await sealBytes(plaintext, { keyring: keyringOf(keys), context, frameLength })).bytes;
  try {
    return [
      await fill('opens, made by Glovebox', OURS, ours),
      await fill('opens, made by the JavaScript client', JAVASCRIPT, javascriptBuffers.seal.bind(javascriptBuffers)),
      await fill('opens, made by the Python client', PYTHON, python.seal.bind(python)),
    ];
  } finally {
    await python.stop();
  }
}

async function fill(name: string, orders: Order[], write: Writer): Promise<VectorClass> {
  const vectors: Draft[] = [];
  for (const order of orders) {
    const { size, frameLength = FRAME, suite = COMMITTING, context = CONTEXT, keys = ['aes'], openWith = keys } = order;
    const plaintext = seededBytes(order.name, size);
    const message = await write(plaintext, { keys: keys.map(named), context, frameLength, suite });
    const older = suite < 0x0400;
    vectors.push({
      ...{ name: order.name, why: order.why, expect: expects('opens', older ? WHOLE_ONLY : {}) },
      ...(older ? { difference: ONLY_WHOLE, allowNonCommitting: true } : {}),
      ...{ keyring: openWith, context, plaintext, message },
    });
  }
  return { class: name, vectors: vectors.map(finish) };
}

function named(name: string): WrappingKey {
  const key = readKeys()[name];
  if (!key) throw new Error(`no key ${name}`);
  return key;
}
