// A portable backup of all keys: one encrypted file that needs nothing but its passphrase.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { KeyError } from './error.ts';
import { deriveFromPassphrase, newScryptParameters, scryptSchema } from './scrypt.ts';

const FORMAT = 'glovebox-key-backup';
const MAX_SIZE = 32 * 1024 * 1024;

/** A key with its material in the clear. Whoever holds one wipes the material. */
export interface BackupKey {
  id: string;
  alias: string;
  use?: 'drop-box' | undefined;
  state: 'enabled' | 'disabled' | 'pending-deletion';
  created: string;
  deletionDate?: string | undefined;
  versions: { version: number; created: string; material: Buffer }[];
}

const headSchema = z.strictObject({ format: z.literal(FORMAT), version: z.literal(1), scrypt: scryptSchema });
const fileSchema = headSchema.extend({ iv: z.base64().length(16), data: z.base64().min(24) });
const MATERIAL_LENGTH = 44;
const keysSchema = z.array(
  z
    .strictObject({
      id: z.uuid(),
      alias: z.string(),
      use: z.literal('drop-box').optional(),
      state: z.enum(['enabled', 'disabled', 'pending-deletion']),
      created: z.iso.datetime(),
      deletionDate: z.iso.datetime().optional(),
      versions: z
        .array(
          z.strictObject({
            version: z.int().min(1),
            created: z.iso.datetime(),
            material: z.base64().min(MATERIAL_LENGTH).max(8192),
          }),
        )
        .min(1),
    })
    .refine(({ use, versions }) =>
      versions.every(({ material }) => (material.length === MATERIAL_LENGTH) === (use === undefined)),
    ),
);

/**
 * Encrypts `keys` with AES-256-GCM under a key from `passphrase` (scrypt), and wipes their material.
 *
 * @returns a JSON text
 * @throws KeyError `INVALID` for an empty passphrase
 */
export async function sealBackup(keys: BackupKey[], passphrase: string): Promise<Uint8Array> {
  const plain = keys.map((key) => ({
    ...key,
    versions: key.versions.map(({ material, ...rest }) => ({ ...rest, material: material.toString('base64') })),
  }));
  for (const key of keys) for (const { material } of key.versions) material.fill(0);
  const head = { format: FORMAT, version: 1, scrypt: newScryptParameters() } as const;
  const key = await deriveFromPassphrase(passphrase, head.scrypt);
  const plaintext = Buffer.from(JSON.stringify(plain), 'utf8');
  try {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(binding(head));
    const data = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    const file = { ...head, iv: iv.toString('base64'), data: data.toString('base64') };
    return Buffer.from(`${JSON.stringify(file)}\n`, 'utf8');
  } finally {
    key.fill(0);
    plaintext.fill(0);
  }
}

/** @throws KeyError `INVALID` where `bytes` is no backup, `BACKUP_AUTH` where it does not open */
export async function openBackup(bytes: Uint8Array, passphrase: string): Promise<BackupKey[]> {
  const { iv, data, ...head } = parseBackup(bytes);
  const key = await deriveFromPassphrase(passphrase, head.scrypt);
  const sealed = Buffer.from(data, 'base64');
  let plaintext: Buffer | undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64'))
      .setAAD(binding(head))
      .setAuthTag(sealed.subarray(-16));
    plaintext = decipher.update(sealed.subarray(0, -16));
    decipher.final();
    const keys = keysSchema.parse(JSON.parse(plaintext.toString('utf8')));
    return keys.map((entry) => ({
      ...entry,
      versions: entry.versions.map((version) => ({ ...version, material: Buffer.from(version.material, 'base64') })),
    }));
  } catch (cause) {
    throw new KeyError('BACKUP_AUTH', 'the backup does not open: the passphrase is wrong or the file is damaged', {
      cause,
    });
  } finally {
    key.fill(0);
    plaintext?.fill(0);
  }
}

function parseBackup(bytes: Uint8Array): z.infer<typeof fileSchema> {
  if (bytes.byteLength > MAX_SIZE) throw new KeyError('INVALID', 'the file is too large for a backup of keys');
  try {
    return fileSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new KeyError('INVALID', 'the file is not a backup of keys', { cause });
  }
}

function binding(head: z.infer<typeof headSchema>): Buffer {
  return Buffer.from(JSON.stringify(headSchema.parse(head)), 'utf8');
}
