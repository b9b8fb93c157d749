// What the documentation promises of the command line is what the code does.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isCliReferenceCurrent } from '../scripts/docs-cli.ts';
import { root } from '../scripts/process.ts';
import { commands } from '../src/cli/commands/index.ts';
import { EXIT, exits } from '../src/cli/exit.ts';
import { HINTS } from '../src/cli/hints.ts';

test('docs/reference/cli.md is made from the commands as they are (node scripts/docs-cli.ts)', async () => {
  expect(await isCliReferenceCurrent()).toBe(true);
});

test('docs/exit-codes.md lists each error code with the exit code that it has, and no other', async () => {
  const text = await readFile(join(root, 'docs', 'exit-codes.md'), 'utf8');
  const promised = Object.fromEntries(
    [...text.matchAll(/^\| `([a-z]+\/[A-Z_]+)` \| (\d+) \|$/gm)].map(([, code = '', exit]) => [code, Number(exit)]),
  );
  const actual = Object.fromEntries(
    Object.entries(exits).flatMap(([room, table]) =>
      Object.entries(table).map(([code, exit]) => [`${room}/${code}`, exit]),
    ),
  );
  expect(promised).toEqual(actual);
  const explained = [...text.matchAll(/^\| (\d+) \| /gm)].map(([, exit]) => Number(exit));
  expect(explained).toEqual(Object.values(EXIT));
});

test('hints are about codes that exist', () => {
  const codes = Object.entries(exits).flatMap(([room, table]) => Object.keys(table).map((code) => `${room}/${code}`));
  for (const code of Object.keys(HINTS)) if (!code.startsWith('system/')) expect(codes).toContain(code);
});

test('no option of a command hides one that every command has', () => {
  const taken = ['json', 'role', 'version', 'help', 'directory'];
  for (const { name, options } of commands) {
    for (const [key, { short }] of Object.entries(options)) {
      expect(taken, name).not.toContain(key);
      expect(['C', 'V', 'h'], name).not.toContain(short);
    }
  }
});
