// The one place where errors become exit codes. docs/exit-codes.md promises what stands here (a test
// compares). A room that adds a code does not compile until the code has its row.
import { AccessError, type AccessErrorCode } from '../access/index.ts';
import { AuditError, type AuditErrorCode } from '../audit/index.ts';
import { GatewayError, type GatewayErrorCode } from '../gateway/index.ts';
import { KeyError, type KeyErrorCode } from '../keys/index.ts';
import { GloveboxError, isErrnoError, ProcessLockError } from '../lib/index.ts';
import { PipelineError, type PipelineErrorCode } from '../pipeline/index.ts';
import { SealError, type SealErrorCode } from '../seal/index.ts';
import { SftpError, type SftpErrorCode } from '../sftp/index.ts';
import { StoreError, type StoreErrorCode } from '../store/index.ts';
import { TransferError, type TransferErrorCode } from '../transfer/index.ts';
import { VaultError, type VaultErrorCode } from '../vault/index.ts';
import { WorkspaceError, type WorkspaceErrorCode } from '../workspace/index.ts';
import { CliError, type CliErrorCode } from './error.ts';
import { printable } from './format.ts';
import { HINTS, HINTS_BY_EXIT } from './hints.ts';
import { IncompleteOutputError } from './standard-streams.ts';

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  denied: 3,
  integrity: 4,
  contract: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
type Exits<Code extends string> = Record<Code, ExitCode>;

const { failed, usage, denied, integrity, contract, interrupted } = EXIT;

const cli: Exits<CliErrorCode> = {
  USAGE: usage,
  FILE: usage,
  EMPTY: usage,
  CHANGED: failed,
  WRITE: failed,
  PASSPHRASE: usage,
  WRONG_PASSPHRASE: denied,
  DENIED: denied,
  BAD_OBJECTS: integrity,
  HOST: usage,
  DEMO: failed,
};

const gateway: Exits<GatewayErrorCode> = {
  CONFIG: usage,
  HOST_KEY: usage,
  LISTEN: usage,
  LOGIN: denied,
};

const sftp: Exits<SftpErrorCode> = {
  MALFORMED: integrity,
  LIMIT: failed,
  PATH: usage,
  NOT_FOUND: usage,
  DENIED: denied,
  EXISTS: usage,
  NOT_EMPTY: usage,
  NO_SPACE: failed,
  HANDLE: failed,
  UNSUPPORTED: failed,
  FAILED: failed,
  LOST: failed,
  PROTOCOL: integrity,
  CHANGED: failed,
  ABORTED: interrupted,
};

const transfer: Exits<TransferErrorCode> = {
  ADDRESS: usage,
  CONNECT: failed,
  HOST_UNKNOWN: usage,
  HOST_KEY: integrity,
  LOGIN: denied,
  SETUP: usage,
  LOCAL: usage,
  CHANGED: failed,
  DIGEST: integrity,
  INCOMPLETE: failed,
  ABORTED: interrupted,
};

const workspace: Exits<WorkspaceErrorCode> = {
  NO_WORKSPACE: usage,
  SYNTAX: usage,
  SCHEMA: usage,
  REFERENCE: usage,
  NOT_IMPLEMENTED: usage,
  EXISTS: usage,
  IO: failed,
};

const keys: Exits<KeyErrorCode> = {
  NOT_FOUND: usage,
  EXISTS: usage,
  DISABLED: denied,
  PENDING_DELETION: denied,
  WRONG_ROOT_KEY: denied,
  NO_ROOT_KEY: usage,
  UNSAFE_ROOT_KEY: usage,
  NO_KEY_STORE: usage,
  TAMPERED: integrity,
  BAD_NAME: usage,
  INVALID: usage,
  BACKUP_AUTH: denied,
};

const access: Exits<AccessErrorCode> = {
  POLICY: usage,
  LIMIT: usage,
  REQUEST: usage,
};

// A limit or a form that is not handled is what a changed header looks like: integrity (I2).
const seal: Exits<SealErrorCode> = {
  TRUNCATED: integrity,
  TRAILING_BYTES: integrity,
  FRAME_AUTH: integrity,
  FRAME_ORDER: integrity,
  HEADER_AUTH: integrity,
  HEADER_INVALID: integrity,
  COMMITMENT: integrity,
  CONTEXT_MISMATCH: integrity,
  MESSAGE_MISMATCH: integrity,
  SIZE_MISMATCH: integrity,
  UNWRAP_FAILED: integrity,
  LIMIT: integrity,
  UNSUPPORTED: integrity,
  NON_COMMITTING: integrity,
  SIGNATURE: integrity,
  RANGE: usage,
  WRAP_FAILED: failed,
  COMPRESSION: contract,
  IO: failed,
  ABORTED: interrupted,
};

const store: Exits<StoreErrorCode> = {
  NAME: usage,
  NOT_FOUND: usage,
  CONFLICT: failed,
  NO_SPACE: failed,
  NOT_A_STORE: usage,
  UNSAFE: integrity,
  BUSY: failed,
  TOO_LARGE: failed,
  DENIED: denied,
  IO: failed,
};

const vault: Exits<VaultErrorCode> = {
  ADDRESS: usage,
  NOT_FOUND: usage,
  EXISTS: usage,
  KIND: usage,
  DENIED: denied,
  CONFLICT: failed,
  TAMPERED: integrity,
  LIMIT: failed,
  MISSING_OBJECT: integrity,
  DELIVERY: usage,
  SIGNATURE: integrity,
};

