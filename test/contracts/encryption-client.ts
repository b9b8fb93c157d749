// What every other implementation of the AWS Encryption SDK's message format must agree on with ours,
// in both directions: what we seal opens there, what is sealed there opens here.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initLocalKeys, type LocalKeys } from '../../src/keys/index.ts';
import { type EncryptionContext, SealError } from '../../src/seal/index.ts';
import type { EncryptionClient } from '../support/encryption-client.ts';
import { boundarySizes, CONTEXT, openBytes, sealBytes } from '../support/seal.ts';
import {
  keyringOf,
  newAesKey,
  newRsaKey,
  publicHalf,
  type RsaKey,
  type WrappingKey,
} from '../support/wrapping-keys.ts';

const DEFAULT_FRAME_LENGTH = 256 * 1024;
const aes = newAesKey();

/** Contexts that a serializer can get wrong: order, length, encoding, names that JavaScript objects have. */
export const CONTEXTS: Record<string, EncryptionContext> = {
  'no pair': {},
  'other scripts': { 'glovebox:dataset': 'réclamations', 日本: '語', Ελλάδα: '\u{1F600}', 'a b\t"\\=,': 'c\n\0d' },
  'composed and decomposed letters, which are different names': { 'caf\u00e9': '1', 'cafe\u0301': '2' },
  // By UTF-16 the surrogates of U+1F511 come before U+FFFD and U+E000, by UTF-8 after them.
  'names that sort differently by UTF-8 and UTF-16': { '\u{1F511}': '1', '\uFFFD': '2', '\uE000': '3', z: '4' },
  'many pairs': Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`name-${index}`, `${index}`])),
  'a long value': { long: 'é'.repeat(4000) },
  'an empty value': { empty: '', last: 'x' },
  'names of an object’s own': JSON.parse('{"__proto__":"1","constructor":"2","toString":"3"}'),
};

interface Limits {
  /** What the client's frame lengths must be a multiple of, when it writes. */
  multiple: number;
}

/** Runs the contract; `client` is asked for in each test. */
export function describeEncryptionClient(name: string, client: () => EncryptionClient, { multiple }: Limits): void {
  describe(`${name} and we agree on`, () => {
    describeSizes(client, multiple);
    describeKeys(client);
    describeLocalKeys(client);
    describe('the encryption context:', () => {
      it.each(Object.entries(CONTEXTS))('%s', async (_, context) => {
        await expectBothWays(client(), 300, { context });
      });
    });
    describeRefusals(client);
  });
}

function describeSizes(client: () => EncryptionClient, multiple: number): void {
  it.each([1, 128, 999, 4096, 65_536 + 128, DEFAULT_FRAME_LENGTH])('frames of %i bytes', async (frameLength) => {
    // More than 256 frames: the sequence number takes two bytes.
    const sizes = [...boundarySizes(frameLength), ...(frameLength <= 4096 ? [300 * frameLength + 1] : [])];
    const theyWrite = frameLength % multiple === 0;
    for (const size of sizes) await expectBothWays(client(), size, { frameLength, theyWrite });
  });
}

function describeKeys(client: () => EncryptionClient): void {
  it.each([128, 192, 256] as const)('raw AES-%i', async (bits) => {
    await expectBothWays(client(), 5000, { keys: [newAesKey(bits)] });
  });

  // Names only: the Python client writes a namespace that is not ASCII so that it cannot read it again.
  it('keys whose names are not ASCII', async () => {
    await expectBothWays(client(), 5000, { keys: [newAesKey(256, 'schlüssel/\u{1F511}')] });
    await expectBothWays(client(), 5000, { keys: [{ ...(await newRsaKey(2048)), keyName: '鍵' }] });
  });

  it.each([2048, 4096] as const)('raw RSA-%i, sealed with the public half', async (bits) => {
    const key = await newRsaKey(bits);
    await expectBothWays(client(), 5000, { keys: [publicHalf(key)], openWith: [[key]] });
  });

  it('several keys on one message, each of which opens it alone', async () => {
    const rsa: Required<RsaKey> = await newRsaKey(2048);
    const first = newAesKey(256, 'box');
    const second = newAesKey(192, 'recovery');
    // The official JavaScript keyring goes by the beginning of a name: it must not stop at the wrong one.
    const next = newAesKey(256, 'box/2');
    const keys = [first, publicHalf(rsa), second, next];
    await expectBothWays(client(), 5000, { keys, openWith: [[first], [rsa], [second], [next], [newAesKey(), second]] });
  });
}

