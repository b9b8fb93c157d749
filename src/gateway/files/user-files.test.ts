// What a user can do with their files, over a real vault: with our own client, and by the calls of the server engine.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { searchFolder } from '../../../test/support/canary.ts';
import { sftpCodeOf } from '../../../test/support/sftp-session.ts';
import { bytesOf, type FilesBox, makeFilesBox, PUT, RESUME } from '../../../test/support/user-files.ts';
import type { OpenForWriting, SftpFiles, WriteFlags } from '../../sftp/index.ts';
import { OPEN_FLAG, SftpError } from '../../sftp/index.ts';

const MiB = 1024 * 1024;
const NEW: WriteFlags = { create: true, exclusive: false, truncate: true, append: false, read: false };
const OLD: WriteFlags = { ...NEW, truncate: false };

let box: FilesBox;
beforeEach(async () => {
  box = await makeFilesBox();
});
afterEach(() => box.remove());

const engineer = () => box.session('eve', ['engineer']);

async function writeFile(files: SftpFiles, path: string, content: string, flags = NEW): Promise<void> {
  const file = await files.openWrite(path, flags);
  await file.write(Buffer.from(content), 0);
  await file.close();
}

async function readAll(files: SftpFiles, path: string): Promise<string> {
  const file = await files.openRead(path);
  const buffer = Buffer.alloc(MiB);
  const length = await file.read(buffer, 0);
  await file.close();
  return buffer.toString('utf8', 0, length);
}

async function names(files: SftpFiles, path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, kind, size } of await files.list(path)) found.push(`${kind} ${name} ${size}`);
  return found.sort();
}

