// A key as it is stored: what it may be used for, how it is shown, and the keyring that it makes.
import { randomBytes } from 'node:crypto';
import { type KeyringNode, MultiKeyringNode } from '@aws-crypto/material-management-node';
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node';
import type { BackupKey } from './backup.ts';
import { DecryptOnlyKeyring } from './decrypt-only.ts';
import { KeyError } from './error.ts';
import {
  type KeyFileContent,
  type RootSubkeys,
  type StoredKey,
  type StoredVersion,
  unwrapVersion,
  wrapVersion,
} from './key-file.ts';
import type { KeyDescription } from './types.ts';

/** The provider id in every wrapped data key, and the key namespace for other Encryption SDKs. */
export const KEY_NAMESPACE = 'glovebox';
const WRAPPING_SUITE = RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING;

/** Adds a key of a backup to `content`. @throws KeyError `BAD_NAME`, `EXISTS` */
export function restoreKey(content: KeyFileContent, key: BackupKey, subkeys: RootSubkeys): KeyDescription {
  assertAlias(key.alias);
  assertNew(content, key.alias);
  if (content.keys.some(({ id }) => id === key.id)) {
    throw new KeyError('EXISTS', `the key ${key.alias} of the backup is here already under another name`);
  }
  const versions = key.versions.map(({ material, version, created }) =>
    wrapVersion(material, key.id, version, created, subkeys),
  );
  const stored: StoredKey = { ...key, versions };
  content.keys.push(stored);
  return describeKey(stored);
}

/** Wraps under the newest version, unwraps under every one. @throws KeyError `TAMPERED` */
export function keyringOf(key: StoredKey, subkeys: RootSubkeys): KeyringNode {
  const rawKeyring = (stored: StoredVersion) => {
    const material = unwrapVersion(key.id, stored, subkeys);
    // The package takes memory of its own only, moves it into a KeyObject and wipes it.
    const unencryptedMasterKey = new Uint8Array(material);
    material.fill(0);
    return new RawAesKeyringNode({
      keyNamespace: KEY_NAMESPACE,
      keyName: keyName(key, stored),
      unencryptedMasterKey,
      wrappingSuite: WRAPPING_SUITE,
      utf8Sorting: true,
    });
  };
  const older = key.versions.filter((stored) => stored !== newest(key)).reverse();
  return new MultiKeyringNode({
    generator: rawKeyring(newest(key)),
    children: older.map((stored) => new DecryptOnlyKeyring(rawKeyring(stored))),
  });
}

/** A version with 32 fresh random bytes. */
export function newVersion(id: string, version: number, created: string, subkeys: RootSubkeys): StoredVersion {
  const material = randomBytes(32);
  try {
    return wrapVersion(material, id, version, created, subkeys);
  } finally {
    material.fill(0);
  }
}

/** The key without its material. */
export function describeKey(key: StoredKey): KeyDescription {
  return {
    alias: key.alias,
    arn: `arn:aws:kms:local:000000000000:key/${key.id}`,
    state: key.state,
    currentVersion: newest(key).version,
    versions: key.versions.map(({ version, created }) => ({ version, created })),
    created: key.created,
    ...(key.deletionDate === undefined ? {} : { deletionDate: key.deletionDate }),
  };
}

/** The version that new objects are sealed under. */
export function newest(key: StoredKey): StoredVersion {
  const last = key.versions.at(-1);
  if (!last) throw new KeyError('INVALID', `the key ${key.alias} has no version`);
  return last;
}

/** The key name in wrapped data keys. */
export function keyName(key: StoredKey, { version }: StoredVersion): string {
  return `${key.id}/${version}`;
}

/** @throws KeyError `NOT_FOUND` */
export function findKey(content: KeyFileContent, alias: string): StoredKey {
  const key = content.keys.find((candidate) => candidate.alias === alias);
  if (!key) throw new KeyError('NOT_FOUND', `there is no key ${JSON.stringify(alias)}`);
  return key;
}

/** @throws KeyError `EXISTS` */
export function assertNew(content: KeyFileContent, alias: string): void {
  if (content.keys.some((key) => key.alias === alias)) throw new KeyError('EXISTS', `the key ${alias} exists already`);
}

/** @throws KeyError `BAD_NAME` */
export function assertAlias(alias: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(alias)) {
    throw new KeyError('BAD_NAME', `${JSON.stringify(alias.slice(0, 200))} is not a key name`, {
      hint: 'use up to 128 letters, digits, dots, hyphens and underscores, beginning with a letter or digit',
    });
  }
}

/** @throws KeyError `DISABLED`, `PENDING_DELETION` */
export function assertUsable(key: StoredKey): void {
  assertNotPending(key);
  if (key.state === 'disabled') throw new KeyError('DISABLED', `the key ${key.alias} is disabled`);
}

/** @throws KeyError `PENDING_DELETION` */
export function assertNotPending(key: StoredKey): void {
  if (key.state !== 'pending-deletion') return;
  throw new KeyError('PENDING_DELETION', `the key ${key.alias} will be deleted on ${key.deletionDate}`, {
    hint: 'cancel the deletion first',
  });
}

/** Whether the key's deletion date has passed. */
export function isExpired(key: StoredKey, now: Date): boolean {
  return key.deletionDate !== undefined && Date.parse(key.deletionDate) <= now.getTime();
}

/** `content` without the keys whose deletion date has passed. */
export function withoutExpired(content: KeyFileContent, now: Date): KeyFileContent {
  return { ...content, keys: content.keys.filter((key) => !isExpired(key, now)) };
}
