// Reads and runs a transcript of test/scripts: what a user types, and what must come of it.
//
//   # why this transcript exists
//   needs mount                          left out, aloud, where that is not there
//   [2] glovebox put nofile claims-raw   a line for bash, and its exit code (0 without brackets)
//   stdout REGEX | stderr REGEX          must match the last line's output; !stdout, !stderr must not
//   shows-data                           the last line may print the canary
//   -- path/of/file --                   files, at the end: written before the first line
//
// Checked after every line without being asked: a failure prints one line `glovebox: …` and one hint
// and no result; nothing printed holds the canary that stands in the data; nothing half done is left in
// the store or beside it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Stands in every data file of the transcripts; nothing that is printed may hold it (I1). */
export const CANARY = 'CANARY';

export interface Step {
  line: number;
  command: string;
  exit: number;
  checks: { stream: 'stdout' | 'stderr'; pattern: RegExp; wanted: boolean }[];
  showsData: boolean;
}

export interface Script {
  why: string;
  needs: string[];
  steps: Step[];
  files: Record<string, string>;
}

/** Reads a transcript. Throws where a line is not understood. */
export function parseScript(text: string): Script {
  const [body = '', ...parts] = text.split(/^-- (.+) --\n/m);
  const files: Record<string, string> = {};
  for (let at = 0; at + 1 < parts.length; at += 2) files[parts[at] ?? ''] = parts[at + 1] ?? '';
  const script: Script = { why: '', needs: [], steps: [], files };
  const lines = body.split('\n');
  const whyEnds = lines.findIndex((line) => !line.startsWith('#'));
  for (const [index, line] of lines.entries()) {
    const step = script.steps.at(-1);
    const check = /^(!?)(stdout|stderr) (.+)$/.exec(line);
    if (line.startsWith('#')) script.why += index < whyEnds ? line.slice(1) : '';
    else if (line.startsWith('needs ')) script.needs.push(line.slice('needs '.length));
    else if (line === 'shows-data' && step) step.showsData = true;
    else if (check && step) {
      const stream = check[2] === 'stdout' ? 'stdout' : 'stderr';
      step.checks.push({ stream, pattern: new RegExp(check[3] ?? '', 'm'), wanted: check[1] === '' });
    } else if (line.trim() !== '') {
      const [, exit = '0', command = ''] = /^(?:\[(\d+)\] )?(.+)$/.exec(line) ?? [];
      script.steps.push({ line: index + 1, command, exit: Number(exit), checks: [], showsData: false });
    }
  }
  if (script.why.trim().length < 20) throw new Error('a transcript begins with why it exists');
  return script;
}

/** Runs a transcript in `folder` (empty) with `main` as the command. @returns what went wrong, for people. */
export function runScript(script: Script, folder: string, main: string): string[] {
  const environment = prepare(script, folder, main);
  const problems: string[] = [];
  let committed = listCommitted(folder);
  for (const step of script.steps) {
    const result = spawnSync('bash', ['-c', `set -o pipefail; ${step.command}`], {
      cwd: join(folder, 'work'),
      env: environment,
      encoding: 'utf8',
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    const { stdout, stderr } = result;
    const found = [
      ...(result.status === step.exit ? [] : [`exit code ${result.status ?? result.signal} instead of ${step.exit}`]),
      ...step.checks
        .filter(({ stream, pattern, wanted }) => pattern.test(stream === 'stdout' ? stdout : stderr) !== wanted)
        .map(({ stream, pattern, wanted }) => `${stream} ${wanted ? 'does not match' : 'matches'} ${pattern}`),
      ...checkVoice(step, stdout, stderr),
      ...listLeftovers(folder).map((path) => `left behind: ${path}`),
    ];
    const now = listCommitted(folder);
    const isGlovebox = /\bglovebox (put|get|run|mv|rm|plan)\b/.test(step.command);
    if (step.exit !== 0 && isGlovebox && now.join() !== committed.join()) found.push('a failure changed the store');
    committed = now;
    for (const problem of found) problems.push(`line ${step.line}: ${step.command}: ${problem}`);
    if (found.length > 0) problems.push(`  stdout: ${stdout.slice(0, 2000)}`, `  stderr: ${stderr.slice(0, 2000)}`);
  }
  return problems;
}

function prepare({ files }: Script, folder: string, main: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  for (const name of ['work', 'bin', 'tmp', 'config']) mkdirSync(join(folder, name));
  writeFileSync(join(bin, 'glovebox'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, { mode: 0o755 });
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, 'work', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return {
    PATH: `${bin}:${process.env.PATH ?? ''}`,
    HOME: folder,
    TMPDIR: join(folder, 'tmp'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    NODE: process.execPath,
  };
}

/** The voice of the command: see src/cli/ui.ts. */
function checkVoice({ exit, command, checks, showsData }: Step, stdout: string, stderr: string): string[] {
  const problems: string[] = [];
  if (!showsData && (stdout.includes(CANARY) || stderr.includes(CANARY))) problems.push('a data value is printed');
  if (/^\s+at \S+ \(|node:internal|internal error/m.test(stderr)) problems.push('a defect shows on standard error');
  const said = stderr.replace(/^glovebox: warning: .*\n(?: {2}.*\n)?/gm, '');
  // Said to be quiet, or not a call of the command at all.
  const isQuiet =
    checks.some(({ stream, pattern, wanted }) => stream === 'stderr' && !wanted && pattern.source === '.') ||
    !/(^|[\s;&|(])glovebox\s/.test(command) ||
    command.includes('--json');
  if (
    exit !== 0 &&
    !isQuiet &&
    !/^glovebox: [^A-Z\n][^\n]*\n {2}[^\n]+\n$/.test(said) &&
    !/^glovebox: [A-Z]{2}/.test(said)
  ) {
    problems.push('not one clear line and a hint on standard error');
  }
  return problems;
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** What killed or failed commands must not leave. */
function listLeftovers(folder: string): string[] {
  return [
    ...listFiles(join(folder, 'work')).filter((path) => /\/tmp\/|\.part$|\.tmp$/.test(path)),
    ...listFiles(join(folder, 'tmp')),
  ];
}

/** Objects, names, versions and heads in all stores: what a failure must leave as it was. */
function listCommitted(folder: string): string[] {
  const paths = listFiles(join(folder, 'work')).filter((path) => /\/(objects|names|versions|heads)\//.test(path));
  return paths.map((path) => `${path}:${readFileSync(join(folder, 'work', path)).length}`).sort();
}
