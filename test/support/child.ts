// Runs a TypeScript file in a process of its own, on the Node that runs the tests.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts `file`; `before` is a command that is to run Node, such as `['strace', '-f']`. */
export function startChild(file: URL, args: string[], before: string[] = []): ChildProcessWithoutNullStreams {
  const [command = '', ...rest] = [...before, process.execPath, fileURLToPath(file), ...args];
  return spawn(command, rest, { stdio: 'pipe' });
}

/** Resolves at the child's first output, or at its end. */
export function startsOf(child: ChildProcessWithoutNullStreams): Promise<void> {
  return new Promise((resolve) => {
    child.stdout.once('data', () => resolve());
    child.once('close', () => resolve());
  });
}

/** Runs `file` to its end. A command that cannot be started has code 127 and says why on `stderr`. */
export function runChild(
  file: URL,
  args: string[],
  options: { before?: string[] } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = startChild(file, args, options.before);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 127, stdout: '', stderr: error.message }));
    child.once('close', (code) => resolve({ code, ...output }));
  });
}
