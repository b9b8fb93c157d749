// Running other programs from the scripts in this folder, with their output shown as it comes.
import { spawn, spawnSync } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Runs a program in the repository's folder with inherited standard streams; programs of node_modules
 * are found first. Interrupts reach it too.
 *
 * @returns its exit code, or 128 plus the signal's number where a signal ended it, as shells do.
 */
export async function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path, ...env } });
  const forward = (signal: NodeJS.Signals) => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? exitCodeOfSignal(signal)));
    });
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}

/** Runs a program to its end without showing anything: its exit code (127 if there is none) and all it printed. */
export function runQuietly(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): { code: number; output: string } {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });
  if (result.error) return { code: 127, output: result.error.message };
  return { code: result.status ?? exitCodeOfSignal(result.signal), output: `${result.stdout}${result.stderr}` };
}

function exitCodeOfSignal(signal: NodeJS.Signals | null): number {
  if (signal === 'SIGINT') return 130;
  return signal === 'SIGTERM' ? 143 : 129;
}
