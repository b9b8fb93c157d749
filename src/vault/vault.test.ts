// The vault: names, versions, records, and what happens when the store is tampered with.
import { readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Box, collect, makeBox, streamOf } from '../../test/support/box.ts';
import { matchesGlob, parseAddress } from './address.ts';

let box: Box;
beforeEach(async () => {
  box = await makeBox();
});
afterEach(() => box.remove());

const read = async (dataset: string, path: string): Promise<string> =>
  (await collect((await (await box.reopen()).get(dataset, path)).chunks)).toString();

describe('objects', () => {
  test('come back as they were put, with their size and digest', async () => {
    const info = await box.vault.put('claims-raw', 'a/b.csv', streamOf('hello ', 'world'));
    expect(info).toMatchObject({ path: 'a/b.csv', size: 11 });
    expect(info.sha256).toBe('b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9');
    expect(await read('claims-raw', 'a/b.csv')).toBe('hello world');
    expect(await box.vault.list('claims-raw')).toEqual([info]);
    expect(await box.vault.stat('claims-raw', 'a/b.csv')).toEqual(info);
  });

  test('are replaced whole, renamed and removed', async () => {
    await box.vault.put('claims-raw', 'a', streamOf('one'));
    await box.vault.put('claims-raw', 'a', streamOf('two'));
    expect(await read('claims-raw', 'a')).toBe('two');
    await box.vault.rename('claims-raw', 'a', 'b');
    await expect(box.vault.get('claims-raw', 'a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await read('claims-raw', 'b')).toBe('two');
    await box.vault.put('claims-raw', 'c', streamOf('three'));
    await expect(box.vault.rename('claims-raw', 'c', 'b')).rejects.toMatchObject({ code: 'EXISTS' });
    expect(await read('claims-raw', 'c')).toBe('three');
    await box.vault.rename('claims-raw', 'c', 'b', { replace: true });
    expect(await read('claims-raw', 'b')).toBe('three');
    await box.vault.remove('claims-raw', 'b');
    await expect(box.vault.remove('claims-raw', 'b')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await box.vault.list('claims-raw')).toEqual([]);
  });

  test('a failing source leaves what was there, and no debris', async () => {
    await box.vault.put('claims-raw', 'a', streamOf('one'));
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw new Error('the line was cut');
    }
    await expect(box.vault.put('claims-raw', 'a', failing())).rejects.toThrow('the line was cut');
    expect(await read('claims-raw', 'a')).toBe('one');
    expect(await readdir(join(box.dataFolder, 'claims-raw', 'tmp'))).toEqual([]);
  });

  test('derived datasets refuse put, raw ones have no versions', async () => {
    await expect(box.vault.put('claims-features', 'a', streamOf('x'))).rejects.toMatchObject({ code: 'KIND' });
    await expect(box.vault.versions('claims-raw')).rejects.toMatchObject({ code: 'KIND' });
    await expect(box.vault.list('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('stay readable when their key rotates', async () => {
    await box.vault.put('claims-raw', 'a', streamOf('one'));
    await box.keys.rotate('raw');
    const vault = await box.reopen();
    await vault.put('claims-raw', 'b', streamOf('two'));
    expect(await read('claims-raw', 'a')).toBe('one');
    expect(await read('claims-raw', 'b')).toBe('two');
  });

  test('are collected when nothing names them, and not before', async () => {
    await box.vault.put('claims-raw', 'a', streamOf('one'));
    await box.vault.put('claims-raw', 'a', streamOf('two'));
    expect(await box.vault.collect('claims-raw', 60_000)).toMatchObject({ objects: 0 });
    expect(await box.vault.collect('claims-raw', 0)).toMatchObject({ objects: 1 });
    expect(await read('claims-raw', 'a')).toBe('two');
  });
});

describe('versions', () => {
  const publish = async (
    dataset: string,
    version: string,
    text: string,
    companionOf?: { dataset: string; version: string },
  ) => {
    const draft = box.vault.draft(dataset, version);
    await draft.putJson('data.json', text);
    return draft.publish({ pipeline: 'p', writer: 'w', summary: {}, ...(companionOf ? { companionOf } : {}) });
  };

  test('are immutable, and latest is switched', async () => {
    await expect(box.vault.list('claims-features')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await publish('claims-features', 'v1', 'one');
    await box.vault.switchLatest('claims-features', 'v1');
    expect(await read('claims-features', 'data.json')).toBe('"one"\n');
    await publish('claims-features', 'v2', 'two');
    expect(await read('claims-features', 'data.json')).toBe('"one"\n');
    await box.vault.switchLatest('claims-features', 'v2');
    expect(await read('claims-features', 'data.json')).toBe('"two"\n');
    await expect(publish('claims-features', 'v1', 'three')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await box.vault.versions('claims-features')).map(({ version }) => version)).toEqual(['v1', 'v2']);
  });

  test('a companion counts only once its version was published', async () => {
    await publish('claims-quarantine', 'v1', 'bad rows', { dataset: 'claims-features', version: 'v1' });
    expect(await box.vault.versions('claims-quarantine')).toEqual([]);
    await expect(box.vault.version('claims-quarantine', 'v1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await publish('claims-features', 'v1', 'good rows');
    expect(await box.vault.versions('claims-quarantine')).toHaveLength(1);
  });

  test('many writers switch latest without losing any', async () => {
    const versions = ['v1', 'v2', 'v3', 'v4'];
    for (const version of versions) await publish('claims-features', version, version);
    await Promise.all(versions.map(async (version) => (await box.reopen()).switchLatest('claims-features', version)));
    expect(versions).toContain((await box.vault.version('claims-features')).version);
  });
});

test('a secret is the same for every vault, and another for every name', async () => {
  const vaults = await Promise.all([box.reopen(), box.reopen(), box.reopen()]);
  const secrets = await Promise.all(vaults.map((vault) => vault.secret('split', 'claims')));
  expect(new Set(secrets.map((secret) => secret.toString('hex'))).size).toBe(1);
  expect(secrets[0]).toHaveLength(32);
  expect((await box.vault.secret('domain-patient', 'claims')).equals(secrets[0] as Buffer)).toBe(false);
});

describe('I2: tampering', () => {
  const INTEGRITY = [
    'TAMPERED',
    'MISSING_OBJECT',
    ...['TRUNCATED', 'FRAME_AUTH', 'FRAME_ORDER', 'HEADER_AUTH', 'HEADER_INVALID', 'COMMITMENT', 'CONTEXT_MISMATCH'],
    ...['MESSAGE_MISMATCH', 'SIZE_MISMATCH', 'TRAILING_BYTES', 'UNWRAP_FAILED', 'UNSUPPORTED', 'LIMIT'],
  ];
  const outcome = async (dataset: string, path: string): Promise<string> => {
    try {
      return `read ${await read(dataset, path)}`;
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  };
  const only = async (...parts: string[]): Promise<string> => {
    const folder = join(box.dataFolder, ...parts);
    const names = await readdir(folder);
    expect(names).toHaveLength(1);
    return join(folder, names[0] as string);
  };

  test('any flipped byte and any truncation of an object or a record is found', async () => {
    await box.vault.put('claims-raw', 'a', streamOf('some plaintext of an object'));
    for (const kind of ['objects', 'names', 'keys']) {
      const file = await only('claims-raw', kind);
      const good = await readFile(file);
      await fc.assert(
        fc.asyncProperty(
          fc.nat(good.length - 1),
          fc.integer({ min: 1, max: 255 }),
          fc.boolean(),
          async (at, flip, truncate) => {
            const bad = Buffer.from(good);
            bad[at] = (bad[at] as number) ^ flip;
            await writeFile(file, truncate ? good.subarray(0, at) : bad);
            expect(INTEGRITY).toContain(await outcome('claims-raw', 'a'));
          },
        ),
        { numRuns: 150, seed: 7 },
      );
      await writeFile(file, good);
    }
    expect(await outcome('claims-raw', 'a')).toBe('read some plaintext of an object');
  });

  test('swapped objects and swapped records are found, in one dataset and between two', async () => {
    await box.vault.put('claims-raw', 'a', streamOf('text a'));
    await box.vault.put('claims-raw', 'b', streamOf('text b'));
    await box.vault.put('other-raw', 'a', streamOf('text c'));
    const swap = async (one: string, two: string): Promise<void> => {
      await rename(one, `${one}.x`);
      await rename(two, one);
      await rename(`${one}.x`, two);
    };
    const place = async (dataset: string, kind: string, name: string): Promise<string> => {
      if (kind === 'objects')
        return join(box.dataFolder, dataset, kind, (await box.vault.stat(dataset, name)).messageId);
      return join(
        box.dataFolder,
        dataset,
        kind,
        (await readdir(join(box.dataFolder, dataset, kind))).find((file) => file.includes(name)) as string,
      );
    };
    for (const kind of ['objects', 'names']) {
      const [a, b, c] = await Promise.all([
        place('claims-raw', kind, 'a'),
        place('claims-raw', kind, 'b'),
        place('other-raw', kind, 'a'),
      ]);
      for (const [one, two] of [
        [a, b],
        [a, c],
      ] as const) {
        await swap(one, two);
        expect(INTEGRITY).toContain(await outcome('claims-raw', 'a'));
        await swap(one, two);
        expect(await outcome('claims-raw', 'a')).toBe('read text a');
      }
    }
  });

  test('a removed object is missed', async () => {
    const { messageId } = await box.vault.put('claims-raw', 'a', streamOf('text a'));
    await unlink(join(box.dataFolder, 'claims-raw', 'objects', messageId));
    expect(await outcome('claims-raw', 'a')).toBe('MISSING_OBJECT');
  });
});

test('files are 0600 and folders 0700, and nothing of the plaintext is in them', async () => {
  await box.vault.put('claims-raw', 'a', streamOf('CANARY-12345'));
  const entries = await readdir(box.dataFolder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    expect((await stat(path)).mode & 0o777).toBe(entry.isDirectory() ? 0o700 : 0o600);
    if (entry.isFile()) expect((await readFile(path)).includes('CANARY')).toBe(false);
  }
  expect(entries.filter((entry) => entry.isFile()).length).toBeGreaterThanOrEqual(3);
});

test('addresses', () => {
  expect(parseAddress('claims-raw')).toEqual({ dataset: 'claims-raw' });
  expect(parseAddress('claims-raw/a/b.csv')).toEqual({ dataset: 'claims-raw', path: 'a/b.csv' });
  expect(parseAddress('f@20260101T000000Z-ab12/train.parquet')).toEqual({
    dataset: 'f',
    version: '20260101T000000Z-ab12',
    path: 'train.parquet',
  });
  expect(parseAddress('f@latest/a@b')).toEqual({ dataset: 'f', path: 'a@b' });
  for (const bad of ['', '/a', 'A', 'a@', 'a@b c/d', '../a']) {
    expect(() => parseAddress(bad)).toThrow(expect.objectContaining({ code: 'ADDRESS' }));
  }
});

test('globs', () => {
  expect(matchesGlob('a.csv', '*.csv')).toBe(true);
  expect(matchesGlob('x/a.csv', '*.csv')).toBe(false);
  expect(matchesGlob('x/y/a.csv', '**.csv')).toBe(true);
  expect(matchesGlob('x/a.csv', '?/a.*')).toBe(true);
  expect(matchesGlob('a.csvx', '*.csv')).toBe(false);
  expect(matchesGlob('', '*')).toBe(true);
  expect(matchesGlob('a'.repeat(2000), `${'a*'.repeat(50)}b`)).toBe(false);
});
