// Sending to a real sshd: what arrives, what a cut leaves, and what a later run makes of it.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { appendFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Proxy as CutProxy, startProxy } from '../../test/support/delay-proxy.ts';
import { clientOptions, type Sshd, startSshd } from '../../test/support/sshd.ts';
import { connect } from './connect.ts';
import { openAccount, type TransferEvent } from './events.ts';
import { push } from './push.ts';
import { openPushJournal } from './push-journal.ts';
import { localSource, type PushSource } from './push-source.ts';
import { parseRemote } from './remote.ts';

const MIB = 1024 * 1024;

let sshd: Sshd;
let folder: string;
let there: string;
let events: TransferEvent[];
const proxies: CutProxy[] = [];

beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(() => sshd.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-push-'));
  there = join(folder, 'there');
  mkdirSync(there);
  events = [];
});
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop();
  await rm(folder, { recursive: true, force: true });
});

function makeFile(name: string, size: number): string {
  const path = join(folder, name);
  writeFileSync(path, randomBytes(size));
  return path;
}

const digestOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const source = (file: string, path = '') => localSource(file, path, statSync(file).size);

interface Settings {
  port?: number;
  retries?: number;
  verify?: boolean;
  sessions?: number;
  name?: string;
  signal?: AbortSignal;
}

function send(to: string, sources: PushSource[], settings: Settings = {}): Promise<void> {
  const { port = sshd.port, retries = 0, verify = false, sessions = 1, name } = settings;
  const { signal = new AbortController().signal } = settings;
  const remote = parseRemote(`sftp://${sshd.user}@127.0.0.1:${port}${to}`);
  const [, , ...pairs] = clientOptions(sshd);
  const sshOptions = [...pairs.filter((each) => each !== '-o'), `HostKeyAlias=[127.0.0.1]:${sshd.port}`];
  return push(remote, sources, {
    open: () => connect(remote, { ssh: 'openssh', sshOptions, signal }),
    account: openAccount((event) => events.push(event)),
    journal: openPushJournal(join(folder, 'journal')),
    ...{ parallel: 4, sessions, retries, verify, stallMs: 20_000, name, signal },
  });
}

/** It cuts each connection, and lets another one through a little later. */
async function proxyTo(options: { cutAfter?: number } = {}): Promise<CutProxy> {
  const proxy = await startProxy({ to: sshd.port, ...options });
  const mending = setInterval(proxy.mend, 100);
  const mended = {
    ...proxy,
    stop() {
      clearInterval(mending);
      return proxy.stop();
    },
  };
  proxies.push(mended);
  return mended;
}

const filesDone = () => events.filter((event) => event.event === 'file');

