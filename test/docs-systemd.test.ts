// The units that docs/gateway.md shows are units, by systemd's own check.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../scripts/process.ts';
import { missingTool } from './support/missing-tool.ts';
import { runProgram } from './support/programs.ts';

test('the units in docs/gateway.md', async (context) => {
  const reason = missingTool('systemd');
  if (reason !== undefined) return context.skip(reason);
  const text = await readFile(join(root, 'docs', 'gateway.md'), 'utf8');
  const [service = '', socket = ''] = [...text.matchAll(/```ini\n(.*?)```/gs)].map((match) => match[1]);
  // Programs and accounts are those of this machine.
  const here = service
    .replace('/usr/bin/node', process.execPath)
    .replace('User=glovebox', `User=${userInfo().username}`);
  const folder = await mkdtemp(join(tmpdir(), 'glovebox-units-'));
  const check = async (unit: string) => {
    const files = [join(folder, 'glovebox.service'), join(folder, 'glovebox.socket')];
    await writeFile(files[0] ?? '', unit);
    await writeFile(files[1] ?? '', socket);
    const { stdout, stderr } = await runProgram('systemd-analyze', ['verify', ...files]);
    return `${stdout}${stderr}`;
  };
  try {
    expect(await check(here)).toBe('');
    expect(await check(here.replace('NoNewPrivileges', 'NoNewPrivilegez'))).toContain('NoNewPrivilegez');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
