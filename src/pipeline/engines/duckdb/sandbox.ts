// How the engine's process is shut in: bubblewrap where it works (no network, nothing but its FIFOs to
// write to, empty environment); elsewhere an empty environment and no core dumps, and the run says so.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { siblingModule } from '../../../lib/index.ts';

export type Isolation = 'bubblewrap' | 'process';

const SYSTEM_FOLDERS = ['/usr', '/lib', '/lib64', '/bin'];

/** The outermost `node_modules` folder around `path`, or the file's own folder. */
function packageFolder(path: string): string {
  const marker = `${sep}node_modules${sep}`;
  const at = path.indexOf(marker);
  return at < 0 ? dirname(path) : path.slice(0, at + marker.length - 1);
}

function bubblewrapArguments(folder: string, child: string): string[] {
  const require = createRequire(import.meta.url);
  const readable = new Set([
    ...SYSTEM_FOLDERS.filter((path) => existsSync(path)),
    dirname(realpathSync(process.execPath)),
    packageFolder(realpathSync(require.resolve('@duckdb/node-api'))),
    // Our own code: the child's imports stay inside the folder that holds the rooms.
    fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, ''),
  ]);
  const packageFile = fileURLToPath(new URL('../../../../package.json', import.meta.url));
  return [
    ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    ...[...readable].flatMap((path) => ['--ro-bind', path, path]),
    ...(existsSync(packageFile) ? ['--ro-bind', packageFile, packageFile] : []),
    ...['--bind', folder, folder, '--chdir', '/', '--', process.execPath, child],
  ];
}

/** Whether bubblewrap is there and may make namespaces here (containers often forbid it). */
function bubblewrapWorks(): boolean {
  const trial = [
    '--unshare-all',
    '--die-with-parent',
    '--ro-bind',
    '/',
    '/',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    'true',
  ];
  return spawnSync('bwrap', trial, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/**
 * The command that starts the engine's process so that it can write nowhere but to `folder`. Core
 * dumps are off in both forms (I1).
 */
export function engineCommand(folder: string): { file: string; args: string[]; isolation: Isolation } {
  const child = fileURLToPath(siblingModule(import.meta.url, 'child'));
  const isolation: Isolation = bubblewrapWorks() ? 'bubblewrap' : 'process';
  const inner =
    isolation === 'bubblewrap' ? ['bwrap', ...bubblewrapArguments(folder, child)] : [process.execPath, child];
  return { file: '/bin/sh', args: ['-c', 'ulimit -c 0; exec "$@"', 'sh', ...inner], isolation };
}
