// Records: the small sealed entries that give objects their names, list a version's objects and say
// which version is the latest. JWE (RFC 7516), direct encryption with A256GCM, under the dataset's
// record key. What a record is and where it belongs is inside, so that a swapped one is found (I2).
import { CompactEncrypt, compactDecrypt, errors } from 'jose';
import { z } from 'zod';
import { VaultError } from './error.ts';

const messageId = z.string().regex(/^[0-9a-f]{64}$/);
const uploadId = z.string().regex(/^[0-9a-f]{32}$/);
const objectShape = {
  messageId,
  /** Plaintext bytes. */
  size: z.number().int().nonnegative(),
  /** SHA-256 of the plaintext, hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  time: z.string(),
  writer: z.string(),
};

const nameRecord = z.strictObject({
  kind: z.literal('name'),
  dataset: z.string(),
  name: z.string(),
  /** The name it is being renamed from: valid in that place too, until the move is done. */
  formerly: z.string().optional(),
  /** The upload that became it: to complete that one again, after a crash, changes nothing. */
  upload: uploadId.optional(),
  ...objectShape,
});
const versionObject = z.strictObject({ path: z.string(), ...objectShape });
const versionRecord = z.strictObject({
  kind: z.literal('version'),
  dataset: z.string(),
  version: z.string(),
  time: z.string(),
  writer: z.string(),
  pipeline: z.string(),
  objects: z.array(versionObject),
  /** The version that this one was written with; it counts only if that one was published (I3). */
  companionOf: z.strictObject({ dataset: z.string(), version: z.string() }).optional(),
  /** The run's own account: counts and names, never a data value. */
  summary: z.record(z.string(), z.unknown()),
});
const headRecord = z.strictObject({
  kind: z.literal('head'),
  dataset: z.string(),
  name: z.string(),
  version: z.string(),
});

const uploadRecord = z.strictObject({
  kind: z.literal('upload'),
  dataset: z.string(),
  id: uploadId,
  path: z.string(),
  started: z.string(),
  /** When it was last begun, resumed, suspended or completed. */
  touched: z.string(),
  /** Plaintext bytes that were durable then: that fewer are there later is an error (I2). */
  size: z.number().int().nonnegative(),
  writer: z.string(),
});

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const deliveryRecord = z.strictObject({
  kind: z.literal('delivery'),
  dataset: z.string(),
  /** SHA-256 of the sealed bytes, hex: its id, under which they lie while it waits. */
  id: digest,
  /** SHA-512 of the same, hex: a signature is over one of the two. */
  sha512: z.string().regex(/^[0-9a-f]{128}$/),
  /** What the object will be named. */
  name: z.string(),
  /** Sealed bytes. */
  size: z.number().int().nonnegative(),
  time: z.string(),
  writer: z.string(),
  /** The signature file that came with it. */
  signature: z.base64().optional(),
  state: z.enum(['waiting', 'accepting', 'accepted', 'rejected']),
  decision: z
    .strictObject({
      by: z.string(),
      time: z.string(),
      /** The user whose signature it had. */
      signer: z.string().optional(),
      /** What was made of it. */
      object: z.strictObject({ messageId, size: z.number().int().nonnegative(), sha256: digest }).optional(),
    })
    .optional(),
});

export type NameRecord = z.infer<typeof nameRecord>;
export type VersionRecord = z.infer<typeof versionRecord>;
export type VersionObject = z.infer<typeof versionObject>;
export type HeadRecord = z.infer<typeof headRecord>;
export type UploadRecord = z.infer<typeof uploadRecord>;
export type DeliveryRecord = z.infer<typeof deliveryRecord>;

const SCHEMAS = {
  name: nameRecord,
  version: versionRecord,
  head: headRecord,
  upload: uploadRecord,
  delivery: deliveryRecord,
};
/** The content of a record by its kind. */
export type RecordOf = {
  name: NameRecord;
  version: VersionRecord;
  head: HeadRecord;
  upload: UploadRecord;
  delivery: DeliveryRecord;
};

/** Seals a record under the 32-byte record key. */
export async function sealRecord(record: RecordOf[keyof RecordOf], key: Uint8Array): Promise<Uint8Array> {
  const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify(record)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .encrypt(key);
  return Buffer.from(jwe, 'ascii');
}

/**
 * Opens a record that was found at `place` (for messages) and must be of the kind asked for.
 * @throws VaultError `TAMPERED`
 */
export async function openRecord<Kind extends keyof RecordOf>(
  bytes: Uint8Array,
  key: Uint8Array,
  kind: Kind,
  place: string,
): Promise<RecordOf[Kind]> {
  const text = Buffer.from(bytes).toString('latin1');
  if (!isCanonicalJwe(text)) throw tampered(place);
  try {
    const { plaintext } = await compactDecrypt(text, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return SCHEMAS[kind].parse(JSON.parse(Buffer.from(plaintext).toString('utf8'))) as RecordOf[Kind];
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError || error instanceof SyntaxError) {
      throw tampered(place, error);
    }
    throw error;
  }
}

/** The error for a record that is not what was written there. */
export function tampered(place: string, cause?: unknown): VaultError {
  return new VaultError('TAMPERED', `the record of ${place} does not verify: it was altered, swapped or moved`, {
    hint: 'restore the store from a copy; nothing was read from it',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Base64url has spare bits at its ends: only the one spelling that we write is accepted (RFC 4648, 3.5). */
function isCanonicalJwe(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 5 && parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}
