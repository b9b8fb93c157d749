// What a client asks, of two servers: OpenSSH's own over pipes, and the engine of this room.
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { missingTool } from '../../test/support/missing-tool.ts';
import { collect, piecesOf, SERVERS, type Session, sftpCodeOf, startOpenSsh } from '../../test/support/sftp-session.ts';
import { FILE_TYPE, OPEN_FLAG } from './index.ts';

const PUT = OPEN_FLAG.write | OPEN_FLAG.create | OPEN_FLAG.truncate;
const HELLO = Buffer.from('hello');

function needsServer(name: string): void {
  beforeEach((context) => {
    const reason = name.startsWith('OpenSSH') ? missingTool('openssh-sftp-server') : undefined;
    if (reason !== undefined) context.skip(reason);
  });
}

describe.each(SERVERS)('with %s', (name, start) => {
  needsServer(name);
  const begin = async (): Promise<Session> => {
    const session = await start();
    onTestFinished(() => session.stop());
    return session;
  };

  it('agrees on large requests', async () => {
    const { client } = await begin();
    expect(client).toMatchObject({ readLength: 261_120, writeLength: 261_120, openHandles: expect.any(Number) });
    expect(client.extensions.get('posix-rename@openssh.com')).toBe('1');
  });

  it('makes, lists, renames and removes', async () => {
    const { client, put } = await begin();
    const home = await client.realpath('.');
    expect(home.startsWith('/')).toBe(true);
    expect(await client.realpath('./b')).toBe(`${home === '/' ? '' : home}/b`);
    await client.mkdir('folder');
    await client.mkdir('folder/inner');
    put('folder/a', HELLO);
    const listing = await client.list('folder');
    expect(listing.refused).toBe(0);
    const found = listing.entries.map((entry) => [
      entry.name,
      (entry.attributes.mode ?? 0) & FILE_TYPE.mask,
      entry.name === 'a' ? entry.attributes.size : undefined,
    ]);
    expect(found.sort()).toEqual([
      ['a', FILE_TYPE.file, 5],
      ['inner', FILE_TYPE.directory, undefined],
    ]);
    await client.rename('folder/a', 'folder/b');
    put('folder/c', Buffer.from('other'));
    expect(await sftpCodeOf(client.rename('folder/b', 'folder/c'))).toBe('EXISTS');
    expect(await client.posixRename('folder/b', 'folder/c')).toBe(true);
    expect(await collect(client.download('folder/c'))).toEqual(HELLO);
    await client.rmdir('folder/inner');
    await client.remove('folder/c');
    expect((await client.list('folder')).entries).toEqual([]);
    await client.rmdir('folder');
    expect(await sftpCodeOf(client.list('folder'))).toBe('NOT_FOUND');
  });

  it('says what went wrong by code', async () => {
    const { client, put } = await begin();
    await client.mkdir('folder');
    put('folder/file', HELLO);
    const codes = {
      stat: await sftpCodeOf(client.stat('nothing')),
      lstat: await sftpCodeOf(client.lstat('nothing')),
      list: await sftpCodeOf(client.list('nothing')),
      remove: await sftpCodeOf(client.remove('nothing')),
      rename: await sftpCodeOf(client.rename('nothing', 'else')),
      open: await sftpCodeOf(client.open('nothing', OPEN_FLAG.read)),
      download: await sftpCodeOf(collect(client.download('nothing'))),
      mkdir: await sftpCodeOf(client.mkdir('folder')),
      exclusive: await sftpCodeOf(client.open('folder/file', PUT | OPEN_FLAG.exclusive)),
      rmdir: await sftpCodeOf(client.rmdir('folder')),
      closed: await sftpCodeOf(client.fstat(Buffer.from('nine'))),
      nul: await sftpCodeOf(client.stat('a\0b')),
      surrogate: await sftpCodeOf(client.stat('a\ud800')),
      long: await sftpCodeOf(client.stat('a'.repeat(4097))),
    };
    expect(codes).toEqual({
      stat: 'NOT_FOUND',
      lstat: 'NOT_FOUND',
      list: 'NOT_FOUND',
      remove: 'NOT_FOUND',
      rename: 'NOT_FOUND',
      open: 'NOT_FOUND',
      download: 'NOT_FOUND',
      mkdir: 'EXISTS',
      exclusive: 'EXISTS',
      rmdir: 'FAILED',
      closed: 'FAILED',
      nul: 'PATH',
      surrogate: 'PATH',
      long: 'PATH',
    });
  });

  it('writes, changes and syncs an open file', async () => {
    const { client, content } = await begin();
    const handle = await client.open('file', PUT, { mode: 0o600 });
    expect(await client.upload(handle, piecesOf(Buffer.from('hello, world'), 5))).toBe(12);
    expect(await client.fsync(handle)).toBe(true);
    expect((await client.fstat(handle)).size).toBe(12);
    await client.fsetstat(handle, { size: 5 });
    await client.close(handle);
    await client.setstat('file', { mode: 0o640, times: { accessed: 1_600_000_000, modified: 1_600_000_001 } });
    const { mode, times, size } = await client.stat('file');
    expect([(mode ?? 0) & 0o777, times?.modified, size]).toEqual([0o640, 1_600_000_001, 5]);
    expect(content('file')).toEqual(HELLO);
  });

  it('reads ranges', async () => {
    const { client, put } = await begin();
    const bytes = Buffer.from(Array.from({ length: 1_000_003 }, (_, index) => (index * 7) % 251));
    put('file', bytes);
    put('empty', Buffer.alloc(0));
    const size = bytes.length;
    for (const [from, to] of [
      [0, undefined],
      [0, 1],
      [261_119, 261_121],
      [1, 999_999],
      [999_999, undefined],
      [size, undefined],
      [5, 5],
      [0, size],
    ] as const) {
      const range = { from, ...(to === undefined ? {} : { to }) };
      expect((await collect(client.download('file', range))).equals(bytes.subarray(from, to)), `${from}-${to}`).toBe(
        true,
      );
    }
    expect(await collect(client.download('empty'))).toEqual(Buffer.alloc(0));
    expect(await sftpCodeOf(collect(client.download('file', { from: size + 1 })))).toBe('CHANGED');
    expect(await sftpCodeOf(collect(client.download('file', { to: size + 1 })))).toBe('CHANGED');
  });

  it('finds that a file is not what it was', async () => {
    const { client, put } = await begin();
    put('file', HELLO);
    const expected = await client.stat('file');
    expect(await collect(client.download('file', { expected }))).toEqual(HELLO);
    put('file', Buffer.from('hello, world'));
    expect(await sftpCodeOf(collect(client.download('file', { expected })))).toBe('CHANGED');
    expect(await collect(client.download('file', { expected: { size: 12 } }))).toEqual(Buffer.from('hello, world'));
    const before = await client.stat('file');
    await client.setstat('file', { times: { accessed: 1, modified: 1 } });
    expect(await sftpCodeOf(collect(client.download('file', { expected: before })))).toBe('CHANGED');
  });

  it('finds that a file changed while it was read', async () => {
    const { client, put } = await begin();
    const bytes = Buffer.alloc(3_000_000, 'a');
    const times = { accessed: 1, modified: 1 };
    for (const change of [
      async () => put('file', bytes.subarray(0, 2_000_000)),
      async () => put('file', Buffer.concat([bytes, HELLO])),
      () => client.setstat('file', { times }),
    ]) {
      put('file', bytes);
      const chunks = client.download('file', { parallel: 2 })[Symbol.asyncIterator]();
      await chunks.next();
      await change();
      const rest = async () => {
        while ((await chunks.next()).done !== true);
      };
      expect(await sftpCodeOf(rest())).toBe('CHANGED');
    }
  });

  it('lists 10,000 entries, and no more than it was told', async () => {
    const { client, put } = await begin();
    await client.mkdir('many');
    const names = Array.from({ length: 10_000 }, (_, index) => `file-${index}\u001b[1m`);
    for (const each of names) put(`many/${each}`, Buffer.alloc(0));
    const { entries } = await client.list('many', { limit: 10_000 });
    expect(entries.map((entry) => entry.name).sort()).toEqual(names.sort());
    expect(await sftpCodeOf(client.list('many', { limit: 9_999 }))).toBe('LIMIT');
    expect((await client.list('.')).entries).toHaveLength(1);
  });
});

