// Keyrings from keys that lie outside of a key store: PEM files, and what `key export` writes.
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { type KeyringNode, MultiKeyringNode } from '@aws-crypto/material-management-node';
import * as z from 'zod';
import { KeyError } from './error.ts';
import { rawKeyring, WRAPPING_SUITE } from './raw-aes.ts';
import { assertRsa, rsaUnwrapKeyring, rsaWrapKeyring } from './rsa.ts';

/** A private key of 8192 bits takes some 6,500 characters. */
const MAX_TEXT = 32 * 1024;

const exportedSchema = z.strictObject({
  keyNamespace: z.string().min(1).max(128),
  keyName: z.string().min(1).max(256),
  wrappingSuite: z.literal(WRAPPING_SUITE),
  keyMaterial: z.base64().length(44),
});

/**
 * A keyring that seals for the holder of the private key, and opens nothing.
 *
 * @param pem the public key: SPKI PEM (`BEGIN PUBLIC KEY`), RSA of 2048 to 8192 bits
 * @throws KeyError `INVALID`
 */
export function publicKeyKeyring(pem: string): KeyringNode {
  const label = labelOf(pem);
  if (label.endsWith('PRIVATE KEY')) {
    throw new KeyError('INVALID', 'this is a private key: sealing needs the public key and nothing else', {
      hint: 'make the public key of it with: openssl pkey -in FILE -pubout; nobody else should ever have the private key',
    });
  }
  if (label !== 'PUBLIC KEY') throw notTaken(label, 'public', 'PUBLIC KEY');
  return rsaWrapKeyring(parse(pem, createPublicKey));
}

/**
 * A keyring that opens what was sealed for this key, and seals nothing.
 *
 * @param pem the private key, unencrypted: PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 PEM
 *   (`BEGIN RSA PRIVATE KEY`), RSA of 2048 to 8192 bits
 * @throws KeyError `INVALID`
 */
export function privateKeyKeyring(pem: string): KeyringNode {
  const label = labelOf(pem);
  if (label.endsWith('PUBLIC KEY')) {
    throw new KeyError('INVALID', 'this is a public key: it seals and cannot open', {
      hint: 'open with the private key',
    });
  }
  if (label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new KeyError('INVALID', 'this private key is encrypted under a passphrase, which is not asked for here', {
      hint: 'decrypt it into a file that only you can read: openssl pkey -in FILE -out FILE',
    });
  }
  if (label !== 'PRIVATE KEY' && label !== 'RSA PRIVATE KEY') throw notTaken(label, 'private', 'PRIVATE KEY');
  return rsaUnwrapKeyring(parse(pem, createPrivateKey));
}

/**
 * A keyring that seals and opens under a symmetric key.
 *
 * @param text the JSON that `key export` writes
 * @throws KeyError `INVALID`
 */
export function exportedKeyring(text: string): KeyringNode {
  if (text.length > MAX_TEXT) throw new KeyError('INVALID', 'the text is too long for an exported key');
  let exported: z.infer<typeof exportedSchema>;
  try {
    exported = exportedSchema.parse(JSON.parse(text));
  } catch {
    // Without the cause: it quotes the text.
    throw new KeyError('INVALID', 'this is not an exported key', { hint: 'make one with: glovebox key export ALIAS' });
  }
  const keyMaterial = Buffer.from(exported.keyMaterial, 'base64');
  try {
    return rawKeyring({ ...exported, keyMaterial });
  } finally {
    keyMaterial.fill(0);
  }
}

/** One keyring of several: seals for all of them (the first makes the data key), and any of them opens. */
export function combineKeyrings(first: KeyringNode, others: KeyringNode[]): KeyringNode {
  return new MultiKeyringNode({ generator: first, children: others });
}

/** The label of the only PEM block in `text` (RFC 7468). */
function labelOf(text: string): string {
  if (text.length > MAX_TEXT) throw new KeyError('INVALID', 'the text is too long for a key in PEM form');
  const [first, ...more] = [...text.matchAll(/^-----BEGIN ([A-Z0-9 ]{1,40})-----\r?$/gm)];
  const label = first?.[1];
  if (label === undefined) {
    throw new KeyError('INVALID', 'there is no key in PEM form', { hint: 'it begins with -----BEGIN … KEY-----' });
  }
  if (more.length > 0) throw new KeyError('INVALID', 'there is more than one PEM block', { hint: 'leave one of them' });
  return label;
}

function parse(pem: string, create: (pem: string) => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = create(pem);
  } catch {
    throw new KeyError('INVALID', 'the key does not parse', { hint: 'bring it here again: it is damaged' });
  }
  assertRsa(key);
  return key;
}

const INSTEAD: Record<string, string> = {
  CERTIFICATE: 'take the public key out of it: openssl x509 -in FILE -pubkey -noout',
  'RSA PUBLIC KEY': 'convert it: openssl rsa -RSAPublicKey_in -in FILE -pubout',
  'OPENSSH PRIVATE KEY': 'SSH keys sign; opening needs a drop-box key',
};

function notTaken(label: string, what: string, wanted: string): KeyError {
  const hint = INSTEAD[label] ?? `it begins with -----BEGIN ${wanted}-----`;
  return new KeyError('INVALID', `this is not a ${what} key but "${label}"`, { hint });
}
