// The transcripts of test/scripts, run against the built command.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../scripts/process.ts';
import { parseScript, runScript } from './support/script.ts';

const folder = join(root, 'test', 'scripts');
const main = join(root, 'dist', 'cli', 'main.js');

/** What a transcript may need, and why it is left out where that is not there. */
const needs: Record<string, () => string | undefined> = {
  mount: () =>
    succeeds('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'])
      ? undefined
      : 'needs root, or user namespaces, to mount a disk of its own (unshare -rm)',
  script: () =>
    succeeds('script', ['--version']) ? undefined : 'script(1) is not installed: apt-get install bsdutils',
  'ssh-keygen': () =>
    succeeds('ssh', ['-V']) ? undefined : 'ssh-keygen is not installed: apt-get install openssh-client',
};

function succeeds(program: string, args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

describe('a transcript', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
    const script = parseScript(readFileSync(join(folder, name), 'utf8'));
    test(`${name}:${script.why}`, (context) => {
      for (const need of script.needs) {
        const reason = needs[need] === undefined ? `nothing is known of: ${need}` : needs[need]();
        if (reason !== undefined) context.skip(reason);
      }
      const box = mkdtempSync(join(tmpdir(), 'glovebox-script-'));
      try {
        expect(runScript(script, box, main).join('\n')).toBe('');
      } finally {
        rmSync(box, { recursive: true, force: true });
      }
    });
  }
});

describe('the runner', () => {
  const run = (text: string): string[] => {
    const box = mkdtempSync(join(tmpdir(), 'glovebox-script-'));
    try {
      return runScript(parseScript(`# a transcript about the runner itself\n${text}`), box, main);
    } finally {
      rmSync(box, { recursive: true, force: true });
    }
  };

  test('finds each kind of mistake', () => {
    expect(run('[3] true\n').join()).toContain('exit code 0 instead of 3');
    expect(run('echo a\nstdout b\n').join()).toContain('stdout does not match');
    expect(run('echo a\n!stdout a\n').join()).toContain('stdout matches');
    expect(run('echo CANARY >&2\n').join()).toContain('a data value is printed');
    expect(run('mkdir -p ws/data/x/tmp; touch ws/data/x/tmp/y\n').join()).toContain('left behind: ws/data/x/tmp/y');
    expect(run('[1] : glovebox put; mkdir -p d/objects; touch d/objects/1; exit 1\n').join()).toContain(
      'changed the store',
    );
    expect(run('[1] : glovebox x; echo glovebox: failed >&2; exit 1\n').join()).toContain(
      'not one clear line and a hint',
    );
  });

  test('lets what is right pass', () => {
    expect(run('echo a\nstdout ^a$\n!stderr .\necho CANARY\nshows-data\n')).toEqual([]);
  });

  test('takes no transcript without a reason', () => {
    expect(() => parseScript('glovebox ls\n')).toThrow('why it exists');
  });
});
