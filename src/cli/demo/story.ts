// The demo: the main job from raw claims to sealed features, told by the commands themselves.
import { spawn } from 'node:child_process';
import { cp, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { isErrnoError } from '../../lib/index.ts';
import { CliError, usage } from '../error.ts';
import { formatBytes, formatCount, formatMany } from '../format.ts';
import type { Ui } from '../ui.ts';
import { generateClaims } from './claims.ts';
import { type SearchResult, searchFiles } from './search.ts';

export interface StoryOptions {
  /** Everything lies below it: the workspace and the keys. */
  folder: string;
  rows: number;
  ui: Ui;
  signal: AbortSignal;
}

export interface StoryResult {
  folder: string;
  rows: number;
  searched: { files: number; bytes: number; found: number };
  control: { found: boolean };
}

const SEED = 2026;
/** Whom the pipeline is run as. */
const preprocess = ['--role', 'preprocess'];
const MARK = '.glovebox-demo';
const WORKSPACE = 'claims';
/** Claim and patient numbers as the generator writes them: ten digits that no sealed byte forms by chance. */
const PERSONAL = /[CP]\d{10}/;

/**
 * Plays the story. The raw file goes through a pipe from the generator into `put -` and never lies on a
 * disk. @throws CliError when a step does not end as it should
 */
export async function playStory(options: StoryOptions): Promise<StoryResult> {
  const { folder, rows, ui } = options;
  const started = Date.now();
  await makeFolder(folder);
  const examples = fileURLToPath(new URL('../../../examples/claims/', import.meta.url));
  await cp(examples, join(folder, WORKSPACE), { recursive: true });

  await step(options, 'a workspace: keys, a store, datasets, roles, and two pipelines', ['init']);
  await step(options, 'who may do what', ['access', 'matrix']);
  await step(
    options,
    `${formatCount(rows)} claims with names, birth dates and diagnoses, sealed as they stream in`,
    ['put', '-', 'claims-raw/claims.csv', '--role', 'supplier'],
    { input: () => Readable.from(generateClaims({ rows, seed: SEED })), shown: 'generate-claims | ' },
  );
  await step(options, 'whoever delivers cannot read back', ['get', 'claims-raw/claims.csv', '--role', 'supplier'], {
    exit: 3,
  });
  await step(
    options,
    'a pipeline that would let patient_id through is refused',
    ['plan', 'claims-leaky', ...preprocess],
    {
      exit: 2,
    },
  );
  await step(options, 'the mended one', ['plan', 'claims', ...preprocess], { until: 'checks' });
  await step(options, 'it runs; each fitted step learns from the training rows only', ['run', 'claims', ...preprocess]);
  await step(options, 'what came out, sealed like everything else', ['ls', 'claims-features', '--role', 'trainer']);
  await step(options, 'every decision was recorded first', ['audit', 'ls', '--role', 'auditor', '--last', '12']);

  ui.tell('');
  ui.tell('# is any of it on the disk in the clear? every file written since the start is searched');
  const places = [...new Set([folder, tmpdir(), '/dev/shm'])];
  const searched = await searchFiles(places, started, PERSONAL);
  ui.tell(`${describeSearch(searched)} for claim and patient numbers: found in ${searched.found.length}`);
  if (searched.found.length > 0) {
    throw new CliError('DEMO', `plaintext was found in ${searched.found.join(', ')}`, { hint: 'please report this' });
  }
  const isFound = await searchControl(folder, started);
  ui.tell(`one plaintext row planted as a control, searched again: ${isFound ? 'found' : 'not found'}; removed`);
  if (!isFound) throw new CliError('DEMO', 'the search did not find its own control');
  ui.tell('');
  ui.tell(`the workspace lies in ${join(folder, WORKSPACE)}; to look around:`);
  ui.tell(`  export XDG_CONFIG_HOME=${join(folder, 'config')}`);
  ui.tell('  export GLOVEBOX_ROLE=owner');
  ui.tell(`  ${commandName()} -C ${join(folder, WORKSPACE)} runs`);
  const { files, bytes, found } = searched;
  return { folder, rows, searched: { files, bytes, found: found.length }, control: { found: isFound } };
}

/** An empty folder: a new one, or that of an earlier demo. */
async function makeFolder(folder: string): Promise<void> {
  if (await exists(folder)) {
    if (!(await exists(join(folder, MARK)))) {
      throw usage(`${folder} exists and is not an earlier demo's`, 'name another folder: glovebox demo DIR');
    }
    await rm(folder, { recursive: true });
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, MARK), 'made by glovebox demo; replaced when it runs again\n');
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return false;
    throw error;
  }
}

interface StepOptions {
  input?: () => Readable;
  /** What stands before the command, for the reader. */
  shown?: string;
  /** The exit code that the step must end with; 0 by default. */
  exit?: number;
  /** The output is shown up to this line. */
  until?: string;
}

/** Says why, shows the command, runs it as a process of its own, shows what it says. */
async function step(story: StoryOptions, why: string, args: string[], options: StepOptions = {}): Promise<void> {
  const { ui, folder, signal } = story;
  ui.tell('');
  ui.tell(`# ${why}`);
  ui.tell(`$ ${options.shown ?? ''}glovebox ${args.join(' ')}`);
  const wanted = options.exit ?? 0;
  const child = spawn(process.execPath, [process.argv[1] ?? '', ...args], {
    cwd: join(folder, WORKSPACE),
    env: { ...process.env, GLOVEBOX_ROLE: '', XDG_CONFIG_HOME: join(folder, 'config') },
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
  });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (options.input === undefined) child.stdin.end();
  else await Promise.race([pipeline(options.input(), child.stdin), ended]);
  const exit = await ended;
  const lines = said.trimEnd().split('\n');
  const end = options.until === undefined ? -1 : lines.indexOf(options.until);
  for (const line of end < 0 ? lines : lines.slice(0, end)) ui.tell(line);
  if (exit !== wanted) throw new CliError('DEMO', `the step ended with exit code ${exit} instead of ${wanted}`);
}

function describeSearch({ files, bytes }: SearchResult): string {
  return `${formatMany(files, 'file')}, ${formatBytes(bytes)}, searched`;
}

/** Plants a row in the clear, and says whether the same search finds it. */
async function searchControl(folder: string, since: number): Promise<boolean> {
  const path = join(folder, 'control.csv');
  const [rows = Buffer.alloc(0)] = generateClaims({ rows: 1, seed: SEED });
  await writeFile(path, rows);
  try {
    return (await searchFiles([folder], since, PERSONAL)).found.includes(path);
  } finally {
    await rm(path);
  }
}

function commandName(): string {
  return (process.argv[1] ?? '').includes('node_modules') ? 'npx glovebox' : `${process.execPath} ${process.argv[1]}`;
}
