// What the process does to itself before it touches data: no core dumps, no file for others (I1).
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isErrnoError } from '../lib/index.ts';

/**
 * Files are made for their owner only, and a crash leaves no core dump.
 * @returns whether core dumps are off; elsewhere than on Linux that cannot be told.
 */
export function hardenProcess(): boolean {
  process.umask(0o077);
  if (coreLimit() === '0') return true;
  // The limit is the process's own; the program that sets it needs no privilege to lower it.
  spawnSync('prlimit', ['--pid', String(process.pid), '--core=0:0'], { stdio: 'ignore', timeout: 5000 });
  return coreLimit() === '0';
}

/** The soft limit as proc_pid_limits(5) shows it; undefined where the system does not tell. */
function coreLimit(): string | undefined {
  try {
    return /^Max core file size\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  } catch (error) {
    if (isErrnoError(error)) return undefined;
    throw error;
  }
}