const pipeline: Exits<PipelineErrorCode> = {
  SPEC: usage,
  EXPRESSION: usage,
  IDENTIFIER: usage,
  NO_SPLIT: usage,
  UNSUPPORTED: usage,
  COLUMN: contract,
  CONTRACT: contract,
  FIT: contract,
  LIMIT: contract,
  ENGINE: failed,
  HOST: usage,
};

const audit: Exits<AuditErrorCode> = { WRITE: failed, FORM: integrity };

const lock: Exits<ProcessLockError['code']> = { BUSY: failed, FOREIGN: failed };

/** Every error code of every room with its exit code. */
export const exits = {
  cli,
  workspace,
  access,
  keys,
  seal,
  store,
  vault,
  pipeline,
  audit,
  sftp,
  gateway,
  transfer,
  lock,
};

/** What is told of an error. */
export interface Failure {
  exit: ExitCode;
  /** `ROOM/CODE`, or `system/ERRNO`, or `internal`. */
  code: string;
  message: string;
  hint: string;
}

/** What to tell of `error`, and the exit code. Text is taken only from errors that are made for people (I1). */
export function explainError(error: unknown): Failure {
  if (error instanceof IncompleteOutputError) {
    const failure = explainError(error.cause);
    return { ...failure, message: `${failure.message}; standard output is incomplete: discard it` };
  }
  if (error instanceof GloveboxError) return explainOurs(error);
  if (isErrnoError(error)) return explainSystem(error);
  const name = error instanceof Error && /^\w{1,60}$/.test(error.name) ? error.name : 'something that is no error';
  return {
    exit: EXIT.failed,
    code: 'internal',
    message: `internal error (${name})`,
    hint: 'this is a defect of glovebox: report the command and this line; nothing else is shown, as it could quote data',
  };
}

function explainOurs(error: GloveboxError): Failure {
  const [room, exit] = placeOf(error);
  const code = `${room}/${error.code}`;
  // Reading or writing failed underneath: the system's words are better.
  if (code === 'seal/IO' && isErrnoError(error.cause)) return { ...explainSystem(error.cause), code, exit };
  const message = firstLower(error.message);
  // Of several failures, the worst decides.
  if (code === 'transfer/INCOMPLETE' && error.cause instanceof AggregateError) {
    const exits = error.cause.errors.map((each) => explainError(each).exit);
    const worst = WORST_FIRST.find((each) => exits.includes(each)) ?? exit;
    return { exit: worst, code, message, hint: firstLower(error.hint ?? hintFor(code, worst)) };
  }
  return { exit, code, message, hint: firstLower(error.hint ?? hintFor(code, exit)) };
}

const WORST_FIRST: readonly ExitCode[] = [EXIT.integrity, EXIT.denied, EXIT.contract, EXIT.usage, EXIT.failed];

function hintFor(code: string, exit: ExitCode): string {
  return HINTS[code] ?? HINTS_BY_EXIT[exit] ?? 'try again';
}

function placeOf(error: GloveboxError): [room: string, exit: ExitCode] {
  if (error instanceof CliError) return ['cli', cli[error.code]];
  if (error instanceof WorkspaceError) return ['workspace', workspace[error.code]];
  if (error instanceof AccessError) return ['access', access[error.code]];
  if (error instanceof KeyError) return ['keys', keys[error.code]];
  if (error instanceof SealError) return ['seal', seal[error.code]];
  if (error instanceof StoreError) return ['store', store[error.code]];
  if (error instanceof VaultError) return ['vault', vault[error.code]];
  if (error instanceof PipelineError) return ['pipeline', pipeline[error.code]];
  if (error instanceof AuditError) return ['audit', audit[error.code]];
  if (error instanceof SftpError) return ['sftp', sftp[error.code]];
  if (error instanceof GatewayError) return ['gateway', gateway[error.code]];
  if (error instanceof TransferError) return ['transfer', transfer[error.code]];
  if (error instanceof ProcessLockError) return ['lock', lock[error.code]];
  return ['other', EXIT.failed];
}

const SYSTEM: Record<string, string> = {
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'is a folder',
  EACCES: 'the operating system does not allow it',
  EPERM: 'the operating system does not allow it',
  EROFS: 'the volume is mounted for reading only',
  EMFILE: 'too many files are open',
  ENOMEM: 'no memory is left',
};

/** The errno, the call and the path: the system's own text has nothing more, and other libraries fake it. */
function explainSystem(error: NodeJS.ErrnoException): Failure {
  const name = /^[A-Z0-9_]{1,30}$/.test(error.code ?? '') ? (error.code ?? '') : 'UNKNOWN';
  const call = /^[a-z0-9_]{1,30}$/.test(error.syscall ?? '') ? ` in ${error.syscall}` : '';
  const path = typeof error.path === 'string' ? `${printable(error.path)}: ` : '';
  const exit = name === 'EACCES' || name === 'EPERM' || name === 'EROFS' ? EXIT.denied : EXIT.failed;
  const code = `system/${name}`;
  const message = `${path}${SYSTEM[name] ?? 'the operating system refused it'} (${name}${call})`;
  return { exit, code, message, hint: hintFor(code, exit) };
}

function firstLower(message: string): string {
  // Not where the first word is a name or an acronym.
  return /^[A-Z][a-z]+ /.test(message) ? `${message.charAt(0).toLowerCase()}${message.slice(1)}` : message;
}
