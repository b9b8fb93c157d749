// What the process does to itself before it touches data: no core dumps, no file for others (I1).
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isErrnoError } from '../lib/index.ts';
import { unencryptedSwap } from '../pipeline/index.ts';
import { CliError } from './error.ts';

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

/**
 * Memory must not reach a disk by way of swap.
 *
 * @param isAllowed whether it may all the same
 * @returns the unencrypted swap that there is, where it is allowed
 * @throws CliError `HOST`
 */
export function refuseSwap(isAllowed: boolean): string | undefined {
  const swap = unencryptedSwap().join(', ');
  if (swap === '' || isAllowed) return swap === '' ? undefined : swap;
  throw new CliError('HOST', `this host has unencrypted swap (${swap}): plaintext could reach a disk`, {
    hint: 'turn it off (swapoff) or encrypt it; or say --allow-swap',
  });
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
