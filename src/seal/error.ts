// The one error class of seal/: closed codes, tested by code and not by prose.
import { type ErrorDetails, GloveboxError, isErrnoError } from '../lib/index.ts';

export type SealErrorCode =
  /** Bytes are missing: the final frame is not where the length says. */
  | 'TRUNCATED'
  /** Bytes follow the final frame. */
  | 'TRAILING_BYTES'
  /** A frame's tag does not verify. */
  | 'FRAME_AUTH'
  /** A frame carries another sequence number than its place asks for. */
  | 'FRAME_ORDER'
  /** The header's tag does not verify. */
  | 'HEADER_AUTH'
  /** The header is not a message header. */
  | 'HEADER_INVALID'
  /** The data key is not the one that the header commits to. */
  | 'COMMITMENT'
  /** The encryption context is not the expected one (I5). */
  | 'CONTEXT_MISMATCH'
  /** The message id is not the expected one (I2). */
  | 'MESSAGE_MISMATCH'
  /** The plaintext size is not the expected one (I2). */
  | 'SIZE_MISMATCH'
  /** No key of the keyring unwraps the data key. */
  | 'UNWRAP_FAILED'
  /** The keyring made no data key. */
  | 'WRAP_FAILED'
  /** A bound on untrusted input was exceeded. */
  | 'LIMIT'
  /** A valid form of the format that is not handled here. */
  | 'UNSUPPORTED'
  /** A version 1 or unframed message, or one without key commitment, and the caller did not allow those. */
  | 'NON_COMMITTING'
  /** The signature in the footer does not verify, or is not one. */
  | 'SIGNATURE'
  /** The range that was asked for does not lie in the object. */
  | 'RANGE'
  /** Compressed data is damaged, cut off or followed by something else. */
  | 'COMPRESSION'
  /** Reading or writing failed; `cause` is the operating system's error. */
  | 'IO'
  /** The caller stopped it. */
  | 'ABORTED';

/** What went wrong while sealing or opening. The message holds no plaintext and no key (I1). */
export class SealError extends GloveboxError<SealErrorCode> {}

/** An error in a form that crosses threads. */
export interface ErrorReport {
  code: SealErrorCode;
  message: string;
  hint?: string;
  system?: { code: string; syscall: string };
}

/** Turns anything thrown in a worker into a report. Unknown errors keep their class name only (I1). */
export function reportError(error: unknown): ErrorReport {
  if (error instanceof SealError) {
    const report: ErrorReport = { code: error.code, message: error.message };
    if (error.hint !== undefined) report.hint = error.hint;
    if (isErrnoError(error.cause)) report.system = systemError(error.cause);
    return report;
  }
  if (isErrnoError(error)) {
    const system = systemError(error);
    return { code: 'IO', message: `${system.syscall} failed: ${system.code}`, system };
  }
  return { code: 'IO', message: `the worker failed: ${error instanceof Error ? error.name : 'unknown error'}` };
}

/** The other half of `reportError`: an error to throw. */
export function errorFromReport(report: ErrorReport): SealError {
  const details: ErrorDetails = {};
  if (report.hint !== undefined) details.hint = report.hint;
  if (report.system) details.cause = Object.assign(new Error(report.message), report.system);
  return new SealError(report.code, report.message, details);
}

/** The operating system's errors as `IO` of this room; any other as it is. */
export function toSealError(error: unknown): unknown {
  return isErrnoError(error) ? errorFromReport(reportError(error)) : error;
}

/** What a caller sees when its signal fired or it cancelled. */
export function abortedError(): SealError {
  return new SealError('ABORTED', 'stopped before the end');
}

function systemError(error: NodeJS.ErrnoException): { code: string; syscall: string } {
  return { code: error.code ?? 'UNKNOWN', syscall: error.syscall ?? 'call' };
}
