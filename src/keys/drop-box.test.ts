// Drop-box keys in the embedded key store, and that stores from before them still open.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildClient, CommitmentPolicy, type KeyringNode } from '@aws-crypto/client-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import vector from '../../test/support/key-store-v1.json' with { type: 'json' };
import {
  initLocalKeys,
  KeyError,
  type KeyErrorCode,
  type LocalKeys,
  openLocalKeys,
  privateKeyKeyring,
  publicKeyKeyring,
} from './index.ts';

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

let folder: string;
let directory: string;
let file: string;
let keys: LocalKeys;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-drop-box-'));
  directory = join(folder, 'keys');
  file = join(folder, 'config', 'root.key');
  keys = await initLocalKeys({ directory, root: { file } });
});
afterEach(() => rm(folder, { recursive: true }));

async function codeOf(promise: Promise<unknown>): Promise<KeyErrorCode | undefined> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KeyError) return error.code;
    throw error;
  }
  return undefined;
}

const seal = async (keyring: KeyringNode) => (await encrypt(keyring, 'hello')).result;
const opens = (sealed: Buffer, keyring: KeyringNode) =>
  decrypt(keyring, sealed).then(
    ({ plaintext }) => plaintext.toString() === 'hello',
    () => false,
  );

describe('a drop-box key', () => {
  test('gives out its public key, and opens what was sealed for it, in another process too', async () => {
    expect(await keys.create('box', 'drop-box')).toMatchObject({ alias: 'box', use: 'drop-box', currentVersion: 1 });
    const { pem, keyNamespace, keyName } = await keys.publicKey('box');
    expect(createPublicKey(pem).asymmetricKeyDetails).toMatchObject({ modulusLength: 4096, publicExponent: 65537n });
    expect(keyNamespace).toBe('glovebox');
    const sealed = await seal(publicKeyKeyring(pem));
    expect(sealed.includes(keyName)).toBe(true);
    const reopened = await openLocalKeys({ directory, root: { file } });
    expect(await reopened.publicKey('box', 1)).toEqual({ pem, keyNamespace, keyName });
    expect(await opens(sealed, await reopened.keyring('box'))).toBe(true);
    expect(await opens(await seal(await reopened.keyring('box', 'drop-box')), await keys.keyring('box'))).toBe(true);
    await keys.create('other', 'drop-box');
    expect(await opens(sealed, await keys.keyring('other'))).toBe(false);
  });

  test('rotates: the newest public key wraps, and every private key opens', async () => {
    await keys.create('box', 'drop-box');
    const first = await keys.publicKey('box');
    const sealed = await seal(publicKeyKeyring(first.pem));
    expect(await keys.rotate('box')).toMatchObject({ use: 'drop-box', currentVersion: 2 });
    const second = await keys.publicKey('box');
    expect(second.keyName).not.toBe(first.keyName);
    expect(await keys.publicKey('box', 1)).toEqual(first);
    const now = await seal(await keys.keyring('box'));
    expect([now.includes(second.keyName), now.includes(first.keyName)]).toEqual([true, false]);
    for (const message of [sealed, now]) expect(await opens(message, await keys.keyring('box'))).toBe(true);
    expect(await codeOf(keys.publicKey('box', 3))).toBe('NOT_FOUND');
  });

  test('does nothing while it is disabled or waits for deletion', async () => {
    await keys.create('box', 'drop-box');
    await keys.disable('box');
    for (const use of ['keyring', 'publicKey', 'exportKey', 'rotate'] as const) {
      expect(await codeOf(keys[use]('box')), use).toBe('DISABLED');
    }
    await keys.enable('box');
    await keys.scheduleDeletion('box', 7);
    expect(await codeOf(keys.keyring('box'))).toBe('PENDING_DELETION');
    expect(await codeOf(keys.publicKey('box'))).toBe('PENDING_DELETION');
    expect(await keys.cancelDeletion('box')).toMatchObject({ state: 'disabled', use: 'drop-box' });
  });

  test('is never taken for a sealing key, nor the other way round', async () => {
    await keys.create('box', 'drop-box');
    await keys.create('raw');
    expect(await codeOf(keys.keyring('box', 'seal'))).toBe('INVALID');
    expect(await codeOf(keys.keyring('raw', 'drop-box'))).toBe('INVALID');
    expect(await codeOf(keys.publicKey('raw'))).toBe('INVALID');
    expect(await keys.describe('raw')).not.toHaveProperty('use');
    expect(await codeOf(keys.create('box'))).toBe('EXISTS');
  });

  test('is exported as a private key in PEM form, which opens by itself', async () => {
    await keys.create('box', 'drop-box');
    const sealed = await seal(publicKeyKeyring((await keys.publicKey('box')).pem));
    const exported = await keys.exportKey('box');
    expect(exported).toMatchObject({ use: 'drop-box', keyName: (await keys.publicKey('box')).keyName });
    const pem = Buffer.from(exported.keyMaterial).toString();
    expect(await opens(sealed, privateKeyKeyring(pem))).toBe(true);
    expect(createPrivateKey(pem).asymmetricKeyDetails?.modulusLength).toBe(4096);
  });

  test('is backed up and restored with its versions', async () => {
    await keys.create('raw');
    await keys.create('box', 'drop-box');
    const sealed = await seal(publicKeyKeyring((await keys.publicKey('box')).pem));
    await keys.rotate('box');
    const backup = await keys.backup('moon');
    const options = { directory: join(folder, 'second'), root: { file: join(folder, 'b', 'root.key') } };
    const second = await initLocalKeys(options);
    expect(await second.restore(backup, 'moon')).toEqual(expect.arrayContaining(await keys.list()));
    expect(await opens(sealed, await second.keyring('box'))).toBe(true);
    expect(await second.publicKey('box')).toEqual(await keys.publicKey('box'));
  });

  test('lies wrapped in the file, which says its use and cannot be made to say another', async () => {
    await keys.create('box', 'drop-box');
    const path = join(directory, 'keys.json');
    const text = await readFile(path, 'utf8');
    const der = createPrivateKey(Buffer.from((await keys.exportKey('box')).keyMaterial)).export({
      type: 'pkcs8',
      format: 'der',
    });
    expect(text).not.toContain(der.toString('base64').slice(200, 300));
    expect(JSON.parse(text).keys[0].use).toBe('drop-box');
    await keys.create('raw');
    const content = JSON.parse(await readFile(path, 'utf8'));
    const codes: (string | undefined)[] = [];
    for (const change of [
      { ...content, keys: content.keys.map(({ use: _, ...key }: { use?: string }) => key) },
      { ...content, keys: content.keys.map((key: object) => ({ ...key, use: 'drop-box' })) },
      { ...content, keys: content.keys.map((key: object) => ({ ...key, use: 'seal' })) },
    ]) {
      await writeFile(path, JSON.stringify(change));
      codes.push(await codeOf(openLocalKeys({ directory, root: { file } })));
    }
    expect(codes).toEqual(['INVALID', 'INVALID', 'INVALID']);
    // Versions of one drop-box key under another: bound by the authentication code, and by their wrapping.
    await writeFile(path, JSON.stringify(content));
    await keys.create('box2', 'drop-box');
    const swapped = JSON.parse(await readFile(path, 'utf8'));
    [swapped.keys[0].versions, swapped.keys[2].versions] = [swapped.keys[2].versions, swapped.keys[0].versions];
    await writeFile(path, JSON.stringify(swapped));
    expect(await codeOf(openLocalKeys({ directory, root: { file } }))).toBe('TAMPERED');
  });
});

