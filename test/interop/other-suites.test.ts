// Messages of other suites and forms, made by the official clients, open here: signed ones always, those of
// version 1, without key commitment or unframed only where the caller allows them.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenOptions } from '../../src/seal/index.ts';
import { CONTEXTS, expectOpened } from '../contracts/encryption-client.ts';
import { type EncryptionClient, javascriptBuffers, OUR_SUITE, type SealRequest } from '../support/encryption-client.ts';
import { missingPython, type PythonClient, startPythonClient } from '../support/python.ts';
import { boundarySizes, CONTEXT, codeOf, openBytes } from '../support/seal.ts';
import { keyringOf, newAesKey, newRsaKey, publicHalf, type WrappingKey } from '../support/wrapping-keys.ts';

/** With key commitment and an ECDSA signature: what the clients write when nothing is asked of them. */
const SIGNED = 0x0578;
const PUBLIC_KEY = 'aws-crypto-public-key';
/** Every suite of version 1: without and with key derivation, and with a signature. */
const LEGACY = [0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378];
const LEGACY_SIGNED = [0x0214, 0x0346, 0x0378];
const hex = (suite: number) => `0x${suite.toString(16).padStart(4, '0')}`;
const aes = newAesKey();
const rsa = await newRsaKey(2048);

let python: PythonClient;
beforeAll(() => {
  if (missingPython() === undefined) python = startPythonClient();
});
afterAll(() => python?.stop());

function skipWithoutPython(): void {
  beforeEach((context) => {
    const reason = missingPython();
    if (reason !== undefined) context.skip(reason);
  });
}

describe('of the official JavaScript client', () => describeFramed(() => javascriptBuffers));
describe('of the official Python client', () => {
  skipWithoutPython();
  describeFramed(() => python);
  describeUnframed();
});

function describeFramed(client: () => EncryptionClient): void {
  it.each([128, 4096, 256 * 1024])('signed messages open, frames of %i bytes', async (frameLength) => {
    for (const size of boundarySizes(frameLength)) await expectSigned(client(), size, { frameLength });
  });

  it.each(Object.entries(CONTEXTS))('signed messages open, with a context of %s', async (_, context) => {
    await expectSigned(client(), 300, { context });
  });

  it('signed messages open with each of several keys', async () => {
    await expectSigned(client(), 300, { keys: [aes, publicHalf(rsa)], openWith: [[aes], [rsa]] });
  });

  it('a signed message whose signature is altered, foreign or missing is refused', async () => {
    const [message, other] = await Promise.all([1, 2].map(() => seal(client(), randomBytes(300), { suite: SIGNED })));
    if (!message || !other) throw new Error('nothing was sealed');
    const begin = footerAt(message);
    for (const at of [begin + 2, begin + 3, begin + 20, message.byteLength - 20, message.byteLength - 1]) {
      const altered = Buffer.from(message);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(await codeOf(openBytes(altered, { keyring: keyringOf([aes]) }))).toBe('SIGNATURE');
    }
    const spliced = Buffer.concat([message.subarray(0, begin), other.subarray(footerAt(other))]);
    expect(await codeOf(openBytes(spliced, { keyring: keyringOf([aes]) }))).toBe('SIGNATURE');
    for (const end of [message.byteLength - 1, begin + 1, begin]) {
      expect(await codeOf(openBytes(message.subarray(0, end), { keyring: keyringOf([aes]) }))).toBe('TRUNCATED');
    }
    const longer = Buffer.concat([message, Buffer.alloc(1)]);
    expect(await codeOf(openBytes(longer, { keyring: keyringOf([aes]) }))).toBe('TRAILING_BYTES');
  });

  it.each(LEGACY.map(hex))('suite %s opens when it is allowed', async (name) => {
    for (const size of boundarySizes(128))
      await expectLegacy(client(), size, { suite: Number(name), frameLength: 128 });
    await expectLegacy(client(), 300, { suite: Number(name), keys: [publicHalf(rsa)], openWith: [[rsa]] });
  });

  it.each(Object.entries(CONTEXTS))('version 1 opens when it is allowed, with a context of %s', async (_, context) => {
    await expectLegacy(client(), 300, { suite: 0x0178, context });
  });
}

function describeUnframed(): void {
  it.each([...LEGACY, OUR_SUITE, SIGNED].map(hex))('suite %s, unframed, opens when it is allowed', async (name) => {
    for (const size of [0, 1, 127, 4096, 100_000]) {
      await expectLegacy(python, size, { suite: Number(name), frameLength: 0 });
    }
  });
}

interface Case extends Partial<SealRequest> {
  /** Default: `keys`, together. */
  openWith?: WrappingKey[][];
}

async function expectSigned(client: EncryptionClient, size: number, wanted: Case): Promise<void> {
  const { keys = [aes], openWith = [keys], context = CONTEXT } = wanted;
  const plaintext = randomBytes(size);
  const sealed = await seal(client, plaintext, { ...wanted, suite: SIGNED });
  for (const some of openWith) await expectOpens(sealed, plaintext, { keyring: keyringOf(some), context }, true);
}

/** Refused as it is, opened where allowed, and refused again when its last byte (of the tag, or signature) is altered. */
async function expectLegacy(client: EncryptionClient, size: number, wanted: Case & { suite: number }): Promise<void> {
  const { suite, keys = [aes], openWith = [keys], context = CONTEXT } = wanted;
  const signed = suite === SIGNED || LEGACY_SIGNED.includes(suite);
  const plaintext = randomBytes(size);
  const sealed = await seal(client, plaintext, wanted);
  const altered = Buffer.from(sealed);
  altered.writeUInt8(altered.readUInt8(altered.byteLength - 1) ^ 1, altered.byteLength - 1);
  for (const some of openWith) {
    const options = { keyring: keyringOf(some), context };
    expect(await codeOf(openBytes(sealed, options))).toBe('NON_COMMITTING');
    expect(await codeOf(openBytes(sealed, { ...options, allowNonCommitting: false }))).toBe('NON_COMMITTING');
    await expectOpens(sealed, plaintext, { ...options, allowNonCommitting: true }, signed);
    const code = await codeOf(openBytes(altered, { ...options, allowNonCommitting: true }));
    expect(code).toBe(signed ? 'SIGNATURE' : 'FRAME_AUTH');
  }
}

async function expectOpens(sealed: Buffer, plaintext: Buffer, options: OpenOptions, signed: boolean): Promise<void> {
  const opened = await openBytes(sealed, options);
  const { [PUBLIC_KEY]: publicKey, ...context } = opened.context;
  expectOpened({ plaintext: opened.plaintext, context }, plaintext, options.context);
  expect(opened.plaintextSize).toBe(plaintext.byteLength);
  // A compressed point of P-256 or P-384 in base64.
  if (signed) expect(publicKey).toMatch(/^[A-Za-z0-9+/]{44}$|^[A-Za-z0-9+/]{66}==$/);
  else expect(publicKey).toBeUndefined();
}

async function seal(client: EncryptionClient, plaintext: Uint8Array, wanted: Partial<SealRequest>): Promise<Buffer> {
  const { keys = [aes], context = CONTEXT, frameLength = 4096, suite = OUR_SUITE } = wanted;
  return Buffer.from(await client.seal(plaintext, { keys, context, frameLength, suite }));
}

/** Where the footer begins: a DER signature with its length before it ends the message. */
function footerAt(message: Buffer): number {
  for (let size = 100; size < 110; size++) {
    const at = message.byteLength - size;
    if (message.readUInt16BE(at) === size - 2 && message[at + 2] === 0x30) return at;
  }
  throw new Error('no footer');
}
