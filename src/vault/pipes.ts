// Pinned objects and their way into FIFOs: what a run reads, for all its passes.
import { type OpeningPipe, openToPipe, type PipeTarget } from '../seal/index.ts';
import type { ObjectReader } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { type ObjectInfo, openObject, openReader } from './objects.ts';

/** An object that a run reads: its message id does not change while the run lasts. */
export interface PinnedObject {
  info: ObjectInfo;
  /** Bytes as stored. */
  sealedSize: number;
  /** The first `length` bytes of the plaintext, or all of it where it is shorter. */
  head(length: number): Promise<Buffer>;
  /** Starts feeding the plaintext into the FIFO `target.path`. */
  feed(target: PipeTarget): Promise<OpeningPipe>;
}

/** Pins the object that `info` names. @throws VaultError `MISSING_OBJECT`; SealError */
export async function pinObject(dataset: OpenDataset, info: ObjectInfo): Promise<PinnedObject> {
  const reader = await openReader(dataset, info);
  await reader.close();
  return {
    info,
    sealedSize: reader.size,
    async head(length) {
      const opened = await openObject(dataset, info);
      const parts: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of opened.chunks) {
        parts.push(Buffer.from(chunk));
        size += chunk.length;
        if (size >= length) break;
      }
      return Buffer.concat(parts).subarray(0, length);
    },
    async feed(target) {
      const source = await openReader(dataset, info);
      try {
        const options = { keyring: await dataset.openingKeyring(), context: dataset.context };
        const expected = { messageId: info.messageId, plaintextSize: info.size };
        const pipe = await openToPipe(source, { ...options, ...expected }, target);
        return { ...pipe, done: closeAfter(pipe.done, source) };
      } catch (error) {
        await source.close();
        throw error;
      }
    },
  };
}

async function closeAfter<Result>(work: Promise<Result>, reader: ObjectReader): Promise<Result> {
  try {
    return await work;
  } finally {
    await reader.close();
  }
}
