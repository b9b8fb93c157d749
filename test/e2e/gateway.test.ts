// `glovebox serve`, with OpenSSH's own clients: what suppliers and engineers do with it, and what it refuses.
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProxy } from '../support/delay-proxy.ts';
import { type GatewayBox, gatewayYaml, makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { makeSshKey, type Ran, runOrThrow, runProgram } from '../support/programs.ts';
import { clientOptions } from '../support/sshd.ts';

const MIB = 1024 * 1024;
const missing = missingTool('openssh-client');

describe.skipIf(missing !== undefined)(
  `OpenSSH's clients at the gateway${missing === undefined ? '' : `: ${missing}`}`,
  () => {
    let box: GatewayBox;
    let authority: string;
    let revoked: string;
    const at = (name: string) => join(box.folder, name);

    beforeAll(async () => {
      box = await makeGatewayBox();
      authority = at('authority');
      revoked = at('revoked');
      const revokedKey = makeSshKey(revoked);
      const gateway = `uploads: { minFree: 1MiB }, sftp: { userCAs: [ "${makeSshKey(authority)}" ], revokedKeys: [ "${revokedKey}" ] }`;
      const yaml = gatewayYaml(runOrThrow('ssh-keygen', ['-y', '-f', box.keyFile]).trim(), gateway);
      await box.writeConfig(
        yaml.replace('  writer:', `  gone: { roles: [supplier], sshKeys: [ "${revokedKey}" ] }\n  writer:`),
      );
      process.kill(box.pid(), 'SIGHUP');
      await said('configuration read');
    });
    afterAll(() => box?.remove());

    async function said(text: string): Promise<void> {
      for (let tries = 0; !box.log().includes(text); tries++) {
        if (tries > 400) throw new Error(`the log does not say "${text}": ${box.log()}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }

    interface As {
      user?: string;
      port?: number;
      keyFile?: string;
      knownHosts?: string;
      more?: string[];
    }

    function sftp(commands: string[], { user = 'acme', port = box.port, more = [], ...others }: As = {}): Promise<Ran> {
      const keys = { keyFile: box.keyFile, knownHosts: box.knownHosts, ...others };
      const alias = ['-o', `HostKeyAlias=[127.0.0.1]:${box.port}`];
      const args = [
        '-q',
        ...clientOptions(keys),
        ...alias,
        ...more,
        '-P',
        String(port),
        '-b',
        '-',
        `${user}@127.0.0.1`,
      ];
      return runProgram('sftp', args, { input: `${commands.join('\n')}\n` });
    }

    /** What ssh says of a log-in: sftp, run from a script, keeps it to itself. */
    function login({ user = 'acme', more = [], ...others }: As = {}): Promise<Ran> {
      const keys = { keyFile: box.keyFile, knownHosts: box.knownHosts, ...others };
      const args = [...clientOptions(keys), ...more, '-p', String(box.port), '-s', `${user}@127.0.0.1`, 'sftp'];
      return runProgram('ssh', args, { input: '' });
    }

    async function makeFile(name: string, bytes: number): Promise<{ file: string; sha256: string }> {
      const content = randomBytes(bytes);
      await writeFile(at(name), content);
      return { file: at(name), sha256: createHash('sha256').update(content).digest('hex') };
    }

    const digestOf = async (file: string) =>
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex');

    test('put, ls, get, rename, rm', async () => {
      const { file, sha256 } = await makeFile('small', 3 * MIB + 17);
      const ran = await sftp([
        `put ${file} /claims-raw/2026/claims.csv`,
        'ls -l /claims-raw/2026',
        `get /claims-raw/2026/claims.csv ${at('back')}`,
        'rename /claims-raw/2026/claims.csv /claims-raw/done.csv',
        'ls -1 /claims-raw',
        'ls -1 /',
      ]);
      expect(ran).toMatchObject({ code: 0 });
      expect(ran.stdout).toContain(String(3 * MIB + 17));
      expect(ran.stdout).toContain('/claims-raw/done.csv');
      // Only what the roles of the user are about.
      expect(ran.stdout).not.toContain('other-raw');
      expect(await digestOf(at('back'))).toBe(sha256);
      await said(sha256);
      expect(await sftp(['rm /claims-raw/done.csv', 'ls -1 /claims-raw'])).toMatchObject({ code: 0 });
      expect(box.glovebox(['ls', 'claims-raw'])).not.toContain('done.csv');
    });

    test('scp, both ways; what would run a command is refused', async () => {
      const { file, sha256 } = await makeFile('scp', MIB);
      const to = `acme@127.0.0.1:/claims-raw/scp.bin`;
      const options = [...clientOptions(box), '-P', String(box.port)];
      expect(await runProgram('scp', ['-q', '-s', ...options, file, to])).toMatchObject({ code: 0 });
      expect(await runProgram('scp', ['-q', '-s', ...options, to, at('scp.back')])).toMatchObject({ code: 0 });
      expect(await digestOf(at('scp.back'))).toBe(sha256);
      const old = await runProgram('scp', ['-q', '-O', ...options, file, to]);
      expect(old.code).not.toBe(0);
      const shell = await runProgram('ssh', [...clientOptions(box), '-p', String(box.port), 'acme@127.0.0.1', 'id']);
      expect(shell.code).not.toBe(0);
      expect(shell.stdout).toBe('');
      const forward = ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:9'];
      expect(
        (await runProgram('ssh', [...clientOptions(box), '-p', String(box.port), ...forward, 'acme@127.0.0.1'])).code,
      ).not.toBe(0);
    });

    test('an upload that is cut off is not listed, and goes on where it was', async () => {
      const { file, sha256 } = await makeFile('large', 24 * MIB);
      const proxy = await startProxy({ to: box.port, cutAfter: 9 * MIB });
      const cut = await sftp([`put ${file} /claims-raw/large.bin`], { port: proxy.port });
      await proxy.stop();
      expect(cut.code).not.toBe(0);
      expect((await sftp(['ls -1 /claims-raw'])).stdout).not.toContain('large.bin');
      expect(box.glovebox(['ls', 'claims-raw'])).not.toContain('large.bin');
      const more = await sftp([`reput ${file} /claims-raw/large.bin`]);
      expect(more).toMatchObject({ code: 0 });
      await said(sha256);
      await said('upload resumed');
      expect(await sftp([`get /claims-raw/large.bin ${at('large.back')}`])).toMatchObject({ code: 0 });
      expect(await digestOf(at('large.back'))).toBe(sha256);
    });

    test('a download that is cut off goes on where it was', async () => {
      const { file, sha256 } = await makeFile('down', 16 * MIB);
      expect(await sftp([`put ${file} /claims-raw/down.bin`])).toMatchObject({ code: 0 });
      const content = await readFile(file);
      await writeFile(at('down.back'), content.subarray(0, 5 * MIB + 3));
      expect(await sftp([`reget /claims-raw/down.bin ${at('down.back')}`])).toMatchObject({ code: 0 });
      expect(await digestOf(at('down.back'))).toBe(sha256);
    });

    test('after kill -9 the client goes on, and nothing of it is there before', async () => {
      const { file, sha256 } = await makeFile('killed', 48 * MIB);
      const going = sftp([`put ${file} /claims-raw/killed.bin`], { more: ['-l', '200000'] });
      await said('"path":"killed.bin","bytes":0,"msg":"upload begun"');
      await new Promise((resolve) => setTimeout(resolve, 700));
      await box.stop('SIGKILL');
      expect((await going).code).not.toBe(0);
      expect(box.glovebox(['ls', 'claims-raw'])).not.toContain('killed.bin');
      await box.start();
      expect(await sftp([`reput ${file} /claims-raw/killed.bin`])).toMatchObject({ code: 0 });
      expect(await sftp([`get /claims-raw/killed.bin ${at('killed.back')}`])).toMatchObject({ code: 0 });
      expect(await digestOf(at('killed.back'))).toBe(sha256);
    });

    test('a supplier who may only write does only that', async () => {
      const { file } = await makeFile('mine', 1000);
      const as = { user: 'writer' };
      expect(await sftp([`put ${file} /claims-raw/mine.csv`], as)).toMatchObject({ code: 0 });
      for (const command of [
        'ls /claims-raw',
        `get /claims-raw/mine.csv ${at('no')}`,
        'rm /claims-raw/mine.csv',
        'rename /claims-raw/mine.csv /claims-raw/x.csv',
      ]) {
        const ran = await sftp([command], as);
        expect({ command, code: ran.code }).toEqual({ command, code: 1 });
        expect(ran.stderr).toMatch(/denied|not allowed/i);
      }
      expect(await sftp([`put ${file} /other-raw/mine.csv`], as)).toMatchObject({ code: 1 });
      expect(await sftp([`put ${file} /claims-features/mine.csv`], as)).toMatchObject({ code: 1 });
    });

    test.each([
      '/../../../etc/passwd',
      '../../etc/passwd',
      '/claims-raw/../../etc/passwd',
      '/etc/passwd',
      '/other-raw/x',
      '/constructor/x',
      '/__proto__',
      `/claims-raw/${'a'.repeat(3000)}`,
      '/claims-raw/a/../../other-raw/x',
    ])('nothing outside is reached by %s', async (path) => {
      const ran = await sftp([`get ${path} ${at('outside')}`]);
      expect(ran.code).toBe(1);
      await expect(readFile(at('outside'))).rejects.toMatchObject({ code: 'ENOENT' });
    });

    test('another host key than the known one is refused by the client', async () => {
      await writeFile(at('wrong_hosts'), `[127.0.0.1]:${box.port} ${makeSshKey(at('other_host'))}\n`);
      const ran = await login({ knownHosts: at('wrong_hosts') });
      expect(ran.code).toBe(255);
      expect(ran.stderr).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
    });

    test('a certificate gets in; one that must not is told why', async () => {
      const cases: { name: string; sign: string[]; reason?: string; key?: string }[] = [
        { name: 'good', sign: ['-n', 'acme', '-V', '-1m:+5m'] },
        { name: 'expired', sign: ['-n', 'acme', '-V', '-2d:-1d'], reason: 'the certificate has expired' },
        { name: 'early', sign: ['-n', 'acme', '-V', '+1d:+2d'], reason: 'the certificate is not valid yet' },
        { name: 'other', sign: ['-n', 'somebody', '-V', '-1m:+5m'], reason: 'the certificate is not for this user' },
        { name: 'nobody', sign: ['-V', '-1m:+5m'], reason: 'the certificate is not for this user' },
        {
          name: 'far',
          sign: ['-n', 'acme', '-O', 'source-address=192.0.2.0/24'],
          reason: 'the certificate is not for this address',
        },
        { name: 'near', sign: ['-n', 'acme', '-O', 'source-address=127.0.0.0/8'] },
        { name: 'forced', sign: ['-n', 'acme', '-O', 'force-command=/bin/sh'], reason: 'which is not done here' },
        { name: 'host', sign: ['-h', '-n', 'acme'], reason: 'the certificate is not one for users' },
      ];
      for (const { name, sign, reason } of cases) {
        const keyFile = at(`certified-${name}`);
        makeSshKey(keyFile);
        runOrThrow('ssh-keygen', ['-q', '-s', authority, '-I', name, ...sign, `${keyFile}.pub`]);
        const ran = await login({ keyFile, more: ['-o', `CertificateFile=${keyFile}-cert.pub`] });
        // A host certificate is not even offered by OpenSSH; it gets in as little.
        if (name === 'host') expect(ran.code).toBe(255);
        else if (reason === undefined) expect({ name, ...ran }).toMatchObject({ name, code: 0 });
        else {
          expect({ name, code: ran.code }).toEqual({ name, code: 255 });
          expect(ran.stderr).toContain(reason);
        }
      }
    });

    test('a revoked key and an unknown one do not get in; the revoked one is told why', async () => {
      const gone = await login({ user: 'gone', keyFile: revoked });
      expect(gone.code).toBe(255);
      expect(gone.stderr).toContain('the key is revoked');
      makeSshKey(at('stranger'));
      const stranger = await login({ keyFile: at('stranger') });
      expect(stranger.code).toBe(255);
      expect(stranger.stderr).toContain('Permission denied (publickey)');
      await said('the key is not one of this user');
    });

    test.each([
      ['ecdsa', ['-t', 'ecdsa', '-b', '256']],
      ['ecdsa-521', ['-t', 'ecdsa', '-b', '521']],
      ['rsa', ['-t', 'rsa', '-b', '2048']],
    ])('a key of type %s gets in after a reload', async (name, args) => {
      const keyFile = at(`key-${name}`);
      const publicKey = makeSshKey(keyFile, args);
      const before = await readFile(join(box.workspace, 'glovebox.yaml'), 'utf8');
      await box.writeConfig(
        before.replace('  writer:', `  ${name}: { roles: [engineer], sshKeys: [ "${publicKey}" ] }\n  writer:`),
      );
      const reloads = box.log().split('configuration read').length;
      process.kill(box.pid(), 'SIGHUP');
      for (let tries = 0; box.log().split('configuration read').length === reloads && tries < 400; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      expect(await sftp(['ls -1 /'], { user: name, keyFile })).toMatchObject({ code: 0 });
    });

    test('a reload with a mistake changes nothing, and SIGTERM ends it in good order', async () => {
      const before = await readFile(join(box.workspace, 'glovebox.yaml'), 'utf8');
      await box.writeConfig(`${before}nonsense: 1\n`);
      process.kill(box.pid(), 'SIGHUP');
      await said('the configuration stays as it was');
      expect(await sftp(['ls -1 /'])).toMatchObject({ code: 0 });
      await box.writeConfig(before);
      expect(await box.stop()).toBe(0);
      await box.start();
    });

    test('session keys are exchanged anew without harm', async () => {
      const { file, sha256 } = await makeFile('rekeyed', 8 * MIB);
      const more = ['-o', 'RekeyLimit=1M'];
      expect(
        await sftp([`put ${file} /claims-raw/rekeyed.bin`, `get /claims-raw/rekeyed.bin ${at('rekeyed.back')}`], {
          more,
        }),
      ).toMatchObject({ code: 0 });
      expect(await digestOf(at('rekeyed.back'))).toBe(sha256);
    });

    test('the log names who and what, and no content', async () => {
      const { file } = await makeFile('canary', 10);
      await writeFile(file, 'CANARY-7f3a9 secret value\n'.repeat(100));
      expect(await sftp([`put ${file} /claims-raw/canary.csv`])).toMatchObject({ code: 0 });
      expect(box.log()).not.toContain('CANARY-7f3a9');
      const found = await runProgram('grep', ['-rlaF', 'CANARY-7f3a9', box.workspace, join(box.folder, 'tmp')]);
      expect(found.stdout).toBe('');
    });
  },
);