describe('an upload', () => {
  it('is an object with its size, digest and content when it is closed, and not before', async () => {
    const { client, put, get, end } = await engineer();
    const content = bytesOf(1, 5 * MiB + 77);
    const handle = await client.open('/claims-raw/a/b.csv', PUT);
    expect((await client.list('/claims-raw')).entries).toEqual([]);
    await client.upload(handle, one(content));
    expect((await client.list('/claims-raw')).entries).toEqual([]);
    await client.close(handle);
    expect((await client.stat('/claims-raw/a/b.csv')).size).toBe(content.length);
    expect((await client.list('/claims-raw/a')).entries.map(({ name }) => name)).toEqual(['b.csv']);
    expect((await get('/claims-raw/a/b.csv')).equals(content)).toBe(true);
    await put('/claims-raw/a/b.csv', Buffer.from('anew'));
    expect((await get('/claims-raw/a/b.csv')).toString()).toBe('anew');
    await end();
    expect(box.events.map(({ kind }) => kind)).toContain('uploaded');
    expect(box.memory.used).toBe(0);
    expect(box.desk.live.size).toBe(0);
  });

  it('that is cut off is kept, shown to its user at the size that it can go on at, and listed nowhere', async () => {
    const content = bytesOf(2, 3 * MiB);
    const first = await engineer();
    const handle = await first.client.open('/claims-raw/cut', PUT);
    await first.client.upload(handle, one(content.subarray(0, 2 * MiB + 5)));
    await first.cut();
    const second = await engineer();
    expect((await second.client.stat('/claims-raw/cut')).size).toBe(2 * MiB + 5);
    expect((await second.client.list('/claims-raw')).entries).toEqual([]);
    const other = await box.session('mallory', ['engineer']);
    expect(await sftpCodeOf(other.client.stat('/claims-raw/cut'))).toBe('NOT_FOUND');
    await second.put('/claims-raw/cut', content.subarray(2 * MiB + 5), RESUME, 2 * MiB + 5);
    expect((await second.get('/claims-raw/cut')).equals(content)).toBe(true);
    await second.end();
    await other.end();
    expect(await box.as('engineer', { user: 'eve', ingest: 'ingest' }).listUploads('claims-raw')).toEqual([]);
  });

  it('that is cut off goes on with OpenSSH’s reput flags, and begins anew where it is truncated', async () => {
    const files = box.files('eve', ['engineer']);
    const cut = async (content: string) => {
      const file = await files.openWrite('/claims-raw/x', NEW);
      await file.write(Buffer.from(content), 0);
      await file.abort();
    };
    await cut('half');
    const on = await files.openWrite('/claims-raw/x', { ...OLD, append: true });
    await on.write(Buffer.from(' and half'), 4);
    await on.close();
    expect(await readAll(files, '/claims-raw/x')).toBe('half and half');
    await cut('never seen');
    await writeFile(files, '/claims-raw/x', 'other');
    expect(await readAll(files, '/claims-raw/x')).toBe('other');
  });

  it('leaves no plaintext anywhere, whole, cut off, early or removed', async () => {
    const canary = 'CANARY-Zebra-4711-Quokka';
    const text = `${canary}\n`.repeat(20_000);
    const files = box.files('eve', ['engineer']);
    await writeFile(files, '/claims-raw/whole', text);
    const partial = await files.openWrite('/claims-raw/partial', NEW);
    await partial.write(Buffer.from(text), 0);
    await partial.write(Buffer.from(canary), 2 * MiB);
    await partial.abort();
    const removed = await files.openWrite('/claims-raw/removed', NEW);
    await removed.write(Buffer.from(text), 0);
    await removed.abort();
    await files.remove('/claims-raw/removed');
    expect(await readAll(files, '/claims-raw/whole')).toBe(text);
    const { searched, found } = await searchFolder(box.folder, canary);
    expect(found).toEqual([]);
    expect(searched).toBeGreaterThan(5);
    expect(box.memory.used).toBe(0);
  });

  it('taken over by a second session is told so, and loses nothing', async () => {
    const [first, second] = [box.files('eve', ['engineer']), box.files('eve', ['engineer'])];
    const old = await first.openWrite('/claims-raw/x', NEW);
    await old.write(Buffer.from('begun here'), 0);
    const on = await second.openWrite('/claims-raw/x', OLD);
    expect((await on.stat()).size).toBe(10);
    await expect(old.write(Buffer.from('!'), 10)).rejects.toThrow('another session goes on with this upload');
    await expect(old.close()).rejects.toThrow('another session');
    await old.abort();
    await on.write(Buffer.from(', ended there'), 10);
    await on.close();
    expect(await readAll(second, '/claims-raw/x')).toBe('begun here, ended there');
  });

  it('opened by many sessions at the same time is one upload, of the last', async () => {
    const sessions = Array.from({ length: 6 }, () => box.files('eve', ['engineer']));
    const opened = await Promise.all(sessions.map((files) => files.openWrite('/claims-raw/x', OLD)));
    expect(box.desk.live.size).toBe(1);
    const outcomes = await Promise.allSettled(
      opened.map(async (file, index) => {
        await file.write(Buffer.from(`from ${index}`), 0);
        await file.close();
      }),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readAll(sessions[0] ?? box.files('eve', ['engineer']), '/claims-raw/x')).toBe('from 5');
    expect(await box.as('engineer', { user: 'eve', ingest: 'ingest' }).listUploads('claims-raw')).toEqual([]);
  });

  it('takes writes in any order within the window, and refuses what is too far off', async () => {
    const small = await makeFilesBox({ reorderBytes: 100_000 });
    try {
      const files = small.files('eve', ['engineer']);
      const content = bytesOf(3, 80_000);
      const file = await files.openWrite('/claims-raw/x', NEW);
      for (const at of [70_000, 30_000, 50_000, 10_000, 0, 20_000, 40_000, 60_000]) {
        await file.write(content.subarray(at, at + 10_000), at);
      }
      await file.close();
      expect(small.memory.used).toBe(0);
      const read = Buffer.alloc(80_000);
      const reading = await files.openRead('/claims-raw/x');
      await reading.read(read, 0);
      await reading.close();
      expect(read.equals(content)).toBe(true);

      const gap = await files.openWrite('/claims-raw/y', NEW);
      await gap.write(Buffer.alloc(60_000), 10_000);
      await expect(gap.write(Buffer.alloc(60_000), 90_000)).rejects.toMatchObject({ code: 'FAILED' });
      await expect(gap.close()).rejects.toThrow('the bytes from 0 on never came');
      expect(small.memory.used).toBe(0);
      expect(await sftpCodeOf(files.stat('/claims-raw/y'))).toBe('NOT_FOUND');
      // Pieces of a byte take more than a byte.
      const tiny = await files.openWrite('/claims-raw/z', NEW);
      const piece = async (index: number) => tiny.write(Buffer.alloc(1), 10 + index);
      await expect(eachUntil(500, piece)).rejects.toMatchObject({ code: 'FAILED' });
      await tiny.abort();
      expect(small.memory.used).toBe(0);
    } finally {
      await small.remove();
    }
  });

  it('does not write again what is sealed', async () => {
    const files = box.files('eve', ['engineer']);
    const file = await files.openWrite('/claims-raw/x', NEW);
    await file.write(Buffer.from('0123456789'), 0);
    await expect(file.write(Buffer.from('x'), 3)).rejects.toMatchObject({ code: 'FAILED' });
    await file.abort();
  });

  it('is not complete where it lacks bytes that were announced', async () => {
    const files = box.files('eve', ['engineer']);
    const file = await files.openWrite('/claims-raw/x', NEW);
    await file.write(Buffer.from('01234'), 0);
    await file.setStat({ size: 10 });
    await expect(file.close()).rejects.toThrow('it has 5 of 10 bytes');
    expect(await names(files, '/claims-raw')).toEqual([]);
    const on = await files.openWrite('/claims-raw/x', OLD);
    await on.write(Buffer.from('56789'), 5);
    await on.setStat({ size: 10, mode: 0o640, times: { accessed: 1, modified: 2 } });
    await on.close();
    expect(await readAll(files, '/claims-raw/x')).toBe('0123456789');
  });
});

