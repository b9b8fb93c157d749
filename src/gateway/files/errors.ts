// What goes wrong in the vault, in the words of SFTP. Names may be in it, data never.
import { GloveboxError, isErrnoError } from '../../lib/index.ts';
import { SftpError, type SftpErrorCode } from '../../sftp/index.ts';

const CODES: Record<string, SftpErrorCode> = {
  NOT_FOUND: 'NOT_FOUND',
  DENIED: 'DENIED',
  EXISTS: 'EXISTS',
  KIND: 'DENIED',
  NAME: 'PATH',
  NO_SPACE: 'NO_SPACE',
};

/** The error that the client sees of `error`; what is no error of ours stays as it is, and its text unseen. */
export function toSftpError(error: unknown): unknown {
  if (error instanceof SftpError || !(error instanceof GloveboxError)) {
    return isErrnoError(error, 'ENOSPC', 'EDQUOT') ? noSpace() : error;
  }
  if (isErrnoError(error.cause, 'ENOSPC', 'EDQUOT')) return noSpace();
  return new SftpError(CODES[error.code] ?? 'FAILED', error.message, { cause: error });
}

/** Resolves as `work` does; what it fails with is told in the words of SFTP. */
export async function inWords<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toSftpError(error);
  }
}

/** Undefined for what there is not. */
export async function orUndefined<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof GloveboxError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function noSpace(): SftpError {
  return new SftpError('NO_SPACE', 'no space is left on the server');
}
