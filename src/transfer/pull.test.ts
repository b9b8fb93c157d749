// Fetching from a real sshd: what arrives in a folder and in a dataset, what a cut leaves, what a later run makes of it.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BOX_YAML, type Box, collect, makeBox } from '../../test/support/box.ts';
import { type Proxy as CutProxy, startProxy } from '../../test/support/delay-proxy.ts';
import { clientOptions, type Sshd, startSshd } from '../../test/support/sshd.ts';
import type { Vault } from '../vault/index.ts';
import { connect } from './connect.ts';
import { openAccount, type TransferEvent } from './events.ts';
import { type PullOptions, type PullPlan, pull } from './pull.ts';
import { openDatasetStore } from './pull-dataset.ts';
import { openFolderStore } from './pull-file.ts';
import type { PullStore } from './pull-types.ts';
import { parseRemote } from './remote.ts';

const MIB = 1024 * 1024;

let sshd: Sshd;
let proxy: CutProxy;
let made: Box;
let box: Box;
let folder: string;
/** On the server, and here. */
let there: string;
let here: string;
let events: TransferEvent[];

beforeAll(async () => {
  sshd = await startSshd();
  proxy = await startProxy({ to: sshd.port });
  made = await makeBox();
});
afterAll(async () => {
  await proxy.stop();
  await sshd.stop();
  await made.remove();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-pull-'));
  there = join(folder, 'there');
  here = join(folder, 'here');
  mkdirSync(there);
  box = await made.copy();
  events = [];
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await box.remove();
});

function makeFile(name: string, size: number): Buffer {
  const content = randomBytes(size);
  writeFileSync(join(there, name), content);
  return content;
}

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const filesDone = () => events.filter((event) => event.event === 'file');
const eventsOf = (kind: TransferEvent['event']) => events.filter(({ event }) => event === kind);

const toFolder = (single?: string) => openFolderStore(here, 'test', single);
const journal = () => join(box.workspaceFolder, '.glovebox', 'pulls', 'test.jsonl');
const toDataset = (vault: Vault = box.vault, prefix = '') =>
  openDatasetStore(vault, 'claims-raw', prefix, {
    journal: journal(),
    note: (message) => events.push({ event: 'note', message }),
    signal: new AbortController().signal,
  });

type Settings = Partial<PullOptions> & { store?: PullStore; name?: string };

function fetch(path: string, { store, name, ...settings }: Settings = {}): Promise<PullPlan> {
  const { signal = new AbortController().signal } = settings;
  const remote = parseRemote(`sftp://${sshd.user}@127.0.0.1:${proxy.port}${path}`);
  const [, , ...pairs] = clientOptions(sshd);
  const sshOptions = [...pairs.filter((each) => each !== '-o'), `HostKeyAlias=[127.0.0.1]:${sshd.port}`];
  return pull(remote, {
    open: () => connect(remote, { ssh: 'openssh', sshOptions, signal }),
    openStore: (isFolder, last) => ({
      store: store ?? toFolder(isFolder ? undefined : (name ?? last)),
      name: name ?? last,
    }),
    account: openAccount((event) => events.push(event)),
    ...{ parallel: 4, sessions: 1, retries: 0, stallMs: 20_000, verify: false, again: false, dryRun: false, signal },
    ...settings,
  });
}

/** The store, with a cut of all connections each time so many bytes came to it; `times` in all. */
function cutting(store: PullStore, bytes: number, times: number): PullStore {
  let left = times;
  return {
    ...store,
    async open(file) {
      const sink = await store.open(file);
      let count = 0;
      return {
        ...sink,
        get position() {
          return sink.position;
        },
        async write(chunk) {
          count += chunk.length;
          if (count > bytes && left > 0) {
            left -= 1;
            count = 0;
            proxy.cut();
            proxy.mend();
          }
          await sink.write(chunk);
        },
      };
    },
  };
}

const STORES: [name: string, store: () => PullStore, content: (name: string) => Promise<Buffer>][] = [
  ['a folder', () => toFolder(), async (name) => readFileSync(join(here, name))],
  ['a dataset', () => toDataset(), async (name) => collect((await box.vault.get('claims-raw', name)).chunks)],
];