describe('with a server that may not write', () => {
  needsServer('OpenSSH');
  it('says DENIED', async () => {
    const session = await startOpenSsh(['-R']);
    onTestFinished(() => session.stop());
    const { client, put } = session;
    put('file', HELLO);
    expect(await sftpCodeOf(client.open('new', PUT))).toBe('DENIED');
    expect(await sftpCodeOf(client.mkdir('new'))).toBe('DENIED');
    expect(await sftpCodeOf(client.remove('file'))).toBe('DENIED');
    expect(await collect(client.download('file'))).toEqual(HELLO);
  });
});

describe('with a server that has no extensions', () => {
  needsServer('OpenSSH');
  it('asks for 32 KiB at a time, replaces in two steps, and does not sync', async () => {
    const plain = 'realpath,stat,lstat,fstat,open,close,read,write,rename,remove,opendir,readdir';
    const session = await startOpenSsh(['-p', plain]);
    onTestFinished(() => session.stop());
    const { client, put, content } = session;
    expect(client).toMatchObject({ readLength: 32_768, writeLength: 32_768, openHandles: undefined });
    put('old', Buffer.from('old'));
    put('new', HELLO);
    expect(await client.posixRename('new', 'old')).toBe(false);
    expect(content('old')).toEqual(HELLO);
    const handle = await client.open('old', OPEN_FLAG.write);
    expect(await client.fsync(handle)).toBe(false);
  });
});
