// Connecting to a real sshd, both ways: the keys of hosts and users, and what each failure is told as.
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, makeSshKey } from '../../test/support/programs.ts';
import { type Sshd, startSshd } from '../../test/support/sshd.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { parseRemote } from './remote.ts';

let sshd: Sshd;
let hostLine: string;
let pin: string;

beforeAll(async () => {
  sshd = await startSshd();
  hostLine = readFileSync(sshd.knownHosts, 'utf8').trim().split(' ').slice(1).join(' ');
  pin = fingerprint(hostLine);
});
afterAll(() => sshd.stop());

function fingerprint(key: string): string {
  const blob = Buffer.from(key.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

const remote = (port = sshd.port, user = sshd.user) => parseRemote(`sftp://${user}@127.0.0.1:${port}/tmp`);

interface Way {
  way: 'openssh' | 'built-in';
}

/** What makes either way look at this file of known hosts only, and use this key. */
function options(
  way: Way['way'],
  { knownHosts = sshd.knownHosts, identity = sshd.keyFile, hostKey }: Partial<ConnectOptions> = {},
): ConnectOptions {
  const files = [`UserKnownHostsFile=${knownHosts}`, 'GlobalKnownHostsFile=/dev/null'];
  return {
    ssh: way,
    identity,
    hostKey,
    ...(way === 'openssh' ? { sshOptions: hostKey === undefined ? files : [] } : { knownHosts }),
    timeoutMs: 10_000,
    signal: new AbortController().signal,
  };
}

async function knownHostsWith(...lines: string[]): Promise<string> {
  const path = join(sshd.folder, `known-${Math.random().toString(36).slice(2)}`);
  await writeFile(path, `# a comment\n\nnonsense\n${lines.join('\n')}\n`);
  return path;
}

describe.each<Way>([{ way: 'openssh' }, { way: 'built-in' }])('$way', ({ way }) => {
  async function succeeds(changes: Partial<ConnectOptions>): Promise<void> {
    const connection = await connect(remote(), options(way, changes));
    expect(await connection.sftp.realpath('/tmp/..')).toBe('/');
    await connection.close();
  }
  const fails = (code: string, changes: Partial<ConnectOptions>, to = remote()) =>
    expect(connect(to, options(way, changes))).rejects.toMatchObject({ name: 'TransferError', code });

  test('a known host', () => succeeds({}));

  test('a hashed name, among other hosts', async () => {
    const salt = Buffer.alloc(20, 7);
    const name = `[127.0.0.1]:${sshd.port}`;
    const hash = createHmac('sha1', salt).update(name).digest('base64');
    const other = makeSshKey(join(sshd.folder, `other-${way}`));
    await succeeds({
      knownHosts: await knownHostsWith(`other ${other}`, `|1|${salt.toString('base64')}|${hash} ${hostLine}`),
    });
  });

  test('an unknown host is refused, and what to do is said', async () => {
    const knownHosts = await knownHostsWith(`[127.0.0.1]:1 ${hostLine}`);
    await fails('HOST_UNKNOWN', { knownHosts });
    await expect(connect(remote(), options(way, { knownHosts }))).rejects.toMatchObject({
      hint: expect.stringContaining('--host-key'),
    });
  });

  test('a changed and a revoked key are refused', async () => {
    const other = makeSshKey(join(sshd.folder, `changed-${way}`));
    const name = `[127.0.0.1]:${sshd.port}`;
    await fails('HOST_KEY', { knownHosts: await knownHostsWith(`${name} ${other}`) });
    await fails('HOST_KEY', { knownHosts: await knownHostsWith(`${name} ${hostLine}`, `@revoked * ${hostLine}`) });
  });

  test('a pinned key counts, and nothing else', async () => {
    const empty = await knownHostsWith();
    await succeeds({ knownHosts: empty, hostKey: pin });
    await succeeds({ knownHosts: empty, hostKey: `${pin}=` });
    await fails('HOST_KEY', { hostKey: `SHA256:${'A'.repeat(43)}` });
    const { message } = (await connect(remote(), options(way, { hostKey: `SHA256:${'A'.repeat(43)}` })).catch(
      (error: unknown) => error as Error,
    )) as Error;
    expect(message).toContain(pin);
  });

  test('a pin that is none', () => fails('ADDRESS', { hostKey: "SHA256:x' ; touch /tmp/x" }));

  test('a key that does not get in, and one that is not there', async () => {
    const stranger = join(sshd.folder, `stranger-${way}`);
    makeSshKey(stranger);
    await fails('LOGIN', { identity: stranger });
    if (way === 'built-in') await fails('SETUP', { identity: join(sshd.folder, 'none') });
  });

  test('nothing listens, and nobody answers', async () => {
    await fails('CONNECT', {}, remote(await freePort()));
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(connect(remote(port), { ...options(way), timeoutMs: 500 })).rejects.toMatchObject({ code: 'CONNECT' });
    silent.close();
  });

  test('no such host', () => fails('CONNECT', {}, parseRemote('sftp://host.invalid/x')));

  test('what the caller stops', async () => {
    const stop = new AbortController();
    const connecting = connect(remote(), { ...options(way), signal: stop.signal });
    stop.abort();
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('a connection that is dropped fails what is under way', async () => {
    const connection = await connect(remote(), options(way));
    const asked = connection.sftp.realpath('.');
    connection.drop();
    await expect(asked).rejects.toMatchObject({ code: 'LOST' });
    await connection.close();
  });
});

test('an authority that is not followed is told', async () => {
  const name = `[127.0.0.1]:${sshd.port}`;
  const knownHosts = await knownHostsWith(`@cert-authority ${name} ${hostLine}`);
  await expect(connect(remote(), options('built-in', { knownHosts }))).rejects.toMatchObject({
    code: 'HOST_UNKNOWN',
    message: expect.stringContaining('@cert-authority'),
  });
});

test('where there is no ssh program, the built-in way is taken, unless another one was asked for', async () => {
  const { PATH } = process.env;
  process.env.PATH = join(sshd.folder, 'nothing');
  try {
    const { ssh: _, ...builtIn } = options('built-in');
    await (await connect(remote(), builtIn)).close();
    await expect(connect(remote(), { ...builtIn, ssh: 'openssh' })).rejects.toMatchObject({ code: 'SETUP' });
  } finally {
    process.env.PATH = PATH;
  }
});
