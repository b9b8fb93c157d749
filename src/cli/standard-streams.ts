// Standard output for data, and what happens when nobody reads it any more.
import { isErrnoError } from '../lib/index.ts';
import { wipeAll } from '../seal/index.ts';

/** Thrown where the reader of standard output has gone: the command ends without a word. */
export class OutputClosedError extends Error {
  constructor() {
    super('standard output was closed');
    this.name = 'OutputClosedError';
  }
}

/** Thrown where data had gone out before the error `cause`: the message says what that means (I2). */
export class IncompleteOutputError extends Error {
  constructor(cause: unknown) {
    super('standard output is incomplete', { cause });
    this.name = 'IncompleteOutputError';
  }
}

/** Writes all of `chunks` to standard output, no faster than it is read. @throws OutputClosedError, IncompleteOutputError */
export async function writeStandardOutput(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  let started = false;
  try {
    for await (const chunk of chunks) {
      if (process.stdout.destroyed) throw new OutputClosedError();
      started = true;
      await written(process.stdout, chunk, signal);
      // Often plaintext. Given back at once, or some 100 MB would wait for the garbage collector.
      wipeAll([chunk]);
    }
    await flush(process.stdout);
  } catch (error) {
    if (!started || signal.aborted || error instanceof OutputClosedError) throw error;
    throw new IncompleteOutputError(error);
  }
}

/** Resolves when `chunk` has left the process, or never will; rejects when the signal fires. */
function written(stream: NodeJS.WriteStream, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      stream.off('close', settle);
      signal.removeEventListener('abort', settle);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    stream.on('close', settle);
    signal.addEventListener('abort', settle);
    stream.write(chunk, settle); // an error is told by the stream's own event
    if (signal.aborted) settle();
  });
}

/** Resolves when everything written so far has left the process. @throws OutputClosedError */
export async function flush(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed) throw new OutputClosedError();
  await new Promise<void>((resolve, reject) => {
    stream.write('', (error) => {
      if (isErrnoError(error, 'EPIPE') || stream.destroyed) reject(new OutputClosedError());
      else if (error) reject(error);
      else resolve();
    });
  });
}
