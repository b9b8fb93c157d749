// OpenSSH's own sftp against the server engine: `-D` runs a relay in the place of ssh, to files in this process.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveSftp } from '../src/sftp/index.ts';
import { type MemoryFiles, makeMemoryFiles } from './support/memory-files.ts';
import { missingTool } from './support/missing-tool.ts';

const MiB = 1024 * 1024;
const RELAY = fileURLToPath(new URL('./support/relay.ts', import.meta.url));
const STDIO = fileURLToPath(new URL('./support/sftp-stdio.ts', import.meta.url));
let folder: string;
let server: Server;
let files: MemoryFiles;
/** How each session ended, and what was reported. */
let ends: string[];
let connection: Socket | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-sftp-'));
  server = createServer({ allowHalfOpen: true }, (socket) => {
    connection = socket;
    void serveSftp(socket, files, { report: (error) => ends.push(`${error}`) }).then(
      () => ends.push('done'),
      (error: { code: string }) => ends.push(error.code),
    );
  });
  server.listen(join(folder, 'socket'));
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach((context) => {
  const reason = missingTool('openssh-client');
  if (reason !== undefined) context.skip(reason);
  files = makeMemoryFiles();
  ends = [];
});
afterEach(() => connection?.destroy());

/** Runs `commands` in the test's folder, as `sftp -b` does: it stops at the first that fails, unless it begins with `-`. */
async function sftp(commands: string[], program = `${RELAY} ${join(folder, 'socket')}`) {
  const args = ['-q', '-b', '-', '-D', `${process.execPath} ${program}`];
  const child = spawn('sftp', args, { cwd: folder, stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  child.stdin.end(`${commands.join('\n')}\n`);
  const [code] = await once(child, 'close');
  return { code, lines: output.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('sftp>')) };
}

const local = (name: string) => join(folder, name);

/** Breaks the connection once `limit` bytes of a file were written, or read. */
function cutAt(limit: number): void {
  const { openWrite, openRead } = files;
  files.openWrite = async (path, flags) => {
    const file = await openWrite(path, flags);
    const write: typeof file.write = async (bytes, offset) => {
      await file.write(bytes, offset);
      if (offset >= limit) connection?.destroy();
    };
    return { ...file, write };
  };
  files.openRead = async (path) => {
    const file = await openRead(path);
    const read: typeof file.read = async (buffer, offset) => {
      if (offset >= limit) connection?.destroy();
      return file.read(buffer, offset);
    };
    return { ...file, read };
  };
}

describe("OpenSSH's sftp", () => {
  it('puts and gets 20 MiB whole, and sees them as they are', async () => {
    const content = randomBytes(20 * MiB + 12_345);
    await writeFile(local('big'), content);
    const { code, lines } = await sftp(['put -f big', 'ls -l', 'get big back']);
    expect({ code, lines }).toEqual({
      code: 0,
      lines: [expect.stringMatching(/^-rw-.* glovebox glovebox 20983865 \w{3} .* big$/)],
    });
    expect(files.content('/big')?.equals(content)).toBe(true);
    expect((await readFile(local('back'))).equals(content)).toBe(true);
    expect(ends).toEqual(['done']);
    expect(files.ends).toEqual(['close /big']);
  });

  it('goes on where an upload was cut off (reput, put -a)', async () => {
    const content = randomBytes(12 * MiB);
    await writeFile(local('cut'), content);
    const { openWrite } = files;
    for (const [limit, command] of [
      [3 * MiB, 'put cut'],
      [6 * MiB, 'reput cut'],
    ] as const) {
      cutAt(limit);
      expect((await sftp([command])).code).not.toBe(0);
      files.openWrite = openWrite;
      const partial = files.content('/cut');
      expect(partial?.length).toBeGreaterThanOrEqual(limit);
      expect(partial?.length).toBeLessThan(content.length);
      expect(partial?.equals(content.subarray(0, partial.length))).toBe(true);
    }
    const writes: number[] = [];
    files.openWrite = async (path, flags) => {
      const file = await openWrite(path, flags);
      const write: typeof file.write = (bytes, offset) => {
        writes.push(offset);
        return file.write(bytes, offset);
      };
      return { ...file, write };
    };
    expect((await sftp(['put -a cut'])).code).toBe(0);
    expect(writes[0]).toBeGreaterThanOrEqual(6 * MiB);
    expect(files.content('/cut')?.equals(content)).toBe(true);
    expect(ends).toEqual(['LOST', 'LOST', 'done']);
    expect(files.ends).toEqual(['abort /cut', 'abort /cut', 'close /cut']);
  });

  it('goes on where a download was cut off (reget)', async () => {
    const content = randomBytes(12 * MiB);
    files.put('/big', content);
    const { openRead } = files;
    cutAt(5 * MiB);
    expect((await sftp(['get big part'])).code).not.toBe(0);
    files.openRead = openRead;
    const { size } = await stat(local('part'));
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThan(content.length);
    expect((await sftp(['reget big part'])).code).toBe(0);
    expect((await readFile(local('part'))).equals(content)).toBe(true);
    expect(ends).toEqual(['LOST', 'done']);
  });

  it('makes, renames, lists, changes and removes', async () => {
    await writeFile(local('a'), 'content');
    await utimes(local('a'), 1_000_000_000, 1_000_000_000);
    const made = ['mkdir d', 'put -p a d/a', 'chmod 640 d/a', 'rename d/a d/b', 'ls -l d', 'cd d', 'pwd'];
    const { code, lines } = await sftp(made);
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^-rw-r----- +1 glovebox glovebox +7 Sep {2}9 {2}2001 (?:d\/)?b$/),
      'Remote working directory: /d',
    ]);
    // rename replaces, since it is OpenSSH's own.
    files.put('/d/c', Buffer.from('other'));
    expect(await sftp(['rename d/c d/b', 'get d/b b', 'rm d/b', 'rmdir d', 'ls'])).toEqual({ code: 0, lines: [] });
    expect(await readFile(local('b'), 'utf8')).toBe('other');
    expect(files.paths()).toEqual(['/']);
    expect(ends).toEqual(['done', 'done']);
  });

  it('puts and gets a folder of many files', async () => {
    await mkdir(local('many/inner'), { recursive: true });
    const names = Array.from({ length: 150 }, (_, i) => (i % 2 ? `many/${i}` : `many/inner/caf\u00e9 ${i}`));
    await Promise.all(names.map((name) => writeFile(local(name), name)));
    expect((await sftp(['put -R many', 'get -R many back-again'])).code).toBe(0);
    for (const name of names) {
      expect(files.content(`/${name}`)?.toString()).toBe(name);
      expect(await readFile(local(name.replace('many', 'back-again')), 'utf8')).toBe(name);
    }
  });

  it('hears why something is not done, and goes on', async () => {
    await writeFile(local('a'), 'content');
    files.put('/a', Buffer.from('here'));
    const { code, lines } = await sftp([
      '-get none',
      '-ln -s a b',
      '-rm none',
      '-mkdir a',
      '-rmdir a',
      '-cd a',
      'df',
      '-put a none/a',
      'get a got',
    ]);
    expect(code).toBe(0);
    const said = lines.join('\n');
    expect(said).toContain('File "/none" not found');
    expect(said).toMatch(/remote symlink .*"\/b": Operation unsupported/);
    expect(said).toMatch(/remote delete .*none.*: No such file or directory/);
    expect(said).toMatch(/remote mkdir .*a.*: Failure/);
    expect(said).toMatch(/4000 +2000 +1600/);
    expect(said).toMatch(/dest open .*none\/a.*: No such file or directory/);
    expect(await readFile(local('got'), 'utf8')).toBe('here');
    expect(ends).toEqual(['done']);
  });

  it('takes names in either Unicode form for one', async () => {
    await writeFile(local('plain'), 'content');
    expect((await sftp(['put plain cafe\u0301', 'get caf\u00e9 got', 'get cafe\u0301 again'])).code).toBe(0);
    expect(files.paths()).toEqual(['/', '/caf\u00e9']);
    expect(await readFile(local('again'), 'utf8')).toBe('content');
  });

  it('talks over standard input and output, as with sshd', async () => {
    const content = randomBytes(3 * MiB);
    await writeFile(local('mine'), content);
    expect(await sftp(['put mine', 'get mine yours', 'rm mine', 'ls'], STDIO)).toEqual({ code: 0, lines: [] });
    expect((await readFile(local('yours'))).equals(content)).toBe(true);
  });
});