function describeLocalKeys(client: () => EncryptionClient): void {
  let folder: string;
  let keys: LocalKeys;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glovebox-interop-'));
    keys = await initLocalKeys({ directory: join(folder, 'keys'), root: { file: join(folder, 'root.key') } });
    await keys.create('raw');
    await keys.create('drop', 'drop-box');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const exported = async (version: number): Promise<WrappingKey> => {
    const { keyMaterial, ...named } = await keys.exportKey('raw', version);
    return { ...named, keyMaterial: Buffer.from(keyMaterial).toString('base64') };
  };

  it('an exported key of the local key store, before and after a rotation', async () => {
    const plaintext = randomBytes(5000);
    const ours = await sealBytes(plaintext, { keyring: await keys.keyring('raw') });
    const theirs = await client().seal(plaintext, { keys: [await exported(1)], context: CONTEXT, frameLength: 4096 });
    await keys.rotate('raw');
    expectOpened(await client().open(ours.bytes, [await exported(1)]), plaintext, CONTEXT);
    expectOpened(await openBytes(theirs, { keyring: await keys.keyring('raw') }), plaintext, CONTEXT);
    await expect(client().open(ours.bytes, [await exported(2)])).rejects.toThrow();
    const newer = await sealBytes(plaintext, { keyring: await keys.keyring('raw') });
    expectOpened(await client().open(newer.bytes, [await exported(2)]), plaintext, CONTEXT);
  });

  it('a drop-box key: sealed with the public half, opened with the private one', async () => {
    const plaintext = randomBytes(5000);
    const { pem, ...named } = await keys.publicKey('drop');
    const publicKey: WrappingKey = { ...named, publicKey: pem };
    const { keyMaterial } = await keys.exportKey('drop');
    const privateKey: WrappingKey = { ...named, privateKey: Buffer.from(keyMaterial).toString() };
    const theirs = await client().seal(plaintext, { keys: [publicKey], context: CONTEXT, frameLength: 4096 });
    expectOpened(await openBytes(theirs, { keyring: await keys.keyring('drop') }), plaintext, CONTEXT);
    const ours = await sealBytes(plaintext, { keyring: keyringOf([publicKey]) });
    expectOpened(await client().open(ours.bytes, [privateKey]), plaintext, CONTEXT);
  });
}

function describeRefusals(client: () => EncryptionClient): void {
  it('what neither opens: another key, an altered header, frame or tag, a message cut off', async () => {
    const plaintext = randomBytes(1000);
    const ours = (await sealBytes(plaintext, { keyring: keyringOf([aes]), frameLength: 256 })).bytes;
    const theirs = await client().seal(plaintext, { keys: [aes], context: CONTEXT, frameLength: 256 });
    for (const sealed of [ours, Buffer.from(theirs)]) {
      expectOpened(await client().open(sealed, [aes]), plaintext, CONTEXT);
      await expectRefused(client(), sealed, newAesKey());
      // The message id, the first frame's ciphertext, the final tag.
      for (const at of [10, sealed.byteLength - 900, sealed.byteLength - 1]) {
        const altered = Buffer.from(sealed);
        altered[at] = ~(altered[at] ?? 0);
        await expectRefused(client(), altered, aes);
      }
      await expectRefused(client(), sealed.subarray(0, -1), aes);
      await expectRefused(client(), sealed.subarray(0, 100), aes);
    }
  });
}

interface Case {
  keys?: WrappingKey[];
  /** Default: `keys`, together. */
  openWith?: WrappingKey[][];
  context?: EncryptionContext;
  frameLength?: number;
  theyWrite?: boolean;
}

async function expectBothWays(client: EncryptionClient, size: number, wanted: Case): Promise<void> {
  const { keys = [aes], openWith = [keys], context = CONTEXT, frameLength = 128, theyWrite = true } = wanted;
  const plaintext = randomBytes(size);
  const ours = await sealBytes(plaintext, { keyring: keyringOf(keys), context, frameLength });
  for (const some of openWith) expectOpened(await client.open(ours.bytes, some), plaintext, context);
  if (!theyWrite) return;
  const theirs = await client.seal(plaintext, { keys, context, frameLength });
  for (const some of openWith) {
    const opened = await openBytes(theirs, { keyring: keyringOf(some), context });
    expectOpened(opened, plaintext, context);
    expect(opened.plaintextSize).toBe(size);
  }
}

interface Opened {
  plaintext: Uint8Array;
  context: EncryptionContext;
}

/** The plaintext and the context are these, whatever the order of the pairs. */
export function expectOpened(opened: Opened, plaintext: Uint8Array, context: EncryptionContext): void {
  expect(Buffer.from(plaintext).equals(opened.plaintext)).toBe(true);
  // As pairs: names like __proto__ would be lost in a comparison of objects.
  expect(pairs(opened.context)).toEqual(pairs(context));
}

function pairs(context: EncryptionContext): string[] {
  return Object.entries(context)
    .map((pair) => JSON.stringify(pair))
    .sort();
}

async function expectRefused(client: EncryptionClient, sealed: Uint8Array, key: WrappingKey): Promise<void> {
  await expect(client.open(sealed, [key])).rejects.toThrow();
  await expect(openBytes(sealed, { keyring: keyringOf([key]) })).rejects.toThrow(SealError);
}
