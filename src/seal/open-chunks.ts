// Opens a message that comes in through a pipe: in order, without knowing its size before its end.
import { abortedError, SealError } from './error.ts';
import { SIGNATURE_LENGTH_SIZE } from './find-layout.ts';
import { beginSession, type FrameSession } from './frame-pool.ts';
import { type ParsedHeader, parseHeader, type SignatureVerifier, unlockHeader } from './header.ts';
import { createInput, type Input } from './input.ts';
import { FINAL_HEADER, FINAL_MARKER, FRAME_OVERHEAD, type FramePlace, TAG_LENGTH } from './layout.ts';
import { MAX_HEADER_SIZE, MAX_SIGNATURE_LENGTH } from './limits.ts';
import { expectHeader, expectSignature } from './message.ts';
import type { EncryptionContext, OpenOptions } from './types.ts';

const FIRST_READ = 4096;

/** A message on its way in; header and context have verified, its size is not known yet. */
export interface OpenedChunks {
  messageId: string;
  context: EncryptionContext;
  /**
   * Each chunk is one frame whose tag has verified. The last one is held back until the message has ended as
   * it should, its signature included: what came before an error is not the whole (I2).
   */
  chunks: AsyncIterable<Uint8Array>;
}

/**
 * Opens sealed bytes as they come. Use `openStream` for what can be read at any place: it knows more before
 * the first byte of plaintext is handed on.
 *
 * @throws SealError `TRUNCATED`, `HEADER_INVALID`, `LIMIT`, `NON_COMMITTING`, `UNSUPPORTED` (a legacy message),
 *   `CONTEXT_MISMATCH`, `MESSAGE_MISMATCH`, `UNWRAP_FAILED`, `COMMITMENT`, `HEADER_AUTH`, `ABORTED`; the chunks
 *   `FRAME_AUTH`, `FRAME_ORDER`, `TRUNCATED`, `TRAILING_BYTES`, `SIGNATURE`, `SIZE_MISMATCH`, `ABORTED`; what
 *   the source throws
 */
export async function openChunks(source: AsyncIterable<Uint8Array>, options: OpenOptions): Promise<OpenedChunks> {
  if (options.signal?.aborted) throw abortedError();
  const input = createInput(source);
  try {
    const header = await takeHeader(input);
    const { id, context } = expectHeader(header, options);
    if (header.isLegacy) {
      throw new SealError('UNSUPPORTED', 'a message of an older form can be opened from a file only, not from a pipe');
    }
    const { key, messageId, signature } = await unlockHeader(header, options.keyring);
    const bytes = input.take(header.size);
    signature?.update(bytes);
    const session = await beginSession({ key, messageId }, false);
    return { messageId: id, context, chunks: openInOrder(input, header, session, signature, options) };
  } catch (error) {
    await input.close();
    throw error;
  }
}

async function takeHeader(input: Input): Promise<ParsedHeader> {
  for (let length = FIRST_READ; ; length = Math.min(2 * length, MAX_HEADER_SIZE)) {
    const isMore = await input.fill(length);
    const header = parseHeader(input.peek(Math.min(input.buffered(), MAX_HEADER_SIZE)));
    if (header) return header;
    if (!isMore) throw new SealError('TRUNCATED', 'the header is cut off');
    if (length === MAX_HEADER_SIZE) {
      throw new SealError('LIMIT', `the header takes more than ${MAX_HEADER_SIZE} bytes`);
    }
  }
}

async function* openInOrder(
  input: Input,
  header: ParsedHeader,
  session: FrameSession,
  signature: SignatureVerifier | undefined,
  { signal, plaintextSize }: OpenOptions,
): AsyncGenerator<Uint8Array> {
  const ahead: Promise<Uint8Array>[] = [];
  let size = 0;
  try {
    for (let sequence = 1; ; sequence++) {
      let taken: Awaited<ReturnType<typeof takeFrame>>;
      try {
        taken = await takeFrame(input, header, sequence);
      } catch (error) {
        // What came before goes first: it may be good, or be what failed first.
        while (ahead.length > 0 && signal?.aborted !== true) yield await nextOf(ahead);
        throw error;
      }
      const { frame, place } = taken;
      if (signal?.aborted) throw abortedError();
      signature?.update(frame);
      size += place.length;
      const opened = session.open(frame, place);
      opened.catch(ignoreUntilAwaited);
      ahead.push(opened);
      if (place.final) break;
      if (ahead.length >= session.parallelism) yield await nextOf(ahead);
    }
    while (ahead.length > 1) yield await nextOf(ahead);
    const last = await nextOf(ahead);
    await expectEnd(input, signature);
    if (plaintextSize !== undefined && plaintextSize !== size) {
      last.fill(0);
      throw new SealError('SIZE_MISMATCH', 'the object has another size than the one recorded');
    }
    if (last.byteLength > 0) yield last;
  } finally {
    const rest = await Promise.allSettled(ahead);
    for (const frame of rest) if (frame.status === 'fulfilled') frame.value.fill(0);
    await session.end();
    await input.close();
  }
}

async function nextOf(ahead: Promise<Uint8Array>[]): Promise<Uint8Array> {
  const next = await ahead.shift();
  if (!next) throw new SealError('TRUNCATED', 'the final frame is missing');
  return next;
}

async function takeFrame(
  input: Input,
  header: ParsedHeader,
  sequence: number,
): Promise<{ frame: Uint8Array; place: FramePlace }> {
  const { frameLength } = header.info.messageHeader;
  if (!(await input.fill(4))) throw new SealError('TRUNCATED', 'the final frame is missing');
  const final = input.peek(4).readUInt32BE(0) === FINAL_MARKER;
  let length = frameLength;
  if (final) {
    if (!(await input.fill(FINAL_HEADER))) throw new SealError('TRUNCATED', 'the final frame is cut off');
    length = input.peek(FINAL_HEADER).readUInt32BE(FINAL_HEADER - 4);
    if (length > frameLength) throw new SealError('FRAME_AUTH', 'the final frame is longer than a frame');
  }
  const sealedLength = final ? FINAL_HEADER + length + TAG_LENGTH : FRAME_OVERHEAD + length;
  if (!(await input.fill(sealedLength))) throw new SealError('TRUNCATED', `frame ${sequence} is cut off`);
  return { frame: input.take(sealedLength), place: { sequence, final, offset: 0, sealedLength, length } };
}

async function expectEnd(input: Input, signature: SignatureVerifier | undefined): Promise<void> {
  if (signature) {
    if (!(await input.fill(SIGNATURE_LENGTH_SIZE))) throw new SealError('TRUNCATED', 'the signature is cut off');
    const length = input.take(SIGNATURE_LENGTH_SIZE).readUInt16BE(0);
    if (length > MAX_SIGNATURE_LENGTH) throw new SealError('SIGNATURE', 'the signature is longer than any');
    if (!(await input.fill(length))) throw new SealError('TRUNCATED', 'the signature is cut off');
    expectSignature(signature, input.take(length));
  }
  if (await input.fill(1)) throw new SealError('TRAILING_BYTES', 'bytes follow the end of the message');
}

function ignoreUntilAwaited(): void {}
