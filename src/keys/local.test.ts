import { execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  AlgorithmSuiteIdentifier,
  NodeAlgorithmSuite,
  NodeDecryptionMaterial,
  NodeEncryptionMaterial,
} from '@aws-crypto/material-management-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initLocalKeys, KeyError, type KeyErrorCode, openLocalKeys } from './index.ts';

const run = promisify(execFile);
const DOOR = new URL('./index.ts', import.meta.url).href;
const DAY = 24 * 60 * 60 * 1000;

let folder: string;
let directory: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-keys-'));
  directory = join(folder, 'keys');
  file = join(folder, 'config', 'root.key');
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

/** Wraps a data key and gives back how many wrapped forms it has, and a function that unwraps it. */
async function wrap(keyring: Awaited<ReturnType<Awaited<ReturnType<typeof openLocalKeys>>['keyring']>>) {
  const suite = new NodeAlgorithmSuite(AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY);
  const material = await keyring.onEncrypt(new NodeEncryptionMaterial(suite, { name: 'ä' }));
  const opens = async (other: typeof keyring) => {
    const opened = await other.onDecrypt(new NodeDecryptionMaterial(suite, { name: 'ä' }), [
      ...material.encryptedDataKeys,
    ]);
    return opened.hasUnencryptedDataKey;
  };
  return { names: material.encryptedDataKeys.map(({ providerInfo }) => providerInfo.slice(0, 38)), opens };
}

