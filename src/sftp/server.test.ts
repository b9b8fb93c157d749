import { duplexPair } from 'node:stream';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type MemoryFiles, makeMemoryFiles } from '../../test/support/memory-files.ts';
import { type Conversation, converse } from '../../test/support/sftp-conversation.ts';
import {
  decodeLimits,
  decodeSpace,
  encodeRequest,
  OPEN_FLAG,
  SftpError,
  STATUS,
  serveSftp,
  type WriteFlags,
} from './index.ts';
import { packetWriter } from './packet.ts';

const MiB = 1024 * 1024;
const PUT = OPEN_FLAG.write | OPEN_FLAG.create | OPEN_FLAG.truncate;

async function open(session: Conversation, path: string, flags: number = PUT): Promise<Buffer> {
  const reply = await session.ask({ type: 'open', path, flags, attributes: {} });
  if (reply.type !== 'handle') throw new Error(`not opened: ${JSON.stringify(reply)}`);
  return reply.handle;
}

async function statusCode(reply: ReturnType<Conversation['ask']>): Promise<number> {
  const answer = await reply;
  return answer.type === 'status' ? answer.code : -1;
}

/** A promise and what resolves it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('the server engine', () => {
  it('greets with version 3 and its extensions, and tells its limits and the space', async () => {
    const session = await converse(makeMemoryFiles(), { maxHandles: 7 });
    expect(session.hello.version).toBe(3);
    expect([...session.hello.extensions.keys()]).toEqual([
      'limits@openssh.com',
      'posix-rename@openssh.com',
      'fsync@openssh.com',
      'statvfs@openssh.com',
      'fstatvfs@openssh.com',
      'partial-upload@glovebox',
    ]);
    const limits = await session.ask({ type: 'limits' });
    expect(limits.type === 'extended' && decodeLimits(limits.body)).toEqual({
      packetLength: 262_144,
      readLength: 261_120,
      writeLength: 261_120,
      openHandles: 7,
    });
    const space = await session.ask({ type: 'statvfs', path: '.' });
    expect(space.type === 'extended' && decodeSpace(space.body)).toMatchObject({ availableBlocks: 400 });
    expect(await session.end()).toBe('done');
  });

  it('writes and reads back, whatever the order of the writes', async () => {
    const files = makeMemoryFiles();
    const session = await converse(files);
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
    const handle = await open(session, '/a');
    const offsets = Array.from({ length: 30 }, (_, i) => ((i * 7) % 30) * 10_000);
    const written = offsets.map((offset) =>
      session.ask({ type: 'write', handle, offset, data: content.subarray(offset, offset + 10_000) }),
    );
    // All of it without waiting, the CLOSE too: it must come last all the same.
    const closed = session.ask({ type: 'close', handle });
    for (const each of [...written, closed]) expect(await statusCode(each)).toBe(STATUS.ok);
    expect(files.content('/a')?.equals(content)).toBe(true);
    expect(files.ends).toEqual(['close /a']);
    const reading = await open(session, '/a', OPEN_FLAG.read);
    const read = (offset: number, length: number) => session.ask({ type: 'read', handle: reading, offset, length });
    const parts = await Promise.all([
      read(200_000, 261_120),
      read(0, 200_000),
      read(299_999, 2),
      read(300_000, 1),
      read(0, 4_000_000_000),
    ]);
    expect(parts[0]).toMatchObject({ type: 'data', data: content.subarray(200_000) });
    expect(parts[1]).toMatchObject({ type: 'data', data: content.subarray(0, 200_000) });
    expect(parts[2]).toMatchObject({ type: 'data', data: content.subarray(299_999) });
    expect(parts[3]).toMatchObject({ type: 'status', code: STATUS.eof });
    expect(parts[4]).toMatchObject({ type: 'data', data: content.subarray(0, 261_120) });
    expect(await session.end()).toBe('done');
  });

  it.each([
    [0x01, undefined],
    [0x1a, { create: true, exclusive: false, truncate: true, append: false, read: false }],
    [0x2a, { create: true, exclusive: true, truncate: false, append: false, read: false }],
    [0x0a, { create: true, exclusive: false, truncate: false, append: false, read: false }],
    [0x0e, { create: true, exclusive: false, truncate: false, append: true, read: false }],
    [0x06, { create: false, exclusive: false, truncate: false, append: true, read: false }],
    [0x02, { create: false, exclusive: false, truncate: false, append: false, read: false }],
    [0x12, { create: false, exclusive: false, truncate: true, append: false, read: false }],
    [0x03, { create: false, exclusive: false, truncate: false, append: false, read: true }],
    [0x22, { create: false, exclusive: false, truncate: false, append: false, read: false, partial: true }],
    [0x00, undefined],
  ])('opens with flags %i', async (flags, expected) => {
    const files = makeMemoryFiles();
    files.put('/a', Buffer.from('old'));
    const asked: (WriteFlags | undefined)[] = [];
    const { openRead, openWrite } = files;
    files.openRead = (path) => {
      asked.push(undefined);
      return openRead(path);
    };
    files.openWrite = (path, given) => {
      asked.push(given);
      return openWrite(path, given);
    };
    const session = await converse(files);
    await session.ask({ type: 'open', path: 'a', flags, attributes: {} });
    expect(asked).toEqual([expected]);
    await session.end();
  });

  it('answers what clients ask about files and folders', async () => {
    const files = makeMemoryFiles();
    const session = await converse(files);
    files.put('/a', Buffer.from('content'));
    const code = (body: Parameters<Conversation['ask']>[0]) => statusCode(session.ask(body));
    expect(await session.ask({ type: 'stat', path: 'a' })).toMatchObject({ attributes: { size: 7, mode: 0o100600 } });
    expect(await session.ask({ type: 'lstat', path: '/' })).toMatchObject({ attributes: { mode: 0o040700 } });
    expect(await code({ type: 'stat', path: '/none' })).toBe(STATUS.noSuchFile);
    expect(await code({ type: 'mkdir', path: '/d', attributes: {} })).toBe(STATUS.ok);
    expect(await code({ type: 'mkdir', path: '/d/e/f', attributes: {} })).toBe(STATUS.noSuchFile);
    expect(await code({ type: 'rename', from: '/a', to: '/d/b' })).toBe(STATUS.ok);
    files.put('/c', Buffer.from('other'));
    expect(await code({ type: 'rename', from: '/c', to: '/d/b' })).toBe(STATUS.failure);
    expect(await code({ type: 'posix-rename', from: '/c', to: '/d/b' })).toBe(STATUS.ok);
    expect(files.content('/d/b')?.toString()).toBe('other');
    expect(await code({ type: 'setstat', path: '/d/b', attributes: { size: 2, mode: 0o100640 } })).toBe(STATUS.ok);
    const handle = await open(session, '/d/b', OPEN_FLAG.write);
    expect(await session.ask({ type: 'fstat', handle })).toMatchObject({ attributes: { size: 2, mode: 0o100640 } });
    const times = { accessed: 1_000_000_000, modified: 1_000_000_000 };
    expect(await code({ type: 'fsetstat', handle, attributes: { times } })).toBe(STATUS.ok);
    expect(await code({ type: 'fsync', handle })).toBe(STATUS.ok);
    expect((await session.ask({ type: 'fstatvfs', handle })).type).toBe('extended');
    expect(await code({ type: 'close', handle })).toBe(STATUS.ok);
    expect(await session.ask({ type: 'stat', path: '/d/b' })).toMatchObject({ attributes: { times } });
    expect(await code({ type: 'rmdir', path: '/d' })).toBe(STATUS.failure);
    expect(await code({ type: 'remove', path: '/d/b' })).toBe(STATUS.ok);
    expect(await code({ type: 'rmdir', path: '/d' })).toBe(STATUS.ok);
    expect(files.paths()).toEqual(['/']);
    expect(await code({ type: 'readlink', path: '/' })).toBe(STATUS.noSuchFile);
    expect(await code({ type: 'symlink', target: '/', path: '/l' })).toBe(STATUS.unsupported);
    expect(await session.end()).toBe('done');
  });

  it('knows the real path of anything', async () => {
    const session = await converse(makeMemoryFiles());
    for (const [path, name] of [
      ['.', '/'],
      ['', '/'],
      ['none/../../x/', '/x'],
      ['/a\u0301', '/\u00e1'],
    ] as const) {
      expect(await session.ask({ type: 'realpath', path })).toMatchObject({ entries: [{ name, longname: name }] });
    }
    expect(await statusCode(session.ask({ type: 'realpath', path: 'a\0b' }))).toBe(STATUS.badMessage);
    await session.end();
  });

  it('lists a folder in portions, with lines as ls has them', async () => {
    const files = makeMemoryFiles();
    for (let i = 0; i < 1000; i += 1)
      files.put(`/${`${i}`.padStart(4, '0')}${'\u00e9'.repeat(i % 120)}`, Buffer.alloc(i));
    await files.mkdir('/folder');
    const session = await converse(files, { owner: 'acme' });
    const opened = await session.ask({ type: 'opendir', path: '/' });
    if (opened.type !== 'handle') throw new Error('not opened');
    const entries = [];
    let portions = 0;
    for (;;) {
      const reply = await session.ask({ type: 'readdir', handle: opened.handle });
      if (reply.type !== 'name') {
        expect(reply).toMatchObject({ type: 'status', code: STATUS.eof });
        break;
      }
      portions += 1;
      entries.push(...reply.entries);
    }
    expect(portions).toBeGreaterThan(10);
    expect(entries.map((entry) => `/${entry.name}`).sort()).toEqual(files.paths().slice(1));
    const longnames = entries.map((entry) => entry.longname);
    expect(longnames).toContainEqual(
      expect.stringMatching(/^-rw------- {3}1 acme {5}acme {12}0 [A-Z][a-z]{2} [ \d]\d \d\d:\d\d 0000$/),
    );
    expect(longnames).toContainEqual(expect.stringMatching(/^drwx------ {3}1 acme .* folder$/));
    expect(await statusCode(session.ask({ type: 'close', handle: opened.handle }))).toBe(STATUS.ok);
    await session.end();
  });

  it('answers what it cannot read, and what it does not know, and goes on', async () => {
    const session = await converse(makeMemoryFiles());
    const cut = encodeRequest({ type: 'stat', id: 900, path: '/abc' }).subarray(4, -1);
    session.send(cut);
    expect(await session.replyTo(900)).toMatchObject({ code: STATUS.badMessage });
    session.send(packetWriter(199).uint32(901).finish().subarray(4));
    expect(await session.replyTo(901)).toMatchObject({ code: STATUS.unsupported });
    const hardlink = packetWriter(200).uint32(902).string('hardlink@openssh.com').string('/a').string('/b');
    session.send(hardlink.finish().subarray(4));
    expect(await session.replyTo(902)).toMatchObject({ code: STATUS.unsupported });
    const read = encodeRequest({ type: 'read', id: 903, handle: Buffer.alloc(8), offset: 0, length: 1 }).subarray(4);
    read.fill(0xff, 17, 25);
    session.send(read);
    expect(await session.replyTo(903)).toMatchObject({ code: STATUS.failure });
    expect((await session.ask({ type: 'stat', path: '/' })).type).toBe('attributes');
    expect(await session.end()).toBe('done');
  });

  it.each([
    ['a packet without an id', Buffer.from([3, 0, 0]), 'MALFORMED'],
    ['an empty packet', Buffer.alloc(0), 'MALFORMED'],
  ])('ends the session at %s, but finishes what came before', async (_, packet, code) => {
    const files = makeMemoryFiles();
    const session = await converse(files);
    const handle = await open(session, '/a');
    const written = session.ask({ type: 'write', handle, offset: 0, data: Buffer.from('abc') });
    session.send(packet);
    expect(await session.served).toBe(code);
    expect(await statusCode(written)).toBe(STATUS.ok);
    expect(files.content('/a')?.toString()).toBe('abc');
    expect(files.ends).toEqual(['abort /a']);
  });

  it('ends the session at a packet that is too long, and where it does not begin with INIT', async () => {
    const session = await converse(makeMemoryFiles());
    session.channel.write(Buffer.from('7fffffff03', 'hex'));
    expect(await session.served).toBe('LIMIT');
    const [server, client] = duplexPair();
    const served = serveSftp(server, makeMemoryFiles());
    client.end(encodeRequest({ type: 'stat', id: 1, path: '/' }));
    await expect(served).rejects.toMatchObject({ code: 'MALFORMED' });
  });

  it('keeps handles apart, bounded, and never gives one out twice', async () => {
    const files = makeMemoryFiles();
    const session = await converse(files, { maxHandles: 3 });
    const handles = [await open(session, '/a'), await open(session, '/b')];
    const listing = await session.ask({ type: 'opendir', path: '/' });
    if (listing.type !== 'handle') throw new Error('not opened');
    expect(await statusCode(session.ask({ type: 'open', path: '/c', flags: PUT, attributes: {} }))).toBe(
      STATUS.failure,
    );
    const [first, second] = handles as [Buffer, Buffer];
    const code = (body: Parameters<Conversation['ask']>[0]) => statusCode(session.ask(body));
    expect(await code({ type: 'read', handle: first, offset: 0, length: 1 })).toBe(STATUS.failure);
    expect(await code({ type: 'readdir', handle: first })).toBe(STATUS.failure);
    expect(await code({ type: 'write', handle: listing.handle, offset: 0, data: Buffer.from('x') })).toBe(
      STATUS.failure,
    );
    expect(await code({ type: 'close', handle: first })).toBe(STATUS.ok);
    expect(await code({ type: 'write', handle: first, offset: 0, data: Buffer.from('x') })).toBe(STATUS.failure);
    expect(await code({ type: 'close', handle: first })).toBe(STATUS.failure);
    const third = await open(session, '/c');
    expect([first, second]).not.toContainEqual(third);
    expect(await code({ type: 'fstat', handle: Buffer.from('never') })).toBe(STATUS.failure);
    expect(await session.end()).toBe('done');
    expect(files.ends).toEqual(['close /a', 'abort /b', 'abort /c']);
  });

  it('tells nothing of an error that is not meant for the client, and reports it', async () => {
    const files = makeMemoryFiles();
    files.stat = async () => {
      throw new Error('a value: 4711');
    };
    files.remove = async () => {
      throw new SftpError('DENIED', 'you may not remove /a');
    };
    const session = await converse(files);
    expect(await session.ask({ type: 'stat', path: '/' })).toMatchObject({
      code: STATUS.failure,
      message: 'the server failed',
    });
    const denied = { code: STATUS.permissionDenied, message: 'you may not remove /a' };
    expect(await session.ask({ type: 'remove', path: '/a' })).toMatchObject(denied);
    expect(session.reports).toEqual([new Error('a value: 4711')]);
    await session.end();
  });
});

describe('work under way', () => {
  /** Files whose reads wait for the gate. */
  function slowFiles(): { files: MemoryFiles; counts: { now: number; most: number; all: number }; free: () => void } {
    const files = makeMemoryFiles();
    files.put('/big', Buffer.alloc(MiB));
    const counts = { now: 0, most: 0, all: 0 };
    const { opened, open: free } = gate();
    files.openRead = async () => ({
      async read(buffer) {
        counts.now += 1;
        counts.all += 1;
        counts.most = Math.max(counts.most, counts.now);
        await opened;
        counts.now -= 1;
        buffer.fill(1);
        return buffer.length;
      },
      stat: () => files.stat('/big'),
      close: async () => {},
    });
    return { files, counts, free };
  }

  it.each([
    [{ maxBytes: 2 * MiB }, 261_120, 8],
    [{ maxRequests: 5 }, 100, 5],
    [{ maxBytes: 1000 }, 261_120, 1],
  ])('is bounded: %j', async (options, length, most) => {
    const { files, counts, free } = slowFiles();
    const session = await converse(files, options);
    const handle = await open(session, '/big', OPEN_FLAG.read);
    const replies = Array.from({ length: 100 }, () => session.ask({ type: 'read', handle, offset: 0, length }));
    for (let i = 0; i < 20; i += 1) await turn();
    expect(counts).toEqual({ now: most, most, all: most });
    free();
    for (const reply of replies) expect(await reply).toMatchObject({ type: 'data' });
    expect(counts).toEqual({ now: 0, most, all: 100 });
    await session.end();
  });

  it('is bounded where the client does not take the replies', async () => {
    const { files, counts, free } = slowFiles();
    free();
    const session = await converse(files, { maxBytes: 2 * MiB });
    const handle = await open(session, '/big', OPEN_FLAG.read);
    session.channel.pause();
    const request = (id: number) => encodeRequest({ type: 'read', id, handle, offset: 0, length: 261_120 });
    // Past the reader of the conversation: a client that only writes.
    session.channel.read = () => null;
    session.channel.write(Buffer.concat(Array.from({ length: 200 }, (_, i) => request(1000 + i))));
    await sleep(50);
    expect(counts.all).toBeLessThanOrEqual(12);
    const before = counts.all;
    await sleep(50);
    expect(counts.all).toBe(before);
    session.cut();
    expect(await session.served).toBe('LOST');
  });

  it('holds the client up while the files take their time, and keeps writes one at a time', async () => {
    const files = makeMemoryFiles();
    const { opened, open: free } = gate();
    const calls: number[] = [];
    const { openWrite } = files;
    files.openWrite = async (path, flags) => {
      const file = await openWrite(path, flags);
      if (path !== '/slow') return file;
      return {
        ...file,
        async write(bytes, offset) {
          calls.push(offset);
          await opened;
          await file.write(bytes, offset);
        },
      };
    };
    const session = await converse(files, { maxBytes: MiB });
    const [slow, quick] = [await open(session, '/slow'), await open(session, '/quick')];
    // Large enough for memory that is used again, and each with bytes of its own: none is written over too early.
    const size = 200_000;
    const data = (i: number) => Buffer.alloc(size, i);
    const first = session.ask({ type: 'write', handle: slow, offset: 0, data: data(0) });
    // Another file does not wait for it.
    expect(await statusCode(session.ask({ type: 'write', handle: quick, offset: 0, data: data(0) }))).toBe(STATUS.ok);
    let taken = 0;
    const writes: ReturnType<Conversation['replyTo']>[] = [];
    for (let i = 1; i <= 50; i += 1) {
      const id = 1000 + i;
      writes.push(session.replyTo(id));
      session.channel.write(encodeRequest({ type: 'write', id, handle: slow, offset: i * size, data: data(i) }), () => {
        taken += size;
      });
    }
    await sleep(50);
    expect(calls).toEqual([0]);
    expect(taken).toBeLessThan(1.5 * MiB);
    free();
    expect(await statusCode(first)).toBe(STATUS.ok);
    for (const each of writes) expect(await each).toMatchObject({ code: STATUS.ok });
    expect(calls).toEqual(Array.from({ length: 51 }, (_, i) => i * size));
    const content = Buffer.concat(Array.from({ length: 51 }, (_, i) => data(i)));
    expect(files.content('/slow')?.equals(content)).toBe(true);
    await session.end();
  });

  it('is finished when the client ends its side; files left open are aborted', async () => {
    const files = makeMemoryFiles();
    const session = await converse(files);
    const [closed, left] = [await open(session, '/closed'), await open(session, '/left')];
    void session.ask({ type: 'write', handle: closed, offset: 0, data: Buffer.alloc(200_000, 1) });
    void session.ask({ type: 'write', handle: left, offset: 0, data: Buffer.from('part') });
    const last = session.ask({ type: 'close', handle: closed });
    expect(await session.end()).toBe('done');
    expect(await statusCode(last)).toBe(STATUS.ok);
    expect(files.ends).toEqual(['close /closed', 'abort /left']);
  });

  it('ends with LOST where the channel breaks, after what the files were doing; open files are aborted', async () => {
    const files = makeMemoryFiles();
    const { opened, open: free } = gate();
    const { openWrite } = files;
    files.openWrite = async (path, flags) => {
      const file = await openWrite(path, flags);
      return { ...file, write: async (bytes, offset) => opened.then(() => file.write(bytes, offset)) };
    };
    const session = await converse(files);
    const handle = await open(session, '/a');
    for (let i = 0; i < 100; i += 1)
      void session.ask({ type: 'write', handle, offset: i * 1000, data: Buffer.alloc(1000) });
    // While it opens, too: it must not stay open.
    void session.ask({ type: 'open', path: '/b', flags: PUT, attributes: {} });
    await turn();
    session.cut();
    let isOver = false;
    void session.served.then(() => {
      isOver = true;
    });
    await sleep(20);
    expect(isOver).toBe(false);
    free();
    expect(await session.served).toBe('LOST');
    expect(files.ends).toContain('abort /a');
    expect(files.ends.every((end) => end.startsWith('abort'))).toBe(true);
  });

  it('ends with LOST where the client stops inside a packet', async () => {
    const session = await converse(makeMemoryFiles());
    session.channel.write(Buffer.from('0000001003', 'hex'));
    expect(await session.end()).toBe('LOST');
  });
});
