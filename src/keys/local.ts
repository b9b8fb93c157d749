// The embedded key store: KMS's place on a laptop. Whoever can read the root key can read everything (I7).
import { randomBytes, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError, withProcessLock, writeFileAtomically } from '../lib/index.ts';
import { type BackupKey, openBackup, sealBackup } from './backup.ts';
import { KeyError } from './error.ts';
import {
  authenticate,
  deriveSubkeys,
  type KeyFileContent,
  parseKeyFile,
  type RootDescription,
  type RootSubkeys,
  type StoredKey,
  serializeKeyFile,
  unwrapVersion,
  wrapVersion,
} from './key-file.ts';
import { assertOutside, createRootKey, defaultRootKeyPath, readRootKey } from './root-key.ts';
import { deriveFromPassphrase, newScryptParameters } from './scrypt.ts';
import {
  assertAlias,
  assertNew,
  assertNotPending,
  assertUsable,
  assertUse,
  describeKey,
  exportVersion,
  findKey,
  findVersion,
  isExpired,
  keyringOf,
  newest,
  newMaterial,
  publicKeyOf,
  restoreKey,
  withoutExpired,
} from './stored-key.ts';
import type { KeyDescription, KeyUse, LocalKeys, RootKeySource } from './types.ts';

const MAX_FILE_SIZE = 16 * 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface LocalKeysOptions {
  /** Folder of `keys.json`. */
  directory: string;
  /** Default: the file at `defaultRootKeyPath()`. */
  root?: RootKeySource;
  /** The present; for tests. */
  now?(): Date;
}

/**
 * Makes a key store, and the root key's file where there is none. What exists is left as it is.
 *
 * @throws KeyError `UNSAFE_ROOT_KEY`, `INVALID`, and, where a store exists, as `openLocalKeys`
 */
export async function initLocalKeys(options: LocalKeysOptions): Promise<LocalKeys> {
  const { directory } = options;
  const root = options.root ?? { file: defaultRootKeyPath() };
  if (await mkdir(directory, { recursive: true, mode: 0o700 })) await chmod(directory, 0o700);
  const path = keyFilePath(directory);
  await withProcessLock(lockPath(directory), async () => {
    if ((await readKeyFile(path)) !== undefined) return;
    if ('file' in root) {
      assertOutside(root.file, directory);
      await createRootKey(root.file);
    }
    const salt = randomBytes(32).toString('base64');
    const description: RootDescription =
      'file' in root ? { kind: 'file', id: '', salt } : { kind: 'passphrase', id: '', scrypt: newScryptParameters() };
    const subkeys = await unlockRoot(root, description, path);
    const content: KeyFileContent = {
      format: 'glovebox-keys',
      version: 1,
      root: { ...description, id: subkeys.id },
      keys: [],
    };
    await writeFileAtomically(path, serializeKeyFile(content, subkeys));
  });
  return openLocalKeys(options);
}

/**
 * Opens an existing key store. Keys whose deletion date has passed are destroyed on the way.
 *
 * @throws KeyError `NO_KEY_STORE`, `NO_ROOT_KEY`, `UNSAFE_ROOT_KEY`, `WRONG_ROOT_KEY`, `TAMPERED`, `INVALID`
 */
