// Sealed messages outside of a workspace: a file, or standard input.
import { constants, fstatSync, read, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { promisify } from 'node:util';
import { isErrnoError } from '../lib/index.ts';
import { releaseAll, SealError, type SealErrorCode, type SealedSource } from '../seal/index.ts';
import { CliError, usage } from './error.ts';
import { IncompleteOutputError } from './standard-streams.ts';

const readAt = promisify(read);

/** A message that can be read at any place, or one that comes in through a pipe. */
export type SealedInput = { source: SealedSource } | { pipe: AsyncIterable<Uint8Array> };

/**
 * Runs `work` on the sealed file at `path`. What seal/ raises gets the file's name, and a hint that fits one.
 * @throws CliError `FILE`; what `work` throws
 */
export async function withSealedFile<Result>(
  path: string,
  work: (source: SealedSource) => Promise<Result>,
): Promise<Result> {
  // Not blocking: a FIFO would have it wait for a writer before it can be refused.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (!isErrnoError(error)) throw error;
    throw new CliError('FILE', `${path}: cannot be read (${error.code})`, { hint: 'check the path', cause: error });
  });
  try {
    const status = await handle.stat();
    if (!status.isFile()) {
      const hint = status.isDirectory() ? 'name a sealed file in it' : `use standard input: - < ${path}`;
      throw new CliError('FILE', `${path}: is not a file`, { hint });
    }
    return await work(sourceOf(handle.fd, status.size));
  } catch (error) {
    throw explainSealed(path, error);
  } finally {
    await handle.close();
  }
}

/**
 * Runs `work` on standard input: at any place where that is a file, from its beginning.
 * @throws CliError `USAGE` for a terminal; what `work` throws
 */
export async function withSealedInput<Result>(
  signal: AbortSignal,
  work: (input: SealedInput) => Promise<Result>,
): Promise<Result> {
  const { fd } = process.stdin;
  const status = fstatSync(fd);
  try {
    if (status.isFile() && isAtStart(fd)) return await work({ source: sourceOf(fd, status.size) });
    if (process.stdin.isTTY) throw usage('standard input is a terminal', 'pipe the data in, or name a file');
    return await work({ pipe: releasing(addAbortSignal(signal, process.stdin)) });
  } catch (error) {
    throw explainSealed('standard input', error);
  }
}

/** The chunks of `input`, each given back when the next one is asked for: seal/ has copied it by then. */
async function* releasing(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    yield chunk;
    releaseAll([chunk]);
  }
}

function sourceOf(descriptor: number, size: number): SealedSource {
  return {
    size,
    descriptor,
    read: async (buffer, offset) => (await readAt(descriptor, buffer, 0, buffer.length, offset)).bytesRead,
  };
}

/** Whether nobody has read from the descriptor yet; proc_pid_fdinfo(5). Where that is not known, it is read in order. */
function isAtStart(descriptor: number): boolean {
  try {
    return /^pos:\s*0$/m.test(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'));
  } catch (error) {
    if (isErrnoError(error)) return false;
    throw error;
  }
}

const DAMAGED = 'it is damaged, cut off or was altered: get it again from where it came';

/** What to do about a message that is no object of a workspace. The other codes say it themselves. */
const HINTS: Partial<Record<SealErrorCode, string>> = {
  TRUNCATED: DAMAGED,
  TRAILING_BYTES: DAMAGED,
  FRAME_AUTH: DAMAGED,
  FRAME_ORDER: DAMAGED,
  HEADER_AUTH: DAMAGED,
  HEADER_INVALID: 'name what glovebox seal, or another AWS Encryption SDK, has made',
  COMMITMENT: DAMAGED,
  CONTEXT_MISMATCH: 'ask whoever sealed it; what it says of itself is shown by: glovebox inspect --file FILE',
  UNWRAP_FAILED: 'it was sealed for other keys, or altered; which ones is shown by: glovebox inspect --file FILE',
  LIMIT: DAMAGED,
  UNSUPPORTED: 'write it into a file first, and name that',
  SIGNATURE: DAMAGED,
};

/** The same error, told of the file or stream `name`. */
function explainSealed(name: string, error: unknown): unknown {
  if (error instanceof IncompleteOutputError) return new IncompleteOutputError(explainSealed(name, error.cause));
  if (!(error instanceof SealError)) return error;
  const hint = HINTS[error.code] ?? error.hint;
  const details = { cause: error.cause, ...(hint === undefined ? {} : { hint }) };
  return new SealError(error.code, `${name}: ${error.message}`, details);
}
