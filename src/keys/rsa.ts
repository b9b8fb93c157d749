// RSA keys: made, bounded, named and turned into keyrings. Wrapping is RSAES-OAEP (RFC 8017, section 7.1)
// with SHA-256, in MGF1 too: node:crypto takes the OAEP hash for both where only one is named.
import { constants, createHash, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import {
  type EncryptedDataKey,
  KeyringNode,
  type NodeDecryptionMaterial,
  type NodeEncryptionMaterial,
} from '@aws-crypto/material-management-node';
import { RawRsaKeyringNode } from '@aws-crypto/raw-rsa-keyring-node';
import { KeyError } from './error.ts';
import { KEY_NAMESPACE } from './raw-aes.ts';

const NEW_MODULUS_LENGTH = 4096;
const MIN_MODULUS_LENGTH = 2048;
const MAX_MODULUS_LENGTH = 8192;
// FIPS 186-5, appendix A.1.1: 2^16 < e < 2^256. With e = 1 a data key would be wrapped in nothing.
const MIN_EXPONENT = 2n ** 16n;
const MAX_EXPONENT = 2n ** 256n;

/** A new RSA-4096 pair: the private key as PKCS#8 DER, some 2,400 bytes. The caller wipes them. */
export async function newPrivateKey(): Promise<Buffer> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: NEW_MODULUS_LENGTH,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return privateKey;
}

/** @throws KeyError `INVALID` unless `key` is RSA of 2048 to 8192 bits with a usual exponent */
export function assertRsa(key: KeyObject): void {
  const { asymmetricKeyType, asymmetricKeyDetails: details } = key;
  if (asymmetricKeyType !== 'rsa') {
    throw new KeyError('INVALID', `the key is of type ${asymmetricKeyType}, not RSA`, {
      hint: 'make one with: glovebox key create ALIAS --drop-box',
    });
  }
  const { modulusLength = 0, publicExponent = 0n } = details ?? {};
  if (modulusLength < MIN_MODULUS_LENGTH || modulusLength > MAX_MODULUS_LENGTH) {
    throw new KeyError('INVALID', `the RSA key has ${modulusLength} bits`, {
      hint: `use one of ${MIN_MODULUS_LENGTH} to ${MAX_MODULUS_LENGTH} bits`,
    });
  }
  if (publicExponent <= MIN_EXPONENT || publicExponent >= MAX_EXPONENT) {
    throw new KeyError('INVALID', "the RSA key's public exponent is not one that is taken here", {
      hint: 'use a key with the usual exponent, 65537',
    });
  }
}

/** The key name in wrapped data keys: lower-case hex SHA-256 of the public key's SPKI DER (RFC 5280). */
export function rsaKeyName(key: KeyObject): string {
  return createHash('sha256')
    .update(publicHalf(key).export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The public key as SPKI PEM. */
export function publicPem(key: KeyObject): string {
  return publicHalf(key).export({ type: 'spki', format: 'pem' }).toString();
}

/** Wraps under the public half of `privateKey`, and unwraps. */
export function rsaKeyring(privateKey: KeyObject): KeyringNode {
  return keyringOf(privateKey, { publicKey: publicPem(privateKey), privateKey: privatePem(privateKey) });
}

/** Unwraps under `privateKey`, and wraps nothing. */
export function rsaUnwrapKeyring(privateKey: KeyObject): KeyringNode {
  return keyringOf(privateKey, { privateKey: privatePem(privateKey) });
}

/** Wraps under `publicKey`. Asked to unwrap, it says that it cannot: KeyError `INVALID`. */
export function rsaWrapKeyring(publicKey: KeyObject): KeyringNode {
  return new WrapOnlyKeyring(keyringOf(publicKey, { publicKey: publicPem(publicKey) }));
}

function keyringOf(key: KeyObject, rsaKey: { publicKey?: string; privateKey?: string }): KeyringNode {
  return new RawRsaKeyringNode({
    keyNamespace: KEY_NAMESPACE,
    keyName: rsaKeyName(key),
    rsaKey,
    padding: constants.RSA_PKCS1_OAEP_PADDING,
    oaepHash: 'sha256',
  });
}

function publicHalf(key: KeyObject): KeyObject {
  return key.type === 'public' ? key : createPublicKey(key);
}

/** The private key as PKCS#8 PEM: a string, which cannot be wiped (the package takes no KeyObject of Node's types). */
export function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The official keyring would pass over what it cannot unwrap in silence. */
class WrapOnlyKeyring extends KeyringNode {
  readonly #keyring: KeyringNode;

  constructor(keyring: KeyringNode) {
    super();
    this.#keyring = keyring;
  }

  override _onEncrypt(material: NodeEncryptionMaterial): Promise<NodeEncryptionMaterial> {
    return this.#keyring.onEncrypt(material);
  }

  override async _onDecrypt(
    _material: NodeDecryptionMaterial,
    _encryptedDataKeys: EncryptedDataKey[],
  ): Promise<NodeDecryptionMaterial> {
    throw new KeyError('INVALID', 'a public key seals and cannot open', { hint: 'open with the private key' });
  }
}
