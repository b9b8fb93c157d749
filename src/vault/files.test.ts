// Objects from files and into files; ranges; and what verifying finds.
import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Box, collect, makeBox, streamOf } from '../../test/support/box.ts';
import type { PlainFile, PlainTarget, Verification } from './index.ts';
import { placeRange } from './range.ts';

const FRAME = 262_144;

let box: Box;
const handles: FileHandle[] = [];
beforeEach(async () => {
  box = await makeBox();
});
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close();
  await box.remove();
});

/** Bytes of which no two frames are the same. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 13)) & 0xff;
  return bytes;
}

async function fileOf(content: Uint8Array, confirm = async (): Promise<void> => undefined): Promise<PlainFile> {
  const path = join(box.folder, `plain-${handles.length}`);
  await writeFile(path, content);
  const handle = await open(path, 'r+');
  handles.push(handle);
  return { descriptor: handle.fd, size: content.length, chunks: streamOf(content), confirm };
}

async function targetFile(): Promise<{ target: PlainTarget; read(): Promise<Buffer> }> {
  const path = join(box.folder, `target-${handles.length}`);
  const handle = await open(path, 'wx');
  handles.push(handle);
  const write = (): never => {
    throw new Error('written in order, although there is a descriptor');
  };
  return { target: { descriptor: handle.fd, write }, read: () => readFile(path) };
}

const objectsIn = (dataset: string): Promise<string[]> =>
  readdir(join(box.dataFolder, dataset, 'objects')).catch((): string[] => []);

describe('a file', () => {
  test.each([0, 1, FRAME - 1, FRAME, FRAME + 1, 9 * FRAME, 9 * FRAME + 5])(
    'of %i bytes comes back as it was, with the digest of what was sealed',
    async (size) => {
      const content = bytesOf(size);
      const told: [number, number][] = [];
      const onBytes = (bytes: number, total: number): void => void told.push([bytes, total]);
      const info = await box.vault.putFile('claims-raw', 'a', await fileOf(content), { threads: 2, onBytes });
      expect(info).toMatchObject({ path: 'a', size, sha256: createHash('sha256').update(content).digest('hex') });
      expect(await box.vault.stat('claims-raw', 'a')).toEqual(info);
      const vault = await box.reopen();
      expect(Buffer.compare(await collect((await vault.get('claims-raw', 'a')).chunks), content)).toBe(0);
      const { target, read } = await targetFile();
      expect(await vault.getInto('claims-raw', 'a', target, { threads: 2, onBytes })).toEqual({ info, length: size });
      expect(Buffer.compare(await read(), content)).toBe(0);
      expect(told.every(([bytes, total]) => bytes <= size && total === size)).toBe(true);
    },
  );

  test('that changed meanwhile is not stored, and what was there before stays (I3)', async () => {
    await box.vault.put('claims-raw', 'a', streamOf('before'));
    const changed = async (): Promise<never> => {
      throw new Error('it changed');
    };
    await expect(box.vault.putFile('claims-raw', 'a', await fileOf(bytesOf(3000), changed))).rejects.toThrow(
      'it changed',
    );
    // Shorter than it was said to be, which the workers find; it is asked first whether it changed.
    const short = await fileOf(bytesOf(3 * FRAME), changed);
    await handles.at(-1)?.truncate(FRAME);
    await expect(box.vault.putFile('claims-raw', 'a', short)).rejects.toThrow('it changed');
    expect((await collect((await box.vault.get('claims-raw', 'a')).chunks)).toString()).toBe('before');
    expect(await objectsIn('claims-raw')).toHaveLength(1);
    expect(await readdir(join(box.dataFolder, 'claims-raw', 'tmp'))).toEqual([]);
  });

  test('can be stopped, and leaves nothing', async () => {
    const content = bytesOf(40 * FRAME);
    const controller = new AbortController();
    const file = await fileOf(content);
    const putting = box.vault.putFile('claims-raw', 'a', file, { signal: controller.signal });
    controller.abort();
    await expect(putting).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await objectsIn('claims-raw')).toEqual([]);
    expect(await readdir(join(box.dataFolder, 'claims-raw', 'tmp'))).toEqual([]);
  });

  test('is opened in order into what takes bytes in order only', async () => {
    const content = bytesOf(3 * FRAME);
    await box.vault.put('claims-raw', 'a', streamOf(content));
    const parts: Buffer[] = [];
    const write = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => void parts.push(await collect(chunks));
    expect(await box.vault.getInto('claims-raw', 'a', { write })).toMatchObject({ length: content.length });
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });
});

describe('a range', () => {
  test('is what a slice of the object is', async () => {
    const content = bytesOf(3 * FRAME + 77);
    await box.vault.put('claims-raw', 'a', streamOf(content));
    const edges = [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME, content.length - 1];
    const place = fc.oneof(fc.constantFrom(...edges), fc.nat(content.length - 1));
    await fc.assert(
      fc.asyncProperty(place, place, async (one, two) => {
        const [first, last] = [Math.min(one, two), Math.max(one, two)];
        const wanted = content.subarray(first, last + 1);
        const opened = await box.vault.get('claims-raw', 'a', { range: { first, last } });
        expect(opened.length).toBe(wanted.length);
        expect(Buffer.compare(await collect(opened.chunks), wanted)).toBe(0);
        const end = await box.vault.get('claims-raw', 'a', { range: { suffix: last } });
        expect(Buffer.compare(await collect(end.chunks), content.subarray(content.length - last))).toBe(0);
      }),
      { numRuns: 40, seed: 20261124 },
    );
  });

  test('has its place by RFC 9110, section 14.1.2', () => {
    expect(placeRange({ first: 0, last: 499 }, 10_000)).toEqual({ offset: 0, length: 500 });
    expect(placeRange({ first: 9500 }, 10_000)).toEqual({ offset: 9500, length: 500 });
    expect(placeRange({ suffix: 500 }, 10_000)).toEqual({ offset: 9500, length: 500 });
    expect(placeRange({ first: 9999, last: 20_000 }, 10_000)).toEqual({ offset: 9999, length: 1 });
    expect(placeRange({ suffix: 20_000 }, 10_000)).toEqual({ offset: 0, length: 10_000 });
    expect(placeRange({ suffix: 5 }, 0)).toEqual({ offset: 0, length: 0 });
    for (const size of [0, 10]) {
      expect(() => placeRange({ first: size }, size)).toThrow(expect.objectContaining({ code: 'RANGE' }));
    }
  });
});

describe('verifying', () => {
  const all = async (dataset: string, options = {}): Promise<Verification[]> => {
    const found: Verification[] = [];
    for await (const each of (await box.reopen()).verifyAll(dataset, options)) found.push(each);
    return found;
  };
  const bad = (path: string, code: string) =>
    expect.objectContaining({ path, error: expect.objectContaining({ code }) });
  const good = (path: string, frames: number) =>
    expect.objectContaining({ path, verified: expect.objectContaining({ frames }) });
  const objectOf = async (dataset: string, path: string): Promise<string> =>
    join(box.dataFolder, dataset, 'objects', (await box.vault.stat(dataset, path)).messageId);

  test('of many goes on behind a bad one, and says which it was', async () => {
    for (const path of ['a', 'b', 'c', 'd/e']) {
      await box.vault.put('claims-raw', path, streamOf(bytesOf(4 * FRAME + 9)));
    }
    expect(await all('claims-raw')).toEqual([good('a', 5), good('b', 5), good('c', 5), good('d/e', 5)]);
    expect(await all('claims-raw', { prefix: 'd/' })).toEqual([good('d/e', 5)]);
    const [a, b, c] = [
      await objectOf('claims-raw', 'a'),
      await objectOf('claims-raw', 'b'),
      await objectOf('claims-raw', 'c'),
    ];
    const sealed = await readFile(a);
    sealed[sealed.length - 100] = (sealed[sealed.length - 100] ?? 0) ^ 1;
    await writeFile(a, sealed);
    await rename(c, b);
    expect(await all('claims-raw')).toEqual([
      bad('a', 'FRAME_AUTH'),
      bad('b', 'MESSAGE_MISMATCH'),
      bad('c', 'MISSING_OBJECT'),
      good('d/e', 5),
    ]);
    await expect(box.vault.verify('claims-raw', 'a')).rejects.toMatchObject({ code: 'FRAME_AUTH' });
    expect(await box.vault.verify('claims-raw', 'd/e')).toMatchObject({ frames: 5, info: { path: 'd/e' } });
  });

  test('of a derived dataset covers its versions, their records and the latest', async () => {
    expect(await all('claims-features')).toEqual([]);
    for (const version of ['one', 'two', 'three']) {
      const draft = box.vault.draft('claims-features', version);
      await draft.putJson('parameters.json', { version });
      // The third was never published: it is not there.
      if (version === 'three') await draft.abort();
      else await draft.publish({ pipeline: 'p', writer: 'w', summary: {} });
    }
    await box.vault.switchLatest('claims-features', 'two');
    const verified = (version: string) =>
      expect.objectContaining({ version, path: 'parameters.json', verified: expect.objectContaining({ frames: 1 }) });
    expect(await all('claims-features')).toEqual([verified('one'), verified('two')]);
    expect(await all('claims-features', { version: 'two' })).toEqual([verified('two')]);
    await expect(all('claims-features', { version: 'three' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const versions = join(box.dataFolder, 'claims-features', 'versions');
    const [one = '', two = ''] = (await readdir(versions)).sort();
    await rename(join(versions, one), join(versions, two));
    const tampered = expect.objectContaining({ error: expect.objectContaining({ code: 'TAMPERED' }) });
    const found = await all('claims-features');
    expect(found).toEqual([tampered, tampered]);
    expect(found.map(({ version, path }) => [version, path])).toEqual([
      ['two', undefined],
      ['latest', undefined],
    ]);
  });

  test('stops where the key is not there to use: that says nothing of the objects', async () => {
    await box.vault.put('claims-raw', 'a', streamOf('text'));
    await box.keys.disable('raw');
    await expect(all('claims-raw')).rejects.toMatchObject({ code: 'DISABLED' });
  });
});