describe('an object that is written to again', () => {
  let files: SftpFiles;
  beforeEach(async () => {
    files = box.files('eve', ['engineer']);
    await writeFile(files, '/claims-raw/x', 'the old content');
  });

  async function rewrite(work: (file: OpenForWriting) => Promise<void>, flags = OLD): Promise<string> {
    const file = await files.openWrite('/claims-raw/x', flags);
    await work(file);
    await file.close();
    return readAll(files, '/claims-raw/x');
  }

  it.each<[string, WriteFlags, string, (file: OpenForWriting) => Promise<void>]>([
    ['stays where nothing is written', OLD, 'the old content', async () => {}],
    ['keeps what is behind', OLD, 'THE old content', (file) => file.write(Buffer.from('THE'), 0)],
    ['keeps what is before', OLD, 'the old CONTENT', (file) => file.write(Buffer.from('CONTENT'), 8)],
    ['keeps what is around', OLD, 'the OLD content', (file) => file.write(Buffer.from('OLD'), 4)],
    ['grows at its end', OLD, 'the old content, more', (file) => file.write(Buffer.from(', more'), 15)],
    ['grows by appending', { ...OLD, append: true }, 'the old content+', (file) => file.write(Buffer.from('+'), 0)],
    [
      'is what scp sends: from the start, then the final size',
      OLD,
      'new',
      async (file) => {
        await file.write(Buffer.from('new'), 0);
        await file.setStat({ size: 3 });
      },
    ],
    [
      'is cut to nothing, then written',
      OLD,
      'new',
      async (file) => {
        await file.setStat({ size: 0 });
        await file.write(Buffer.from('new'), 0);
      },
    ],
  ])('%s', async (_, flags, expected, work) => {
    expect(await rewrite(work, flags)).toBe(expected);
    expect(box.memory.used).toBe(0);
  });

  it('is empty after a truncation by path, as sshfs does', async () => {
    await files.setStat('/claims-raw/x', { size: 0 });
    expect((await files.stat('/claims-raw/x')).size).toBe(0);
    expect(await sftpCodeOf(files.setStat('/claims-raw/x', { size: 5 }))).toBe('UNSUPPORTED');
    await writeFile(files, '/claims-raw/x', 'then this', OLD);
    expect(await readAll(files, '/claims-raw/x')).toBe('then this');
  });

  it('stays whole until the new one is, and then is replaced', async () => {
    const file = await files.openWrite('/claims-raw/x', NEW);
    await file.write(Buffer.from('the new'), 0);
    expect(await readAll(files, '/claims-raw/x')).toBe('the old content');
    await file.abort();
    expect(await readAll(files, '/claims-raw/x')).toBe('the old content');
    expect((await files.stat('/claims-raw/x')).size).toBe(7);
    const on = await files.openWrite('/claims-raw/x', OLD);
    await on.write(Buffer.from('er one'), 7);
    await on.close();
    // What was begun from nothing ends as what was sent.
    expect(await readAll(files, '/claims-raw/x')).toBe('the newer one');
  });

  it('is made by OPEN with EXCL only where there is none', async () => {
    expect(await sftpCodeOf(files.openWrite('/claims-raw/x', { ...OLD, exclusive: true }))).toBe('EXISTS');
    await writeFile(files, '/claims-raw/new', 'n', { ...OLD, exclusive: true });
    expect(await sftpCodeOf(files.openWrite('/claims-raw/none', { ...NEW, create: false }))).toBe('NOT_FOUND');
    await writeFile(files, '/claims-raw/x', 'cyberduck', { ...NEW, create: false });
    expect(await readAll(files, '/claims-raw/x')).toBe('cyberduck');
  });
});

