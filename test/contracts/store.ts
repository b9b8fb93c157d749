// What every store must do; each implementation's test runs it. The obligations are in src/store/types.ts.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { compareNames, type EntryKind, MAX_ENTRY_BYTES, type Store } from '../../src/store/index.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const newId = () => randomBytes(32).toString('hex');
const code = (value: string) => expect.objectContaining({ name: 'StoreError', code: value });

export async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Puts `content` as an object of `dataset`, in pieces; resolves to its id. */
export async function putObject(store: Store, dataset: string, content: Uint8Array, id = newId()): Promise<string> {
  const writer = await store.createObject(dataset);
  for (let at = 0; at < content.length; at += 1000) await writer.write(content.subarray(at, at + 1000));
  await writer.commit(id);
  return id;
}

export async function readObject(store: Store, dataset: string, id: string): Promise<Uint8Array> {
  const reader = await store.openObject(dataset, id);
  const buffer = Buffer.alloc(reader.size);
  expect(await reader.read(buffer, 0)).toBe(reader.size);
  await reader.close();
  return buffer;
}

/** Runs the contract; `makeStore` gives a new, empty store each time. */
export function describeStore(name: string, makeStore: () => Promise<Store>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await makeStore();
    });
    describeObjects(() => store);
    describeSegments(() => store);
    describeEntries(() => store);
    describeMoves(() => store);
    describeNames(() => store);
  });
}

function describeObjects(store: () => Store): void {
  it('gives back what was committed, whole and from any offset', async () => {
    const content = randomBytes(10_500);
    const id = await putObject(store(), 'raw', content);
    const reader = await store().openObject('raw', id);
    expect(reader.size).toBe(content.length);
    const part = Buffer.alloc(700);
    expect(await reader.read(part, 10_000)).toBe(500);
    expect(part.subarray(0, 500).equals(content.subarray(10_000))).toBe(true);
    expect(await reader.read(part, 20_000)).toBe(0);
    await reader.close();
    expect(await readObject(store(), 'raw', id)).toEqual(content);
  });

  it('shows nothing before commit, and nothing of an aborted object', async () => {
    const writer = await store().createObject('raw');
    await writer.write(bytes('half'));
    expect(await collected(store().listObjects('raw'))).toEqual([]);
    await writer.abort();
    await writer.abort();
    expect(await collected(store().listObjects('raw'))).toEqual([]);
    await expect(writer.write(bytes('more'))).rejects.toEqual(code('CONFLICT'));
    await expect(writer.commit(newId())).rejects.toEqual(code('CONFLICT'));
  });

  it('takes an abort after commit for nothing', async () => {
    const writer = await store().createObject('raw');
    await writer.write(bytes('kept'));
    const id = newId();
    await writer.commit(id);
    await writer.abort();
    expect(await readObject(store(), 'raw', id)).toEqual(Buffer.from('kept'));
  });

  it('never replaces an object', async () => {
    const id = await putObject(store(), 'raw', bytes('first'));
    await expect(putObject(store(), 'raw', bytes('second'), id)).rejects.toEqual(code('CONFLICT'));
    expect(await readObject(store(), 'raw', id)).toEqual(Buffer.from('first'));
  });

  it('keeps an open object readable after its removal', async () => {
    const id = await putObject(store(), 'raw', bytes('still here'));
    const reader = await store().openObject('raw', id);
    await store().removeObject('raw', id);
    await store().removeObject('raw', id);
    const buffer = Buffer.alloc(10);
    expect(await reader.read(buffer, 0)).toBe(10);
    expect(buffer.toString()).toBe('still here');
    await reader.close();
    await expect(store().openObject('raw', id)).rejects.toEqual(code('NOT_FOUND'));
  });

  it('lists objects by dataset, with size and time', async () => {
    const id = await putObject(store(), 'raw', bytes('abc'));
    await putObject(store(), 'other', bytes('d'));
    const [only, ...rest] = await collected(store().listObjects('raw'));
    expect(rest).toEqual([]);
    expect(only).toMatchObject({ id, size: 3 });
    expect(Math.abs(Date.now() - (only?.modified.getTime() ?? 0))).toBeLessThan(60_000);
  });

  it('collects what nothing refers to, after the grace time', async () => {
    const kept = await putObject(store(), 'raw', bytes('kept'));
    await putObject(store(), 'raw', bytes('lost'));
    const writer = await store().createObject('raw');
    await writer.write(bytes('under way'));
    const none = await store().collect('raw', new Set([kept]), 60_000);
    expect(none).toEqual({ objects: 0, bytes: 0, temporary: 0 });
    await writer.commit(newId());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await store().collect('raw', new Set([kept]), 0)).toMatchObject({ objects: 2, bytes: 13 });
    expect((await collected(store().listObjects('raw'))).map(({ id }) => id)).toEqual([kept]);
    expect(await store().collect('never-used', new Set(), 0)).toEqual({ objects: 0, bytes: 0, temporary: 0 });
  });

  it.each(['', 'abc', 'A'.repeat(64), `${'a'.repeat(63)}/`, '../../../etc/passwd', `${'0'.repeat(64)}\n`])(
    'takes no object id %j',
    async (id) => {
      await expect(store().openObject('raw', id)).rejects.toEqual(code('NAME'));
      await expect(store().removeObject('raw', id)).rejects.toEqual(code('NAME'));
      await expect(putObject(store(), 'raw', bytes('x'), id)).rejects.toEqual(code('NAME'));
    },
  );
}

