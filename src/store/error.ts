// What a store raises, and how the operating system's errors become it.
import { GloveboxError, isErrnoError, ProcessLockError } from '../lib/index.ts';

/**
 * - `NAME`: a dataset, entry or object name that a store does not take.
 * - `NOT_FOUND`: there is no such object or entry.
 * - `CONFLICT`: another writer was first, or the target exists.
 * - `NO_SPACE`: the disk or the quota is full.
 * - `NOT_A_STORE`: the root is something else than a folder.
 * - `UNSAFE`: a symbolic link, or a file of another type, where the store keeps its own.
 * - `BUSY`: another process held the dataset's lock for too long.
 * - `TOO_LARGE`: an entry above the limit.
 * - `DENIED`: the operating system does not allow it.
 * - `IO`: any other failure underneath; `cause` has it.
 */
export type StoreErrorCode =
  | 'NAME'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'NO_SPACE'
  | 'NOT_A_STORE'
  | 'UNSAFE'
  | 'BUSY'
  | 'TOO_LARGE'
  | 'DENIED'
  | 'IO';

export class StoreError extends GloveboxError<StoreErrorCode> {}

/** `error` as a StoreError that says what was being done: `doing` completes "could not …". */
export function toStoreError(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const options = { cause: error };
  if (error instanceof ProcessLockError) {
    const code = error.code === 'BUSY' ? 'BUSY' : 'UNSAFE';
    return new StoreError(code, `could not ${doing}: ${error.message}`, {
      ...options,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
  if (isErrnoError(error, 'ENOSPC', 'EDQUOT')) {
    const what = error.code === 'EDQUOT' ? 'the disk quota is used up' : 'no space is left on the disk';
    return new StoreError('NO_SPACE', `could not ${doing}: ${what}`, {
      ...options,
      hint: 'free space or enlarge the volume, then try again; nothing half written was kept',
    });
  }
  if (isErrnoError(error, 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENXIO')) {
    return unsafe(`could not ${doing}: a symbolic link or another type of file is in the way`, error);
  }
  if (isErrnoError(error, 'EACCES', 'EPERM', 'EROFS')) {
    return new StoreError('DENIED', `could not ${doing}: the operating system does not allow it (${error.code})`, {
      ...options,
      hint: "check who owns the store's folder, and whether its volume is mounted for writing",
    });
  }
  const reason = isErrnoError(error) && error.code !== undefined ? ` (${error.code})` : '';
  return new StoreError('IO', `could not ${doing}${reason}`, options);
}

/** An `UNSAFE` error with the hint that goes with it. */
export function unsafe(message: string, cause?: unknown): StoreError {
  return new StoreError('UNSAFE', message, {
    hint: 'a store follows no links; find out what made it, and move it away',
    cause,
  });
}

/** Runs `work`; what it raises becomes a StoreError that says `doing`. */
export async function saying<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(error, doing);
  }
}
