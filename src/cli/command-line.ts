// One call of the command: from arguments and signals to printed results and an exit code.
import { readFile } from 'node:fs/promises';
import { isErrnoError } from '../lib/index.ts';
import { EXIT, type ExitCode, explainError } from './exit.ts';
import { hardenProcess } from './host.ts';
import { runProgram } from './program.ts';
import { flush, OutputClosedError } from './standard-streams.ts';
import { createUi, type Ui } from './ui.ts';

/** Runs the command that the process was started with, and ends the process with its exit code. */
export async function runCommandLine(): Promise<void> {
  const args = process.argv.slice(2);
  // Before parsing, so that mistakes in the arguments are told in the right form too.
  const ui = createUi(
    args.slice(0, args.includes('--') ? args.indexOf('--') : args.length).includes('--json'),
    process,
  );
  const controller = new AbortController();
  listen(ui, controller);
  if (!hardenProcess() && process.platform === 'linux') {
    ui.warn('core dumps are on, and could not be turned off: a crash may write data to a disk', 'run: ulimit -c 0');
  }
  process.exit(await attempt(args, ui, controller.signal));
}

async function attempt(args: string[], ui: Ui, signal: AbortSignal): Promise<ExitCode> {
  try {
    await runProgram(args, { version: await readVersion(), ui, signal });
    await flush(process.stdout);
    return EXIT.done;
  } catch (error) {
    return report(error, ui, signal);
  }
}

function report(error: unknown, ui: Ui, signal: AbortSignal): ExitCode {
  if (error instanceof OutputClosedError || isErrnoError(error, 'EPIPE')) return EXIT.failed;
  const failure = explainError(error);
  if (signal.aborted) {
    // Of a transfer something is kept.
    const isKept = failure.code === 'transfer/ABORTED';
    const told = isKept
      ? failure
      : {
          code: 'cli/INTERRUPTED',
          message: 'interrupted; nothing half done was kept',
          hint: 'start it again',
        };
    ui.failure({ ...told, exit: EXIT.interrupted });
    return EXIT.interrupted;
  }
  ui.failure(failure);
  return failure.exit;
}

/** Signals stop the command in good order; the second one at once. Nothing that is thrown is shown as it is (I1). */
function listen(ui: Ui, controller: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      controller.abort();
    });
  }
  const fail = (error: unknown): void => process.exit(report(error, ui, controller.signal));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  // Whoever read our output has gone: there is nobody to tell.
  process.stdout.on('error', (error) => {
    if (isErrnoError(error, 'EPIPE')) process.exit(EXIT.failed);
    fail(error);
  });
  process.stderr.on('error', () => process.exit(EXIT.failed));
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const content: unknown = JSON.parse(text);
  const isPackage = typeof content === 'object' && content !== null && 'version' in content;
  return isPackage && typeof content.version === 'string' ? content.version : 'unknown';
}