const UPLOAD = '0123456789abcdef'.repeat(2);

async function writeSegment(store: Store, number: number, content: Uint8Array, upload = UPLOAD): Promise<void> {
  const segment = await store.createSegment('raw', upload, number);
  await segment.write(content);
  await segment.sync();
  await segment.close();
}

async function readSegment(store: Store, number: number, upload = UPLOAD): Promise<Buffer> {
  const reader = await store.openSegment('raw', upload, number);
  const buffer = Buffer.alloc(reader.size);
  expect(await reader.read(buffer, 0)).toBe(reader.size);
  await reader.close();
  return buffer;
}

function describeSegments(store: () => Store): void {
  it('keeps what was synced of a segment, and shows none before', async () => {
    const segment = await store().createSegment('raw', UPLOAD, 0);
    await segment.write(bytes('head'));
    expect(await collected(store().listSegments('raw'))).toEqual([]);
    await expect(store().openSegment('raw', UPLOAD, 0)).rejects.toEqual(code('NOT_FOUND'));
    await segment.sync();
    await segment.write(bytes(' and more'));
    await segment.sync();
    expect((await readSegment(store(), 0)).toString()).toBe('head and more');
    const [only, ...rest] = await collected(store().listSegments('raw', UPLOAD));
    expect(rest).toEqual([]);
    expect(only).toMatchObject({ upload: UPLOAD, number: 0, size: 13 });
    expect(Math.abs(Date.now() - (only?.modified.getTime() ?? 0))).toBeLessThan(60_000);
    await segment.close();
    await segment.close();
    await expect(segment.write(bytes('late'))).rejects.toEqual(code('CONFLICT'));
    await expect(segment.sync()).rejects.toEqual(code('CONFLICT'));
    expect((await readSegment(store(), 0)).toString()).toBe('head and more');
  });

  it('leaves nothing of a segment that was closed before its first sync', async () => {
    const segment = await store().createSegment('raw', UPLOAD, 0);
    await segment.write(bytes('head'));
    await segment.close();
    expect(await collected(store().listSegments('raw'))).toEqual([]);
    await writeSegment(store(), 0, bytes('again'));
  });

  it('gives a number to exactly one of many writers, and changes nothing of its segment', async () => {
    const tries = Array.from({ length: 10 }, (_, i) => writeSegment(store(), 7, bytes(`writer ${i}`)));
    const results = await Promise.allSettled(tries);
    const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []));
    expect(winners).toHaveLength(1);
    expect((await readSegment(store(), 7)).toString()).toBe(`writer ${winners[0]}`);
    const loser = await store().createSegment('raw', UPLOAD, 7);
    await loser.write(bytes('late'));
    await expect(loser.sync()).rejects.toEqual(code('CONFLICT'));
    await expect(loser.write(bytes('more'))).rejects.toEqual(code('CONFLICT'));
    expect((await readSegment(store(), 7)).toString()).toBe(`writer ${winners[0]}`);
  });

  it('shows a reader what was there when it came, and can make that durable', async () => {
    const segment = await store().createSegment('raw', UPLOAD, 0);
    await segment.write(bytes('one'));
    await segment.sync();
    const reader = await store().openSegment('raw', UPLOAD, 0);
    await segment.write(bytes(' two'));
    await reader.sync();
    expect(reader.size).toBe(3);
    await segment.sync();
    const later = await store().openSegment('raw', UPLOAD, 0);
    expect(later.size).toBe(7);
    await store().removeSegments('raw', UPLOAD);
    const buffer = Buffer.alloc(7);
    expect(await later.read(buffer, 0)).toBe(7);
    expect(buffer.toString()).toBe('one two');
    await Promise.all([reader.close(), later.close(), segment.close()]);
  });

  it('lists and removes by upload; segments are no objects and are not collected', async () => {
    const other = 'f'.repeat(32);
    for (const number of [0, 1, 12]) await writeSegment(store(), number, bytes(`${number}`));
    await writeSegment(store(), 0, bytes('other'), other);
    const numbers = async (upload?: string) =>
      (await collected(store().listSegments('raw', upload))).map(({ number }) => number).sort((a, b) => a - b);
    expect(await numbers()).toEqual([0, 0, 1, 12]);
    expect(await numbers(UPLOAD)).toEqual([0, 1, 12]);
    expect(await collected(store().listSegments('elsewhere'))).toEqual([]);
    expect(await collected(store().listObjects('raw'))).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await store().collect('raw', new Set(), 0)).toEqual({ objects: 0, bytes: 0, temporary: 0 });
    await store().removeSegments('raw', UPLOAD);
    await store().removeSegments('raw', UPLOAD);
    await store().removeSegments('elsewhere', UPLOAD);
    expect(await numbers(UPLOAD)).toEqual([]);
    expect((await readSegment(store(), 0, other)).toString()).toBe('other');
  });

  it('makes a segment an object, once, and never replaces one', async () => {
    await writeSegment(store(), 3, bytes('whole'));
    const id = newId();
    await store().commitSegment('raw', UPLOAD, 3, id);
    expect((await readObject(store(), 'raw', id)).toString()).toBe('whole');
    expect((await readSegment(store(), 3)).toString()).toBe('whole');
    await expect(store().commitSegment('raw', UPLOAD, 3, id)).rejects.toEqual(code('CONFLICT'));
    await store().removeSegments('raw', UPLOAD);
    expect((await readObject(store(), 'raw', id)).toString()).toBe('whole');
    expect((await collected(store().listObjects('raw'))).map((object) => object.id)).toEqual([id]);
    await expect(store().commitSegment('raw', UPLOAD, 3, newId())).rejects.toEqual(code('NOT_FOUND'));
    await writeSegment(store(), 4, bytes('late'));
    await expect(store().commitSegment('raw', UPLOAD, 4, id)).rejects.toEqual(code('CONFLICT'));
    expect((await readObject(store(), 'raw', id)).toString()).toBe('whole');
  });

  it.each<[string, number]>([
    ['', 0],
    ['a'.repeat(31), 0],
    ['A'.repeat(32), 0],
    [`../${'a'.repeat(29)}`, 0],
    [`${'a'.repeat(32)}\n`, 0],
    [UPLOAD, -1],
    [UPLOAD, 0.5],
    [UPLOAD, 1e9],
    [UPLOAD, Number.NaN],
  ])('takes no segment %j, %d', async (upload, number) => {
    await expect(store().createSegment('raw', upload, number)).rejects.toEqual(code('NAME'));
    await expect(store().openSegment('raw', upload, number)).rejects.toEqual(code('NAME'));
    await expect(store().commitSegment('raw', upload, number, newId())).rejects.toEqual(code('NAME'));
    if (upload !== UPLOAD) await expect(store().removeSegments('raw', upload)).rejects.toEqual(code('NAME'));
    await expect(store().commitSegment('raw', UPLOAD, 0, 'x')).rejects.toEqual(code('NAME'));
  });
}

