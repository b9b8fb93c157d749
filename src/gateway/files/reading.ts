// One object open for reading: reads in order come from one stream, so that no frame is opened twice.
import type { OpenForReading } from '../../sftp/index.ts';
import type { OpenReading } from '../../vault/index.ts';
import type { MemoryBudget } from '../memory-budget.ts';
import { inWords } from './errors.ts';
import { infoOf } from './infos.ts';

interface Chunk {
  /** Where it begins in the object. */
  at: number;
  bytes: Uint8Array;
}

interface Stream {
  chunks: AsyncIterator<Uint8Array>;
  /** Where what comes next begins. */
  next: number;
  /** The newest chunks, without a gap up to `next`: for reads that come a little late. */
  held: Chunk[];
}

/** Bytes that a read may skip for its place in the stream: what comes in parallel is not quite in order. */
const MOST_SKIPPED = 1024 * 1024;
const MOST_HELD = 3;
/** What a stream holds: its chunks, and the frames that the vault opens ahead. Charged to the shared budget. */
const STREAM_BYTES = 2 * 1024 * 1024;

export interface ReadingOptions {
  memory: MemoryBudget;
  /** Is told of what was read. */
  onBytes(bytes: number): void;
}

export function makeReading(source: OpenReading, { memory, onBytes }: ReadingOptions): OpenForReading {
  const { size } = source.info;
  let stream: Stream | undefined;
  /** Where the last read outside of the stream ended: whoever goes on there is read ahead for. */
  let lastEnd = 0;
  let tail: Promise<unknown> = Promise.resolve();

  async function letGo(): Promise<void> {
    const ended = stream;
    stream = undefined;
    if (ended === undefined) return;
    memory.give(STREAM_BYTES);
    for (const { bytes } of ended.held) bytes.fill(0);
    await ended.chunks.return?.();
  }

  function begin(offset: number): Stream | undefined {
    const chunks = source.chunks(offset, size - offset)[Symbol.asyncIterator]();
    return memory.take(STREAM_BYTES) ? { chunks, next: offset, held: [] } : undefined;
  }

  /** Takes the next chunk from the stream. @returns undefined at its end */
  async function advance(open: Stream): Promise<Chunk | undefined> {
    const next = await open.chunks.next();
    if (next.done === true) return undefined;
    const chunk = { at: open.next, bytes: next.value };
    open.held.push(chunk);
    open.next += chunk.bytes.length;
    if (open.held.length > MOST_HELD) open.held.shift()?.bytes.fill(0);
    return chunk;
  }

  async function readInOrder(open: Stream, buffer: Uint8Array, offset: number): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      const at = offset + filled;
      const chunk = open.held.find((held) => at >= held.at && at < held.at + held.bytes.length);
      if (chunk === undefined) {
        if ((await advance(open)) === undefined) break;
        continue;
      }
      const part = chunk.bytes.subarray(at - chunk.at, at - chunk.at + buffer.length - filled);
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
    const isInStream = ({ held, next }: Stream) => offset >= (held[0]?.at ?? next) && offset <= next + MOST_SKIPPED;
    let open = stream !== undefined && isInStream(stream) ? stream : undefined;
    if (open === undefined && offset === lastEnd) {
      await letGo();
      open = stream = begin(offset);
    }
    const count = open === undefined ? await readAlone(wanted, offset) : await readInOrder(open, wanted, offset);
    if (open === undefined) lastEnd = offset + count;
    // All of it was read: what was held for others is not needed any more.
    if (stream !== undefined && open === stream && offset + count === size) await letGo();
    onBytes(count);
    return count;
  }

  /** One read after the other; after a failure nothing is read ahead any more. */
  async function readOrLetGo(buffer: Uint8Array, offset: number): Promise<number> {
    try {
      return await read(buffer, offset);
    } catch (error) {
      await letGo().catch(() => undefined);
      throw error;
    }
  }

  const info = infoOf(source.info);
  return {
    read(buffer, offset) {
      const step = tail.then(() => inWords(() => readOrLetGo(buffer, offset)));
      tail = step.catch(() => undefined);
      return step;
    },
    stat: async () => info,
    async close() {
      await tail;
      await letGo();
      await source.close();
    },
  };
}
