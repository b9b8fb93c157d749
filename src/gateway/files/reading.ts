// One object open for reading: reads in order come from one stream, so that no frame is opened twice.
import type { FileInfo, OpenForReading } from '../../sftp/index.ts';
import type { OpenReading } from '../../vault/index.ts';
import { inWords } from './errors.ts';
import { infoOf } from './infos.ts';

interface Stream {
  chunks: AsyncIterator<Uint8Array>;
  /** Where `chunk` begins, or what comes next. */
  at: number;
  chunk: Uint8Array | undefined;
}

/** Bytes that a read may skip for its place in the stream: what comes in parallel is not quite in order. */
const MOST_SKIPPED = 1024 * 1024;
/** Of chunks that are passed, kept for reads that come a little late. */
const KEPT_BEHIND = 2;

/** @param onBytes is told of what was read */
export function makeReading(source: OpenReading, onBytes: (bytes: number) => void): OpenForReading {
  const { size } = source.info;
  let stream: Stream | undefined;
  let behind: { at: number; chunk: Uint8Array }[] = [];
  let lastEnd = 0;
  let tail: Promise<unknown> = Promise.resolve();

  async function letGo(): Promise<void> {
    const ended = stream;
    stream = undefined;
    ended?.chunk?.fill(0);
    for (const { chunk } of behind) chunk.fill(0);
    behind = [];
    await ended?.chunks.return?.();
  }

  /** The bytes at `offset` that are at hand without a gap, from the stream or what was just passed. */
  function copyKept(buffer: Uint8Array, offset: number): number {
    const kept = behind.find(({ at, chunk }) => offset >= at && offset < at + chunk.length);
    if (kept === undefined) return 0;
    const part = kept.chunk.subarray(offset - kept.at, offset - kept.at + buffer.length);
    buffer.set(part);
    return part.length;
  }

  async function advance({ chunks }: Stream, open: Stream): Promise<boolean> {
    if (open.chunk !== undefined) {
      behind.push({ at: open.at, chunk: open.chunk });
      if (behind.length > KEPT_BEHIND) behind.shift()?.chunk.fill(0);
      open.at += open.chunk.length;
    }
    const next = await chunks.next();
    open.chunk = next.done === true ? undefined : next.value;
    return open.chunk !== undefined;
  }

  async function readInOrder(open: Stream, buffer: Uint8Array, offset: number): Promise<number> {
    let filled = 0;
    if (offset < open.at) filled = copyKept(buffer, offset);
    while (filled < buffer.length) {
      const at = offset + filled;
      if (open.chunk === undefined || at >= open.at + open.chunk.length) {
        if (!(await advance(open, open))) break;
        continue;
      }
      const part = open.chunk.subarray(at - open.at, at - open.at + buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
    }
    return filled;
  }

  async function readAlone(buffer: Uint8Array, offset: number): Promise<number> {
    let filled = 0;
    for await (const chunk of source.chunks(offset, buffer.length)) {
      buffer.set(chunk, filled);
      filled += chunk.length;
      chunk.fill(0);
    }
    return filled;
  }

  async function read(buffer: Uint8Array, offset: number): Promise<number> {
    if (offset >= size) return 0;
    const wanted = buffer.subarray(0, Math.min(buffer.length, size - offset));
    const oldest = behind[0]?.at ?? stream?.at ?? 0;
    const fits = stream !== undefined && offset >= oldest && offset <= stream.at + MOST_SKIPPED;
    if (!fits) {
      await letGo();
      // Only whoever goes on where the last read ended is read ahead for.
      if (offset === lastEnd) {
        stream = { chunks: source.chunks(offset, size - offset)[Symbol.asyncIterator](), at: offset, chunk: undefined };
      }
    }
    const count = stream === undefined ? await readAlone(wanted, offset) : await readInOrder(stream, wanted, offset);
    lastEnd = offset + count;
    onBytes(count);
    return count;
  }

  const info = infoOf(source.info);
  return {
    read(buffer, offset) {
      const step = tail.then(() => inWords(() => read(buffer, offset)));
      tail = step.catch(() => undefined);
      return step;
    },
    stat: async (): Promise<FileInfo> => info,
    async close() {
      await tail;
      await letGo();
      await source.close();
    },
  };
}
