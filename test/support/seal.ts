// What the tests of seal/ share: keyrings, sealed bytes in memory, the official client.
import { randomBytes } from 'node:crypto';
import { buildClient, CommitmentPolicy } from '@aws-crypto/client-node';
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node';
import {
  type OpenOptions,
  openStream,
  SealError,
  type SealErrorCode,
  type SealedSource,
  type SealOptions,
  sealStream,
} from '../../src/seal/index.ts';

export const CONTEXT = { 'glovebox:workspace': 'claims', 'glovebox:dataset': 'claims-raw' };
export const official = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

export function rawKeyring(keyName = 'k/1', keyMaterial: Uint8Array = new Uint8Array(32).fill(7)) {
  return new RawAesKeyringNode({
    keyNamespace: 'glovebox',
    keyName,
    unencryptedMasterKey: new Uint8Array(keyMaterial),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    utf8Sorting: true,
  });
}

/** A source over bytes in memory. */
export function sourceOf(bytes: Uint8Array): SealedSource {
  return {
    size: bytes.byteLength,
    async read(buffer, offset) {
      const part = bytes.subarray(offset, offset + buffer.byteLength);
      buffer.set(part);
      return part.byteLength;
    },
  };
}

/** `bytes` in chunks of `size`: copies, because sealing wipes what it takes. */
export async function* chunked(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.byteLength; from += size) yield Buffer.from(bytes.subarray(from, from + size));
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

export async function sealBytes(plaintext: Uint8Array, options: Partial<SealOptions> = {}) {
  const stream = await sealStream(chunked(plaintext), { keyring: rawKeyring(), context: CONTEXT, ...options });
  return { bytes: await collect(stream.chunks), summary: await stream.summary, messageId: stream.messageId };
}

export async function openBytes(sealed: Uint8Array, options: Partial<OpenOptions> = {}) {
  const stream = await openStream(sourceOf(sealed), { keyring: rawKeyring(), context: CONTEXT, ...options });
  return { ...stream, plaintext: await collect(stream.chunks) };
}

/** The code with which `promise` rejects; `undefined` when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<SealErrorCode | undefined> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SealError) return error.code;
    throw error;
  }
  return undefined;
}

/** Sizes around the boundaries of frames of `length`. */
export function boundarySizes(length: number): number[] {
  return [...new Set([0, 1, length - 1, length, length + 1, 2 * length - 1, 2 * length, 2 * length + 1, 5 * length])];
}

export function randomPlaintext(size: number): Buffer {
  return randomBytes(size);
}
