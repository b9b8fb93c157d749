// What of a tree comes along: globs, bounds, order; and the account that is kept of it.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAccount, settleFailures, type TransferEvent } from './events.ts';
import { badName, collisions } from './local-names.ts';
import { localTree, matchesAny, type Planned, type PlanOptions, planTree } from './plan.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-plan-'));
  for (const name of ['b', 'b/c', 'empty']) mkdirSync(join(folder, name));
  for (const name of ['a.csv', 'b/a.csv', 'b/a.tmp', 'b/c/d.csv']) writeFileSync(join(folder, name), name);
  symlinkSync('..', join(folder, 'b', 'up'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function walk(options: Partial<PlanOptions> = {}): Promise<string[]> {
  const found: Planned[] = [];
  for await (const planned of planTree(localTree(folder), { signal: new AbortController().signal, ...options })) {
    found.push(planned);
  }
  return found.map((each) => `${each.kind} ${each.path}${each.kind === 'skip' ? ` ${each.reason}` : ''}`);
}

describe('planTree', () => {
  it('gives all, in byte order, folders before what is in them, and follows no link', async () => {
    expect(await walk()).toEqual([
      ...['file a.csv', 'folder b', 'file b/a.csv', 'file b/a.tmp', 'folder b/c', 'file b/c/d.csv', 'skip b/up link'],
      'folder empty',
    ]);
  });
  it('leaves out what is not included, and all below what is excluded', async () => {
    expect(await walk({ include: ['*.csv'], exclude: ['c'] })).toEqual([
      ...['file a.csv', 'folder b', 'file b/a.csv', 'folder empty'],
    ]);
    expect(await walk({ include: ['b/**'], exclude: ['*.csv', 'up', 'empty/'] })).toEqual([
      ...['folder b', 'file b/a.tmp', 'folder b/c'],
    ]);
  });
  it('goes no deeper than it may, and looks at no more names', async () => {
    expect(await walk({ maxDepth: 1, exclude: ['up', 'empty', 'a.*'] })).toEqual(['folder b', 'skip b/c depth']);
    await expect(walk({ maxEntries: 5 })).rejects.toMatchObject({ code: 'LOCAL' });
    expect(await walk({ maxEntries: 9 })).toHaveLength(8);
  });
  it('stops when it is told', async () => {
    await expect(walk({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('matchesAny', () => {
  it.each([
    ['x/y/a.csv', '*.csv', true],
    ['x/y/a.csv', 'y', false],
    ['x/y/a.csv', '/*.csv', false],
    ['a.csv', '/*.csv', true],
    ['x/y/a.csv', 'x/**', true],
    ['x/y/a.csv', 'x/*', false],
    ['x/y', 'y/', true],
    ['x/y', '/y/', false],
  ])('%s by %s: %s', (path, glob, expected) => {
    expect(matchesAny(path, [glob])).toBe(expected);
  });
});

describe('names', () => {
  it.each([
    '',
    '.',
    '..',
    'a/../b',
    'a//b',
    '/a',
    'a/',
    'a\0',
    'a\n',
    'a\u202eb',
    'a\\b',
    '.glovebox-pull.x',
    'é'.repeat(128),
    '\ud800',
  ])('%j cannot be one here', (name) => {
    expect(badName(name)).toMatchObject({ code: 'LOCAL' });
  });
  it.each(['a', '-rf', 'a b', '...', '.hidden', 'é', '日本/語.csv'])('%j can', (name) => {
    expect(badName(name)).toBeUndefined();
  });
  it('finds those that would be one file', () => {
    const options = { foldCase: false, isTree: true, taken: () => [] };
    const clash = (names: string[], more = {}) => [...collisions(names, { ...options, ...more }).keys()];
    expect(clash(['a', 'A', 'a/b', 'é'.normalize('NFC'), 'é'.normalize('NFD')])).toEqual(['é'.normalize('NFD'), 'a/b']);
    expect(clash(['a', 'A'], { foldCase: true })).toEqual(['A']);
    expect(clash(['a', 'a/b'], { isTree: false })).toEqual([]);
    expect(clash(['a', '.a.part'], { taken: (name: string) => [`.${name}.part`] })).toEqual(['.a.part']);
  });
});

describe('the account', () => {
  it('counts what came, and for the rate only that', () => {
    const events: TransferEvent[] = [];
    let time = 0;
    const account = openAccount(
      (event) => events.push(event),
      () => time,
    );
    account.start(2, 300);
    const one = account.file('a', 200, 100);
    time = 1000;
    one.moved(50);
    expect(events.at(-1)).toMatchObject({
      doneBytes: 150,
      totalBytes: 300,
      resumedBytes: 100,
      rate: 50,
      secondsLeft: 3,
    });
    one.moved(10); // too soon to be told
    expect(events).toHaveLength(2);
    expect([account.hasProgressed(), account.hasProgressed()]).toEqual([true, false]);
    one.restart(0);
    time = 2000;
    one.moved(200);
    expect(events.at(-1)).toMatchObject({ bytes: 200, doneBytes: 200, resumedBytes: 0 });
    one.done({ to: 'x', size: 200, sha256: '', verified: 'on-the-way' });
    account.file('b', 100, 0).failed(new Error('no'));
    expect(account.end()).toEqual({ files: 1, bytes: 260, resumedBytes: 0, skipped: 0, failed: 1, seconds: 2 });
    expect(() => settleFailures(account, 2)).toThrow('1 of 2 did not come over: b');
  });
});
