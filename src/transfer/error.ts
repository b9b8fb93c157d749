// The one error class of transfer/.
import { GloveboxError } from '../lib/index.ts';

export type TransferErrorCode =
  /** What was typed is no place on an SFTP server. */
  | 'ADDRESS'
  /** The server cannot be reached: no such host, nobody answers, it takes too long. */
  | 'CONNECT'
  /** Nothing is known of the server's key. */
  | 'HOST_UNKNOWN'
  /** The server's key is not the one that is known, or pinned; or it was revoked. */
  | 'HOST_KEY'
  /** The server does not let this user in. */
  | 'LOGIN'
  /** Something that is needed on this host is not there, or cannot be used: ssh, a key, known_hosts. */
  | 'SETUP'
  /** A local file or folder cannot be used for this. */
  | 'LOCAL'
  /** What was read changed while it was read. */
  | 'CHANGED'
  /** What is there at the end is not what was sent. */
  | 'DIGEST'
  /** Some of the files did not come over. */
  | 'INCOMPLETE'
  /** The caller stopped it. */
  | 'ABORTED';

/** What went wrong on the way from or to a server. */
export class TransferError extends GloveboxError<TransferErrorCode> {}
