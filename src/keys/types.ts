// What a key provider must do. Implementations: `local` (embedded key store), later `aws-kms`.
import type { KeyringNode } from '@aws-crypto/material-management-node';

export type KeyState = 'enabled' | 'disabled' | 'pending-deletion';

/** `seal`: symmetric, seals objects. `drop-box`: an RSA pair; others seal for it with the public key. */
export type KeyUse = 'seal' | 'drop-box';

/** One wrapping key, as KMS's DescribeKey would show it. No key material. */
export interface KeyDescription {
  alias: string;
  /** `arn:aws:kms:local:000000000000:key/<uuid>` for the embedded store. */
  arn: string;
  /** Absent: it seals objects. */
  use?: 'drop-box';
  state: KeyState;
  /** Counts from 1; new objects use the newest version, old ones stay readable. */
  currentVersion: number;
  versions: { version: number; created: string }[];
  created: string;
  /** ISO 8601; set while the state is `pending-deletion`. */
  deletionDate?: string;
}

/**
 * A source of wrapping keys (KMS, or its embedded counterpart).
 *
 * Obligations: a key is named by alias; every change is durable when its promise resolves and all or
 * nothing after a crash (I3); a disabled or pending-deletion key gives out no keyring (I4); rotation
 * keeps every earlier version able to decrypt; two processes may use one provider at once.
 */
export interface KeyProvider {
  /** @param use default: `seal` */
  create(alias: string, use?: KeyUse): Promise<KeyDescription>;
  /** Sorted by alias. */
  list(): Promise<KeyDescription[]>;
  describe(alias: string): Promise<KeyDescription>;
  rotate(alias: string): Promise<KeyDescription>;
  disable(alias: string): Promise<KeyDescription>;
  enable(alias: string): Promise<KeyDescription>;
  /** The key becomes unusable now and is destroyed after `days` (7 to 30). */
  scheduleDeletion(alias: string, days: number): Promise<KeyDescription>;
  cancelDeletion(alias: string): Promise<KeyDescription>;
  /**
   * A keyring that wraps data keys under the newest version and unwraps those of every version.
   * @param use where given, a key of the other use is an error (`INVALID`).
   * @throws KeyError `NOT_FOUND`, `DISABLED`, `PENDING_DELETION`, `WRONG_ROOT_KEY`, `TAMPERED`, `INVALID`.
   */
  keyring(alias: string, use?: KeyUse): Promise<KeyringNode>;
  /**
   * The public half of a drop-box key, for those who seal for it.
   * @param version default: the newest
   * @throws KeyError as `keyring`; `INVALID` for a key that has no public half
   */
  publicKey(alias: string, version?: number): Promise<PublicKey>;
}

/** A public key, and what messages call it. */
export interface PublicKey {
  /** SPKI PEM. */
  pem: string;
  keyNamespace: string;
  /** Lower-case hex SHA-256 of the SPKI DER. */
  keyName: string;
}

/** Where the root key of an embedded key store comes from. */
export type RootKeySource =
  /** A file of mode 0600 with 32 random bytes, outside the workspace. */
  | { file: string }
  /** Derived with scrypt. */
  | { passphrase: string };

/** One version of a key in the clear, in the form of a raw AES or raw RSA keyring of any Encryption SDK. */
export interface ExportedKey {
  use: KeyUse;
  keyNamespace: string;
  /** `<key uuid>/<version>`; of a drop-box key, as in `PublicKey`. */
  keyName: string;
  /**
   * 32 bytes for the wrapping suite AES256_GCM_IV12_TAG16_NO_PADDING; of a drop-box key, its private
   * key as PKCS#8 PEM, for OAEP with SHA-256. The caller wipes it.
   */
  keyMaterial: Uint8Array;
}

/** The embedded key store: a key provider whose keys can be taken out by whoever holds the root key. */
export interface LocalKeys extends KeyProvider {
  /**
   * @param version default: the newest
   * @throws KeyError as `keyring`
   */
  exportKey(alias: string, version?: number): Promise<ExportedKey>;
  /** All keys, encrypted under the passphrase alone: needs no root key to restore. */
  backup(passphrase: string): Promise<Uint8Array>;
  /**
   * Adds all keys of a backup, or none.
   * @throws KeyError `INVALID`, `BACKUP_AUTH`, `EXISTS` where an alias or a key is here already
   */
  restore(backup: Uint8Array, passphrase: string): Promise<KeyDescription[]>;
}
