import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collected, describeStore, putObject, readObject } from '../../test/contracts/store.ts';
import { runChild, startChild, startsOf } from '../../test/support/child.ts';
import { openDirectoryStore } from './index.ts';

const child = new URL('../../test/faults/store-child.ts', import.meta.url);
const code = (value: string) => expect.objectContaining({ name: 'StoreError', code: value });
const ID = 'a'.repeat(64);
const UPLOAD = 'a'.repeat(32);
let folder: string;
let root: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-store-'));
  root = join(folder, 'deep', 'store');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describeStore('dir', async () => openDirectoryStore(root));

describe('directory store', () => {
  it.each(['000', '077', '777'])('makes files 0600 and folders 0700 under umask %s', async (umask) => {
    expect((await runChild(child, ['modes', root, umask])).code).toBe(0);
    const seen = { files: 0, folders: 0 };
    for (const found of await readdir(root, { recursive: true, withFileTypes: true })) {
      const { mode } = await lstat(join(found.parentPath, found.name));
      expect([found.name, (mode & 0o777).toString(8)]).toEqual([found.name, found.isDirectory() ? '700' : '600']);
      seen[found.isDirectory() ? 'folders' : 'files'] += 1;
    }
    expect(((await lstat(root)).mode & 0o777).toString(8)).toBe('700');
    expect(seen).toEqual({ files: 6, folders: 7 });
  });

  it('follows no symbolic link: not the root, a folder, an object, an entry', async () => {
    const elsewhere = join(folder, 'elsewhere');
    const other = openDirectoryStore(elsewhere);
    await putObject(other, 'raw', Buffer.from('secret'), ID);
    await other.putEntry('raw', 'names', 'a', Buffer.from('secret'));
    const segment = await other.createSegment('raw', UPLOAD, 0);
    await segment.sync();
    await segment.close();
    await mkdir(join(root, 'linked-file', 'objects'), { recursive: true });
    await mkdir(join(root, 'linked-file', 'names'), { recursive: true });
    await symlink(join(elsewhere, 'raw', 'objects', ID), join(root, 'linked-file', 'objects', ID));
    await symlink(join(elsewhere, 'raw', 'names', 'a'), join(root, 'linked-file', 'names', 'a'));
    await mkdir(join(root, 'linked-file', 'segments'));
    await symlink(
      join(elsewhere, 'raw', 'segments', `${UPLOAD}.0`),
      join(root, 'linked-file', 'segments', `${UPLOAD}.0`),
    );
    await symlink(join(elsewhere, 'raw'), join(root, 'linked-folder'));
    await symlink(elsewhere, join(folder, 'linked-root'));
    const store = openDirectoryStore(root);
    for (const [at, dataset] of [
      [store, 'linked-file'],
      [store, 'linked-folder'],
      [openDirectoryStore(join(folder, 'linked-root')), 'raw'],
    ] as const) {
      await expect(at.openObject(dataset, ID)).rejects.toEqual(code('UNSAFE'));
      await expect(at.getEntry(dataset, 'names', 'a')).rejects.toEqual(code('UNSAFE'));
      await expect(at.openSegment(dataset, UPLOAD, 0)).rejects.toEqual(code('UNSAFE'));
      await expect(at.commitSegment(dataset, UPLOAD, 0, 'b'.repeat(64))).rejects.toEqual(code('UNSAFE'));
      await expect(collected(at.listSegments(dataset))).rejects.toEqual(code('UNSAFE'));
      await expect(collected(at.listObjects(dataset))).rejects.toEqual(code('UNSAFE'));
      await expect(collected(at.listEntries(dataset, 'names'))).rejects.toEqual(code('UNSAFE'));
      await expect(at.removeEntry(dataset, 'names', 'a')).rejects.toEqual(code('UNSAFE'));
      await expect(at.putEntry(dataset, 'names', 'a', Buffer.from('x'), null)).rejects.toEqual(code('UNSAFE'));
    }
    await expect(putObject(store, 'linked-folder', Buffer.from('x'))).rejects.toEqual(code('UNSAFE'));
    await expect(store.createSegment('linked-folder', UPLOAD, 0)).rejects.toEqual(code('UNSAFE'));
    expect(await readdir(join(elsewhere, 'raw', 'tmp'))).toEqual([]);
    expect((await readObject(other, 'raw', ID)).toString()).toBe('secret');
  });

  it('tells a root that is a file, and a huge entry', async () => {
    await writeFile(join(folder, 'file'), '');
    const get = openDirectoryStore(join(folder, 'file')).getEntry('raw', 'names', 'a');
    await expect(get).rejects.toEqual(code('NOT_A_STORE'));
    const store = openDirectoryStore(root);
    await store.putEntry('raw', 'names', 'a', Buffer.from('x'));
    await truncate(join(root, 'raw', 'names', 'a'), 2 ** 40);
    await expect(store.getEntry('raw', 'names', 'a')).rejects.toEqual(code('TOO_LARGE'));
  });

  it('passes over files that it did not make, and collects its own old ones', async () => {
    const store = openDirectoryStore(root);
    await store.putEntry('raw', 'names', 'a', Buffer.from('x'));
    for (const name of ['.DS_Store', 'A', 'a%2F', '%zz', '%61']) await writeFile(join(root, 'raw', 'names', name), '');
    expect(await collected(store.listEntries('raw', 'names'))).toEqual(['a']);
    const left = join(root, 'raw', 'tmp', 'left-behind.object');
    await writeFile(left, 'four');
    await utimes(left, 1, 1);
    const underWay = await store.createObject('raw');
    expect(await store.collect('raw', new Set(), 60_000)).toEqual({ objects: 0, bytes: 4, temporary: 1 });
    expect(await readdir(join(root, 'raw', 'tmp'))).toHaveLength(1);
    await underWay.abort();
  });

  it('lists a moving entry exactly once in a folder too big for one read of the system', async () => {
    const names = join(root, 'raw', 'names');
    const store = openDirectoryStore(root);
    await store.putEntry('raw', 'names', 'moving-0', Buffer.from('x'));
    const many = Array.from({ length: 6000 }, (_, i) => `${i}-${'x'.repeat(100)}`);
    await Promise.all(many.map((name) => writeFile(join(names, name), '')));
    let stop = false;
    const mover = (async () => {
      for (let i = 0; !stop; i += 1) await store.moveEntry('raw', 'names', `moving-${i}`, `moving-${i + 1}`);
    })();
    const counts: number[] = [];
    for (let i = 0; i < 40; i += 1) counts.push((await collected(store.listEntries('raw', 'names', 'moving-'))).length);
    stop = true;
    await mover;
    expect(counts).toEqual(counts.map(() => 1));
  });

  it('loses no increment of two processes', async () => {
    const results = await Promise.all([1, 2].map(() => runChild(child, ['count', root, '200'])));
    expect(results.map((result) => [result.code, result.stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const counter = await openDirectoryStore(root).getEntry('shared', 'heads', 'counter');
    expect(Buffer.from(counter?.bytes ?? []).toString()).toBe('400');
  });

  it('holds everything old or new, whole, after kill -9 at any moment', async () => {
    const kills = process.env.GLOVEBOX_FULL ? 100 : 12;
    const store = openDirectoryStore(root, { lockWaitMs: 2000 });
    for (let i = 0; i < kills; i += 1) {
      const writing = startChild(child, ['write', root]);
      await startsOf(writing);
      await sleep((i * 37) % 60);
      writing.kill('SIGKILL');
      await new Promise((resolve) => writing.once('close', resolve));
      for (const name of await collected(store.listEntries('shared', 'names'))) {
        expectWhole((await store.getEntry('shared', 'names', name))?.bytes);
      }
      for (const { id } of await collected(store.listObjects('shared'))) {
        const content = await readObject(store, 'shared', id);
        expect(createHash('sha256').update(content).digest('hex')).toBe(id);
      }
      await store.putEntry('shared', 'heads', 'after', Buffer.from(`${i}`));
    }
    await sleep(10);
    await store.collect('shared', new Set(), 0);
    expect(await readdir(join(root, 'shared', 'tmp'))).toEqual([]);
  });

  it('says that the disk is full, and keeps what was there', async (context) => {
    await mkdir(root, { recursive: true });
    const mounted = await runChild(child, ['fill', join(root, 'full')], {
      before: ['unshare', '-rm', 'sh', '-c', `mount -t tmpfs -o size=1m none ${root} && exec "$@"`, 'sh'],
    });
    if (/unshare|mount|ENOENT/.test(mounted.stderr)) {
      context.skip('needs root or user namespaces to mount a small file system');
    }
    expect(mounted.stderr).toBe('');
    const hint = expect.stringContaining('free space');
    expect(JSON.parse(mounted.stdout)).toEqual({
      failures: [
        ['NO_SPACE', hint],
        ['NO_SPACE', hint],
      ],
      names: ['new', 'old'],
      old: 'old',
    });
  });
});

function expectWhole(content: Uint8Array | undefined): void {
  const bytes = Buffer.from(content ?? []);
  expect(createHash('sha256').update(bytes.subarray(32)).digest().equals(bytes.subarray(0, 32))).toBe(true);
}