export async function openLocalKeys(options: LocalKeysOptions): Promise<LocalKeys> {
  const path = keyFilePath(options.directory);
  const now = options.now ?? (() => new Date());
  const text = await readKeyFile(path);
  if (text === undefined) throw noKeyStore(path);
  const subkeys = await unlockRoot(options.root ?? { file: defaultRootKeyPath() }, parseKeyFile(text, path).root, path);

  const load = async (): Promise<KeyFileContent> => {
    const current = await readKeyFile(path);
    if (current === undefined) throw noKeyStore(path);
    return authenticate(parseKeyFile(current, path), subkeys, path);
  };
  /** Changes the file under the lock; `change` gets it without the keys whose time has come. */
  const update = <T>(change: (content: KeyFileContent) => T): Promise<T> =>
    withProcessLock(lockPath(options.directory), async () => {
      const content = withoutExpired(await load(), now());
      const result = change(content);
      await writeFileAtomically(path, serializeKeyFile(content, subkeys));
      await removeLeftovers(options.directory);
      return result;
    });
  const read = async (): Promise<KeyFileContent> => {
    const content = await load();
    return content.keys.some((key) => isExpired(key, now())) ? update((purged) => purged) : content;
  };
  const change = (alias: string, edit: (key: StoredKey) => void): Promise<KeyDescription> =>
    update((content) => {
      const key = findKey(content, alias);
      edit(key);
      return describeKey(key);
    });
  const usable = async (alias: string, use?: KeyUse): Promise<StoredKey> => {
    const key = findKey(await read(), alias);
    if (use !== undefined) assertUse(key, use);
    assertUsable(key);
    return key;
  };
  await read();

  return {
    create: (alias, use = 'seal') =>
      withMaterial(use, (material) =>
        update((content) => {
          assertAlias(alias);
          assertNew(content, alias);
          const created = now().toISOString();
          const id = randomUUID();
          const versions = [wrapVersion(material, id, 1, created, subkeys)];
          const shape = { state: 'enabled', created, versions } as const;
          const key: StoredKey = { id, alias, ...(use === 'seal' ? {} : { use }), ...shape };
          content.keys.push(key);
          return describeKey(key);
        }),
      ),
    list: async () => (await read()).keys.map(describeKey).sort((a, b) => (a.alias < b.alias ? -1 : 1)),
    describe: async (alias) => describeKey(findKey(await read(), alias)),
    rotate: async (alias) => {
      const { use = 'seal' } = findKey(await read(), alias);
      return withMaterial(use, (material) =>
        change(alias, (key) => {
          assertUsable(key);
          assertUse(key, use);
          const version = newest(key).version + 1;
          key.versions.push(wrapVersion(material, key.id, version, now().toISOString(), subkeys));
        }),
      );
    },
    disable: (alias) =>
      change(alias, (key) => {
        assertNotPending(key);
        key.state = 'disabled';
      }),
    enable: (alias) =>
      change(alias, (key) => {
        assertNotPending(key);
        key.state = 'enabled';
      }),
    scheduleDeletion: (alias, days) =>
      change(alias, (key) => {
        if (!Number.isInteger(days) || days < 7 || days > 30) {
          throw new KeyError('INVALID', 'the waiting period is a whole number of days from 7 to 30');
        }
        assertNotPending(key);
        key.state = 'pending-deletion';
        key.deletionDate = new Date(now().getTime() + days * DAY_MS).toISOString();
      }),
    cancelDeletion: (alias) =>
      change(alias, (key) => {
        if (key.state !== 'pending-deletion') {
          throw new KeyError('INVALID', `the key ${alias} is not scheduled for deletion`);
        }
        // As in KMS: a key comes back disabled.
        key.state = 'disabled';
        delete key.deletionDate;
      }),
    keyring: async (alias, use) => keyringOf(await usable(alias, use), subkeys),
    publicKey: async (alias, version) => {
      const key = await usable(alias, 'drop-box');
      return publicKeyOf(key, findVersion(key, version), subkeys);
    },
    exportKey: async (alias, version) => {
      const key = await usable(alias);
      return exportVersion(key, findVersion(key, version), subkeys);
    },
    backup: async (passphrase) => {
      const { keys } = await read();
      return sealBackup(
        keys.map(
          (key): BackupKey => ({
            ...key,
            versions: key.versions.map((stored) => ({
              version: stored.version,
              created: stored.created,
              material: unwrapVersion(key.id, stored, subkeys),
            })),
          }),
        ),
        passphrase,
      );
    },
    restore: async (bytes, passphrase) => {
      const keys = await openBackup(bytes, passphrase);
      try {
        return await update((content) => keys.map((key) => restoreKey(content, key, subkeys)));
      } finally {
        for (const key of keys) for (const { material } of key.versions) material.fill(0);
      }
    },
  };
}

/** Makes material for a new version before the lock is taken: an RSA pair takes a second or more. */
async function withMaterial<T>(use: KeyUse, work: (material: Buffer) => Promise<T>): Promise<T> {
  const material = await newMaterial(use);
  try {
    return await work(material);
  } finally {
    material.fill(0);
  }
}

// A killed process leaves its temporary file, which may hold a key that is to be destroyed. Under the
// lock nobody else is writing one.
async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (/^\.keys\.json\.[0-9a-f]+\.tmp$/.test(name)) await rm(join(directory, name), { force: true });
  }
}

async function unlockRoot(root: RootKeySource, description: RootDescription, path: string): Promise<RootSubkeys> {
  if ('file' in root) {
    if (description.kind !== 'file') throw new KeyError('WRONG_ROOT_KEY', `${path} is protected by a passphrase`);
    return deriveAndWipe(await readRootKey(root.file), description.salt);
  }
  if (description.kind !== 'passphrase') {
    throw new KeyError('WRONG_ROOT_KEY', `${path} is protected by a root key file, not by a passphrase`);
  }
  return deriveAndWipe(await deriveFromPassphrase(root.passphrase, description.scrypt), description.scrypt.salt);
}

function deriveAndWipe(rootKey: Buffer, salt: string): RootSubkeys {
  const subkeys = deriveSubkeys(rootKey, Buffer.from(salt, 'base64'));
  rootKey.fill(0);
  return subkeys;
}

async function readKeyFile(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    if (isErrnoError(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    if (size > MAX_FILE_SIZE) throw new KeyError('INVALID', `${path} is too large for a key store`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function keyFilePath(directory: string): string {
  return join(directory, 'keys.json');
}

function lockPath(directory: string): string {
  return join(directory, 'keys.lock');
}

function noKeyStore(path: string): KeyError {
  return new KeyError('NO_KEY_STORE', `there is no key store at ${path}`);
}
