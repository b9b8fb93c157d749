// `glovebox push`, as built, to `glovebox serve`: cuts, kills, objects of datasets, and sealed bytes.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProxy } from '../support/delay-proxy.ts';
import { COMMAND, type GatewayBox, makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { clientOptions } from '../support/sshd.ts';

const MIB = 1024 * 1024;
const missing = missingTool('openssh-client');

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe.skipIf(missing !== undefined)(`push to the gateway${missing === undefined ? '' : `: ${missing}`}`, () => {
  let box: GatewayBox;
  beforeAll(async () => {
    box = await makeGatewayBox();
  });
  afterAll(() => box?.remove());

  const at = (name: string): string => join(box.folder, name);
  const digestOf = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');
  const makeFile = (name: string, size: number): Buffer => {
    const data = randomBytes(size);
    writeFileSync(at(name), data);
    return data;
  };
  const remote = (path: string, { user = 'acme', port = box.port } = {}): string =>
    `sftp://${user}@127.0.0.1:${port}/${path}`;

  function start(args: string[], knownHosts = box.knownHosts) {
    const [, , ...pairs] = clientOptions({ keyFile: box.keyFile, knownHosts });
    const more = [...pairs.filter((each) => each !== '-o'), `HostKeyAlias=[127.0.0.1]:${box.port}`];
    const options = more.flatMap((option) => ['--ssh-option', option]);
    const all = [COMMAND, '-C', box.workspace, 'push', '--json', ...options, ...args];
    const child = spawn(process.execPath, all, { env: box.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const ran: Ran = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      ran.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      ran.stderr += chunk;
    });
    return { child, ran, ended: once(child, 'close') };
  }
  async function push(args: string[], knownHosts?: string): Promise<Ran> {
    const { child, ran, ended } = start(args, knownHosts);
    await ended;
    return { ...ran, code: child.exitCode };
  }
  const listed = (): Record<string, string> => {
    const { objects } = JSON.parse(box.glovebox(['--json', 'ls', 'claims-raw'])) as {
      objects: { path: string; sha256: string }[];
    };
    return Object.fromEntries(objects.map(({ path, sha256 }) => [path, sha256]));
  };

  test('a file, by somebody who may only write; the record has its digest', async () => {
    const data = makeFile('a.csv', 3 * MIB + 5);
    const ran = await push([at('a.csv'), remote('claims-raw/in/', { user: 'writer' })]);
    expect(ran.stderr).not.toContain('"error"');
    expect(ran.code).toBe(0);
    expect(listed()).toMatchObject({ 'in/a.csv': digestOf(data) });
  });

  test('a folder, without its links', async () => {
    mkdirSync(at('folder/deep'), { recursive: true });
    const data = makeFile('folder/deep/b.csv', 1000);
    makeFile('folder/deep/b.tmp', 10);
    symlinkSync('/etc/passwd', at('folder/link'));
    const ran = await push(['--exclude', '*.tmp', '--verify', at('folder'), remote('claims-raw')]);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('"skip"');
    const names = listed();
    expect(names).toMatchObject({ 'folder/deep/b.csv': digestOf(data) });
    expect(Object.keys(names)).not.toContain('folder/link');
    expect(Object.keys(names)).not.toContain('folder/deep/b.tmp');
  });

  test('goes on after cuts, also where an object of that name is there', async () => {
    makeFile('c.csv', 1000);
    await push([at('c.csv'), remote('claims-raw/c.csv')]);
    const data = makeFile('c.csv', 40 * MIB);
    const proxy = await startProxy({ to: box.port, cutAfter: 15 * MIB });
    const mending = setInterval(proxy.mend, 100);
    const ran = await push([at('c.csv'), remote('claims-raw/c.csv', { port: proxy.port })]);
    clearInterval(mending);
    await proxy.stop();
    expect(ran.stderr).toContain('"retry"');
    expect(ran.code).toBe(0);
    expect(listed()).toMatchObject({ 'c.csv': digestOf(data) });
  });

  test('a killed push goes on where it was', async () => {
    const data = makeFile('d.csv', 200 * MIB);
    const args = [at('d.csv'), remote('claims-raw/d.csv', { user: 'writer' })];
    const first = start(args);
    const begun = Date.now();
    while (!first.ran.stderr.includes('"progress"') && Date.now() - begun < 30_000) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    first.child.kill('SIGKILL');
    await first.ended;
    expect(Object.keys(listed())).not.toContain('d.csv');
    const ran = await push(args);
    expect(ran.code).toBe(0);
    const told = ran.stderr.split('\n').find((line) => line.includes('"event":"file"')) ?? '{}';
    expect((JSON.parse(told) as { resumedFrom: number }).resumedFrom).toBeGreaterThan(0);
    expect(listed()).toMatchObject({ 'd.csv': digestOf(data) });
  });

  test('an object, opened and recorded; and its sealed bytes as they are', async () => {
    const data = makeFile('e.csv', 2 * MIB);
    box.glovebox(['put', at('e.csv'), 'claims-raw/e.csv']);
    expect((await push(['--dataset', 'claims-raw/e.csv', remote('claims-raw/copy.csv')])).code).toBe(0);
    expect((await push(['--dataset', '--sealed', 'claims-raw/e.csv', remote('claims-raw/e.sealed')])).code).toBe(0);
    expect(listed()).toMatchObject({ 'copy.csv': digestOf(data) });
    box.glovebox(['get', 'claims-raw/e.sealed', '-o', at('e.sealed')]);
    const sealed = readFileSync(at('e.sealed'));
    expect(sealed.includes(data.subarray(0, 32))).toBe(false);
    expect(box.glovebox(['--json', 'inspect', '--file', at('e.sealed')])).toContain(`"plaintextSize":${data.length}`);
  });

  test('what is not sealed is not sent as if it were', async () => {
    makeFile('f.csv', 1000);
    const ran = await push(['--sealed', at('f.csv'), remote('claims-raw/f.csv')]);
    expect(ran.code).toBe(4);
    expect(Object.keys(listed())).not.toContain('f.csv');
  });

  test('an unknown host, a place where nobody may write, and a dry run', async () => {
    makeFile('g.csv', 10);
    const unknown = await push([at('g.csv'), remote('claims-raw/g.csv')], '/dev/null');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('transfer/HOST_UNKNOWN') });
    const denied = await push([at('g.csv'), remote('other-raw/g.csv')]);
    expect(denied.code).not.toBe(0);
    const dry = await push(['--dry-run', at('g.csv'), remote('claims-raw/g.csv', { port: 1 })]);
    expect(JSON.parse(dry.stdout)).toMatchObject({ files: [{ path: 'g.csv', size: 10 }], bytes: 10 });
  });
});
