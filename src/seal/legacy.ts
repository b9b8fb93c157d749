// Messages of version 1, without key commitment, or unframed: opened through the official client.
import { Readable } from 'node:stream';
import { buildDecrypt } from '@aws-crypto/decrypt-node';
import { CommitmentPolicy } from '@aws-crypto/material-management-node';
import { abortedError, SealError } from './error.ts';
import { authenticateHeader } from './header.ts';
import type { Layout } from './layout.ts';
import { MAX_FRAME_LENGTH, MAX_WRAPPED_KEYS } from './limits.ts';
import { type ReadMessage, readSealed, verifySignature } from './message.ts';
import type { OpenOptions, SealedSource } from './types.ts';

const PIECE = 64 * 1024;

// The only place with this policy; the caller had to allow it (`expectHeader`).
const { decryptStream } = buildDecrypt({
  commitmentPolicy: CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
  maxEncryptedDataKeys: MAX_WRAPPED_KEYS,
});

/**
 * Verifies the header's tag and the signature, where there is one, and gives the plaintext in pieces of
 * verified frames (I2). An unframed body is held whole until its tag has verified (at most 64 MiB).
 *
 * @throws SealError `UNWRAP_FAILED`, `HEADER_AUTH`, `SIGNATURE`, `ABORTED`; the pieces also `FRAME_AUTH`,
 *   `FRAME_ORDER`, `TRUNCATED`, `TRAILING_BYTES`, and what the source throws
 */
export async function openLegacy(
  source: SealedSource,
  { header, layout }: ReadMessage,
  { keyring, signal }: OpenOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const signature = await authenticateHeader(header, keyring);
  if (signature) await verifySignature(source, layout, signature, signal);
  return openOfficially(source, layout, keyring, signal);
}

async function* openOfficially(
  source: SealedSource,
  { sealedSize, plaintextSize }: Layout,
  keyring: OpenOptions['keyring'],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const failed: { reason?: unknown } = {};
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (let offset = 0; offset < sealedSize; offset += PIECE) {
        if (signal?.aborted) throw abortedError();
        yield await readSealed(source, offset, Math.min(PIECE, sealedSize - offset));
      }
    } catch (error) {
      failed.reason = error;
      throw error;
    }
  }
  const opening = decryptStream(keyring, { maxBodySize: MAX_FRAME_LENGTH });
  const sealed = Readable.from(pieces());
  sealed.on('error', (error) => opening.destroy(error));
  sealed.pipe(opening);
  let opened = 0;
  try {
    for await (const piece of opening) {
      if (!(piece instanceof Uint8Array)) continue;
      opened += piece.byteLength;
      yield piece;
    }
  } catch (error) {
    if ('reason' in failed) throw failed.reason;
    throw explain(error);
  } finally {
    sealed.destroy();
    opening.destroy();
  }
  // The official client stops at the first final frame and ignores what follows, also what looks like the end.
  if (opened !== plaintextSize) throw new SealError('TRAILING_BYTES', 'bytes follow the final frame');
}

/** The official client has no codes: its words tell order and end from a tag that does not verify. */
function explain(cause: unknown): SealError {
  const text = cause instanceof Error ? cause.message : '';
  if (/sequence/i.test(text)) return new SealError('FRAME_ORDER', 'a frame is not in its place', { cause });
  if (/Incomplete/i.test(text)) return new SealError('TRUNCATED', 'the message is cut off', { cause });
  return new SealError('FRAME_AUTH', 'a frame does not verify', { cause });
}
