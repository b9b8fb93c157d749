// The official Python client in a process of its own, which answers one JSON line for one; and its CLI.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../../scripts/process.ts';
import { type EncryptionClient, OUR_SUITE } from './encryption-client.ts';
import { missingTool } from './missing-tool.ts';

const FOLDER = join(root, 'test', 'interop', 'python');
const { GLOVEBOX_PYTHON = '', PATH = '' } = process.env;
const ENV = { PATH, PYTHONPATH: FOLDER, PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' };

/** The reason to leave out a test that needs the Python client, or undefined when it is there. */
export function missingPython(): string | undefined {
  if (GLOVEBOX_PYTHON !== '') return undefined;
  return missingTool('python3-venv') ?? 'the Python environment is made by npm test';
}

export interface PythonClient extends EncryptionClient {
  stop(): Promise<void>;
}

interface Answer {
  sealed?: string;
  plaintext?: string;
  context?: Record<string, string>;
  error?: string;
}

/** Starts `test/interop/python/peer.py`. What the client refuses is an error with its words. */
export function startPythonClient(): PythonClient {
  const child = spawn(GLOVEBOX_PYTHON, [join(FOLDER, 'peer.py')], { env: ENV, stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)));
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  }).then(() => {
    for (const { reject } of waiting) reject(new Error('the Python client ended'));
  });
  // Who does not read it to its end has ended, and the answers say so.
  child.stdin.on('error', () => undefined);
  const ask = async (request: object): Promise<Answer> => {
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  return {
    async seal(plaintext, { suite = OUR_SUITE, ...request }) {
      const answer = await ask({ op: 'seal', suite, plaintext: Buffer.from(plaintext).toString('base64'), ...request });
      return Buffer.from(answer.sealed ?? '', 'base64');
    },
    async open(sealed, keys) {
      const answer = await ask({ op: 'open', sealed: Buffer.from(sealed).toString('base64'), keys });
      return { plaintext: Buffer.from(answer.plaintext ?? '', 'base64'), context: answer.context ?? {} };
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Runs aws-encryption-cli to its end. (Its own script names the folder where the environment was made.) */
export function runPythonCli(
  args: string[],
  input: Uint8Array = Buffer.alloc(0),
): { code: number | null; stdout: Buffer; stderr: string } {
  const start = 'import sys; from aws_encryption_sdk_cli import cli; sys.exit(cli())';
  const ended = spawnSync(GLOVEBOX_PYTHON, ['-c', start, ...args], { env: ENV, input, maxBuffer: 64 * 1024 * 1024 });
  if (ended.error) throw ended.error;
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr.toString() };
}
