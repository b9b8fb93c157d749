// The base of every room's error class: a closed code, one line for people, and what to do next.

/** What an error may carry beside its message. */
export interface ErrorDetails {
  /** What the user can do about it: one sentence, shown on a line of its own. */
  hint?: string;
  /** The error underneath; never shown to the user, because libraries quote data. */
  cause?: unknown;
}

/**
 * An error that is meant for people: what happened, to which object. Each room has one subclass with
 * a closed union of codes; `cli/exit.ts` maps the codes to exit codes. The message never holds a
 * secret, a key or a data value (I1).
 */
export abstract class GloveboxError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = details.hint;
  }
}

/** Whether `error` is an operating system error, optionally with one of the named codes (`ENOENT`…). */
export function isErrnoError(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return 'syscall' in error && (codes.length === 0 || codes.includes(error.code));
}

/** The operating system's error underneath `error` where a write(2) of any form failed; else undefined. */
export function failedWrite({ cause }: Error): NodeJS.ErrnoException | undefined {
  return isErrnoError(cause) && /^p?writev?$/.test(cause.syscall ?? '') ? cause : undefined;
}
