// SSH public keys, as users have them in glovebox.yaml, as keys that node:crypto checks signatures with.
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { VaultError } from './error.ts';
import { type WireReader, wireReader, wireString } from './ssh-wire.ts';

const MIN_RSA_BITS = 2048;
/** As OpenSSH's own limit. */
const MAX_RSA_BYTES = 16_384 / 8;

/** An SSH public key. */
export interface SshKey {
  type: string;
  /** As it goes over the wire: two keys are one where these bytes are. */
  blob: Buffer;
  key: KeyObject;
  /** Of a key in a security token (`sk-…`): what it was made for, `ssh:`. */
  application?: Buffer;
}

const CURVES: Record<string, { jwk: string; bytes: number }> = {
  nistp256: { jwk: 'P-256', bytes: 32 },
  nistp384: { jwk: 'P-384', bytes: 48 },
  nistp521: { jwk: 'P-521', bytes: 66 },
};

/**
 * Reads a public key. RFC 4253, section 6.6 (RSA), RFC 5656, section 3.1 (ECDSA), RFC 8709, section 4
 * (Ed25519), OpenSSH's PROTOCOL.u2f (keys in security tokens).
 *
 * @param line `type base64 [comment]`
 * @throws VaultError `SIGNATURE` for a key that no signature is checked with
 */
export function parseSshKey(line: string): SshKey {
  return parseSshBlob(Buffer.from(line.split(' ')[1] ?? '', 'base64'));
}

/** The same, as the key goes over the wire. @throws VaultError `SIGNATURE` */
export function parseSshBlob(blob: Buffer): SshKey {
  const reader = wireReader(blob, 'the SSH key');
  const key = readSshKey(reader.text(), reader, blob, 0);
  reader.end();
  return key;
}

/**
 * Reads what follows the type of a key, here or in a certificate for it.
 *
 * @param source what `reader` reads
 * @param start where in `source` the key's blob begins; if its type does not stand there, undefined
 * @throws VaultError `SIGNATURE`
 */
export function readSshKey(type: string, reader: WireReader, source: Buffer, start?: number): SshKey {
  const from = reader.position;
  const jwk = readKey(type, reader);
  const application = type.startsWith('sk-') ? reader.string() : undefined;
  const parts = source.subarray(start ?? from, reader.position);
  const blob = start === undefined ? Buffer.concat([wireString(type), parts]) : parts;
  return { type, blob, key: toKeyObject(jwk, type), ...(application === undefined ? {} : { application }) };
}

function readKey(type: string, reader: WireReader): JsonWebKey {
  switch (type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return { kty: 'OKP', crv: 'Ed25519', x: base64url(reader.string()) };
    case 'ssh-rsa': {
      const e = stripZeros(reader.number(MAX_RSA_BYTES));
      const n = stripZeros(reader.number(MAX_RSA_BYTES));
      return { kty: 'RSA', n: base64url(n), e: base64url(e) };
    }
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
    case 'sk-ecdsa-sha2-nistp256@openssh.com': {
      const name = reader.text();
      const curve = CURVES[name];
      const point = reader.string();
      // SEC 1, section 2.3.3: 4, then both coordinates.
      if (curve === undefined || !type.includes(name) || point[0] !== 4 || point.length !== 1 + 2 * curve.bytes) {
        throw new VaultError('SIGNATURE', `an SSH key of type ${type} is not in the form of its kind`);
      }
      const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
      return { kty: 'EC', crv: curve.jwk, x: base64url(x), y: base64url(y) };
    }
    default:
      throw new VaultError('SIGNATURE', `signatures of SSH keys of type ${type.slice(0, 40)} are not checked here`, {
        hint: 'sign with a key of type ed25519, ecdsa or rsa',
      });
  }
}

function toKeyObject(jwk: JsonWebKey, type: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw new VaultError('SIGNATURE', `an SSH key of type ${type} is not a key of its kind`, { cause });
  }
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < MIN_RSA_BITS) {
    throw new VaultError('SIGNATURE', `an RSA key has ${bits} bits`, {
      hint: `use an ed25519 key, or RSA of ${MIN_RSA_BITS} bits and more`,
    });
  }
  return key;
}

function stripZeros(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes : bytes.subarray(first);
}

function base64url(bytes: Buffer): string {
  return bytes.toString('base64url');
}
