// One face for every other implementation of the message format, and the official JavaScript client behind it.
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buildClient, CommitmentPolicy, type MessageHeader } from '@aws-crypto/client-node';
import { chunked, collect, official } from './seal.ts';
import { keyringOf, type WrappingKey } from './wrapping-keys.ts';

/** The suite that we write: with key commitment, without signature. */
export const OUR_SUITE = 0x0478;

export interface SealRequest {
  keys: WrappingKey[];
  context: Record<string, string>;
  /** Plaintext bytes; 0 makes an unframed message, where the client can. */
  frameLength: number;
  /** Default: `OUR_SUITE`. */
  suite?: number;
}

export interface EncryptionClient {
  seal(plaintext: Uint8Array, request: SealRequest): Promise<Uint8Array>;
  open(sealed: Uint8Array, keys: WrappingKey[]): Promise<{ plaintext: Uint8Array; context: Record<string, string> }>;
}

// Writes suites without key commitment too.
const lenient = buildClient(CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT);
const clientFor = (suite: number) => (suite >= 0x0400 ? official : lenient);

/** The official JavaScript client, whole buffers. */
export const javascriptBuffers: EncryptionClient = {
  async seal(plaintext, { keys, context, frameLength, suite = OUR_SUITE }) {
    const options = { encryptionContext: context, frameLength, suiteId: suite };
    return (await clientFor(suite).encrypt(keyringOf(keys), Buffer.from(plaintext), options)).result;
  },
  async open(sealed, keys) {
    const { plaintext, messageHeader } = await official.decrypt(keyringOf(keys), Buffer.from(sealed));
    return { plaintext, context: { ...messageHeader.encryptionContext } };
  },
};

/** The same, in streams of chunks that know nothing of frames. */
export const javascriptStreams: EncryptionClient = {
  async seal(plaintext, { keys, context, frameLength, suite = OUR_SUITE }) {
    const options = { encryptionContext: context, frameLength, suiteId: suite };
    const sealing = clientFor(suite).encryptStream(keyringOf(keys), options);
    return collectThrough(plaintext, sealing);
  },
  async open(sealed, keys) {
    const opening = official.decryptStream(keyringOf(keys));
    let header: MessageHeader | undefined;
    opening.once('MessageHeader', (read: MessageHeader) => {
      header = read;
    });
    return { plaintext: await collectThrough(sealed, opening), context: { ...header?.encryptionContext } };
  },
};

async function collectThrough(bytes: Uint8Array, through: Duplex): Promise<Uint8Array> {
  const [collected] = await Promise.all([collect(through), pipeline(Readable.from(chunked(bytes, 1013)), through)]);
  return collected;
}
