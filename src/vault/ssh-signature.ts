// Detached signatures by SSH keys: OpenSSH's PROTOCOL.sshsig, made with `ssh-keygen -Y sign -n glovebox`.
import { constants, createHash, verify } from 'node:crypto';
import { VaultError } from './error.ts';
import type { SshKey } from './ssh-key.ts';
import { type WireReader, wireReader, wireString } from './ssh-wire.ts';

/** Says what the signature is for: one that was made for something else is refused. */
export const SIGNATURE_NAMESPACE = 'glovebox';
/** A signature of RSA-16384 takes some 6,000 bytes. */
export const MAX_SIGNATURE_BYTES = 16 * 1024;
const MAGIC = Buffer.from('SSHSIG', 'latin1');
const HOW = `sign with: ssh-keygen -Y sign -n ${SIGNATURE_NAMESPACE} -f KEY FILE`;

/** A signature, parsed and not yet verified. */
export interface SshSignature {
  /** The public key that it says it is of, as `SshKey.blob`. */
  publicKey: Buffer;
  /** How the message was hashed. */
  hash: 'sha256' | 'sha512';
  signature: Buffer;
}

/**
 * Reads a signature file. Only the one spelling that ssh-keygen writes is taken.
 *
 * @throws VaultError `SIGNATURE` where it is not in that form, or for another namespace
 */
export function parseSshSignature(file: Uint8Array): SshSignature {
  const reader = wireReader(unarmor(file), 'the signature');
  if (!reader.bytes(MAGIC.length).equals(MAGIC) || reader.uint32() !== 1) throw notASignature();
  const publicKey = reader.string();
  const namespace = reader.text();
  if (namespace !== SIGNATURE_NAMESPACE) {
    throw new VaultError('SIGNATURE', `the signature was not made for ${SIGNATURE_NAMESPACE}`, { hint: HOW });
  }
  // OpenSSH signs the empty text whatever stands here: anything else would not be covered.
  if (reader.string().length > 0) throw notASignature();
  const hash = reader.text();
  if (hash !== 'sha256' && hash !== 'sha512') throw notASignature();
  const signature = reader.string();
  reader.end();
  return { publicKey, hash, signature };
}

/**
 * Whether `signature` is that of `key` over a message.
 *
 * @param digest of the message, by the signature's own `hash`
 * @throws VaultError `SIGNATURE` where it is not in the form that its key's kind gives it
 */
export function verifySshSignature({ publicKey, hash, signature }: SshSignature, key: SshKey, digest: Buffer): boolean {
  if (!publicKey.equals(key.blob)) return false;
  const signed = Buffer.concat([
    MAGIC,
    ...[SIGNATURE_NAMESPACE, '', hash].map((text) => wireString(text)),
    wireString(digest),
  ]);
  return verifySshValue(signature, signed, key);
}

/**
 * Whether `signature` (a format's name and what that format says; RFC 4253, section 6.6) is that of `key` over
 * `signed`.
 *
 * @throws VaultError `SIGNATURE` where it is not in the form that its key's kind gives it
 */
export function verifySshValue(signature: Buffer, signed: Buffer, key: SshKey): boolean {
  const reader = wireReader(signature, 'the signature');
  const format = reader.text();
  const value = wireReader(reader.string(), 'the signature');
  const message = key.application === undefined ? signed : tokenMessage(key.application, reader, signed);
  reader.end();
  const isValid = verifyValue(format, value, message, key);
  value.end();
  return isValid;
}

function verifyValue(format: string, value: WireReader, message: Buffer, { type, key }: SshKey): boolean {
  if (type === 'ssh-rsa') {
    // RFC 8332, section 3. The older `ssh-rsa` signs SHA-1.
    const hash = format === 'rsa-sha2-256' ? 'sha256' : format === 'rsa-sha2-512' ? 'sha512' : undefined;
    if (hash === undefined) throw notASignature();
    const bytes = value.bytes(Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8));
    return verify(hash, message, { key, padding: constants.RSA_PKCS1_PADDING }, bytes);
  }
  if (format !== type) throw notASignature();
  if (key.asymmetricKeyType === 'ed25519') return verify(null, message, key, value.bytes(64));
  const { hash, bytes } = ECDSA[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? { hash: 'sha256', bytes: 0 };
  const numbers = Buffer.concat([value.number(bytes), value.number(bytes)]);
  return verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, numbers);
}

/** RFC 5656, section 6.2.1; by the names that node:crypto has for the curves. */
const ECDSA: Record<string, { hash: string; bytes: number }> = {
  prime256v1: { hash: 'sha256', bytes: 32 },
  secp384r1: { hash: 'sha384', bytes: 48 },
  secp521r1: { hash: 'sha512', bytes: 66 },
};

const USER_PRESENT = 1;

/** What a security token signs (PROTOCOL.u2f, "SSH U2F Signatures"). Somebody must have touched it. */
function tokenMessage(application: Buffer, reader: WireReader, signed: Buffer): Buffer {
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
  const flags = reader.bytes(1);
  const counter = reader.bytes(4);
  if ((flags.readUInt8() & USER_PRESENT) === 0) {
    throw new VaultError('SIGNATURE', 'the security token signed without anybody touching it', { hint: HOW });
  }
  return Buffer.concat([sha256(application), flags, counter, sha256(signed)]);
}

const ARMOR = /^-----BEGIN SSH SIGNATURE-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END SSH SIGNATURE-----(?:\r?\n)?$/;

/** Base64 has spare bits: only what encodes back to itself is taken. */
function unarmor(file: Uint8Array): Buffer {
  if (file.length > MAX_SIGNATURE_BYTES) throw notASignature();
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1');
  const base64 = ARMOR.exec(text)?.[1]?.replace(/\r?\n/g, '') ?? '';
  const blob = Buffer.from(base64, 'base64');
  if (blob.length === 0 || blob.toString('base64') !== base64) throw notASignature();
  return blob;
}

function notASignature(): VaultError {
  return new VaultError('SIGNATURE', 'this is not an SSH signature that can be checked', { hint: HOW });
}
