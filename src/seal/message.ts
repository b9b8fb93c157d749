// A message, opened as far as needed to trust its length: header, context, commitment, final frame.
import { abortedError, SealError } from './error.ts';
import { findLayout, SIGNATURE_LENGTH_SIZE } from './find-layout.ts';
import { type FrameKey, openFrameInPlace } from './frame.ts';
import { type ParsedHeader, readHeader, type SignatureVerifier, unlockHeader } from './header.ts';
import { framePlace, type Layout } from './layout.ts';
import type { EncryptionContext, OpenOptions, SealedSource } from './types.ts';

/** What stands in a message before any key was used: as expected, and not yet authenticated. */
export interface ReadMessage {
  id: string;
  context: EncryptionContext;
  header: ParsedHeader;
  layout: Layout;
}

/** A message whose header and final frame have verified: its length and context can be trusted. */
export interface VerifiedMessage {
  id: string;
  context: EncryptionContext;
  layout: Layout;
  frameKey: FrameKey;
  /** Plaintext of the final frame, at most one frame length. */
  finalPlaintext: Uint8Array;
}

const SIGNED_PIECE = 256 * 1024;

/**
 * Reads what needs no key, and compares it with what the caller expects.
 *
 * @throws SealError `TRUNCATED`, `TRAILING_BYTES`, `FRAME_ORDER`, `FRAME_AUTH`, `HEADER_INVALID`, `LIMIT`, `SIGNATURE`,
 *   `NON_COMMITTING`, `CONTEXT_MISMATCH`, `MESSAGE_MISMATCH`, `SIZE_MISMATCH`, `ABORTED`
 */
export async function readMessage(source: SealedSource, options: OpenOptions): Promise<ReadMessage> {
  if (options.signal?.aborted) throw abortedError();
  const header = await readHeader(source);
  const { id, context } = expectHeader(header, options);
  const layout = await findLayout(source, header);
  if (options.plaintextSize !== undefined && options.plaintextSize !== layout.plaintextSize) {
    throw new SealError('SIZE_MISMATCH', 'the object has another size than the one recorded');
  }
  return { id, context, header, layout };
}

/**
 * The header's message id and context, once they are what the caller expects.
 *
 * @throws SealError `NON_COMMITTING`, `CONTEXT_MISMATCH`, `MESSAGE_MISMATCH`
 */
export function expectHeader(header: ParsedHeader, options: OpenOptions): { id: string; context: EncryptionContext } {
  if (header.isLegacy && options.allowNonCommitting !== true) {
    throw new SealError('NON_COMMITTING', 'the message is of an older form: version 1, or not framed');
  }
  const id = Buffer.from(header.info.messageHeader.messageId).toString('hex');
  if (options.messageId !== undefined && options.messageId !== id) {
    throw new SealError('MESSAGE_MISMATCH', 'this is another object than the one recorded');
  }
  const context = header.info.messageHeader.encryptionContext;
  for (const [name, value] of Object.entries(options.context)) {
    if (Object.hasOwn(context, name) && context[name] === value) continue;
    throw new SealError('CONTEXT_MISMATCH', `the object's encryption context does not hold the expected ${name}`, {
      hint: 'the object belongs to another dataset or workspace, or its header was altered',
    });
  }
  return { id, context: { ...context } };
}

/**
 * Verifies everything that stands before the first frame, and the final frame, which authenticates
 * the number of frames and so the plaintext size (I2). In a signed message the signature too, which costs
 * a pass over the whole of it: no plaintext is released before.
 *
 * @throws SealError as `readMessage`, and `UNWRAP_FAILED`, `COMMITMENT`, `HEADER_AUTH`, `FRAME_AUTH`, and
 *   `UNSUPPORTED` for a legacy message
 */
export async function verifyMessage(source: SealedSource, options: OpenOptions): Promise<VerifiedMessage> {
  return verifyRead(source, await readMessage(source, options), options);
}

/** The second half of `verifyMessage`. */
export async function verifyRead(
  source: SealedSource,
  { id, context, header, layout }: ReadMessage,
  options: OpenOptions,
): Promise<VerifiedMessage> {
  if (header.isLegacy) {
    throw new SealError('UNSUPPORTED', 'a message of an older form can only be opened whole, as a stream');
  }
  const { key, messageId, signature } = await unlockHeader(header, options.keyring);
  const frameKey = { key, messageId };
  if (signature) await verifySignature(source, layout, signature, options.signal);
  const last = layout.regularFrames;
  const finalPlaintext = openFrameInPlace(frameKey, await readFrame(source, layout, last), framePlace(layout, last));
  return { id, context, layout, frameKey, finalPlaintext };
}

/**
 * Reads the whole message and verifies the signature in its footer.
 *
 * @throws SealError `SIGNATURE`, `TRUNCATED`, `ABORTED`
 */
export async function verifySignature(
  source: SealedSource,
  layout: Layout,
  signature: SignatureVerifier,
  signal: AbortSignal | undefined,
): Promise<void> {
  const end = layout.sealedSize - layout.footerSize;
  for (let offset = 0; offset < end; offset += SIGNED_PIECE) {
    if (signal?.aborted) throw abortedError();
    signature.update(await readSealed(source, offset, Math.min(SIGNED_PIECE, end - offset)));
  }
  const footer = await readSealed(source, end, layout.footerSize);
  expectSignature(signature, footer.subarray(SIGNATURE_LENGTH_SIZE));
}

/** @throws SealError `SIGNATURE` unless `bytes` signs what `signature` has taken in */
export function expectSignature(signature: SignatureVerifier, bytes: Uint8Array): void {
  let verified = false;
  let cause: unknown;
  try {
    verified = signature.verify(bytes);
  } catch (error) {
    cause = error; // not even the form of a signature
  }
  if (!verified) throw new SealError('SIGNATURE', 'the signature of the message does not verify', { cause });
}

/**
 * The sealed bytes of frame `index`, in memory of their own.
 *
 * @throws SealError `TRUNCATED` when the source is shorter than it said
 */
export function readFrame(source: SealedSource, layout: Layout, index: number): Promise<Uint8Array> {
  const place = framePlace(layout, index);
  return readSealed(source, place.offset, place.sealedLength);
}

/** `length` bytes from `offset`, in memory of their own. @throws SealError `TRUNCATED` */
export async function readSealed(source: SealedSource, offset: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const count = await source.read(buffer.subarray(filled), offset + filled);
    if (count === 0) throw new SealError('TRUNCATED', 'the object became shorter while it was read');
    filled += count;
  }
  return buffer;
}
