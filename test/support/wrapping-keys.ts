// Raw wrapping keys in one form for every client: what `glovebox key export` writes, and PEM for RSA.
import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import {
  type KeyringNode,
  MultiKeyringNode,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
  RawRsaKeyringNode,
} from '@aws-crypto/client-node';

interface Named {
  keyNamespace: string;
  keyName: string;
}

/** 16, 24 or 32 bytes in base64, for AES-GCM. */
export interface AesKey extends Named {
  keyMaterial: string;
}

/** PEM, for OAEP with SHA-256. The public half seals, the private one opens. */
export interface RsaKey extends Named {
  publicKey?: string;
  privateKey?: string;
}

export type WrappingKey = AesKey | RsaKey;

export function newAesKey(bits: 128 | 192 | 256 = 256, keyName = `aes/${bits}`, keyNamespace = 'glovebox'): AesKey {
  return { keyNamespace, keyName, keyMaterial: randomBytes(bits / 8).toString('base64') };
}

export async function newRsaKey(bits: 2048 | 4096): Promise<Required<RsaKey>> {
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { keyNamespace: 'glovebox', keyName: `rsa/${bits}`, ...pair };
}

/** What whoever may only seal has of `key`. */
export function publicHalf({ keyNamespace, keyName, publicKey }: Required<RsaKey>): RsaKey {
  return { keyNamespace, keyName, publicKey };
}

/** One keyring for all of `keys`: data keys are wrapped under each, and any one of them unwraps. */
export function keyringOf(keys: WrappingKey[]): KeyringNode {
  const [generator, ...children] = keys.map(keyringOfOne);
  if (generator === undefined) throw new Error('no key');
  return children.length === 0 ? generator : new MultiKeyringNode({ generator, children });
}

function keyringOfOne(key: WrappingKey): KeyringNode {
  const { keyNamespace, keyName } = key;
  if (!('keyMaterial' in key)) {
    const { publicKey, privateKey } = key;
    const rsaKey = { ...(publicKey ? { publicKey } : {}), ...(privateKey ? { privateKey } : {}) };
    return new RawRsaKeyringNode({ keyNamespace, keyName, rsaKey, oaepHash: 'sha256' });
  }
  const unencryptedMasterKey = new Uint8Array(Buffer.from(key.keyMaterial, 'base64'));
  const wrappingSuite = wrappingSuiteOf(unencryptedMasterKey.byteLength);
  // Without utf8Sorting this one client orders the context by UTF-16, and the others cannot unwrap.
  return new RawAesKeyringNode({ keyNamespace, keyName, unencryptedMasterKey, wrappingSuite, utf8Sorting: true });
}

function wrappingSuiteOf(length: number) {
  if (length === 16) return RawAesWrappingSuiteIdentifier.AES128_GCM_IV12_TAG16_NO_PADDING;
  if (length === 24) return RawAesWrappingSuiteIdentifier.AES192_GCM_IV12_TAG16_NO_PADDING;
  return RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING;
}
