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

/** Shorter chunks are gathered: a list of tiny ones would take many times the memory and time of their bytes. */
const SHORT = 16 * 1024;

/** Bytes `from` up to `to` of `memory`. */
interface Part {
  memory: Uint8Array;
  from: number;
  to: number;
  /** Whether there may be room behind `to`. */
  gathers: boolean;
}

/** Bytes of `source` as they come; no more is asked of it than is asked for here. */
export function createInput(source: AsyncIterable<Uint8Array>): Input {
  const iterator = source[Symbol.asyncIterator]();
  const parts: Part[] = [];
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
    parts.splice(0, whole);
  };
  return {
    async fill(length) {
      while (buffered < length && !ended) {
        const step = await iterator.next();
        if (step.done) ended = true;
        else if (step.value.byteLength > 0) {
          append(parts, step.value);
          buffered += step.value.byteLength;
        }
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

function append(parts: Part[], chunk: Uint8Array): void {
  const to = chunk.byteLength;
  if (to >= SHORT) {
    parts.push({ memory: chunk, from: 0, to, gathers: false });
    return;
  }
  let last = parts.at(-1);
  if (!last?.gathers || last.to + to > SHORT) {
    last = { memory: Buffer.allocUnsafeSlow(SHORT), from: 0, to: 0, gathers: true };
    parts.push(last);
  }
  last.memory.set(chunk, last.to);
  last.to += to;
}