describe('a key store from before drop-box keys', () => {
  const now = () => new Date(vector.time);

  test('opens, keeps its keys, and takes a drop-box key', async () => {
    const old = join(folder, 'old');
    const rootFile = join(folder, 'old.key');
    await writeFile(rootFile, vector.rootKey, { mode: 0o600 });
    await mkdir(old);
    await writeFile(join(old, 'keys.json'), JSON.stringify(vector.keys), { mode: 0o600 });
    const options = { directory: old, root: { file: rootFile }, now };
    const store = await openLocalKeys(options);
    expect((await store.list()).map(({ alias, currentVersion }) => [alias, currentVersion])).toEqual([
      ['old', 1],
      ['raw', 2],
    ]);
    const material = async (from: LocalKeys) => Buffer.from((await from.exportKey('raw', 1)).keyMaterial);
    expect((await material(store)).toString('base64')).toBe(vector.rawVersion1);
    await store.create('box', 'drop-box');
    expect((await material(await openLocalKeys(options))).toString('base64')).toBe(vector.rawVersion1);
  });

  test('is written as it was before: what has no drop-box key says no use', async () => {
    await keys.create('raw');
    const [key] = JSON.parse(await readFile(join(directory, 'keys.json'), 'utf8')).keys;
    expect(Object.keys(key)).toEqual(['id', 'alias', 'state', 'created', 'versions']);
  });

  test('leaves a backup that can be restored', async () => {
    const [raw] = await keys.restore(Buffer.from(JSON.stringify(vector.backup)), vector.passphrase);
    expect(raw).toMatchObject({ alias: 'raw', currentVersion: 2 });
    expect(Buffer.from((await keys.exportKey('raw', 1)).keyMaterial).toString('base64')).toBe(vector.rawVersion1);
  });
});