function describeEntries(store: () => Store): void {
  it('writes, replaces and removes entries; kinds and datasets are apart', async () => {
    expect(await store().getEntry('raw', 'names', 'a')).toBeUndefined();
    const etag = await store().putEntry('raw', 'names', 'a', bytes('1'));
    expect(await store().getEntry('raw', 'names', 'a')).toEqual({ bytes: bytes('1'), etag });
    const next = await store().putEntry('raw', 'names', 'a', bytes('2'));
    expect(next).not.toBe(etag);
    expect(await store().getEntry('raw', 'heads', 'a')).toBeUndefined();
    expect(await store().getEntry('other', 'names', 'a')).toBeUndefined();
    expect(await store().removeEntry('raw', 'names', 'a')).toBe(true);
    expect(await store().removeEntry('raw', 'names', 'a')).toBe(false);
    expect(await store().getEntry('raw', 'names', 'a')).toBeUndefined();
  });

  it('compares and swaps', async () => {
    const etag = await store().putEntry('raw', 'heads', 'latest', bytes('1'), null);
    await expect(store().putEntry('raw', 'heads', 'latest', bytes('x'), null)).rejects.toEqual(code('CONFLICT'));
    await store().putEntry('raw', 'heads', 'latest', bytes('2'), etag);
    await expect(store().putEntry('raw', 'heads', 'latest', bytes('3'), etag)).rejects.toEqual(code('CONFLICT'));
    await expect(store().putEntry('raw', 'heads', 'absent', bytes('3'), etag)).rejects.toEqual(code('CONFLICT'));
    expect((await store().getEntry('raw', 'heads', 'latest'))?.bytes).toEqual(bytes('2'));
    expect(await collected(store().listEntries('raw', 'heads'))).toEqual(['latest']);
  });

  it('lets exactly one of many writers create an entry', async () => {
    const tries = Array.from({ length: 20 }, (_, i) => store().putEntry('raw', 'names', 'one', bytes(`${i}`), null));
    const results = await Promise.allSettled(tries);
    const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [`${i}`] : []));
    expect(winners).toHaveLength(1);
    expect((await store().getEntry('raw', 'names', 'one'))?.bytes).toEqual(bytes(winners[0] ?? ''));
  });

  it('holds entries of any bytes up to the limit', async () => {
    const big = randomBytes(MAX_ENTRY_BYTES);
    await store().putEntry('raw', 'names', 'big', big);
    expect(Buffer.from((await store().getEntry('raw', 'names', 'big'))?.bytes ?? []).equals(big)).toBe(true);
    await store().putEntry('raw', 'names', 'empty', new Uint8Array());
    expect((await store().getEntry('raw', 'names', 'empty'))?.bytes).toEqual(new Uint8Array());
    const tooBig = store().putEntry('raw', 'names', 'big', Buffer.alloc(MAX_ENTRY_BYTES + 1));
    await expect(tooBig).rejects.toEqual(code('TOO_LARGE'));
  });

  it('lists in byte order of UTF-8, with a prefix', async () => {
    const names = ['b', 'a', 'a/b', 'a.b', 'A', 'é', '\u{1f600}', '\uffee', 'a b', '.hidden', '%41', 'a%2fb'];
    for (const name of names) await store().putEntry('raw', 'names', name, bytes(name));
    expect(await collected(store().listEntries('raw', 'names'))).toEqual([...names].sort(compareNames));
    expect(await collected(store().listEntries('raw', 'names', 'a/'))).toEqual(['a/b']);
    for (const name of names) expect((await store().getEntry('raw', 'names', name))?.bytes).toEqual(bytes(name));
  });
}