describe('push', () => {
  test.each([0, 1, MIB + 1, 9 * MIB])('a file of %i bytes, read again', async (size) => {
    const file = makeFile('a.csv', size);
    await send(`${there}/b.csv`, [source(file)], { verify: true });
    expect(readdirSync(there)).toEqual(['b.csv']);
    expect(digestOf(join(there, 'b.csv'))).toBe(digestOf(file));
    expect(filesDone()).toMatchObject([{ size, sha256: digestOf(file), verified: 'read-again', resumedFrom: 0 }]);
    expect(readdirSync(folder).includes('journal') ? readdirSync(join(folder, 'journal')) : []).toEqual([]);
  });

  test('into a folder that is there, under its own name; and over a file of that name', async () => {
    const file = makeFile('a.csv', 1000);
    writeFileSync(join(there, 'a.csv'), 'old');
    await send(there, [source(file)], { name: 'a.csv' });
    expect(digestOf(join(there, 'a.csv'))).toBe(digestOf(file));
  });

  test('many files into folders that are made, over two sessions', async () => {
    const names = ['a', 'x/b', 'x/y/c', 'x/y/d', 'z/e'];
    const sources = names.map((name, index) => source(makeFile(basename(name), 1000 * index), name));
    await send(`${there}/new/deep`, sources, { sessions: 2 });
    for (const name of names)
      expect(digestOf(join(there, 'new/deep', name))).toBe(digestOf(join(folder, basename(name))));
    expect(filesDone()).toHaveLength(names.length);
  });

  test('what cannot be sent does not keep the others from it', async () => {
    mkdirSync(join(there, 'b'));
    writeFileSync(join(there, 'b', 'in-the-way'), '');
    const gone = makeFile('gone', 1);
    const sources = [
      source(makeFile('a', 10), 'a'),
      source(makeFile('b', 10), 'b'),
      source(gone, 'c'),
      source(makeFile('d', 10), 'd'),
    ];
    await rm(gone);
    await expect(send(there, sources)).rejects.toMatchObject({ code: 'INCOMPLETE' });
    expect(
      readdirSync(there)
        .filter((name) => !name.startsWith('.'))
        .sort(),
    ).toEqual(['a', 'b', 'd']);
    expect(events.filter(({ event }) => event === 'failed')).toHaveLength(2);
  });

  test('goes on after each of several cuts', async () => {
    const file = makeFile('a.csv', 40 * MIB);
    const { port } = await proxyTo({ cutAfter: 12 * MIB });
    await send(`${there}/a.csv`, [source(file)], { port, retries: 3, verify: false });
    expect(digestOf(join(there, 'a.csv'))).toBe(digestOf(file));
    expect(events.filter(({ event }) => event === 'retry').length).toBeGreaterThan(2);
    expect(readdirSync(there)).toEqual(['a.csv']);
  });

  test('a later run goes on where the cut was, and nothing is published before', async () => {
    const file = makeFile('a.csv', 24 * MIB);
    const { port, mend } = await proxyTo({ cutAfter: 16 * MIB });
    await expect(send(`${there}/a.csv`, [source(file)], { port })).rejects.toMatchObject({ code: 'LOST' });
    expect(readdirSync(there)).toEqual([expect.stringMatching(/^\.a\.csv\.[0-9a-f]{8}\.part$/)]);
    mend();
    await send(`${there}/a.csv`, [source(file)], { port, retries: 3 });
    const [done] = filesDone();
    expect(done).toMatchObject({ size: 24 * MIB });
    expect(done?.resumedFrom).toBeGreaterThan(0);
    expect(digestOf(join(there, 'a.csv'))).toBe(digestOf(file));
    expect(readdirSync(there)).toEqual(['a.csv']);
  });

  test.each([
    ['was altered at its end', async (part: string) => writeFileSync(part, readFileSync(part).fill(0))],
    ['became shorter', (part: string) => truncate(part, 1000)],
    ['is gone', (part: string) => rm(part)],
  ])('what the server kept %s: it is right all the same', async (_, change) => {
    const file = makeFile('a.csv', 24 * MIB);
    const { port, mend } = await proxyTo({ cutAfter: 16 * MIB });
    await expect(send(`${there}/a.csv`, [source(file)], { port })).rejects.toMatchObject({ code: 'LOST' });
    await change(join(there, readdirSync(there)[0] ?? ''));
    mend();
    await send(`${there}/a.csv`, [source(file)], { port, retries: 3 });
    expect(digestOf(join(there, 'a.csv'))).toBe(digestOf(file));
  });

  test('another content under the same name begins anew', async () => {
    const file = makeFile('a.csv', 24 * MIB);
    const { port, mend } = await proxyTo({ cutAfter: 16 * MIB });
    await expect(send(`${there}/a.csv`, [source(file)], { port })).rejects.toMatchObject({ code: 'LOST' });
    writeFileSync(file, randomBytes(24 * MIB));
    utimesSync(file, 1, 1);
    mend();
    await send(`${there}/a.csv`, [source(file)], { port, retries: 3 });
    expect(filesDone()).toMatchObject([{ resumedFrom: 0 }]);
    expect(digestOf(join(there, 'a.csv'))).toBe(digestOf(file));
  });

  test('a file that changes while it is sent is not published', async () => {
    const file = makeFile('a.csv', 8 * MIB);
    const changing = source(file);
    const { open } = changing;
    changing.open = async () => {
      const opened = await open();
      await appendFile(file, 'more');
      return opened;
    };
    await expect(send(`${there}/a.csv`, [changing])).rejects.toMatchObject({ code: 'CHANGED' });
    expect(readdirSync(there).filter((name) => !name.endsWith('.part'))).toEqual([]);
  });

  test('what the caller stops', async () => {
    const stop = new AbortController();
    const file = makeFile('a.csv', 64 * MIB);
    const sending = send(`${there}/a.csv`, [source(file)], { signal: stop.signal });
    const timer = setInterval(() => {
      if (readdirSync(there).length > 0) stop.abort();
    }, 5);
    await expect(sending).rejects.toMatchObject({ code: 'ABORTED' });
    clearInterval(timer);
    expect(readdirSync(there)).not.toContain('a.csv');
  });

  test('a folder that may not be written to', async () => {
    await expect(send('/proc/none/a', [source(makeFile('a', 5))])).rejects.toMatchObject({ name: 'SftpError' });
  });
});
