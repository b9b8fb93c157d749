// A sealed message of any size that lies nowhere: each frame is sealed when it is read, under the header's key, so
// that it is byte for byte what a file would hold. Every read is noted.
import { createHash } from 'node:crypto';
import { sealFrame } from '../../src/seal/frame.ts';
import { createHeader } from '../../src/seal/header.ts';
import type { SealedSource, SealOptions } from '../../src/seal/index.ts';
import { framePlace, type Layout, layoutFor } from '../../src/seal/layout.ts';

export interface VirtualMessage {
  source: SealedSource;
  layout: Layout;
  /** What was read since the last call, in order: offset and length. */
  takeReads(): [number, number][];
  /** Plaintext bytes from `offset`, which must all be there. */
  plaintextAt(offset: number, length: number): Buffer;
}

const LINE = 32;

/** Each 32 bytes of the plaintext are the SHA-256 of their number, so that no two places are alike. */
export function virtualPlaintext(offset: number, length: number): Buffer {
  const first = Math.floor(offset / LINE);
  const count = Math.ceil((offset + length) / LINE) - first;
  const lines = Array.from({ length: count }, (_, index) =>
    createHash('sha256')
      .update(`${first + index}`)
      .digest(),
  );
  return Buffer.concat(lines).subarray(offset - first * LINE, offset - first * LINE + length);
}

export async function virtualMessage(
  plaintextSize: number,
  options: Required<Omit<SealOptions, 'signal'>>,
): Promise<VirtualMessage> {
  const { keyring, context, frameLength } = options;
  const { key, messageId, bytes } = await createHeader(keyring, context, frameLength);
  const layout = layoutFor(bytes.byteLength, frameLength, plaintextSize);
  let reads: [number, number][] = [];
  const frameAt = (index: number): Buffer => {
    const { sequence, final, length } = framePlace(layout, index);
    return Buffer.concat(sealFrame({ key, messageId }, virtualPlaintext(index * frameLength, length), sequence, final));
  };
  const frameOf = (offset: number): number =>
    Math.min(layout.regularFrames, Math.floor((offset - layout.headerSize) / (frameLength + 32)));
  return {
    layout,
    source: {
      size: layout.sealedSize,
      async read(buffer, offset) {
        reads.push([offset, buffer.byteLength]);
        const wanted = Math.max(0, Math.min(buffer.byteLength, layout.sealedSize - offset));
        for (let filled = 0; filled < wanted; ) {
          const at = offset + filled;
          const inHeader = at < layout.headerSize;
          const index = inHeader ? 0 : frameOf(at);
          const part = inHeader ? bytes.subarray(at) : frameAt(index).subarray(at - framePlace(layout, index).offset);
          buffer.set(part.subarray(0, wanted - filled), filled);
          filled += Math.min(part.byteLength, wanted - filled);
        }
        return wanted;
      },
    },
    takeReads() {
      const taken = reads;
      reads = [];
      return taken;
    },
    plaintextAt: virtualPlaintext,
  };
}