function describeMoves(store: () => Store): void {
  const put = (name: string) => store().putEntry('raw', 'names', name, bytes(name));
  const list = () => collected(store().listEntries('raw', 'names'));

  it('moves an entry, replacing only when asked', async () => {
    await put('a');
    await put('b');
    await expect(store().moveEntry('raw', 'names', 'a', 'b')).rejects.toEqual(code('CONFLICT'));
    await expect(store().moveEntry('raw', 'names', 'none', 'c')).rejects.toEqual(code('NOT_FOUND'));
    await store().moveEntry('raw', 'names', 'a', 'folder/c');
    expect(await list()).toEqual(['b', 'folder/c']);
    await store().moveEntry('raw', 'names', 'folder/c', 'b', true);
    expect(await list()).toEqual(['b']);
    expect((await store().getEntry('raw', 'names', 'b'))?.bytes).toEqual(bytes('a'));
    await store().moveEntry('raw', 'names', 'b', 'b');
    expect(await list()).toEqual(['b']);
  });

  it('lists an entry that moves meanwhile exactly once', async () => {
    await put('start');
    for (let i = 0; i < 60; i += 1) await put(`other-${i}`);
    let stop = false;
    const mover = (async () => {
      let from = 'start';
      for (let i = 0; !stop; i += 1) {
        const to = `${i % 2 === 0 ? 'a' : 'z'}-moved`;
        await store().moveEntry('raw', 'names', from, to);
        from = to;
      }
    })();
    try {
      for (let i = 0; i < 30; i += 1) {
        expect((await list()).filter((name) => !name.startsWith('other-'))).toHaveLength(1);
      }
    } finally {
      stop = true;
      await mover;
    }
  });
}

