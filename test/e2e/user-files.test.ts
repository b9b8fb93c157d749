// OpenSSH's sftp and scp at a user's files over a real vault: a relay runs in the place of ssh.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveSftp } from '../../src/sftp/index.ts';
import { missingTool } from '../support/missing-tool.ts';
import { bytesOf, type FilesBox, makeFilesBox } from '../support/user-files.ts';

const MiB = 1024 * 1024;
const RELAY = fileURLToPath(new URL('../support/relay.ts', import.meta.url));
let box: FilesBox;
let server: Server;
let connection: Socket | undefined;
let served: Promise<unknown>;
/** Breaks the connection once so many bytes came. */
let cutAt: number;

beforeEach(async (context) => {
  const reason = missingTool('openssh-client');
  if (reason !== undefined) context.skip(reason);
  box = await makeFilesBox();
  cutAt = Number.POSITIVE_INFINITY;
  server = createServer({ allowHalfOpen: true }, (socket) => {
    connection = socket;
    socket.on('data', () => {
      if (socket.bytesRead > cutAt) socket.destroy();
    });
    served = serveSftp(socket, box.files('eve', ['engineer'])).catch(() => undefined);
  });
  server.listen(join(box.folder, 'socket'));
  await once(server, 'listening');
  await writeFile(local('ssh'), `#!/bin/sh\nexec ${relay()}\n`, { mode: 0o700 });
});
afterEach(async () => {
  connection?.destroy();
  server.close();
  await box.remove();
});

const local = (name: string) => join(box.folder, name);

async function run(program: string, args: string[], input = ''): Promise<{ code: number; output: string }> {
  const child = spawn(program, args, { cwd: box.folder, stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  await served;
  return { code, output };
}

const relay = () => `${process.execPath} ${RELAY} ${local('socket')}`;
const sftp = (commands: string[]) => run('sftp', ['-q', '-b', '-', '-D', relay()], `${commands.join('\n')}\n`);
/** It takes a program in the place of ssh, and no words for it. */
const scp = (from: string, to: string) => run('scp', ['-q', '-s', '-S', local('ssh'), from, to]);

describe("OpenSSH's clients at a user's files", () => {
  it('put, list, get, rename and remove', async () => {
    const content = bytesOf(1, 9 * MiB + 1234);
    await writeFile(local('big'), content);
    const { code, output } = await sftp([
      'cd claims-raw',
      'mkdir in',
      'put -p big in/big',
      'ls -l in',
      'get in/big back',
      'rename in/big in/other',
      'rm in/other',
      'rmdir in',
      'ls -a',
    ]);
    expect(output).toMatch(/^-rw-------.* 9438418 .*big$/m);
    expect(code).toBe(0);
    expect((await readFile(local('back'))).equals(content)).toBe(true);
  });

  it('scp over a file that is there, longer or shorter', async () => {
    for (const size of [3 * MiB, 100, 2 * MiB + 1, 0]) {
      const content = bytesOf(2 + size, size);
      await writeFile(local('file'), content);
      expect(await scp('file', 'host:/claims-raw/file'), `${size}`).toEqual({ code: 0, output: '' });
      expect(await scp('host:/claims-raw/file', 'back')).toEqual({ code: 0, output: '' });
      expect((await readFile(local('back'))).equals(content), `${size}`).toBe(true);
    }
  });

  it('reput goes on where it was cut off, twice', async () => {
    const content = bytesOf(3, 12 * MiB);
    await writeFile(local('cut'), content);
    for (const [limit, command] of [
      [4 * MiB, 'put cut claims-raw/cut'],
      [3 * MiB, 'reput cut claims-raw/cut'],
    ] as const) {
      cutAt = limit;
      expect((await sftp([command])).code).not.toBe(0);
    }
    cutAt = Number.POSITIVE_INFINITY;
    const { size } = await box.files('eve', ['engineer']).stat('/claims-raw/cut');
    expect(size).toBeGreaterThan(4 * MiB);
    expect(await box.as('engineer').list('claims-raw')).toEqual([]);
    const { code } = await sftp(['reput cut claims-raw/cut', 'get claims-raw/cut back']);
    expect(code).toBe(0);
    expect((await readFile(local('back'))).equals(content)).toBe(true);
    expect(box.memory.used).toBe(0);
  });
});
