// The AWS emulator moto as a server of its own, which decides about calls once it is told to.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { missingTool } from './missing-tool.ts';

const { GLOVEBOX_MOTO_PYTHON = '', PATH = '' } = process.env;
// Nothing of the user's AWS settings and of moto's own reaches it.
const ENV = { PATH, PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' };
// Ends with its standard input, and so with the process that started it, however that ends.
const START = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['--host', '127.0.0.1', '--port', '0'])
`;

/** The reason to leave out a test that needs moto, or undefined when it is there. */
export function missingMoto(): string | undefined {
  if (GLOVEBOX_MOTO_PYTHON !== '') return undefined;
  return missingTool('moto') ?? 'the Python environment is made by npm test';
}

export interface Moto {
  /** `http://127.0.0.1:PORT`, all services. */
  endpoint: string;
  /** From now on each call needs a valid signature and a policy that allows it. Until then there is neither. */
  authorize(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it on a free port of the loopback interface; resolves once it answers. */
export async function startMoto(): Promise<Moto> {
  const child = spawn(GLOVEBOX_MOTO_PYTHON, ['-c', START], { env: ENV, stdio: ['pipe', 'ignore', 'pipe'] });
  const lines: string[] = [];
  const ended = new Promise<void>((resolve) => {
    child.once('error', ({ message }) => {
      lines.push(message);
      resolve();
    });
    child.once('close', () => resolve());
  });
  const stop = async () => {
    child.kill();
    await ended;
  };
  const port = await new Promise<string | undefined>((resolve) => {
    // It logs each call: read to the end, or the pipe fills and it stands still.
    createInterface({ input: child.stderr }).on('line', (line) => {
      const [, found] = /Running on http:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
      lines.push(line);
      lines.splice(0, lines.length - 20);
    });
    void ended.then(() => resolve(undefined));
  });
  if (port === undefined) throw new Error(`moto does not start: ${lines.join('\n')}`);
  const endpoint = `http://127.0.0.1:${port}`;
  const tell = async (path: string, body: string) => {
    const answer = await fetch(`${endpoint}/moto-api/${path}`, { method: 'POST', body });
    if (!answer.ok) throw new Error(`moto answers ${answer.status} to ${path}: ${lines.join('\n')}`);
  };
  try {
    await tell('reset', '');
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, stop, authorize: () => tell('reset-auth', '0') };
}
