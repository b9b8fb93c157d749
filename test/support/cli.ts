// Runs the built command as a user does: a process of its own, a configuration folder of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { root } from '../../scripts/process.ts';
import { openLocalKeys } from '../../src/keys/index.ts';
import { openVault, type Vault } from '../../src/vault/index.ts';
import { loadWorkspace, STATE_FOLDER } from '../../src/workspace/index.ts';

/** The built command, as `bin` in package.json names it. */
export const COMMAND = join(root, 'dist', 'cli', 'main.js');

export interface Outcome {
  /** Null where a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

type Input = Uint8Array | string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export interface CommandOptions {
  /** What goes to standard input; nothing by default. */
  input?: Input;
  /** Put before the command, such as strace and its options. */
  wrap?: string[];
  env?: Record<string, string>;
  /** Makes a process group of its own, so that `process.kill(-pid)` ends all of it. */
  detached?: boolean;
}

export interface Running {
  child: ChildProcess;
  pid: number;
  outcome: Promise<Outcome>;
}

export interface CliBox {
  /** Everything below lies in here, and is removed with it. */
  folder: string;
  workspace: string;
  data: string;
  env: Record<string, string>;
  /** Starts `glovebox -C WORKSPACE ...args`. */
  start(args: string[], options?: CommandOptions): Running;
  /** The same, to its end. */
  glovebox(args: string[], options?: CommandOptions): Promise<Outcome>;
  /** The same with `--json`; it must succeed. The caller says what the document looks like. */
  json<Result>(args: string[], options?: CommandOptions): Promise<Result>;
  remove(): Promise<void>;
}

/** What `run --json` prints of interest here. */
export interface Report {
  published: boolean;
  output: { dataset: string; version: string; objects: { path: string; rows: number; bytes: number }[] };
  quarantine?: { dataset: string; version: string; rows: number };
  rows: { in: number; kept: number; quarantined: number; dropped: number };
  splits: Record<string, number>;
  contract: { rule: string; rows: number; otherwise: string }[];
  isolation: 'bubblewrap' | 'process';
}

/** Makes a workspace: a copy of `examples/NAME`, or `glovebox.yaml` and pipelines by name; then `init`. */
export async function makeCliBox(
  from: { example: string } | { yaml: string; pipelines: Record<string, string> },
): Promise<CliBox> {
  const folder = await mkdtemp(join(tmpdir(), 'glovebox-cli-'));
  const workspace = join(folder, 'workspace');
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  if ('example' in from) await cp(join(root, 'examples', from.example), workspace, { recursive: true });
  else {
    await mkdir(join(workspace, 'pipelines'), { recursive: true });
    await writeFile(join(workspace, 'glovebox.yaml'), from.yaml);
    for (const [name, text] of Object.entries(from.pipelines)) {
      await writeFile(join(workspace, 'pipelines', `${name}.yaml`), text);
    }
  }
  const { PATH = '' } = process.env;
  const env = { PATH, HOME: folder, TMPDIR: temporary, XDG_CONFIG_HOME: join(folder, 'config'), GLOVEBOX_ROLE: '' };
  if (Object.hasOwn((await loadWorkspace(workspace)).roles, 'owner')) env.GLOVEBOX_ROLE = 'owner';
  const box: CliBox = {
    folder,
    workspace,
    data: join(workspace, 'data'),
    env,
    start: (args, options = {}) =>
      startCommand([COMMAND, '-C', workspace, ...args], { ...options, env: { ...env, ...options.env } }),
    glovebox: (args, options) => box.start(args, options).outcome,
    async json<Result>(args: string[], options?: CommandOptions): Promise<Result> {
      const outcome = expectDone(await box.glovebox([...args, '--json'], options));
      return JSON.parse(outcome.stdout.toString()) as Result;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
  expectDone(await box.glovebox(['init']));
  return box;
}

/** The workspace's vault in this process, with nothing cached. */
export async function openBoxVault({ workspace, folder }: CliBox): Promise<Vault> {
  const root = { file: join(folder, 'config', 'glovebox', 'root.key') };
  const loaded = await loadWorkspace(workspace);
  const keys = await openLocalKeys({ directory: join(workspace, STATE_FOLDER), root });
  return openVault(loaded, keys, Object.hasOwn(loaded.roles, 'owner') ? { role: 'owner' } : {});
}

/** Starts Node with `args`. */
export function startCommand(args: string[], { input, wrap = [], env, detached = false }: CommandOptions): Running {
  const [file = '', ...rest] = [...wrap, process.execPath, ...args];
  const child = spawn(file, rest, {
    env,
    detached,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  if (input !== undefined && child.stdin !== null) {
    const source = typeof input === 'string' || input instanceof Uint8Array ? [Buffer.from(input)] : input;
    // Who does not read it to its end says why on standard error.
    child.stdin.on('error', () => undefined);
    Readable.from(source).pipe(child.stdin);
  }
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
  return { child, pid: child.pid ?? 0, outcome };
}

/** The command succeeded, and said nothing that looks like a defect. */
export function expectDone<Ended extends Outcome>(outcome: Ended): Ended {
  expect({ code: outcome.code, signal: outcome.signal, stderr: outcome.stderr }).toMatchObject({
    code: 0,
    signal: null,
  });
  expectNoTrace(outcome);
  return outcome;
}

/** The command failed with this exit code: one line and perhaps a hint on standard error, no result. */
export function expectFailure(outcome: Outcome, code: number): string {
  expect({ code: outcome.code, stderr: outcome.stderr }).toMatchObject({ code });
  expectNoTrace(outcome);
  const said = outcome.stderr.replace(/^glovebox: warning: [^\n]*\n( {2}[^\n]*\n)?/gm, '');
  expect(said).toMatch(/^glovebox: [^\n]+\n( {2}[^\n]+\n)?$/);
  return said;
}

function expectNoTrace({ stderr }: Outcome): void {
  expect(stderr).not.toMatch(/^\s+at .+[:(]|\bnode:internal\b|internal error|\bError:/m);
}

/** Waits until `condition` gives something; checks it every few milliseconds. */
export async function until<Value>(condition: () => Promise<Value | undefined>, seconds = 30): Promise<Value> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error('waited too long');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
