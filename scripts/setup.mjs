// Where every npm script begins, on whatever Node the machine has: installs the locked packages if
// they are not there, then runs the given script on the pinned Node that is one of them.
// Plain JavaScript for Node 18 and later, because nothing is installed yet.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const programs = join(root, 'node_modules', '.bin');
const pinnedNode = join(programs, 'node');
const stamp = join(root, 'node_modules', '.glovebox-setup');
const OLDEST_NODE = [22, 18];

const [script, ...scriptArguments] = process.argv.slice(2);
if (script === undefined) stop('no script named: use `npm run NAME`, or node scripts/setup.mjs scripts/NAME.ts');
install();
checkNode();
runScript(join(root, script), scriptArguments);

/** Runs `npm ci`, unless the stamp says that node_modules is what this lock file asks for. */
function install() {
  const wanted = fingerprint();
  if (existsSync(pinnedNode) && readStamp() === wanted) return;
  process.stderr.write('setup: installing the locked packages (once; about a minute)\n');
  const started = Date.now();
  npm(['ci', '--include=dev', '--include=optional', '--ignore-scripts']);
  // Only those that package.json names: an addon built here, for the machine's own Node, would not load on the pinned one.
  npm(['rebuild', ...allowedScripts(), '--ignore-scripts=false', '--foreground-scripts']);
  try {
    writeFileSync(stamp, `${wanted}\n`);
  } catch (error) {
    stop(`${stamp} cannot be written (${error.code})`);
  }
  process.stderr.write(`setup: installed in ${Math.round((Date.now() - started) / 1000)} s\n`);
}

function npm(args) {
  const [command, ...first] = npmCommand();
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const result = spawnSync(command, [...first, ...args, ...quiet], {
    cwd: root,
    encoding: 'utf8',
    // npm settings that came in from the outer npm as variables (dry-run, omit, …) stay in force.
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error) stop(`npm cannot be started (${result.error.message})`);
  if (result.status !== 0) stop(`npm ${args[0]} failed: ${explain(result.stderr)}`);
}

/** The packages whose install scripts may run: `allowScripts` of package.json. */
function allowedScripts() {
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.keys(allowScripts).filter((name) => allowScripts[name] === true);
}

/** What node_modules depends on: the lock file, and the machine that its programs are built for. */
function fingerprint() {
  const lock = join(root, 'package-lock.json');
  try {
    const hash = createHash('sha256').update(readFileSync(lock)).digest('hex');
    return `${hash} ${process.platform} ${process.arch}`;
  } catch (error) {
    return stop(`${lock} cannot be read (${error.code})`);
  }
}

function readStamp() {
  try {
    return readFileSync(stamp, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The npm that runs us, or the one on the PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  // Our own Node may be the pinned one, which `npm ci` removes first.
  const isThere = existsSync(process.execPath);
  if (isThere && running !== undefined && basename(running) === 'npm-cli.js') return [process.execPath, running];
  return ['npm'];
}

/** One line from npm's error output. */
function explain(output) {
  const known = [
    [/E(ACCES|PERM|ROFS)\b/, `no permission to write, here or in npm's cache: ${root}`],
    [/\bENOSPC\b/, 'the disk is full'],
    [/\bEUSAGE\b/, 'package-lock.json does not fit package.json: run npm install, and look at what changed'],
    [
      /\b(ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR)\b/,
      'no way to the package registry: check the network and npm’s registry and proxy settings',
    ],
    [/\bE40[13]\b/, 'the package registry refused: check npm’s registry and its credentials'],
    [/\bEINTEGRITY\b/, 'a package does not have the digest that package-lock.json names'],
  ];
  for (const [pattern, meaning] of known) if (pattern.test(output)) return meaning;
  const lines = output.split('\n').filter((line) => /^npm (error|ERR!) \S/.test(line));
  return (lines[0] ?? output.trim().split('\n')[0] ?? '').replace(/^npm (error|ERR!) /, '') || 'it says nothing';
}

function checkNode() {
  const result = spawnSync(pinnedNode, ['--print', 'process.versions.node'], { encoding: 'utf8' });
  if (result.error || result.status !== 0) {
    stop(`${pinnedNode} does not run: remove node_modules, and allow the install script of the package "node"`);
  }
  const [major = 0, minor = 0] = result.stdout.trim().split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  stop(`${pinnedNode} is ${result.stdout.trim()}, but Glovebox needs ${OLDEST_NODE.join('.')} or later`);
}

/** Runs `path` on the pinned Node with our standard streams, and ends as it ends. */
function runScript(path, args) {
  if (!existsSync(path)) stop(`there is no ${path}`);
  const env = { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH ?? ''}` };
  const child = spawn(pinnedNode, [path, ...args], { cwd: root, env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    process.on(signal, () => {
      // A terminal sends its interrupt to the child as well.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => stop(`${path} cannot be started (${error.message})`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // A signal that does not end this process still ends it with the shell's code for it.
    setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
  });
}

function stop(reason) {
  process.stderr.write(`setup: ${reason}\n`);
  process.exit(1);
}
