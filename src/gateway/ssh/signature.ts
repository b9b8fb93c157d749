// The signature of a log-in, as ssh2 hands it over: taken apart, in a form that depends on the algorithm.
import { verify } from 'node:crypto';
import { type SshKey, verifySshValue, wireString } from '../../vault/index.ts';

/** What ssh2's authentication context holds of a `publickey` request with a signature. */
export interface LoginSignature {
  /** The algorithm as asked for; ssh2 says `ssh-rsa` for `rsa-sha2-256` and `rsa-sha2-512`, and the hash beside. */
  algorithm: string;
  hash: string | undefined;
  signature: Buffer;
  /** What was signed (RFC 4252, section 7): the session's id and the request. */
  signed: Buffer;
}

/** A security token's flags and counter, behind the signature proper. */
const TOKEN_BYTES = 5;

/** Whether it is that of `key`. Never throws: what is not in its form is not valid. */
export function verifyLogin({ algorithm, hash, signature, signed }: LoginSignature, key: SshKey): boolean {
  try {
    if (algorithm !== key.type) {
      // A certificate's algorithm: ssh2 leaves the whole of it as it came.
      return verifySshValue(signature, signed, key);
    }
    if (algorithm.startsWith('sk-')) {
      const value = signature.subarray(0, -TOKEN_BYTES);
      const whole = [wireString(algorithm), wireString(value), signature.subarray(-TOKEN_BYTES)];
      return verifySshValue(Buffer.concat(whole), signed, key);
    }
    if (algorithm === 'ssh-rsa') {
      // Without a hash it is the old `ssh-rsa`, which signs SHA-1.
      return hash !== undefined && verify(hash, signed, key.key, signature);
    }
    return verify(ECDSA_HASH[algorithm] ?? null, signed, key.key, signature);
  } catch {
    return false;
  }
}

/** RFC 5656, section 6.2.1. ssh2 makes DER of these. */
const ECDSA_HASH: Record<string, string> = {
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
};