function describeNames(store: () => Store): void {
  const bad = [
    ...[
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../b',
      'a/./b',
      'a/..',
      'a\0b',
      'a\nb',
      'a\u007f',
      'a\u0085',
    ],
    ...['a\\b', 'e\u0301', '\ud800', '.glovebox-lock', 'a/.glovebox', 'x'.repeat(256), 'é'.repeat(128), 'a\u2028b'],
    Array.from({ length: 6 }, () => 'x'.repeat(200)).join('/'),
  ];

  it.each(bad)('takes no entry name %j', async (name) => {
    await expect(store().putEntry('raw', 'names', name, bytes('x'))).rejects.toEqual(code('NAME'));
    await expect(store().getEntry('raw', 'names', name)).rejects.toEqual(code('NAME'));
    await expect(store().removeEntry('raw', 'names', name)).rejects.toEqual(code('NAME'));
    await expect(store().moveEntry('raw', 'names', 'a', name)).rejects.toEqual(code('NAME'));
  });

  it.each(['', '.', '..', 'a/b', '/a', 'A', 'a b', '-a', 'a'.repeat(64), 'a\0', '.tmp'])(
    'takes no dataset name %j',
    async (dataset) => {
      await expect(store().createObject(dataset)).rejects.toEqual(code('NAME'));
      await expect(store().createSegment(dataset, UPLOAD, 0)).rejects.toEqual(code('NAME'));
      await expect(collected(store().listSegments(dataset))).rejects.toEqual(code('NAME'));
      await expect(store().removeSegments(dataset, UPLOAD)).rejects.toEqual(code('NAME'));
      await expect(store().putEntry(dataset, 'names', 'a', bytes('x'))).rejects.toEqual(code('NAME'));
      await expect(collected(store().listObjects(dataset))).rejects.toEqual(code('NAME'));
      await expect(collected(store().listEntries(dataset, 'names'))).rejects.toEqual(code('NAME'));
      await expect(store().collect(dataset, new Set(), 0)).rejects.toEqual(code('NAME'));
    },
  );

  it('says what to write when a name is not in normal form', async () => {
    const put = store().putEntry('raw', 'names', 'cafe\u0301', bytes('x'));
    await expect(put).rejects.toMatchObject({
      message: expect.stringContaining('NFC'),
      hint: expect.stringContaining('é'),
    });
  });

  it('keeps any names apart and lists them as they were given', async () => {
    const segment = fc.oneof(
      fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
      fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom('a', 'A', '.', '%', '2', 'f', '+', '~', ' ') }),
      fc.string({ minLength: 80, maxLength: 255, unit: fc.constantFrom('a', 'B', '_') }),
    );
    const entryName = fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .map((segments) => segments.join('/').normalize('NFC'))
      .filter((name) => !name.split('/').some((s) => s === '' || s === '.' || s === '..' || Buffer.byteLength(s) > 255))
      .filter((name) => !/[\p{Cc}\p{Zl}\p{Zp}\\]/u.test(name) && Buffer.byteLength(name) <= 1024);
    const kind: EntryKind = 'versions';
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(entryName, { minLength: 1, maxLength: 6 }), async (names) => {
        run += 1;
        const dataset = `d-${run}`;
        for (const name of names) await store().putEntry(dataset, kind, name, bytes(name));
        expect(await collected(store().listEntries(dataset, kind))).toEqual([...names].sort(compareNames));
        for (const name of names) expect((await store().getEntry(dataset, kind, name))?.bytes).toEqual(bytes(name));
      }),
      { numRuns: 40, seed: 7 },
    );
  });
}
