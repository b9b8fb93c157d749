// The one error class of sftp/, and how its codes and the protocol's status codes become each other.
import { GloveboxError } from '../lib/index.ts';

export type SftpErrorCode =
  /** A packet is not what the protocol says. */
  | 'MALFORMED'
  /** A bound on untrusted input was exceeded, or too much is open at once. */
  | 'LIMIT'
  /** A path that cannot be one here: not UTF-8, a NUL, too long. */
  | 'PATH'
  | 'NOT_FOUND'
  | 'DENIED'
  | 'EXISTS'
  | 'NOT_EMPTY'
  | 'NO_SPACE'
  /** The handle is not open, or not for this. */
  | 'HANDLE'
  /** The other side cannot do this at all. */
  | 'UNSUPPORTED'
  /** It did not work, and the protocol has no word for why. */
  | 'FAILED'
  /** The channel ended or broke while something was under way. */
  | 'LOST'
  /** The server does what no server may: nothing more is read from it. */
  | 'PROTOCOL'
  /** The file is not what it was at the start. */
  | 'CHANGED'
  /** The caller stopped it. */
  | 'ABORTED';

/** What went wrong between client and server. The message is shown to the other side: no data values (I1). */
export class SftpError extends GloveboxError<SftpErrorCode> {}

/** Status codes (draft-ietf-secsh-filexfer-02, section 7). */
export const STATUS = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
} as const;

const STATUS_OF: Record<SftpErrorCode, number> = {
  MALFORMED: STATUS.badMessage,
  LIMIT: STATUS.failure,
  // As OpenSSH's server answers to ENAMETOOLONG and EINVAL.
  PATH: STATUS.badMessage,
  NOT_FOUND: STATUS.noSuchFile,
  DENIED: STATUS.permissionDenied,
  EXISTS: STATUS.failure,
  NOT_EMPTY: STATUS.failure,
  NO_SPACE: STATUS.failure,
  HANDLE: STATUS.failure,
  UNSUPPORTED: STATUS.unsupported,
  FAILED: STATUS.failure,
  LOST: STATUS.connectionLost,
  PROTOCOL: STATUS.badMessage,
  CHANGED: STATUS.failure,
  ABORTED: STATUS.failure,
};

/** The status that tells a client of `error`. What is no SftpError is a failure without its text, which may hold data. */
export function statusOf(error: unknown): { code: number; message: string } {
  if (!(error instanceof SftpError)) return { code: STATUS.failure, message: 'the server failed' };
  return { code: STATUS_OF[error.code], message: error.message.slice(0, 1000) };
}

/**
 * The error that a client makes of a status that is neither OK nor EOF. `what` says what was asked for ("open
 * /a/b"); the server's own words are not passed on as they are: control characters become spaces, 200 characters.
 */
export function errorOfStatus(status: { code: number; message: string }, what: string): SftpError {
  const words = status.message.slice(0, 200).replace(/\p{C}/gu, ' ').trim();
  const said = words === '' ? `status ${status.code}` : words;
  return new SftpError(codeOfStatus(status.code), `the server did not ${what}: ${said}`);
}

function codeOfStatus(code: number): SftpErrorCode {
  switch (code) {
    case STATUS.noSuchFile:
      return 'NOT_FOUND';
    case STATUS.permissionDenied:
      return 'DENIED';
    case STATUS.badMessage:
      return 'MALFORMED';
    case STATUS.noConnection:
    case STATUS.connectionLost:
      return 'LOST';
    case STATUS.unsupported:
      return 'UNSUPPORTED';
    default:
      return 'FAILED';
  }
}
