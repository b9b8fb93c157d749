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

/** Bytes of `source` as they come; no more is asked of it than is asked for here. */
export function createInput(source: AsyncIterable<Uint8Array>): Input {
  const iterator = source[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let buffered = 0;
  let ended = false;
  const copy = (length: number): Buffer => {
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    for (const part of parts) {
      if (filled === length) break;
      bytes.set(part.subarray(0, length - filled), filled);
      filled += Math.min(part.byteLength, length - filled);
    }
    return bytes;
  };
  const drop = (length: number): void => {
    let rest = length;
    buffered -= length;
    while (rest > 0) {
      const first = parts[0];
      if (!first) return;
      if (rest < first.byteLength) parts[0] = first.subarray(rest);
      else parts.shift();
      rest -= Math.min(rest, first.byteLength);
    }
  };
  return {
    async fill(length) {
      while (buffered < length && !ended) {
        const step = await iterator.next();
        if (step.done) ended = true;
        else if (step.value.byteLength > 0) {
          parts.push(step.value);
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
