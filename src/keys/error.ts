// The one error class of keys/: closed codes, tested by code and not by prose.
import { GloveboxError } from '../lib/index.ts';

export type KeyErrorCode =
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'DISABLED'
  | 'PENDING_DELETION'
  /** The key store was made under another root key, or the passphrase is wrong. */
  | 'WRONG_ROOT_KEY'
  /** The root key's file is not there. */
  | 'NO_ROOT_KEY'
  /** The root key's file can be read by others, is a link, or is not a file. */
  | 'UNSAFE_ROOT_KEY'
  /** There is no key store yet. */
  | 'NO_KEY_STORE'
  /** The key store was altered by something without the root key. */
  | 'TAMPERED'
  | 'BAD_NAME'
  /** A value or a file is not of the expected form. */
  | 'INVALID'
  /** The backup does not open: wrong passphrase, or damaged. */
  | 'BACKUP_AUTH';

/** What went wrong with a key. The message holds no key material. */
export class KeyError extends GloveboxError<KeyErrorCode> {}