describe('local keys', () => {
  it('creates, lists and describes, with modes 0600 and 0700 whatever the umask', async () => {
    const before = process.umask(0);
    const keys = await initLocalKeys({ directory, root: { file } });
    await keys.create('raw');
    await keys.create('features');
    process.umask(before);
    expect((await keys.list()).map(({ alias }) => alias)).toEqual(['features', 'raw']);
    const raw = await keys.describe('raw');
    expect(raw).toMatchObject({ state: 'enabled', currentVersion: 1 });
    expect(raw.arn).toMatch(/^arn:aws:kms:local:000000000000:key\/[0-9a-f-]{36}$/);
    for (const [path, mode] of [
      [directory, 0o700],
      [join(directory, 'keys.json'), 0o600],
      [join(folder, 'config'), 0o700],
      [file, 0o600],
    ] as const) {
      expect([path, (await stat(path)).mode & 0o777]).toEqual([path, mode]);
    }
    expect(await readdir(directory)).toEqual(['keys.json']);
    expect(await codeOf(keys.create('raw'))).toBe('EXISTS');
    expect(await codeOf(keys.describe('other'))).toBe('NOT_FOUND');
    for (const name of ['', '../x', 'a/b', 'a b', '-a', 'ä', 'x'.repeat(129), 'a\n']) {
      expect([name, await codeOf(keys.create(name))]).toEqual([name, 'BAD_NAME']);
    }
  });

  it('keeps old versions able to open after rotation, and seals under the newest only', async () => {
    const keys = await initLocalKeys({ directory, root: { file } });
    const { arn } = await keys.create('raw');
    const first = await wrap(await keys.keyring('raw'));
    for (let turn = 0; turn < 11; turn++) await keys.rotate('raw');
    const reopened = await openLocalKeys({ directory, root: { file } });
    expect(await first.opens(await reopened.keyring('raw'))).toBe(true);
    const latest = await wrap(await reopened.keyring('raw'));
    expect(latest.names).toHaveLength(1);
    expect(latest.names[0]).toContain(`${arn.slice(-36)}/1`);
    expect(await latest.opens(await reopened.keyring('raw'))).toBe(true);
    expect((await reopened.exportKey('raw')).keyName).toBe(`${arn.slice(-36)}/12`);
    await reopened.create('other');
    expect(await latest.opens(await reopened.keyring('other'))).toBe(false);
  });

  it('gives no keyring of a disabled key, or of one that waits for deletion', async () => {
    const keys = await initLocalKeys({ directory, root: { file } });
    await keys.create('raw');
    await keys.disable('raw');
    expect(await codeOf(keys.keyring('raw'))).toBe('DISABLED');
    expect(await codeOf(keys.exportKey('raw'))).toBe('DISABLED');
    expect(await codeOf(keys.rotate('raw'))).toBe('DISABLED');
    await keys.enable('raw');
    await keys.keyring('raw');
    for (const days of [6, 31, 7.5, Number.NaN])
      expect(await codeOf(keys.scheduleDeletion('raw', days))).toBe('INVALID');
    await keys.scheduleDeletion('raw', 7);
    expect(await codeOf(keys.keyring('raw'))).toBe('PENDING_DELETION');
    expect(await codeOf(keys.enable('raw'))).toBe('PENDING_DELETION');
    expect(await keys.cancelDeletion('raw')).toMatchObject({ state: 'disabled' });
    expect(await codeOf(keys.cancelDeletion('raw'))).toBe('INVALID');
  });

  it('destroys a key when its date has passed, at any open', async () => {
    const keys = await initLocalKeys({ directory, root: { file } });
    await keys.create('raw');
    const { deletionDate } = await keys.scheduleDeletion('raw', 7);
    const at = (offset: number) => () => new Date(Date.parse(deletionDate ?? '') + offset);
    await openLocalKeys({ directory, root: { file }, now: at(-1) });
    expect(await readFile(join(directory, 'keys.json'), 'utf8')).toContain('"raw"');
    await openLocalKeys({ directory, root: { file }, now: at(0) });
    expect(await readFile(join(directory, 'keys.json'), 'utf8')).not.toContain('"raw"');
    expect(await codeOf(keys.describe('raw'))).toBe('NOT_FOUND');
    expect(Date.parse(deletionDate ?? '') - Date.now()).toBeGreaterThan(6.9 * DAY);
  });

  it('tells a wrong root key from an altered file', async () => {
    const keys = await initLocalKeys({ directory, root: { file } });
    await keys.create('a');
    await keys.create('b');
    await keys.disable('b');
    const other = join(folder, 'other.key');
    await writeFile(other, Buffer.alloc(32, 1), { mode: 0o600 });
    expect(await codeOf(openLocalKeys({ directory, root: { file: other } }))).toBe('WRONG_ROOT_KEY');
    expect(await codeOf(openLocalKeys({ directory, root: { passphrase: 'x' } }))).toBe('WRONG_ROOT_KEY');
    const path = join(directory, 'keys.json');
    const good = await readFile(path, 'utf8');
    const parsed = JSON.parse(good);
    const swapped = structuredClone(parsed);
    [swapped.keys[0].versions, swapped.keys[1].versions] = [swapped.keys[1].versions, swapped.keys[0].versions];
    for (const bad of [
      good.replace('"disabled"', '"enabled"'),
      good.replace('"alias": "a"', '"alias": "c"'),
      JSON.stringify(swapped),
      JSON.stringify({ ...parsed, keys: parsed.keys.slice(1) }),
    ]) {
      expect(bad).not.toBe(good);
      await writeFile(path, bad);
      expect(await codeOf(openLocalKeys({ directory, root: { file } }))).toBe('TAMPERED');
      expect(await codeOf(keys.keyring('a'))).toBe('TAMPERED');
    }
    for (const bad of ['', '{}', good.slice(0, 100), JSON.stringify({ ...parsed, more: 1 })]) {
      await writeFile(path, bad);
      expect(await codeOf(openLocalKeys({ directory, root: { file } }))).toBe('INVALID');
    }
    // Laid out differently it is still the same content.
    await writeFile(path, JSON.stringify(parsed));
    expect(await (await openLocalKeys({ directory, root: { file } })).list()).toHaveLength(2);
  });

  it('refuses a root key that others could read or redirect', async () => {
    expect(await codeOf(openLocalKeys({ directory, root: { file } }))).toBe('NO_KEY_STORE');
    await initLocalKeys({ directory, root: { file } });
    const open = () => codeOf(openLocalKeys({ directory, root: { file } }));
    await chmod(file, 0o640);
    expect(await open()).toBe('UNSAFE_ROOT_KEY');
    await chmod(file, 0o600);
    const link = join(folder, 'link.key');
    await symlink(file, link);
    expect(await codeOf(openLocalKeys({ directory, root: { file: link } }))).toBe('UNSAFE_ROOT_KEY');
    const bytes = Buffer.from((await readFile(file, 'utf8')).trim(), 'base64');
    expect(bytes).toHaveLength(32);
    await writeFile(file, bytes);
    expect(await open()).toBeUndefined();
    await writeFile(file, 'short');
    expect(await open()).toBe('INVALID');
    await rm(file);
    expect(await open()).toBe('NO_ROOT_KEY');
    expect(await codeOf(initLocalKeys({ directory, root: { file } }))).toBe('NO_ROOT_KEY');
    const inside = join(folder, 'inside');
    expect(await codeOf(initLocalKeys({ directory: inside, root: { file: join(inside, 'root.key') } }))).toBe(
      'INVALID',
    );
  });

  it('works from a passphrase', async () => {
    const keys = await initLocalKeys({ directory, root: { passphrase: 'correct horse' } });
    await keys.create('raw');
    const sealed = await wrap(await keys.keyring('raw'));
    const reopened = await openLocalKeys({ directory, root: { passphrase: 'correct horse' } });
    expect(await sealed.opens(await reopened.keyring('raw'))).toBe(true);
    expect(await codeOf(openLocalKeys({ directory, root: { passphrase: 'wrong' } }))).toBe('WRONG_ROOT_KEY');
    const path = join(directory, 'keys.json');
    const good = await readFile(path, 'utf8');
    await writeFile(path, good.replace('"N": 131072', '"N": 1073741824'));
    expect(await codeOf(openLocalKeys({ directory, root: { passphrase: 'correct horse' } }))).toBe('INVALID');
  });

  it('backs up and restores into another store, and never over what is there', async () => {
    const keys = await initLocalKeys({ directory, root: { file } });
    await keys.create('raw');
    const old = await wrap(await keys.keyring('raw'));
    await keys.rotate('raw');
    const backup = await keys.backup('moon');
    const material = Buffer.from((await keys.exportKey('raw')).keyMaterial);
    expect(Buffer.from(backup).includes(material.toString('base64'))).toBe(false);
    expect(await codeOf(keys.restore(backup, 'moon'))).toBe('EXISTS');

    const second = await initLocalKeys({
      directory: join(folder, 'second'),
      root: { file: join(folder, 'b', 'root.key') },
    });
    expect(await codeOf(second.restore(backup, 'sun'))).toBe('BACKUP_AUTH');
    expect(await codeOf(second.restore(backup.subarray(1), 'moon'))).toBe('INVALID');
    expect(await second.list()).toEqual([]);
    expect(await second.restore(backup, 'moon')).toEqual(await keys.list());
    expect(await old.opens(await second.keyring('raw'))).toBe(true);
    expect(Buffer.from((await second.exportKey('raw')).keyMaterial)).toEqual(material);
  });
});