describe('whoever may only write', () => {
  it('uploads, resumes and sees what they just sent, and nothing else', async () => {
    await writeFile(box.files('eve', ['engineer']), '/claims-raw/theirs', 'secret of eve');
    const files = box.files('acme', ['supplier']);
    expect(await names(files, '/')).toEqual(['directory claims-raw 0']);
    expect(await sftpCodeOf(files.list('/claims-raw'))).toBe('DENIED');
    expect(await sftpCodeOf(files.stat('/claims-raw/theirs'))).toBe('NOT_FOUND');
    expect(await sftpCodeOf(files.openRead('/claims-raw/theirs'))).toBe('DENIED');
    await writeFile(files, '/claims-raw/mine', 'mine');
    expect((await files.stat('/claims-raw/mine')).size).toBe(4);
    expect(await sftpCodeOf(files.openRead('/claims-raw/mine'))).toBe('DENIED');
    expect(await sftpCodeOf(files.remove('/claims-raw/mine'))).toBe('DENIED');
    expect(await sftpCodeOf(files.rename('/claims-raw/mine', '/claims-raw/other', false))).toBe('DENIED');
    const cut = await files.openWrite('/claims-raw/cut', NEW);
    await cut.write(Buffer.from('ab'), 0);
    await cut.abort();
    expect((await files.stat('/claims-raw/cut')).size).toBe(2);
    const on = await files.openWrite('/claims-raw/cut', OLD);
    await on.write(Buffer.from('cd'), 2);
    await on.close();
    expect(await readAll(box.files('eve', ['engineer']), '/claims-raw/cut')).toBe('abcd');
  });

  it('uploads where no role may open uploads, but does not go on with one', async () => {
    const files = box.files('acme', ['supplier'], 'supplier');
    await writeFile(files, '/claims-raw/mine', 'mine');
    const cut = await files.openWrite('/claims-raw/cut', NEW);
    await cut.write(Buffer.from('ab'), 0);
    await cut.abort();
    expect(await sftpCodeOf(files.stat('/claims-raw/cut'))).toBe('NOT_FOUND');
    await writeFile(files, '/claims-raw/cut', 'anew');
    expect(await readAll(box.files('eve', ['engineer']), '/claims-raw/cut')).toBe('anew');
  });

  it('has all that any of several roles allows', async () => {
    const files = box.files('both', ['supplier', 'reader']);
    await writeFile(files, '/claims-raw/x', 'content');
    expect(await readAll(files, '/claims-raw/x')).toBe('content');
    expect(await names(files, '/')).toEqual(['directory claims-features 0', 'directory claims-raw 0']);
    expect(await sftpCodeOf(files.remove('/claims-raw/x'))).toBe('DENIED');
  });
});

