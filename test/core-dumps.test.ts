// I1: a crash of the command leaves no core dump, whatever the shell allowed.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../scripts/process.ts';

const CORE_LIMIT = /^Max core file size +(\S+) +(\S+)/m;

test('the command turns its core dumps off', async (context) => {
  if (spawnSync('prlimit', ['--core=4096:4096', 'true']).status !== 0) {
    context.skip('prlimit is not installed, or the core limit cannot be raised here: apt-get install util-linux');
  }
  const folder = mkdtempSync(join(tmpdir(), 'glovebox-core-'));
  const glovebox = (args: string[]): string[] => [
    '--core=4096:4096',
    process.execPath,
    join(root, 'dist', 'cli', 'main.js'),
    ...args,
  ];
  const env = { ...process.env, XDG_CONFIG_HOME: join(folder, 'config') };
  try {
    expect(spawnSync('prlimit', glovebox(['init', join(folder, 'claims')]), { env }).status).toBe(0);
    // It waits for standard input, so that it can be looked at.
    const child = spawn('prlimit', glovebox(['-C', join(folder, 'claims'), 'put', '-', 'claims-raw/x']), { env });
    try {
      await expect
        .poll(() => CORE_LIMIT.exec(readFileSync(`/proc/${child.pid}/limits`, 'utf8'))?.[1], { timeout: 10_000 })
        .toBe('0');
    } finally {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('close', resolve));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
