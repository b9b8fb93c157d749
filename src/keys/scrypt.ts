// Passphrases to keys: scrypt (RFC 7914) with bounded parameters.
import { randomBytes, scrypt } from 'node:crypto';
import * as z from 'zod';
import { KeyError } from './error.ts';

const MAX_COST = 2 ** 20;

/** As it is written into files. Read from an untrusted file, so bounded before memory is reserved. */
export const scryptSchema = z.strictObject({
  salt: z.base64().length(44),
  N: z
    .int()
    .min(2 ** 14)
    .max(MAX_COST)
    .refine((n) => (n & (n - 1)) === 0, 'must be a power of two'),
  r: z.literal(8),
  p: z.int().min(1).max(4),
});
export type ScryptParameters = z.infer<typeof scryptSchema>;

/** Parameters for a new passphrase: a random salt of 32 bytes, 128 MiB of memory. */
export function newScryptParameters(): ScryptParameters {
  return { salt: randomBytes(32).toString('base64'), N: 2 ** 17, r: 8, p: 1 };
}

/**
 * 32 bytes from a passphrase (Unicode NFC, UTF-8). The caller wipes them.
 *
 * @throws KeyError `INVALID` for an empty passphrase
 */
export async function deriveFromPassphrase(passphrase: string, parameters: ScryptParameters): Promise<Buffer> {
  if (passphrase.length === 0) throw new KeyError('INVALID', 'the passphrase is empty');
  const { N, r, p } = parameters;
  const secret = Buffer.from(passphrase.normalize('NFC'), 'utf8');
  try {
    return await new Promise((resolve, reject) => {
      const options = { N, r, p, maxmem: 256 * N * r };
      scrypt(secret, Buffer.from(parameters.salt, 'base64'), 32, options, (error, key) => {
        if (error) reject(error);
        else resolve(key);
      });
    });
  } finally {
    secret.fill(0);
  }
}
