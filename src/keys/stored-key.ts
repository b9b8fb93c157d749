// A key as it is stored: what it may be used for, how it is shown, and the keyring that it makes.
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import type { KeyringNode } from '@aws-crypto/material-management-node';
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
import { KEY_NAMESPACE, rawKeyring } from './raw-aes.ts';
import { combineKeyrings } from './raw-keyrings.ts';
import { newPrivateKey, privatePem, publicPem, rsaKeyName, rsaKeyring } from './rsa.ts';
import type { ExportedKey, KeyDescription, KeyUse, PublicKey } from './types.ts';

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
  const keyringOfVersion = (stored: StoredVersion) => {
    if (key.use === 'drop-box') return rsaKeyring(privateKeyOf(key, stored, subkeys));
    const keyMaterial = unwrapVersion(key.id, stored, subkeys);
    try {
      return rawKeyring({ keyNamespace: KEY_NAMESPACE, keyName: keyName(key, stored), keyMaterial });
    } finally {
      keyMaterial.fill(0);
    }
  };
  const older = key.versions.filter((stored) => stored !== newest(key)).reverse();
  return combineKeyrings(
    keyringOfVersion(newest(key)),
    older.map((stored) => new DecryptOnlyKeyring(keyringOfVersion(stored))),
  );
}

/** Material for a new version: 32 random bytes, or an RSA pair as PKCS#8 DER. The caller wipes it. */
export async function newMaterial(use: KeyUse): Promise<Buffer> {
  return use === 'drop-box' ? newPrivateKey() : randomBytes(32);
}

/** A version in the clear. The caller wipes the material. @throws KeyError `TAMPERED` */
export function exportVersion(key: StoredKey, stored: StoredVersion, subkeys: RootSubkeys): ExportedKey {
  if (key.use === undefined) {
    const keyMaterial = unwrapVersion(key.id, stored, subkeys);
    return { use: 'seal', keyNamespace: KEY_NAMESPACE, keyName: keyName(key, stored), keyMaterial };
  }
  const privateKey = privateKeyOf(key, stored, subkeys);
  const keyMaterial = Buffer.from(privatePem(privateKey), 'latin1');
  return { use: key.use, keyNamespace: KEY_NAMESPACE, keyName: rsaKeyName(privateKey), keyMaterial };
}

/** The public half of a version of a drop-box key. @throws KeyError `TAMPERED` */
export function publicKeyOf(key: StoredKey, stored: StoredVersion, subkeys: RootSubkeys): PublicKey {
  const privateKey = privateKeyOf(key, stored, subkeys);
  return { pem: publicPem(privateKey), keyNamespace: KEY_NAMESPACE, keyName: rsaKeyName(privateKey) };
}

function privateKeyOf(key: StoredKey, stored: StoredVersion, subkeys: RootSubkeys): KeyObject {
  const der = unwrapVersion(key.id, stored, subkeys);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** The key without its material. */
export function describeKey(key: StoredKey): KeyDescription {
  return {
    alias: key.alias,
    arn: `arn:aws:kms:local:000000000000:key/${key.id}`,
    ...(key.use === undefined ? {} : { use: key.use }),
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

/** The version `version`; the newest by default. @throws KeyError `NOT_FOUND` */
export function findVersion(key: StoredKey, version: number | undefined): StoredVersion {
  const found = version === undefined ? newest(key) : key.versions.find((stored) => stored.version === version);
  if (!found) throw new KeyError('NOT_FOUND', `the key ${key.alias} has no version ${version}`);
  return found;
}

/** The key name of a sealing key in wrapped data keys. */
function keyName(key: StoredKey, { version }: StoredVersion): string {
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

/** @throws KeyError `INVALID` */
export function assertUse(key: StoredKey, use: KeyUse): void {
  if ((key.use ?? 'seal') === use) return;
  const message = use === 'seal' ? 'is a drop-box key: it cannot seal a dataset' : 'is not a drop-box key';
  throw new KeyError('INVALID', `the key ${key.alias} ${message}`, {
    hint: `a key has one use for life: make another one with: glovebox key create ALIAS${use === 'seal' ? '' : ' --drop-box'}`,
  });
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
