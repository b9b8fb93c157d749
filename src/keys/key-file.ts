// The key store's file: its shape, its authentication and the wrapping of the keys in it.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import * as z from 'zod';
import { KeyError } from './error.ts';
import { scryptSchema } from './scrypt.ts';

/** Base64 of IV, 32 bytes and tag. */
const WRAPPED_LENGTH = ((12 + 32 + 16) / 3) * 4;
/** The same of a private key: RSA-4096 takes some 3,200 characters. */
const MAX_WRAPPED_LENGTH = 8192;

const versionSchema = z.strictObject({
  version: z.int().min(1),
  created: z.iso.datetime(),
  /** IV, ciphertext and tag in base64. */
  wrapped: z.base64().min(WRAPPED_LENGTH).max(MAX_WRAPPED_LENGTH),
});

const keyShape = z.strictObject({
  id: z.uuid(),
  alias: z.string().min(1).max(128),
  /** Absent: it seals objects. */
  use: z.literal('drop-box').optional(),
  state: z.enum(['enabled', 'disabled', 'pending-deletion']),
  created: z.iso.datetime(),
  deletionDate: z.iso.datetime().optional(),
  versions: z.array(versionSchema).min(1),
});
const keySchema = keyShape.refine(
  ({ use, versions }) => versions.every(({ wrapped }) => (wrapped.length === WRAPPED_LENGTH) === (use === undefined)),
  { error: 'a version has the length of another use', path: ['versions'] },
);

const rootSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), id: z.hex().length(32), salt: z.base64().length(44) }),
  z.strictObject({ kind: z.literal('passphrase'), id: z.hex().length(32), scrypt: scryptSchema }),
]);

const contentSchema = z.strictObject({
  format: z.literal('glovebox-keys'),
  version: z.literal(1),
  root: rootSchema,
  keys: z.array(keySchema),
});
const fileSchema = contentSchema.extend({ mac: z.hex().length(64) });

export type StoredKey = z.infer<typeof keySchema>;
export type StoredVersion = z.infer<typeof versionSchema>;
export type RootDescription = z.infer<typeof rootSchema>;
export type KeyFileContent = z.infer<typeof contentSchema>;
/** Parsed, not yet authenticated. */
export type KeyFile = z.infer<typeof fileSchema>;

/** What is derived from the root key for one key store. */
export interface RootSubkeys {
  id: string;
  wrapping: KeyObject;
  authentication: KeyObject;
}

/** HKDF-SHA-256 (RFC 5869) of the root key with the store's salt: one key for each use. */
export function deriveSubkeys(rootKey: Uint8Array, salt: Uint8Array): RootSubkeys {
  const derive = (use: string, length: number) =>
    new Uint8Array(hkdfSync('sha256', rootKey, salt, `glovebox keys v1 ${use}`, length));
  const secret = (use: string) => {
    const bytes = derive(use, 32);
    const key = createSecretKey(bytes);
    bytes.fill(0);
    return key;
  };
  return {
    id: Buffer.from(derive('id', 16)).toString('hex'),
    wrapping: secret('wrapping'),
    authentication: secret('authentication'),
  };
}

/** @throws KeyError `INVALID` where `text` is not a key file */
export function parseKeyFile(text: string, path: string): KeyFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new KeyError('INVALID', `${path} is not a key store: it is not JSON`, { cause });
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') || 'its top level';
  throw new KeyError('INVALID', `${path} is not a key store: unexpected content at ${where}`, { cause: parsed.error });
}

/**
 * The content, once its authentication code has verified.
 *
 * @throws KeyError `WRONG_ROOT_KEY`, `TAMPERED`
 */
export function authenticate(file: KeyFile, subkeys: RootSubkeys, path: string): KeyFileContent {
  const { mac, ...content } = file;
  if (content.root.id !== subkeys.id) {
    throw new KeyError('WRONG_ROOT_KEY', `${path} was made under another root key or passphrase`);
  }
  if (!timingSafeEqual(macOf(content, subkeys), Buffer.from(mac, 'hex'))) {
    throw new KeyError('TAMPERED', `${path} was altered`, { hint: 'restore the key store from a backup' });
  }
  return content;
}

/** The file's text, authenticated. */
export function serializeKeyFile(content: KeyFileContent, subkeys: RootSubkeys): string {
  return `${JSON.stringify({ ...content, mac: macOf(content, subkeys).toString('hex') }, null, 2)}\n`;
}

/** A version of a key. Wraps `material` (32 bytes, or PKCS#8 DER), bound to the key and the version. */
export function wrapVersion(
  material: Uint8Array,
  keyId: string,
  version: number,
  created: string,
  { wrapping }: RootSubkeys,
): StoredVersion {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', wrapping, iv).setAAD(versionBinding(keyId, version));
  const sealed = Buffer.concat([iv, cipher.update(material), cipher.final(), cipher.getAuthTag()]);
  return { version, created, wrapped: sealed.toString('base64') };
}

/** The material of a version: 32 bytes, or PKCS#8 DER. The caller wipes it. @throws KeyError `TAMPERED` */
export function unwrapVersion(keyId: string, { version, wrapped }: StoredVersion, { wrapping }: RootSubkeys): Buffer {
  const sealed = Buffer.from(wrapped, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', wrapping, sealed.subarray(0, 12))
    .setAAD(versionBinding(keyId, version))
    .setAuthTag(sealed.subarray(-16));
  const material = decipher.update(sealed.subarray(12, -16));
  try {
    decipher.final();
  } catch (cause) {
    material.fill(0);
    throw new KeyError('TAMPERED', `version ${version} of the key ${keyId} was altered`, { cause });
  }
  return material;
}

function versionBinding(keyId: string, version: number): Buffer {
  return Buffer.from(`glovebox key version v1\0${keyId}\0${version}`, 'utf8');
}

// The schema fixes the order of the fields, so the text is the same however the file was laid out.
function macOf(content: KeyFileContent, { authentication }: RootSubkeys): Buffer {
  return createHmac('sha256', authentication)
    .update(JSON.stringify(contentSchema.parse(content)))
    .digest();
}
