import { spawn } from 'node:child_process';
import { lstat, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startChild, startsOf } from '../../test/support/child.ts';
import { withProcessLock } from './index.ts';
import { hasEnded, ownIdentity } from './process-identity.ts';

const child = new URL('../../test/faults/lock-child.ts', import.meta.url);
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const content = (fields: Partial<ReturnType<typeof ownIdentity>>) => {
  const { pid, startTime, boot, namespace, machine } = { ...ownIdentity(), ...fields };
  return [pid, startTime, boot, namespace, machine, '0123456789'].join(':');
};

describe('process lock', () => {
  it('lets one in at a time, gives the result back, and is gone afterwards', async () => {
    let inside = 0;
    const work = async () => {
      inside += 1;
      expect(inside).toBe(1);
      await sleep(1);
      inside -= 1;
      return 'done';
    };
    expect(await Promise.all(Array.from({ length: 20 }, () => withProcessLock(path, work)))).toContain('done');
    await expect(withProcessLock(path, () => Promise.reject(new Error('from work')))).rejects.toThrow('from work');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is busy while a running process holds it, and says which', async () => {
    await symlink(content({}), path);
    const taken = withProcessLock(path, async () => 'in', 50);
    await expect(taken).rejects.toMatchObject({ code: 'BUSY', message: expect.stringContaining(`${process.pid}`) });
  });

  it.each([
    ['an ended process', () => ({ pid: 2 ** 22 - 1 })],
    ['a process whose number was given out again', () => ({ startTime: '1' })],
  ])('lets one in at a time where many take over the lock of %s', async (_, fields) => {
    for (let round = 0; round < 10; round += 1) {
      await symlink(content(fields()), path);
      let inside = 0;
      const work = async () => {
        inside += 1;
        const alone = inside === 1;
        await sleep(1);
        inside -= 1;
        return alone;
      };
      const results = await Promise.all(Array.from({ length: 12 }, () => withProcessLock(path, work, 5000)));
      expect(results).toEqual(results.map(() => true));
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it.each([
    ['another machine', { machine: 'ffffff', pid: 2 ** 22 - 1 }],
    ['another container', { namespace: '1', pid: 2 ** 22 - 1 }],
  ])('never takes over the lock of %s, and says which file it is', async (_, fields) => {
    await symlink(content(fields), path);
    const taken = withProcessLock(path, async () => 'in', 50);
    await expect(taken).rejects.toMatchObject({ code: 'BUSY', hint: expect.stringContaining('remove that file') });
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
  });

  it('leaves alone what is not a lock', async () => {
    await writeFile(path, 'mine');
    await expect(withProcessLock(path, async () => 'in')).rejects.toMatchObject({ code: 'FOREIGN' });
    await rm(path);
    await symlink('/etc/passwd', path);
    await expect(withProcessLock(path, async () => 'in')).rejects.toMatchObject({ code: 'FOREIGN' });
  });

  it('knows a zombie for ended', async () => {
    const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 5'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
    await sleep(50);
    expect(hasEnded({ ...ownIdentity(), pid, startTime: '' })).toBe(true);
    parent.kill('SIGKILL');
  });

  it('keeps processes apart while holders and breakers are killed', async () => {
    const kills = process.env.GLOVEBOX_FULL ? 400 : 30;
    const output: string[] = [];
    const start = () => {
      const started = startChild(child, [folder]);
      started.stdout.on('data', (chunk) => output.push(`${chunk}`));
      started.stderr.on('data', (chunk) => output.push(`${chunk}`));
      return started;
    };
    const running = [start(), start(), start()];
    await Promise.all(running.map(startsOf));
    for (let i = 0; i < kills; i += 1) {
      running.shift()?.kill('SIGKILL');
      const next = start();
      running.push(next);
      await Promise.race([startsOf(next), sleep(200)]);
    }
    for (const each of running) each.kill('SIGKILL');
    await Promise.all(running.map((each) => new Promise((resolve) => each.once('close', resolve))));
    expect(output.join('').replaceAll('.', '')).toBe('');
    expect(output.join('').length).toBeGreaterThan(kills);
    expect(await withProcessLock(path, async () => 'still works', 5000)).toBe('still works');
  });
});