describe.each(STORES)('into %s', (kind, store, content) => {
  test.each([0, 1, MIB - 1, 9 * MIB])('a file of %i bytes, read again', async (size) => {
    const expected = makeFile('a.csv', size);
    await fetch(`${there}/a.csv`, { store: store(), name: 'b.csv', verify: true });
    expect((await content('b.csv')).equals(expected)).toBe(true);
    expect(filesDone()).toMatchObject([{ size, sha256: digestOf(expected), verified: 'read-again', resumedFrom: 0 }]);
  });

  test('a large file over four sessions', async () => {
    const expected = makeFile('a.csv', 34 * MIB + 11);
    await fetch(`${there}/a.csv`, { store: store(), sessions: 4 });
    expect((await content('a.csv')).equals(expected)).toBe(true);
  });

  test('goes on after each of several cuts, without anything twice', async () => {
    const expected = makeFile('a.csv', 60 * MIB);
    await fetch(`${there}/a.csv`, { store: cutting(store(), 12 * MIB, 2), retries: 2 });
    expect(digestOf(await content('a.csv'))).toBe(digestOf(expected));
    expect(eventsOf('retry')).toHaveLength(2);
    expect(filesDone()).toMatchObject([{ sha256: digestOf(expected), resumedFrom: 0 }]);
  });

  test('goes on over several sessions after a cut', async () => {
    const expected = makeFile('a.csv', 40 * MIB);
    await fetch(`${there}/a.csv`, { store: cutting(store(), 5 * MIB, 1), retries: 2, sessions: 2 });
    expect(digestOf(await content('a.csv'))).toBe(digestOf(expected));
    expect(eventsOf('retry')).toHaveLength(1);
  });

  test('a later run goes on where the cut was, and nothing is there before', async () => {
    const expected = makeFile('a.csv', 24 * MIB);
    const cut = fetch(`${there}/a.csv`, { store: cutting(store(), 12 * MIB, 1) });
    await expect(cut).rejects.toMatchObject({ code: 'LOST' });
    if (kind === 'a folder') expect(readdirSync(here).sort()).toEqual(['.a.csv.part', '.a.csv.part.json']);
    else expect(await box.vault.list('claims-raw')).toEqual([]);
    await fetch(`${there}/a.csv`, { store: store() });
    const [done] = filesDone();
    expect(done).toMatchObject({ size: 24 * MIB, sha256: digestOf(expected) });
    expect(done?.resumedFrom).toBeGreaterThanOrEqual(11 * MIB);
    expect(digestOf(await content('a.csv'))).toBe(digestOf(expected));
    if (kind === 'a folder') expect(readdirSync(here)).toEqual(['a.csv']);
    else expect(await box.vault.listUploads('claims-raw')).toEqual([]);
  });

  test('another file under the same name begins anew', async () => {
    makeFile('a.csv', 24 * MIB);
    const cut = fetch(`${there}/a.csv`, { store: cutting(store(), 12 * MIB, 1) });
    await expect(cut).rejects.toMatchObject({ code: 'LOST' });
    const expected = makeFile('a.csv', 24 * MIB);
    utimesSync(join(there, 'a.csv'), 1, 1);
    await fetch(`${there}/a.csv`, { store: store() });
    expect(filesDone()).toMatchObject([{ resumedFrom: 0, sha256: digestOf(expected) }]);
    expect(digestOf(await content('a.csv'))).toBe(digestOf(expected));
    if (kind === 'a dataset') expect(await box.vault.listUploads('claims-raw')).toEqual([]);
  });

  test('a file that changed between two attempts begins anew', async () => {
    makeFile('a.csv', 24 * MIB);
    let expected: Buffer = Buffer.alloc(0);
    const cut = cutting(store(), 12 * MIB, 1);
    const account = openAccount((event) => {
      events.push(event);
      if (event.event !== 'retry') return;
      expected = makeFile('a.csv', 8 * MIB);
      utimesSync(join(there, 'a.csv'), 1, 1);
    });
    await fetch(`${there}/a.csv`, { store: cut, account, retries: 2 });
    expect(digestOf(await content('a.csv'))).toBe(digestOf(expected));
    expect(account.end()).toMatchObject({ files: 1, failed: 0, resumedBytes: 0 });
  });

  test('a folder with and without its name, filtered, not so deep; links and FIFOs are passed over aloud', async () => {
    for (const name of ['in', 'in/x', 'in/x/y']) mkdirSync(join(there, name));
    const names = ['a.csv', 'a.tmp', 'x/b.csv', 'x/y/c.csv'];
    for (const name of names) makeFile(`in/${name}`, 1000);
    symlinkSync('/etc/passwd', join(there, 'in/link.csv'));
    symlinkSync('..', join(there, 'in/x/up'));
    const filters = { include: ['*.csv', 'up'], exclude: ['y'] };
    const plan = await fetch(`${there}/in`, { store: store(), ...filters, dryRun: true });
    expect(plan.files.map(({ path }) => path)).toEqual(['in/a.csv', 'in/x/b.csv']);
    expect(readdirSync(folder)).not.toContain('here');
    await fetch(`${there}/in/`, { store: store(), ...filters });
    for (const name of ['a.csv', 'x/b.csv'])
      expect((await content(name)).equals(readFileSync(join(there, 'in', name)))).toBe(true);
    expect(filesDone()).toHaveLength(2);
    expect(eventsOf('skip')).toContainEqual({ event: 'skip', path: 'link.csv', reason: 'link' });
    events = [];
    await fetch(`${there}/in/`, { store: store(), maxDepth: 0, again: true });
    expect(
      filesDone()
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['a.csv', 'a.tmp']);
  });

  test('what cannot come does not keep the others from it, and a later run fetches what is missing', async () => {
    const composed = 'é.csv'.normalize('NFC');
    for (const name of ['a.csv', 'b\u0007.csv', 'c\u202e.csv', composed, composed.normalize('NFD'), 'z.csv'])
      makeFile(name, 2000);
    const first = fetch(`${there}/`, { store: store() });
    await expect(first).rejects.toMatchObject({ code: 'INCOMPLETE', cause: expect.any(AggregateError) });
    expect(eventsOf('failed')).toHaveLength(3);
    expect(
      filesDone()
        .map(({ path }) => path)
        .sort(),
    ).toHaveLength(3);
    await expect(first).rejects.toThrow('3 of 6');
    events = [];
    const second = fetch(`${there}/`, { store: store() });
    await expect(second).rejects.toMatchObject({ code: 'INCOMPLETE' });
    expect(filesDone()).toEqual([]);
    expect(eventsOf('skip')).toHaveLength(3);
  });

  test('what the caller stops is gone on with later', async () => {
    const expected = makeFile('a.csv', 40 * MIB);
    const stop = new AbortController();
    const stopping = { ...store() };
    const { open } = stopping;
    stopping.open = async (file) => {
      const sink = await open(file);
      return {
        ...sink,
        get position() {
          return sink.position;
        },
        async write(chunk) {
          await sink.write(chunk);
          if (sink.position > 10 * MIB) stop.abort();
        },
      };
    };
    await expect(fetch(`${there}/a.csv`, { store: stopping, signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await fetch(`${there}/a.csv`, { store: store() });
    const [done] = filesDone();
    expect(done?.resumedFrom).toBeGreaterThan(9 * MIB);
    expect(done?.sha256).toBe(digestOf(expected));
  });

  test('a server that goes silent counts as lost', async () => {
    makeFile('a.csv', MIB);
    const stalled = fetch(`${there}/a.csv`, { store: store(), stallMs: 1 });
    await expect(stalled).rejects.toMatchObject({ code: 'LOST' });
  });

  test.each(['/none', '/none/'])('there is no %s', async (path) => {
    await expect(fetch(`${there}${path}`, { store: store() })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('into a folder', () => {
  test('closed to others, with the time that it has on the server; what is the same is not fetched again', async () => {
    makeFile('a.csv', 1000);
    utimesSync(join(there, 'a.csv'), 1_600_000_000, 1_600_000_000);
    mkdirSync(join(there, 'x'));
    makeFile('x/b.csv', 1000);
    await fetch(`${there}/`);
    expect(statSync(here).mode & 0o777).toBe(0o700);
    expect(statSync(join(here, 'x')).mode & 0o777).toBe(0o700);
    expect(statSync(join(here, 'a.csv')).mode & 0o777).toBe(0o600);
    expect(statSync(join(here, 'a.csv')).mtimeMs).toBe(1_600_000_000_000);
    events = [];
    await fetch(`${there}/`);
    expect(filesDone()).toEqual([]);
    const expected = makeFile('a.csv', 1001);
    await fetch(`${there}/`);
    expect(filesDone()).toHaveLength(1);
    expect(readFileSync(join(here, 'a.csv')).equals(expected)).toBe(true);
  });

  test.each([
    ['altered', (part: string) => writeFileSync(part, readFileSync(part).fill(0, 0, 100), { mode: 0o600 })],
    ['shorter', (part: string) => writeFileSync(part, 'x')],
  ])('a part that was %s meanwhile is not gone on with', async (_, change) => {
    const expected = makeFile('a.csv', 24 * MIB);
    const cut = fetch(`${there}/a.csv`, { store: cutting(toFolder(), 12 * MIB, 1) });
    await expect(cut).rejects.toMatchObject({ code: 'LOST' });
    change(join(here, '.a.csv.part'));
    await fetch(`${there}/a.csv`);
    expect(filesDone()).toMatchObject([{ resumedFrom: 0, sha256: digestOf(expected) }]);
  });

  test('nothing is written through links of this host', async () => {
    mkdirSync(join(there, 'x'));
    makeFile('x/a.csv', 10);
    makeFile('b.csv', 10);
    makeFile('c.csv', 3 * MIB);
    const outside = join(folder, 'outside');
    mkdirSync(outside);
    mkdirSync(here);
    writeFileSync(join(outside, 'victim'), 'mine');
    symlinkSync(outside, join(here, 'x'));
    symlinkSync(join(outside, 'victim'), join(here, 'b.csv'));
    symlinkSync(join(outside, 'victim'), join(here, '.c.csv.part'));
    await expect(fetch(`${there}/`)).rejects.toMatchObject({ code: 'INCOMPLETE' });
    expect(
      eventsOf('failed')
        .map((event) => 'path' in event && event.path)
        .sort(),
    ).toEqual(['b.csv', 'x/a.csv']);
    expect(readdirSync(outside)).toEqual(['victim']);
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('mine');
    expect(readFileSync(join(here, 'c.csv')).equals(readFileSync(join(there, 'c.csv')))).toBe(true);
  });

  test('a name that would be the part of another is refused', async () => {
    makeFile('a', 10);
    makeFile('.a.part', 10);
    await expect(fetch(`${there}/`)).rejects.toMatchObject({ code: 'INCOMPLETE' });
    expect(filesDone()).toHaveLength(1);
  });

  test('more than there is room for is refused before anything comes', async () => {
    writeFileSync(join(there, 'a.csv'), '');
    await truncate(join(there, 'a.csv'), 2 ** 43);
    await expect(fetch(`${there}/a.csv`)).rejects.toMatchObject({ code: 'LOCAL' });
    expect(readdirSync(here)).toEqual([]);
  });
});

describe('into a dataset', () => {
  test('no plaintext is anywhere in the workspace, and the journal goes in the end', async () => {
    const canary = randomBytes(24).toString('hex');
    writeFileSync(join(there, 'a.csv'), `${canary},`.repeat(200_000));
    const cut = fetch(`${there}/a.csv`, { store: cutting(toDataset(), 5 * MIB, 1) });
    await expect(cut).rejects.toMatchObject({ code: 'LOST' });
    expect(readFileSync(journal(), 'utf8')).toContain('a.csv');
    expectNowhere(box.folder, canary);
    await fetch(`${there}/a.csv`, { store: toDataset() });
    expectNowhere(box.folder, canary);
    expect(readdirSync(join(box.workspaceFolder, '.glovebox', 'pulls'))).toEqual([]);
  });

  test('who may not open what came earlier begins anew, and is told; who may not write gets nothing', async () => {
    const roles =
      'roles: { supplier: { allow: [ { write: claims-raw } ] }, reader: { allow: [ { read: claims-raw } ] } }';
    const other = await makeBox(`${BOX_YAML}${roles}\n`);
    try {
      const expected = makeFile('a.csv', 24 * MIB);
      const store = () => toDataset(other.as('supplier'));
      const cut = fetch(`${there}/a.csv`, { store: cutting(store(), 12 * MIB, 1) });
      await expect(cut).rejects.toMatchObject({ code: 'LOST' });
      await fetch(`${there}/a.csv`, { store: store() });
      expect(filesDone()).toMatchObject([{ resumedFrom: 0, sha256: digestOf(expected) }]);
      expect(eventsOf('note')).toHaveLength(1);
      makeFile('b.csv', 10);
      await expect(fetch(`${there}/`, { store: toDataset(other.as('reader')) })).rejects.toMatchObject({
        code: 'DENIED',
      });
    } finally {
      await other.remove();
    }
  });

  test('an upload that is gone meanwhile is begun anew, and said', async () => {
    const expected = makeFile('a.csv', 24 * MIB);
    const cut = fetch(`${there}/a.csv`, { store: cutting(toDataset(), 12 * MIB, 1) });
    await expect(cut).rejects.toMatchObject({ code: 'LOST' });
    for (const { id } of await box.vault.listUploads('claims-raw')) await box.vault.removeUpload('claims-raw', id);
    await fetch(`${there}/a.csv`, { store: toDataset() });
    expect(filesDone()).toMatchObject([{ resumedFrom: 0, sha256: digestOf(expected) }]);
    expect(eventsOf('note')).toHaveLength(1);
  });
});

function expectNowhere(root: string, text: string): void {
  const names = readdirSync(root, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  expect(names.length).toBeGreaterThan(5);
  for (const { parentPath, name } of names) {
    expect([name, readFileSync(join(parentPath, name)).includes(text)]).toEqual([name, false]);
  }
}
