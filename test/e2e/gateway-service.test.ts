// `glovebox serve` as a service: metrics and health, reloads during a session, an ending in good order, systemd.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND, type GatewayBox, gatewayYaml, makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { freePort, runProgram } from '../support/programs.ts';
import { clientOptions } from '../support/sshd.ts';

const MIB = 1024 * 1024;
const missing = missingTool('openssh-client');

describe.skipIf(missing !== undefined)(`the gateway as a service${missing === undefined ? '' : `: ${missing}`}`, () => {
  let box: GatewayBox;
  const sessions: ChildProcess[] = [];
  const at = (name: string) => join(box.folder, name);

  beforeEach(async () => {
    box = await makeGatewayBox({
      yaml: (key) => gatewayYaml(key, 'uploads: { minFree: 1MiB }, admin: "127.0.0.1:0"'),
    });
  });
  afterEach(async () => {
    for (const child of sessions.splice(0)) child.kill('SIGKILL');
    await box?.remove();
  });

  async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await isSo()); tries++) {
      if (tries > 2000) throw new Error(`it does not come to this: ${what}; the log: ${box.log()}`);
      await sleep(25);
    }
  }
  const said = (text: string) => until(text, () => box.log().includes(text));

  async function reload(change: (yaml: string) => string): Promise<void> {
    const file = join(box.workspace, 'glovebox.yaml');
    const count = () => box.log().split('"configuration read"').length;
    const before = count();
    await writeFile(file, change(await readFile(file, 'utf8')));
    process.kill(box.pid(), 'SIGHUP');
    await until('a reload', () => count() > before);
  }

  async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://127.0.0.1:${box.adminPort}${path}`, init);
    return { status: answer.status, text: await answer.text() };
  }

  /** `sftp`, which is told what to do bit by bit. */
  function talk(more: string[] = [], user = 'acme') {
    const args = ['-q', ...clientOptions(box), ...more, '-P', String(box.port), '-b', '-', `${user}@127.0.0.1`];
    const child = spawn('sftp', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    sessions.push(child);
    const talking = {
      child,
      heard: '',
      ended: once(child, 'exit'),
      say: (line: string) => child.stdin.write(`${line}\n`),
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        talking.heard += chunk;
      });
    }
    child.stdin.on('error', () => undefined);
    return talking;
  }

  async function makeFile(name: string, bytes: number): Promise<{ file: string; sha256: string }> {
    const content = randomBytes(bytes);
    await writeFile(at(name), content);
    return { file: at(name), sha256: createHash('sha256').update(content).digest('hex') };
  }

  test('metrics and health count, and name nobody', async () => {
    const { file } = await makeFile('counted', 70_000);
    const session = talk();
    session.say(`put ${file} /claims-raw/named.csv`);
    session.say(`get /claims-raw/named.csv ${at('back')}`);
    await said('"msg":"read"');
    const stranger = await runProgram('sftp', [
      ...['-q', ...clientOptions(box), '-P', String(box.port), '-b', '/dev/null', 'nobody@127.0.0.1'],
    ]);
    expect(stranger.code).not.toBe(0);
    const { status, text } = await ask('/metrics');
    expect(status).toBe(200);
    for (const line of [
      'glovebox_connections 1',
      'glovebox_logins_total{outcome="accepted"} 1',
      'glovebox_logins_total{outcome="refused"} 1',
      'glovebox_file_bytes_total{direction="in"} 70000',
      'glovebox_file_bytes_total{direction="out"} 70000',
      'glovebox_files_total{what="uploaded"} 1',
      'glovebox_failures_total 0',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).not.toMatch(/acme|nobody|named\.csv|claims-raw/);
    expect(await ask('/healthz')).toEqual({ status: 200, text: 'alive\n' });
    expect(await ask('/readyz')).toEqual({ status: 200, text: 'ready\n' });
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/metrics', { method: 'POST' })).status).toBe(405);
  });

  test('a reload counts for sessions under way: a right that is gone is gone, and a user too', async () => {
    const session = talk();
    session.say('ls -1 /');
    await until('a listing', () => session.heard.includes('claims-raw'));
    await reload((yaml) => yaml.replace('roles: [engineer]', 'roles: [supplier]'));
    session.say('ls -1 /claims-raw');
    await session.ended;
    expect(session.heard).toMatch(/not allowed|denied/i);
    const other = talk();
    other.say('ls -1 /');
    await until('a listing', () => other.heard.includes('claims-raw'));
    await reload((yaml) => yaml.replace('  acme:', '  somebody:'));
    // sftp itself notices only when it has something to ask.
    await said('"msg":"cut"');
    expect(box.log()).toContain('"reason":"the key is not one of this user"');
    other.say('ls -1 /');
    await other.ended;
    expect(other.child.exitCode).not.toBe(0);
  });

  test('a reload drops no transfer, says what it cannot move, and takes a new host key', async () => {
    const { file, sha256 } = await makeFile('long', 24 * MIB);
    const session = talk(['-l', '80000']);
    session.say(`put ${file} /claims-raw/long.bin`);
    await said('upload begun');
    const { publicKey } = await readHostKey();
    await reload((yaml) =>
      yaml.replace('admin: "127.0.0.1:0"', 'sftp: { listen: "127.0.0.1:7" }, limits: { idle: 5m }'),
    );
    await said('"what":"gateway.sftp.listen"');
    await said('"what":"gateway.admin"');
    session.child.stdin?.end();
    await session.ended;
    expect(session.child.exitCode).toBe(0);
    await said(sha256);
    expect(publicKey).toMatch(/^ssh-ed25519 /);
    expect((await readHostKey()).publicKey).toBe(publicKey);
    const other = at('other_host_key');
    await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    await reload((yaml) => yaml.replace('sftp: { listen: "127.0.0.1:7" }', `sftp: { hostKeys: [ ${other} ] }`));
    expect(await readFile(`${other}.pub`, 'utf8')).toContain((await readHostKey()).publicKey);
  });

  async function readHostKey(): Promise<{ publicKey: string }> {
    const { stdout } = await runProgram('ssh-keyscan', ['-t', 'ed25519', '-p', String(box.port), '127.0.0.1']);
    return { publicKey: stdout.trim().split(' ').slice(1).join(' ') };
  }

  test('SIGTERM lets an upload end, takes nobody in meanwhile, and ends with 0', async () => {
    const { file, sha256 } = await makeFile('last', 16 * MIB);
    const session = talk(['-l', '80000']);
    session.say(`put ${file} /claims-raw/last.bin`);
    session.child.stdin?.end();
    await said('upload begun');
    const ended = box.stop();
    await said('going down');
    expect(await ask('/readyz')).toEqual({ status: 503, text: 'draining\n' });
    expect((await ask('/healthz')).status).toBe(200);
    await expect(canConnect(box.port)).resolves.toBe(false);
    expect(await ended).toBe(0);
    await session.ended;
    expect(session.child.exitCode).toBe(0);
    expect(box.log()).toContain(sha256);
    expect(box.log()).toContain('"msg":"ended"');
  });

  test('what does not end in time is kept, to go on with', async () => {
    const { file, sha256 } = await makeFile('kept', 16 * MIB);
    await box.stop();
    box.more = ['--drain', '500ms'];
    await box.start();
    const session = talk(['-l', '40000']);
    session.say(`put ${file} /claims-raw/kept.bin`);
    await said('upload begun');
    expect(await box.stop()).toBe(0);
    await session.ended;
    expect(session.child.exitCode).not.toBe(0);
    expect(box.log()).toContain('upload kept');
    expect(box.log()).not.toContain(sha256);
    await box.start();
    const again = talk();
    again.say(`reput ${file} /claims-raw/kept.bin`);
    again.child.stdin?.end();
    await again.ended;
    expect(again.child.exitCode).toBe(0);
    expect(box.log()).toContain('upload resumed');
    expect(box.log()).toContain(sha256);
  });

  test('systemd is told when it is ready, reloads and ends', async (context) => {
    const reason = missingTool('systemd') ?? missingTool('python3-venv');
    if (reason !== undefined) return context.skip(reason);
    await box.stop();
    const path = at('notify');
    // A socket as systemd's: Node has none of this kind.
    const listener = spawn(
      'python3',
      [
        ...['-u', '-c'],
        'import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("bound")\n' +
          'while True:\n  data, fds, flags, _ = socket.recv_fds(s, 4096, 4)\n  [socket.close(fd) for fd in fds]\n  print(data.decode(), flush=True)\n',
        path,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    sessions.push(listener);
    let told = '';
    listener.stdout.on('data', (chunk) => {
      told += chunk;
    });
    await until('the listener', () => told.includes('bound'));
    box.env.NOTIFY_SOCKET = path;
    await box.start();
    await until('READY', () => told.includes('READY=1'));
    expect(told).toContain(`MAINPID=${box.pid()}`);
    told = '';
    process.kill(box.pid(), 'SIGHUP');
    await until('READY again', () => told.includes('READY=1'));
    expect(told).toMatch(/RELOADING=1\nMONOTONIC_USEC=\d+[\s\S]*READY=1/);
    told = '';
    expect(await box.stop()).toBe(0);
    expect(told).toContain('STOPPING=1');
    expect(box.log()).not.toContain('systemd could not be told');
  });

  test('systemd opens the socket, and it is served', async (context) => {
    const reason = missingTool('systemd');
    if (reason !== undefined) return context.skip(reason);
    await box.stop();
    box.port = await freePort();
    const serve = [process.execPath, COMMAND, '-C', box.workspace, 'serve', '--allow-swap'];
    const names = Object.keys(box.env).map((name) => `--setenv=${name}`);
    const child = spawn('systemd-socket-activate', [`--listen=127.0.0.1:${box.port}`, ...names, ...serve], {
      env: box.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    sessions.push(child);
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        log += chunk;
      });
    }
    await until('a listening socket', () => log.includes('Listening on'));
    // The configuration says another port: the socket counts.
    const known = (await readFile(box.knownHosts, 'utf8')).split(' ').slice(1).join(' ');
    await writeFile(box.knownHosts, `[127.0.0.1]:${box.port} ${known}`);
    const session = talk();
    session.say('ls -1 /');
    await until('a listing', () => session.heard.includes('claims-raw'));
    expect(log).toContain(`sftp on 127.0.0.1:${box.port}`);
    session.child.stdin?.end();
    await session.ended;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  test('a port that is taken is said in one line', async () => {
    const args = [COMMAND, '-C', box.workspace, 'serve', '--allow-swap', '--listen', `127.0.0.1:${box.port}`];
    const ran = await runProgram(process.execPath, args, { env: box.env });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(new RegExp(`^glovebox: nothing can listen on 127.0.0.1:${box.port}\n  `));
  });
});

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
