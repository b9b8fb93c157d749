// Makes messages of any shape, also of those that no writer makes, under keys that are known, so that their
// tags verify. On its own feet: nothing of src/seal is used. AWS Encryption SDK message format, version 2.
import { createCipheriv, createHash, hkdfSync, type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto';

export const TAG = 16;
export const REGULAR_OVERHEAD = 4 + 12 + TAG;
export const FINAL_MARKER = 0xffff_ffff;
const FRAMED = 2;

/** `length` bytes that are always the same for `seed`. */
export function seededBytes(seed: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest();
}

/** Big-endian numbers of the format. */
export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** A field with its length before it. */
export function counted(bytes: Uint8Array | string): Buffer {
  const value = Buffer.from(bytes);
  return Buffer.concat([u16(value.byteLength), value]);
}

/** A context's pairs, in this order; names and values may be any bytes. */
export type Pairs = [Uint8Array | string, Uint8Array | string][];

/** The context section without its length: the number of pairs and the pairs. Nothing for no pair. */
export function contextSection(pairs: Pairs, count = pairs.length): Buffer {
  if (pairs.length === 0 && count === 0) return Buffer.alloc(0);
  return Buffer.concat([u16(count), ...pairs.flatMap(([name, value]) => [counted(name), counted(value)])]);
}

/** Sorted by the bytes of the names, as writers should. */
export function sortedPairs(context: Record<string, string>): Pairs {
  return Object.entries(context).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export interface AesKey {
  keyNamespace: string;
  keyName: string;
  /** 32 bytes in base64. */
  keyMaterial: string;
}

/** One entry of the wrapped data keys, as a raw AES keyring makes it; `aad` is the context section. */
export function wrapDataKey(key: AesKey, dataKey: Uint8Array, iv: Uint8Array, aad: Uint8Array): Buffer {
  const material = Buffer.from(key.keyMaterial, 'base64');
  const cipher = createCipheriv('aes-256-gcm', material, iv).setAAD(aad);
  const wrapped = Buffer.concat([cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
  const info = Buffer.concat([Buffer.from(key.keyName), u32(8 * TAG), u32(12), iv]);
  return Buffer.concat([counted(key.keyNamespace), counted(info), counted(wrapped)]);
}

/** What makes a message; `seed` gives data key, message id and IVs. */
export interface Recipe {
  seed: string;
  suite: number;
  wrappingKey: AesKey;
  frameLength: number;
  context: Record<string, string>;
  /** Instead of `context`, whose section stays what the data key is bound to. */
  section?: Uint8Array;
  /** The section's length field. */
  sectionLength?: number;
  /** All wrapped keys, made from the one that opens. */
  wrapped?: (own: Buffer) => Buffer[];
  wrappedCount?: number;
  contentType?: number;
}

/** A header, and how to make frames that belong to it. */
export interface Forge {
  header: Buffer;
  messageId: Buffer;
  /** A regular frame; whatever `odd` names is otherwise than it should be, and still verifies. */
  regular(sequence: number, plaintext: Uint8Array, odd?: OddFrame): Buffer;
  final(sequence: number, plaintext: Uint8Array, odd?: OddFrame): Buffer;
  /** The body of a message that is not framed. */
  unframed(plaintext: Uint8Array): Buffer;
}

export interface OddFrame {
  iv?: Uint8Array;
  /** The number in the authenticated data, where it is not the one in the frame. */
  authenticatedSequence?: number;
  /** The number or marker that the frame begins with. */
  first?: number;
  /** The text in the authenticated data. */
  text?: string;
}

export const REGULAR_TEXT = 'AWSKMSEncryptionClient Frame';
export const FINAL_TEXT = 'AWSKMSEncryptionClient Final Frame';
const UNFRAMED_TEXT = 'AWSKMSEncryptionClient Single Block';

export function forge(recipe: Recipe): Forge {
  const { seed, suite, frameLength, contentType = FRAMED } = recipe;
  const dataKey = seededBytes(`${seed}: data key`, 32);
  const messageId = seededBytes(`${seed}: message id`, 32);
  const bound = contextSection(sortedPairs(recipe.context));
  const section = Buffer.from(recipe.section ?? bound);
  const own = wrapDataKey(recipe.wrappingKey, dataKey, seededBytes(`${seed}: wrapping IV`, 12), bound);
  const wrapped = recipe.wrapped?.(own) ?? [own];
  const key = Buffer.from(
    hkdfSync('sha512', dataKey, messageId, Buffer.concat([u16(suite), Buffer.from('DERIVEKEY')]), 32),
  );
  const commitment = Buffer.from(hkdfSync('sha512', dataKey, messageId, Buffer.from('COMMITKEY'), 32));
  const raw = Buffer.concat([
    ...[Buffer.of(2), u16(suite), messageId],
    ...[u16(recipe.sectionLength ?? section.byteLength), section],
    ...[u16(recipe.wrappedCount ?? wrapped.length), ...wrapped],
    ...[Buffer.of(contentType), u32(frameLength), commitment],
  ]);
  const headerTag = seal(key, Buffer.alloc(12), raw, Buffer.alloc(0));
  const frame = (sequence: number, plaintext: Uint8Array, final: boolean, odd: OddFrame): Buffer => {
    const iv = odd.iv ?? Buffer.concat([Buffer.alloc(8), u32(sequence)]);
    const text = odd.text ?? (final ? FINAL_TEXT : REGULAR_TEXT);
    const aad = bodyAad(messageId, text, odd.authenticatedSequence ?? sequence, plaintext.byteLength);
    const start = final ? [u32(odd.first ?? FINAL_MARKER), u32(sequence)] : [u32(odd.first ?? sequence)];
    const length = final ? [u32(plaintext.byteLength)] : [];
    return Buffer.concat([...start, iv, ...length, seal(key, iv, aad, plaintext)]);
  };
  return {
    header: Buffer.concat([raw, headerTag]),
    messageId,
    regular: (sequence, plaintext, odd = {}) => frame(sequence, plaintext, false, odd),
    final: (sequence, plaintext, odd = {}) => frame(sequence, plaintext, true, odd),
    unframed(plaintext) {
      const iv = Buffer.concat([Buffer.alloc(11), Buffer.of(1)]);
      const sealed = seal(key, iv, bodyAad(messageId, UNFRAMED_TEXT, 1, plaintext.byteLength), plaintext);
      return Buffer.concat([iv, u64(BigInt(plaintext.byteLength)), sealed]);
    },
  };
}

/** The frames of `plaintext`: full ones and a final one, full too on an exact multiple. */
export function framesOf(made: Forge, plaintext: Uint8Array, frameLength: number): Buffer[] {
  const regular = Math.max(0, Math.ceil(plaintext.byteLength / frameLength) - 1);
  const part = (index: number) => plaintext.subarray(index * frameLength, (index + 1) * frameLength);
  const frames = Array.from({ length: regular }, (_, index) => made.regular(index + 1, part(index)));
  return [...frames, made.final(regular + 1, part(regular))];
}

/** The footer of a signed message: the signature over all before it, which is another one each time. */
export function footer(message: Uint8Array, key: KeyObject | SignKeyObjectInput): Buffer {
  return counted(sign('sha384', message, key));
}

function seal(key: Uint8Array, iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function bodyAad(messageId: Uint8Array, text: string, sequence: number, length: number): Buffer {
  return Buffer.concat([messageId, Buffer.from(text), u32(sequence), u64(BigInt(length))]);
}