describe('names and folders', () => {
  it('are made, listed, renamed and removed', async () => {
    const { client, put, get, end } = await engineer();
    await client.mkdir('/claims-raw/new');
    expect((await client.list('/claims-raw')).entries.map(({ name }) => name)).toEqual(['new']);
    expect(await sftpCodeOf(client.mkdir('/claims-raw/new'))).toBe('EXISTS');
    await client.rename('/claims-raw/new', '/claims-raw/d');
    await put('/claims-raw/d/one', Buffer.from('1'));
    await put('/claims-raw/d/two', Buffer.from('2'));
    expect(await sftpCodeOf(client.rmdir('/claims-raw/d'))).toBe('FAILED');
    expect(await sftpCodeOf(client.rename('/claims-raw/d', '/claims-raw/e'))).toBe('UNSUPPORTED');
    expect(await sftpCodeOf(client.rename('/claims-raw/d/one', '/claims-raw/d/two'))).toBe('EXISTS');
    expect((await get('/claims-raw/d/two')).toString()).toBe('2');
    await client.posixRename('/claims-raw/d/one', '/claims-raw/d/two');
    expect((await get('/claims-raw/d/two')).toString()).toBe('1');
    expect(await sftpCodeOf(client.rename('/claims-raw/d/two', '/other-raw/two'))).toBe('NOT_FOUND');
    await client.remove('/claims-raw/d/two');
    await client.rmdir('/claims-raw/d');
    expect((await client.list('/claims-raw')).entries).toEqual([]);
    expect(await sftpCodeOf(client.rmdir('/claims-raw'))).toBe('DENIED');
    expect(await sftpCodeOf(client.open('/claims-raw', PUT))).toBe('FAILED');
    await end();
  });

  it('cannot be used to get out', async () => {
    await writeFile(box.files('eve', ['engineer']), '/claims-raw/x', 'content');
    await writeFile(box.files('eve', ['engineer']), '/claims-raw/a/deep', 'content');
    const { client, end } = await box.session('acme', ['engineer']);
    const outside = [
      '/other-raw/x',
      '/claims-raw/../other-raw/x',
      '../../../../etc/passwd',
      '/etc/passwd',
      '//etc//passwd',
      '/claims-raw/../../etc/passwd',
      '/.glovebox/keys.json',
      '/data/claims-raw',
      '/claims-raw/.glovebox/x',
      '/claims-raw/\u2024\u2024/\u2024\u2024/etc/passwd',
      '/claims-raw/%2e%2e/%2e%2e/etc/passwd',
      '/claims-raw/..%2f..%2fetc%2fpasswd',
      '/claims-raw/a\\..\\..\\b',
      '/constructor',
      '/__proto__/x',
      '/claims-raw/names/x',
      '/claims-features/../other-raw/x',
      `/claims-raw/${'x'.repeat(4000)}`,
      `/claims-raw/${'x/'.repeat(1000)}y`,
      '/claims-raw/x/y',
      '/Claims-raw/x',
    ];
    const refused = ['NOT_FOUND', 'DENIED', 'MALFORMED', 'FAILED'];
    for (const path of outside) {
      expect(refused, path).toContain(await sftpCodeOf(client.stat(path)));
      expect(refused, path).toContain(await sftpCodeOf(client.open(path, OPEN_FLAG.read)));
    }
    expect(await sftpCodeOf(client.open('/other-raw/x', PUT))).toBe('NOT_FOUND');
    expect(await sftpCodeOf(client.open('/claims-raw/.glovebox/x', PUT))).toBe('MALFORMED');
    expect((await client.stat('/claims-raw/../claims-raw/./a/../x')).size).toBe(7);
    for (const name of ['constructor', '__proto__', 'toString', 'cafe\u0301', '%2e%2e', ' ', '..x', '\u{1F980}']) {
      const handle = await client.open(`/claims-raw/${name}`, PUT);
      await client.close(handle);
      expect((await client.stat(`/claims-raw/${name.normalize('NFC')}`)).size).toBe(0);
    }
    await end();
  });

  it('refused are in the audit log, also of datasets that the user does not see', async () => {
    const files = box.files('acme', ['supplier']);
    expect(await sftpCodeOf(files.stat('/other-raw/hidden'))).toBe('NOT_FOUND');
    expect(await sftpCodeOf(files.list('/claims-raw'))).toBe('DENIED');
    const reader = box.files('rita', ['reader']);
    expect(await sftpCodeOf(reader.mkdir('/claims-raw/d'))).toBe('DENIED');
    expect(await sftpCodeOf(reader.openWrite('/claims-raw/d', NEW))).toBe('DENIED');
    const log = (await readFile(join(box.workspaceFolder, '.glovebox', 'audit.jsonl'), 'utf8')).trim().split('\n');
    const denied = log.map((line) => JSON.parse(line)).filter(({ errorCode }) => errorCode === 'AccessDenied');
    const subjects = denied.map(({ userIdentity, requestParameters }) => [
      userIdentity.userName,
      requestParameters.subject,
    ]);
    expect(subjects).toContainEqual(['acme', 'other-raw']);
    expect(subjects).toContainEqual(['acme', 'claims-raw']);
    expect(subjects.filter(([who]) => who === 'rita')).toHaveLength(2);
  });
});