const CREATE = `
import { openLocalKeys } from ${JSON.stringify(DOOR)};
const [directory, file, prefix, count] = process.argv.slice(1);
const keys = await openLocalKeys({ directory, root: { file } });
for (let i = 0; i < Number(count); i++) { await keys.create(prefix + i); process.stdout.write(prefix + i + '\\n'); }
`;

describe('two processes', () => {
  it('lose no key when both create', async () => {
    await initLocalKeys({ directory, root: { file } });
    const create = (prefix: string) =>
      run(process.execPath, ['--input-type=module', '-e', CREATE, directory, file, prefix, '12']);
    await Promise.all([create('a'), create('b')]);
    const keys = await openLocalKeys({ directory, root: { file } });
    expect(await keys.list()).toHaveLength(24);
  });

  it('find every key that was reported, after kill -9 in the middle of creating', async () => {
    await initLocalKeys({ directory, root: { file } });
    const reported: string[] = [];
    for (let round = 0; round < 5; round++) {
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', CREATE, directory, file, `r${round}-`, '100000'],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let output = '';
      const ended = new Promise((resolve) => child.on('close', resolve));
      child.stdout.on('data', (chunk) => {
        output += chunk;
        if (output.split('\n').length > 3) setTimeout(() => child.kill('SIGKILL'), Math.random() * 20);
      });
      await ended;
      reported.push(...output.split('\n').slice(0, -1));
      const keys = await openLocalKeys({ directory, root: { file } });
      const there = new Set((await keys.list()).map(({ alias }) => alias));
      expect(reported.filter((alias) => !there.has(alias))).toEqual([]);
      await writeFile(join(directory, '.keys.json.0123456789ab.tmp'), 'left by a killed process');
      await keys.create(`after-${round}`);
      expect((await readdir(directory)).sort()).toEqual(['keys.json']);
    }
    expect(reported.length).toBeGreaterThan(10);
  });
});
