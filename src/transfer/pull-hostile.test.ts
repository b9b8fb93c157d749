// Servers that do what none should: names that lead elsewhere, trees without an end, files that are not what they say.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startScript } from '../../test/support/sftp-script.ts';
import { type Attributes, openSftp, STATUS } from '../sftp/index.ts';
import type { ReplyBody } from '../sftp/replies.ts';
import type { Request } from '../sftp/requests.ts';
import type { Connection } from './connection.ts';
import { openAccount, type TransferEvent } from './events.ts';
import { type PullOptions, type PullPlan, pull } from './pull.ts';
import { openFolderStore } from './pull-file.ts';
import { parseRemote } from './remote.ts';

let folder: string;
let here: string;
let events: TransferEvent[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-hostile-'));
  here = join(folder, 'a', 'b', 'here');
  mkdirSync(here, { recursive: true });
  events = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const FILE: Attributes = { size: 5, mode: 0o100600, times: { accessed: 1, modified: 1 } };
const FOLDER: Attributes = { mode: 0o040700, times: { accessed: 1, modified: 1 } };
const ok: ReplyBody = { type: 'status', code: STATUS.ok, message: '' };
const eof: ReplyBody = { type: 'status', code: STATUS.eof, message: '' };

/** A server whose every folder has `entries`, and whose every file holds `hello`, but for what `answer` says. */
function server(
  entries: Record<string, Attributes>,
  answer: (request: Request) => ReplyBody | undefined = () => undefined,
) {
  let isListed = false;
  const usual = (request: Request): ReplyBody => {
    switch (request.type) {
      case 'stat':
      case 'lstat':
        return { type: 'attributes', attributes: /^\/in\/?$/.test(request.path) ? FOLDER : FILE };
      case 'fstat':
        return { type: 'attributes', attributes: FILE };
      case 'realpath':
        return { type: 'name', entries: [{ name: request.path, longname: '', attributes: {} }] };
      case 'open':
        return { type: 'handle', handle: Buffer.from('file') };
      case 'opendir':
        isListed = false;
        return { type: 'handle', handle: Buffer.from('folder') };
      case 'readdir': {
        if (isListed) return eof;
        isListed = true;
        const names = Object.entries(entries).map(([name, attributes]) => ({ name, longname: name, attributes }));
        return { type: 'name', entries: names };
      }
      case 'read': {
        const data = Buffer.from('hello').subarray(request.offset, request.offset + request.length);
        return data.length === 0 ? eof : { type: 'data', data };
      }
      default:
        return ok;
    }
  };
  const open = async (): Promise<Connection> => {
    const { channel } = startScript({
      answer: (request, { reply }) => reply(request, answer(request) ?? usual(request)),
    });
    const sftp = await openSftp(channel);
    return {
      sftp,
      close: () => sftp.end(),
      drop: () => channel.destroy(),
      onLost: (listener) => void channel.once('close', listener),
    };
  };
  return (path: string, more: Partial<PullOptions> = {}): Promise<PullPlan> =>
    pull(parseRemote(`sftp://host${path}`), {
      open,
      openStore: (isFolder, name) => ({ store: openFolderStore(here, 'test', isFolder ? undefined : name), name }),
      account: openAccount((event) => events.push(event)),
      ...{ parallel: 4, sessions: 1, retries: 1, stallMs: 20_000, verify: false, again: false, dryRun: false },
      signal: new AbortController().signal,
      ...more,
    });
}

const came = () => events.flatMap((event) => (event.event === 'file' ? [event.path] : []));
const failed = () => events.flatMap((event) => (event.event === 'failed' ? [event.path] : []));
const outside = () => readdirSync(folder, { recursive: true }).filter((name) => !String(name).startsWith('a/b/here/'));

describe('a hostile server', () => {
  test('names do not lead out of the folder, nor onto each other', async () => {
    const evil = [
      '../up',
      '/etc/cron.d/x',
      'a/../../up',
      '..',
      '.',
      '',
      'nul\0',
      'x'.repeat(300),
      'tab\t',
      'esc\u001b[2J',
    ];
    const more = ['back\\slash', '.glovebox-pull.lock', 'turn\u202eed', '.good.csv.part', '.good.csv.part.json'];
    const fetch = server(Object.fromEntries([...evil, ...more, 'good.csv'].map((name) => [name, FILE])));
    await expect(fetch('/in/')).rejects.toMatchObject({ code: 'INCOMPLETE' });
    expect(came()).toEqual(['good.csv']);
    expect(failed()).toContain('.good.csv.part.json');
    expect(readdirSync(here)).toEqual(['good.csv']);
    expect(outside().sort()).toEqual(['a', 'a/b', 'a/b/here']);
  });

  test('a name that is there twice does not come at all', async () => {
    let isListed = false;
    const fetch = server({}, ({ type }) => {
      if (type !== 'readdir' || isListed) return undefined;
      isListed = true;
      const one = (name: string) => ({ name, longname: '', attributes: FILE });
      return { type: 'name', entries: [one('x'), one('x'), one('y')] };
    });
    await expect(fetch('/in/')).rejects.toMatchObject({ code: 'INCOMPLETE' });
    expect(came()).toEqual(['y']);
    expect(failed()).toEqual(['x', 'x']);
  });

  test('a tree without an end stops at the depth that is allowed', async () => {
    await expect(server({ d: FOLDER, 'f.csv': FILE })('/in/', { maxDepth: 5 })).resolves.toMatchObject({ bytes: 30 });
    expect(events).toContainEqual({ event: 'skip', path: 'd/d/d/d/d/d', reason: 'depth' });
    expect(came()).toHaveLength(6);
  });

  test('a folder that is reached again is passed over', async () => {
    const fetch = server({ d: FOLDER, 'f.csv': FILE }, (request) =>
      request.type === 'realpath'
        ? { type: 'name', entries: [{ name: '/in', longname: '', attributes: {} }] }
        : undefined,
    );
    await fetch('/in/');
    expect(events).toContainEqual({ event: 'skip', path: 'd', reason: 'loop' });
    expect(came()).toEqual(['f.csv']);
  });

  test.each<[string, (request: Request) => ReplyBody | undefined]>([
    ['is shorter than it says', ({ type }) => (type === 'read' ? eof : undefined)],
    [
      'goes on behind its end',
      (request) => (request.type === 'read' ? { type: 'data', data: Buffer.alloc(request.length, 7) } : undefined),
    ],
    [
      'is another one each time',
      ({ type }) =>
        type === 'fstat'
          ? { type: 'attributes', attributes: { ...FILE, times: { accessed: 1, modified: Math.random() * 1e9 } } }
          : undefined,
    ],
  ])('a file that %s is tried twice, and never there', async (_, answer) => {
    await expect(server({}, answer)('/f.csv')).rejects.toMatchObject({ code: 'CHANGED' });
    expect(events.filter(({ event }) => event === 'retry')).toHaveLength(1);
    expect(readdirSync(here)).not.toContain('f.csv');
  });

  test('what it gives when it is read again is another thing', async () => {
    let opened = 0;
    const fetch = server({}, (request) => {
      if (request.type === 'open') opened += 1;
      if (request.type !== 'read' || opened < 2 || request.offset > 0) return undefined;
      return { type: 'data', data: Buffer.from('jello').subarray(0, request.length) };
    });
    await expect(fetch('/f.csv', { verify: true })).rejects.toMatchObject({ code: 'DIGEST' });
    expect(readdirSync(here)).toEqual([]);
  });

  test('a size beyond all disks is refused before a byte is written', async () => {
    const fetch = server({ 'f.csv': { ...FILE, size: 2 ** 52 } });
    await expect(fetch('/in/')).rejects.toMatchObject({ code: 'LOCAL' });
    expect(readdirSync(here)).toEqual([]);
  });

  test('it breaks the protocol: nothing more is asked of it', async () => {
    const fetch = server({ a: FILE, b: FILE }, ({ type }) =>
      type === 'read' ? { type: 'handle', handle: Buffer.from('no') } : undefined,
    );
    await expect(fetch('/in/')).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(existsSync(join(here, 'a'))).toBe(false);
  });
});
