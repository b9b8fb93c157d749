// SSH public keys and signatures (PROTOCOL.sshsig), made by hand for tests that need no ssh-keygen.
import { createHash, type KeyObject } from 'node:crypto';

function wireString(bytes: Uint8Array | string): Buffer {
  const content = Buffer.from(bytes as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

function blobOf(publicKey: KeyObject): Buffer {
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return Buffer.concat([wireString('ssh-ed25519'), wireString(raw)]);
}

/** An Ed25519 key as in authorized_keys. */
export function sshPublicKey(publicKey: KeyObject): string {
  return `ssh-ed25519 ${blobOf(publicKey).toString('base64')} test`;
}

/** The signature file of an Ed25519 key over `message`. */
export function signSsh(
  message: Uint8Array,
  publicKey: KeyObject,
  sign: (bytes: Buffer) => Buffer,
  { namespace = 'glovebox' } = {},
): Buffer {
  const magic = Buffer.from('SSHSIG');
  const terms = [namespace, '', 'sha512'].map(wireString);
  const digest = createHash('sha512').update(message).digest();
  const value = sign(Buffer.concat([magic, ...terms, wireString(digest)]));
  const signature = Buffer.concat([wireString('ssh-ed25519'), wireString(value)]);
  const version = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([magic, version, wireString(blobOf(publicKey)), ...terms, wireString(signature)]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return Buffer.from(`-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`);
}
