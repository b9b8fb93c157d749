// A source of chunks, read in pieces of other lengths.

/** Bytes that have come and were not taken yet. */
export interface Input {
  /** Resolves to whether `length` bytes are there; false at the end of the source. */
  fill(length: number): Promise<boolean>;
  buffered(): number;
  /** A copy of the first `length` bytes, which must be there. */
  peek(length: number): Buffer;
  /** The first `length` bytes, which must be there, in memory of their own. */
  take(length: number): Buffer;
  close(): Promise<void>;
}

/** Bytes are gathered in pieces of memory of this size: a list of tiny chunks would take many times theirs. */
const PIECE = 64 * 1024;
/** Pieces that are kept for reuse, 1 MiB: what a few frames take. */
const MAX_SPARE = 16;

/** Bytes `from` up to `to` of `memory` are there. */
interface Part {
  memory: Uint8Array;
  from: number;
  to: number;
}

/**
 * Bytes of `source` as they come; no more is asked of it than is asked for here. They are copied: a chunk is done with
 * when the next one is asked for.
 */
export function createInput(source: AsyncIterable<Uint8Array>): Input {
  const iterator = source[Symbol.asyncIterator]();
  const parts: Part[] = [];
  const spare: Uint8Array[] = [];
  let buffered = 0;
  let ended = false;
  const copy = (length: number): Buffer => {
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    for (const { memory, from, to } of parts) {
      if (filled === length) break;
      const count = Math.min(length - filled, to - from);
      bytes.set(memory.subarray(from, from + count), filled);
      filled += count;
    }
    return bytes;
  };
  const drop = (length: number): void => {
    buffered -= length;
    let rest = length;
    let whole = 0;
    for (const part of parts) {
      const count = Math.min(rest, part.to - part.from);
      part.from += count;
      rest -= count;
      if (part.from < part.to) break;
      whole++;
    }
    for (const { memory } of parts.splice(0, whole)) if (spare.length < MAX_SPARE) spare.push(memory);
  };
  const append = (chunk: Uint8Array): void => {
    buffered += chunk.byteLength;
    for (let copied = 0; copied < chunk.byteLength; ) {
      let last = parts.at(-1);
      if (!last || last.to === PIECE) {
        last = { memory: spare.pop() ?? Buffer.allocUnsafeSlow(PIECE), from: 0, to: 0 };
        parts.push(last);
      }
      const piece = chunk.subarray(copied, copied + PIECE - last.to);
      last.memory.set(piece, last.to);
      last.to += piece.byteLength;
      copied += piece.byteLength;
    }
  };
  return {
    async fill(length) {
      while (buffered < length && !ended) {
        const step = await iterator.next();
        if (step.done) ended = true;
        else append(step.value);
      }
      return buffered >= length;
    },
    buffered: () => buffered,
    peek: copy,
    take(length) {
      const bytes = copy(length);
      drop(length);
      return bytes;
    },
    async close() {
      ended = true;
      await iterator.return?.();
    },
  };
}
