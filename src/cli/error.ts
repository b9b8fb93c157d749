// What the command line itself finds wrong, before or after a room was asked.
import { GloveboxError } from '../lib/index.ts';

export type CliErrorCode =
  /** The command cannot be understood, or contradicts itself. */
  | 'USAGE'
  /** A file that was named is not there, is none, or is not allowed here. */
  | 'FILE'
  /** There is nothing to store. */
  | 'EMPTY'
  /** A file changed while it was read. */
  | 'CHANGED'
  /** The file that was to be written could not be. */
  | 'WRITE'
  /** A passphrase is needed and there is no way to get one, or the two entries differ. */
  | 'PASSPHRASE'
  /** The passphrase of a private key is another one. */
  | 'WRONG_PASSPHRASE'
  /** A decision that was asked for went against whoever it is about. */
  | 'DENIED'
  /** Some of the objects that were to be verified do not verify. */
  | 'BAD_OBJECTS'
  /** The program cannot work on this host. */
  | 'HOST'
  /** A step of the demo did not end as it should. */
  | 'DEMO';

/** What went wrong in the command line room. */
export class CliError extends GloveboxError<CliErrorCode> {}

/** A usage error: what, and how to say it right. */
export function usage(message: string, hint?: string): CliError {
  return new CliError('USAGE', message, hint === undefined ? {} : { hint });
}
