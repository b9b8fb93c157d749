// Passphrases: from the terminal without echo, or from a file. Never from arguments or the environment's
// values, which other processes and shell histories see.
import { closeSync, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { ReadStream } from 'node:tty';
import { isErrnoError } from '../lib/index.ts';
import { readAtMost } from './bounded-read.ts';
import { CliError } from './error.ts';

const MAX_LENGTH = 1024;
const LEAST_LENGTH = 8;

export interface PassphraseRequest {
  /** What it is for, in the prompt: `passphrase of this workspace's keys`. */
  what: string;
  /** The environment variable that may name a file. */
  variable: 'GLOVEBOX_PASSPHRASE_FILE' | 'GLOVEBOX_BACKUP_PASSPHRASE_FILE';
  /** A new one: asked twice, and not too short. */
  isNew?: boolean;
  signal: AbortSignal;
}

/** The passphrase, from the file that the variable names or else from the terminal. @throws CliError `PASSPHRASE` */
export async function readPassphrase({ what, variable, isNew, signal }: PassphraseRequest): Promise<string> {
  const file = process.env[variable];
  if (file !== undefined && file !== '') return checked(await readFromFile(file), isNew);
  const first = checked(await ask(`${what}: `, variable, signal), isNew);
  if (isNew && (await ask('the same once more: ', variable, signal)) !== first) {
    throw new CliError('PASSPHRASE', 'the two entries differ', { hint: 'nothing was changed; try again' });
  }
  return first;
}

function checked(passphrase: string, isNew = false): string {
  if (passphrase === '') throw new CliError('PASSPHRASE', 'the passphrase is empty');
  if (isNew && [...passphrase].length < LEAST_LENGTH) {
    throw new CliError('PASSPHRASE', `the passphrase is too short`, {
      hint: `use at least ${LEAST_LENGTH} characters; six random words are good`,
    });
  }
  return passphrase;
}

/** The first line of the file; `/dev/fd/N` names an inherited descriptor. */
async function readFromFile(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const buffer = await readAtMost(handle, MAX_LENGTH + 2);
      const line = buffer.toString('utf8').split(/\r?\n/, 1)[0] ?? '';
      buffer.fill(0);
      if (line.length > MAX_LENGTH) throw new CliError('PASSPHRASE', `${path}: the first line is too long`);
      return line;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!isErrnoError(error)) throw error;
    throw new CliError('PASSPHRASE', `${path}: the passphrase file cannot be read (${error.code})`, { cause: error });
  }
}

async function ask(prompt: string, variable: string, signal: AbortSignal): Promise<string> {
  const terminal = openTerminal(variable);
  const input = new ReadStream(terminal);
  try {
    input.setRawMode(true);
    writeSync(terminal, prompt);
    return await readLine(input, signal);
  } finally {
    input.setRawMode(false);
    writeSync(terminal, '\n');
    input.destroy();
  }
}

function openTerminal(variable: string): number {
  const hint = `run it in a terminal, or name a file that holds the passphrase with ${variable}`;
  let terminal: number;
  try {
    terminal = openSync('/dev/tty', 'r+');
  } catch (error) {
    throw new CliError('PASSPHRASE', 'a passphrase is needed, and there is no terminal to ask for it', {
      hint,
      cause: error,
    });
  }
  if (process.stderr.isTTY || process.stdin.isTTY || process.stdout.isTTY) return terminal;
  closeSync(terminal); // a terminal that nobody looks at: a job in the background would stop for ever
  throw new CliError('PASSPHRASE', 'a passphrase is needed, and there is no terminal to ask for it', { hint });
}

function readLine(input: ReadStream, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const stop = (): void => reject(new CliError('PASSPHRASE', 'no passphrase was given'));
    signal.addEventListener('abort', stop, { once: true });
    input.setEncoding('utf8');
    input.on('error', stop);
    input.on('data', (chunk: string) => {
      for (const character of chunk) {
        if (character === '\r' || character === '\n') return resolve(text);
        if (character === '\u0003') {
          // Raw mode gives the key, not the signal; the signal then ends the waiting.
          process.kill(process.pid, 'SIGINT');
          return undefined;
        }
        if (character === '\u0004') return stop();
        if (character === '\u007f' || character === '\b') text = [...text].slice(0, -1).join('');
        else if (character === '\u0015') text = '';
        else if (character >= ' ' && text.length < MAX_LENGTH) text += character;
      }
      return undefined;
    });
  });
}