describe('derived datasets', () => {
  it('show their versions, and are read only', async () => {
    const run = box.as('run', { user: 'runner' });
    const files = box.files('rita', ['reader']);
    expect(await names(files, '/claims-features')).toEqual([]);
    expect(await sftpCodeOf(files.stat('/claims-features/latest'))).toBe('NOT_FOUND');
    for (const [version, value] of [
      ['v1', 'one'],
      ['v2', 'two'],
    ] as const) {
      const draft = run.draft('claims-features', version);
      await draft.putJson('reports/data.json', value);
      await draft.publish({ pipeline: 'p', writer: 'w', summary: {} });
      await run.switchLatest('claims-features', version);
    }
    expect(await names(files, '/claims-features')).toEqual(['directory latest 0', 'directory v1 0', 'directory v2 0']);
    expect(await names(files, '/claims-features/v1')).toEqual(['directory reports 0']);
    expect(await names(files, '/claims-features/v1/reports')).toEqual(['file data.json 6']);
    expect(await readAll(files, '/claims-features/v1/reports/data.json')).toBe('"one"\n');
    expect(await readAll(files, '/claims-features/latest/reports/data.json')).toBe('"two"\n');
    expect(await sftpCodeOf(files.openWrite('/claims-features/v1/reports/data.json', OLD))).toBe('DENIED');
    expect(await sftpCodeOf(files.rename('/claims-features/v1/x', '/claims-features/v1/y', true))).toBe('DENIED');
    for (const path of [
      '/claims-features/v3',
      '/claims-features/latest/x',
      '/claims-features/a b',
      '/claims-features/v1/a',
    ]) {
      expect(await sftpCodeOf(files.stat(path)), path).toBe('NOT_FOUND');
    }
    expect(await sftpCodeOf(files.openWrite('/claims-features/latest/x', NEW))).toBe('DENIED');
    expect(await sftpCodeOf(files.remove('/claims-features/latest/x'))).toBe('DENIED');
    expect((await files.space('/claims-features')).blocks).toBe(0);
  });
});

describe('a drain', () => {
  it('keeps all uploads under way, to go on with', async () => {
    const files = box.files('eve', ['engineer']);
    const opened = await Promise.all(['a', 'b'].map((name) => files.openWrite(`/claims-raw/${name}`, NEW)));
    for (const file of opened) await file.write(Buffer.from('abc'), 0);
    await box.desk.drain();
    await expect(opened[0]?.write(Buffer.from('d'), 3)).rejects.toBeInstanceOf(SftpError);
    expect((await files.stat('/claims-raw/a')).size).toBe(3);
    expect((await files.stat('/claims-raw/b')).size).toBe(3);
    expect(box.desk.live.size).toBe(0);
  });
});

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function eachUntil(count: number, work: (index: number) => Promise<void>): Promise<void> {
  for (let index = 0; index < count; index++) await work(index);
}
