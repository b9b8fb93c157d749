// Other people's SFTP clients at `glovebox serve`: put, get, going on after a cut, rename, list, delete.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProxy } from '../support/delay-proxy.ts';
import { type GatewayBox, gatewayYaml, makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { type Ran, runOrThrow, runProgram } from '../support/programs.ts';
import { clientOptions } from '../support/sshd.ts';

const MIB = 1024 * 1024;

describe('other clients', () => {
  let box: GatewayBox;
  const at = (name: string) => join(box.folder, name);

  beforeAll(async () => {
    const gateway = 'uploads: { minFree: 1MiB }, sftp: { profile: compatible }';
    box = await makeGatewayBox({ yaml: (publicKey) => gatewayYaml(publicKey, gateway) });
    await writeFile(`${box.keyFile}.pub`, runOrThrow('ssh-keygen', ['-y', '-f', box.keyFile]));
  });
  afterAll(() => box?.remove());

  async function makeFile(name: string, bytes: number): Promise<{ file: string; sha256: string }> {
    const content = randomBytes(bytes);
    await writeFile(at(name), content);
    return { file: at(name), sha256: createHash('sha256').update(content).digest('hex') };
  }
  const digestOf = async (file: string) =>
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  const listed = () => box.glovebox(['ls', 'claims-raw']);
  /** Runs `upload` on a connection that is cut off on the way. */
  async function cutOff(upload: (port: number) => Promise<Ran>): Promise<void> {
    const proxy = await startProxy({ to: box.port, cutAfter: 5 * MIB });
    try {
      await upload(proxy.port);
    } finally {
      await proxy.stop();
    }
  }

  test('lftp', async (context) => {
    const missing = missingTool('lftp');
    if (missing !== undefined) context.skip(missing);
    const lftp = async (commands: string[], port = box.port) => {
      const options = [...clientOptions(box), '-o', `HostKeyAlias=[127.0.0.1]:${box.port}`];
      const settings = [
        `set sftp:connect-program "ssh -a -x ${options.join(' ')}"`,
        'set net:max-retries 1',
        'set net:timeout 5',
        'set net:reconnect-interval-base 1',
        'set cmd:fail-exit yes',
        `open -u acme, sftp://127.0.0.1:${port}`,
      ];
      // Its standard input must be a file.
      await writeFile(at('lftp.script'), `${[...settings, ...commands].join('\n')}\n`);
      return runProgram('lftp', ['-f', at('lftp.script')], { env: { HOME: box.folder } });
    };
    const { file, sha256 } = await makeFile('lftp', 12 * MIB);
    await cutOff((port) => lftp([`put ${file} -o /claims-raw/lftp.bin`], port));
    expect(listed()).not.toContain('lftp.bin');
    expect(await lftp([`put -c ${file} -o /claims-raw/lftp.bin`])).toEqual({ code: 0, stdout: '', stderr: '' });
    const ran = await lftp([
      'cls -1 /claims-raw',
      `get /claims-raw/lftp.bin -o ${at('lftp.back')}`,
      'mv /claims-raw/lftp.bin /claims-raw/lftp2.bin',
    ]);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('lftp.bin');
    expect(await digestOf(at('lftp.back'))).toBe(sha256);
    expect(listed()).toContain('lftp2.bin');
    expect(await lftp(['rm /claims-raw/lftp2.bin'])).toMatchObject({ code: 0 });
    expect(listed()).not.toContain('lftp2.bin');
  });

  test('rclone, which does not resume and sends a file anew', async (context) => {
    const missing = missingTool('rclone');
    if (missing !== undefined) context.skip(missing);
    // A file of known hosts of its own: it looks the port up, too.
    const remote = (path: string, port = box.port) =>
      `:sftp,host=127.0.0.1,port=${port},user=acme,key_file="${box.keyFile}",shell_type=none,disable_hashcheck=true,known_hosts_file="${at('rclone_hosts')}":${path}`;
    const rclone = (args: string[]) =>
      runProgram('rclone', ['--config', '/dev/null', '--retries', '1', '--low-level-retries', '1', ...args], {
        env: { HOME: box.folder },
      });
    const { file, sha256 } = await makeFile('rclone', 12 * MIB);
    const known = await readFile(box.knownHosts, 'utf8');
    await writeFile(at('rclone_hosts'), known);
    const proxy = await startProxy({ to: box.port, cutAfter: 5 * MIB });
    await writeFile(at('rclone_hosts'), known + known.replace(`:${box.port} `, `:${proxy.port} `));
    const cut = await rclone(['copyto', file, remote('/claims-raw/rclone.bin', proxy.port)]);
    await proxy.stop();
    expect(cut.code).not.toBe(0);
    expect(listed()).not.toContain('rclone.bin');
    expect(await rclone(['copyto', file, remote('/claims-raw/rclone.bin')])).toMatchObject({ code: 0 });
    expect(await rclone(['copyto', remote('/claims-raw/rclone.bin'), at('rclone.back')])).toMatchObject({ code: 0 });
    expect(await digestOf(at('rclone.back'))).toBe(sha256);
    expect((await rclone(['lsf', remote('/claims-raw')])).stdout).toContain('rclone.bin\n');
    expect(await rclone(['moveto', remote('/claims-raw/rclone.bin'), remote('/claims-raw/rclone2.bin')])).toMatchObject(
      { code: 0 },
    );
    expect(await rclone(['deletefile', remote('/claims-raw/rclone2.bin')])).toMatchObject({ code: 0 });
    expect(listed()).not.toContain('rclone');
  });

  test('curl', async (context) => {
    const missing = missingTool('curl');
    if (missing !== undefined) context.skip(missing);
    const [, , base64 = ''] = (await readFile(box.knownHosts, 'utf8')).split(/\s+/);
    const pin = createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64').replace(/=+$/, '');
    const curl = (args: string[], path = '/', port = box.port) => {
      const fixed = [
        '-sS',
        '--hostpubsha256',
        pin,
        '--key',
        box.keyFile,
        '--pubkey',
        `${box.keyFile}.pub`,
        '-u',
        'acme:',
      ];
      return runProgram('curl', [...fixed, ...args, `sftp://127.0.0.1:${port}${path}`]);
    };
    const { file, sha256 } = await makeFile('curl', 12 * MIB);
    await cutOff((port) => curl(['-T', file], '/claims-raw/curl.bin', port));
    expect(listed()).not.toContain('curl.bin');
    expect(await curl(['-C', '-', '-T', file], '/claims-raw/curl.bin')).toMatchObject({ code: 0 });
    expect(await curl(['-o', at('curl.back')], '/claims-raw/curl.bin')).toMatchObject({ code: 0 });
    expect(await digestOf(at('curl.back'))).toBe(sha256);
    expect((await curl([], '/claims-raw/')).stdout).toContain('curl.bin');
    expect(
      await curl(['-Q', '-rename /claims-raw/curl.bin /claims-raw/curl2.bin', '-o', '/dev/null'], '/claims-raw/'),
    ).toMatchObject({ code: 0 });
    expect(listed()).toContain('curl2.bin');
    expect(await curl(['-Q', '-rm /claims-raw/curl2.bin', '-o', '/dev/null'], '/claims-raw/')).toMatchObject({
      code: 0,
    });
    expect(listed()).not.toContain('curl2.bin');
  });

  test('sshfs', async (context) => {
    const missing = missingTool('sshfs');
    if (missing !== undefined) context.skip(missing);
    const folder = at('mounted');
    await mkdir(folder);
    const mounted = await runProgram('sshfs', [
      'acme@127.0.0.1:/claims-raw',
      folder,
      '-p',
      String(box.port),
      ...clientOptions(box),
    ]);
    expect(mounted).toMatchObject({ code: 0 });
    try {
      const { file, sha256 } = await makeFile('sshfs', 12 * MIB);
      const shell = (script: string) => runProgram('sh', ['-ec', script]);
      expect(await shell(`cp ${file} ${folder}/sshfs.bin`)).toMatchObject({ code: 0 });
      expect(await digestOf(join(folder, 'sshfs.bin'))).toBe(sha256);
      expect((await shell(`ls ${folder}`)).stdout).toContain('sshfs.bin');
      expect(await shell(`mv ${folder}/sshfs.bin ${folder}/sshfs2.bin && rm ${folder}/sshfs2.bin`)).toMatchObject({
        code: 0,
      });
      // Going on is appending here.
      expect(
        await shell(`printf one > ${folder}/log && printf two >> ${folder}/log && cat ${folder}/log`),
      ).toMatchObject({ code: 0, stdout: 'onetwo' });
    } finally {
      await runProgram('fusermount', ['-u', folder]);
    }
  });
});
