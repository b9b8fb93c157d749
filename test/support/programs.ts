// Runs programs that are not ours, and keeps what they say.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  /** Told of the process, so that it can be ended early. */
  onStart?: (child: ChildProcess) => void;
}

/** Runs a program to its end. */
export function runProgram(file: string, args: string[], options: RunOptions = {}): Promise<Ran> {
  const { input, env, cwd, onStart } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(env === undefined ? {} : { env: { PATH: process.env.PATH ?? '', ...env } }),
      ...(cwd === undefined ? {} : { cwd }),
    });
    const output = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk) => {
      output.stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      output.stderr += chunk;
    });
    child.stdin?.on('error', () => undefined).end(input);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
    onStart?.(child);
  });
}

/** Makes a key pair with ssh-keygen. @returns the public key, as in authorized_keys */
export function makeSshKey(file: string, args: string[] = ['-t', 'ed25519']): string {
  runOrThrow('ssh-keygen', ['-q', '-N', '', '-C', 'test', ...args, '-f', file]);
  return runOrThrow('ssh-keygen', ['-y', '-f', file]).trim();
}

/** What it prints. @throws Error where it fails */
export function runOrThrow(file: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A port of 127.0.0.1 that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
