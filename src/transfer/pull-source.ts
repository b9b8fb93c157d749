// The bytes of a file of the server in order, from one session or from several at once.
import type { Connection } from './connection.ts';
import { watchStall } from './connection.ts';
import type { RemoteFile } from './pull-types.ts';

/** What one of several sessions reads at a time: as much as it has under way at once. */
const STRIPE_BYTES = 8 * 1024 * 1024;

export interface ReadingOptions {
  from: number;
  /** READs under way for the file, on each session. */
  parallel: number;
  /** How long nothing may come while something is waited for, in milliseconds. */
  stallMs: number;
  signal: AbortSignal;
}

/**
 * The file from `from` on. With several sessions each has two stripes at most: what is read ahead is 16 MiB a session.
 *
 * @throws SftpError: `CHANGED` unless it is all the time what it was when it was looked at, `LOST` also after a stall
 */
export async function* readRemote(
  connections: readonly Connection[],
  file: RemoteFile,
  options: ReadingOptions,
): AsyncGenerator<Buffer> {
  const { from } = options;
  const [first] = connections;
  if (first === undefined) return;
  const { size } = file;
  if (connections.length === 1 || size === undefined || size - from < 2 * STRIPE_BYTES) {
    yield* readPart(first, file, options);
    return;
  }
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  const ahead: Promise<Buffer[]>[] = [];
  let next = from;
  let turn = 0;
  const begin = (): void => {
    const connection = connections[turn % connections.length] ?? first;
    turn += 1;
    const to = Math.min(size, next + STRIPE_BYTES);
    const stripe = collect(readPart(connection, file, { ...options, from: next, to, signal }));
    stripe.catch(() => undefined);
    ahead.push(stripe);
    next = to;
  };
  try {
    for (;;) {
      while (next < size && ahead.length < 2 * connections.length) begin();
      const stripe = ahead.shift();
      if (stripe === undefined) return;
      yield* await stripe;
    }
  } finally {
    stopping.abort();
    for (const left of await Promise.allSettled(ahead)) {
      if (left.status === 'fulfilled') for (const chunk of left.value) chunk.fill(0);
    }
  }
}

async function* readPart(
  connection: Connection,
  { place, size, modified }: RemoteFile,
  { from, to, parallel, stallMs, signal }: ReadingOptions & { to?: number },
): AsyncGenerator<Buffer> {
  const expected = {
    ...(size === undefined ? {} : { size }),
    ...(modified === undefined ? {} : { times: { accessed: modified, modified } }),
  };
  const range = to === undefined ? { from } : { from, to };
  const chunks = connection.sftp.download(place, { ...range, expected, parallel, signal })[Symbol.asyncIterator]();
  try {
    for (;;) {
      // Only while something is waited for: whoever takes the bytes may be slow.
      const watch = watchStall(connection, stallMs);
      const { done, value } = await chunks.next().finally(watch.stop);
      if (done === true) return;
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return parts;
}
