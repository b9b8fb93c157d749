// Behind OpenSSH's server, set up as docs/gateway-sshd.md says: who gets in, as whom, and what they may do.
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProxy } from '../support/delay-proxy.ts';
import { type DocumentedSshd, startDocumentedSshd } from '../support/documented-sshd.ts';
import { type GatewayBox, gatewayYaml, makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { makeSshKey, type Ran, runOrThrow, runProgram } from '../support/programs.ts';
import { clientOptions } from '../support/sshd.ts';

const MIB = 1024 * 1024;
const missing = missingTool('openssh-server') ?? missingTool('openssh-client');
const account = userInfo().username;

describe.skipIf(missing !== undefined)(`behind sshd${missing === undefined ? '' : `: ${missing}`}`, () => {
  let box: GatewayBox;
  let sshd: DocumentedSshd;
  const at = (name: string) => join(box.folder, name);
  const logged = () => readFile(sshd.logFile, 'utf8').catch(() => '');

  beforeAll(async () => {
    box = await makeGatewayBox();
    const keys = Object.fromEntries(
      ['writer', 'gone', 'shared', 'authority'].map((name) => [name, makeSshKey(at(name))]),
    );
    const users = `
  writer: { roles: [supplier], sshKeys: [ "${keys.writer}" ] }
  gone: { roles: [engineer], sshKeys: [ "${keys.gone}" ] }
  one: { roles: [supplier], sshKeys: [ "${keys.shared}" ] }
  two: { roles: [engineer], sshKeys: [ "${keys.shared}" ] }`;
    const gateway = `uploads: { minFree: 1MiB }, sftp: { userCAs: [ "${keys.authority}" ], revokedKeys: [ "${keys.gone}" ] }`;
    const yaml = gatewayYaml(runOrThrow('ssh-keygen', ['-y', '-f', box.keyFile]).trim(), gateway);
    await box.writeConfig(yaml.replace(/\n {2}writer:.*/, users));
    sshd = await startDocumentedSshd(box);
  });
  afterAll(async () => {
    await sshd?.stop();
    await box?.remove();
  });

  interface As {
    keyFile?: string;
    port?: number;
    more?: string[];
  }

  function options({ keyFile = box.keyFile, more = [] }: As): string[] {
    const alias = ['-o', `HostKeyAlias=[127.0.0.1]:${sshd.port}`];
    return [...clientOptions({ keyFile, knownHosts: sshd.knownHosts }), ...alias, ...more];
  }

  function sftp(commands: string[], as: As = {}): Promise<Ran> {
    const args = ['-q', ...options(as), '-P', String(as.port ?? sshd.port), '-b', '-', `${account}@127.0.0.1`];
    return runProgram('sftp', args, { input: `${commands.join('\n')}\n` });
  }

  function ssh(args: string[], as: As = {}): Promise<Ran> {
    const [command = ''] = args;
    const where = ['-p', String(sshd.port), ...(command === 'sftp' ? ['-s'] : []), `${account}@127.0.0.1`];
    return runProgram('ssh', [...options(as), ...where, ...args], { input: '' });
  }

  async function makeFile(name: string, bytes: number): Promise<{ file: string; sha256: string }> {
    const content = randomBytes(bytes);
    await writeFile(at(name), content);
    return { file: at(name), sha256: createHash('sha256').update(content).digest('hex') };
  }

  test('put, ls, get, rename, rm; the user is the one of the key', async () => {
    const { file, sha256 } = await makeFile('small', 3 * MIB + 17);
    const ran = await sftp([
      `put ${file} /claims-raw/in/claims.csv`,
      'ls -l /claims-raw/in',
      `get /claims-raw/in/claims.csv ${at('back')}`,
      'rename /claims-raw/in/claims.csv /claims-raw/done.csv',
      'ls -1 /',
    ]);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain(String(3 * MIB + 17));
    expect(ran.stdout).not.toContain('other-raw');
    const back = await readFile(at('back'));
    expect(createHash('sha256').update(back).digest('hex')).toBe(sha256);
    expect(box.glovebox(['ls', 'claims-raw'])).toContain('done.csv');
    expect(await sftp(['rm /claims-raw/done.csv'])).toMatchObject({ code: 0 });
    const lines = (await logged())
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'login', user: 'acme', address: '127.0.0.1' }));
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'uploaded', user: 'acme', sha256 }));
  });

  test('a supplier who may only write does only that', async () => {
    const { file } = await makeFile('mine', 1000);
    const as = { keyFile: at('writer') };
    expect(await sftp([`put ${file} /claims-raw/mine.csv`], as)).toMatchObject({ code: 0 });
    for (const command of ['ls /claims-raw', `get /claims-raw/mine.csv ${at('no')}`, 'rm /claims-raw/mine.csv']) {
      expect({ command, code: (await sftp([command], as)).code }).toEqual({ command, code: 1 });
    }
  });

  test('an upload that is cut off is kept for the next process', async () => {
    const { file, sha256 } = await makeFile('large', 24 * MIB);
    const proxy = await startProxy({ to: sshd.port, cutAfter: 9 * MIB });
    const cut = await sftp([`put ${file} /claims-raw/large.bin`], { port: proxy.port });
    await proxy.stop();
    expect(cut.code).not.toBe(0);
    for (let tries = 0; !(await logged()).includes('upload kept') && tries < 400; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect(await logged()).toContain('upload kept');
    expect(box.glovebox(['ls', 'claims-raw'])).not.toContain('large.bin');
    expect(await sftp([`reput ${file} /claims-raw/large.bin`])).toMatchObject({ code: 0 });
    expect(await logged()).toContain('upload resumed');
    expect(await logged()).toContain(sha256);
  });

  test('whatever is asked for, it is the same session of SFTP, and nothing else', async () => {
    // Neither a command nor a shell: the subsystem is started, says nothing to what is not SFTP, and ends.
    for (const args of [['id'], []]) {
      const ran = await ssh(args);
      expect(ran.stdout).toBe('');
    }
    const forwarding = ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:9'];
    const refused = await runProgram('ssh', [
      ...[...options({}), ...forwarding, '-p', String(sshd.port), `${account}@127.0.0.1`],
    ]);
    expect(refused.code).not.toBe(0);
  });

  test('a certificate gets in as the user whom it names; one that must not does not', async () => {
    const cases = [
      { name: 'good', sign: ['-n', 'writer', '-V', '-1m:+5m'], isIn: true },
      { name: 'expired', sign: ['-n', 'writer', '-V', '-2d:-1d'], isIn: false },
      { name: 'forced', sign: ['-n', 'writer', '-O', 'force-command=/bin/sh'], isIn: false },
    ];
    for (const { name, sign, isIn } of cases) {
      const keyFile = at(`certified-${name}`);
      makeSshKey(keyFile);
      runOrThrow('ssh-keygen', ['-q', '-s', at('authority'), '-I', name, ...sign, `${keyFile}.pub`]);
      const ran = await ssh(['sftp'], { keyFile, more: ['-o', `CertificateFile=${keyFile}-cert.pub`] });
      expect({ name, isIn: ran.code === 0 }).toEqual({ name, isIn });
    }
    expect(await logged()).toMatch(/"user":"writer","how":"certificate \\"good\\" serial 0 by SHA256:/);
  });

  test('a revoked key and an unknown one do not get in', async () => {
    makeSshKey(at('stranger'));
    for (const name of ['gone', 'stranger']) {
      const ran = await ssh(['sftp'], { keyFile: at(name) });
      expect({ name, code: ran.code }).toEqual({ name, code: 255 });
      expect(ran.stderr).toContain('Permission denied (publickey)');
    }
  });

  test('a key of two users gets in as neither; who asks for a command hears why', async () => {
    // sshd hands on what a subsystem says on standard error to nobody, and what a command says to the client.
    expect((await ssh(['sftp'], { keyFile: at('shared') })).code).toBe(3);
    const ran = await ssh(['why'], { keyFile: at('shared') });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('the key is that of several users');
    expect(ran.stderr).not.toMatch(/\bone\b|\btwo\b/);
  });

  test('a configuration with a mistake lets nobody in', async () => {
    const file = join(box.workspace, 'glovebox.yaml');
    const before = await readFile(file, 'utf8');
    await box.writeConfig(`${before}nonsense: 1\n`);
    try {
      expect((await ssh(['sftp'])).code).toBe(255);
    } finally {
      await box.writeConfig(before);
    }
    expect((await ssh(['sftp'])).code).toBe(0);
  });

  test('what fails in the session is told in the log, and not to the client', async () => {
    const state = join(box.workspace, '.glovebox', 'keys.json');
    const before = await readFile(state, 'utf8');
    await writeFile(state, '{}');
    try {
      const ran = await ssh(['why']);
      expect(ran.code).toBe(2);
      expect(ran.stderr).toContain('the server cannot serve this session');
      expect(ran.stderr).not.toContain(box.workspace);
    } finally {
      await writeFile(state, before);
    }
    expect(await logged()).toContain('the session could not be served');
  });

  test('the command alone says that it is for sshd', async () => {
    const run = runProgram(
      process.execPath,
      [join('dist', 'cli', 'main.js'), '-C', box.workspace, 'sftp-subsystem', '--allow-swap'],
      {
        env: box.env,
      },
    );
    expect(await run).toMatchObject({ code: 3, stdout: '' });
    expect((await run).stderr).toContain('sshd does not say who has come');
  });
});
