// The Python environments of test/interop: virtual environments, every package pinned by digest. Made once,
// aside, and renamed into place, so that each is whole or not there.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { root, runQuietly } from './process.ts';

const FOLDER = join('test', 'interop');
const CACHE = join(root, 'node_modules', '.cache', 'glovebox');
// Debian's python3 has no ensurepip, and so makes no environment, until python3-venv is installed.
const PROBE = [
  'import ensurepip, os, platform, sys, venv',
  'if sys.version_info < (3, 9): sys.exit(1)',
  'print(sys.executable, platform.python_version(), platform.machine(), os.path.realpath(sys.executable), sep="\\n")',
].join('\n');
// Isolated: nothing of the user's PYTHONPATH and site folder takes part.
const PIP = ['-I', '-m', 'pip', 'install', '--require-hashes', '--only-binary=:all:', '--no-cache-dir'];
const QUIET = ['--quiet', '--no-input', '--disable-pip-version-check', '--retries=2'];

/** A Python that can make virtual environments. */
export interface Python {
  executable: string;
  /** Version, processor and true place: what an environment made with it depends on. */
  identity: string;
}

/** What an environment holds. One for each suite, because their packages need different versions of the same others. */
export interface PythonPackages {
  /** In messages. */
  name: string;
  /** A file of test/interop. */
  requirements: string;
  /** Imported once, to see that the environment works. */
  modules: string;
}

export const encryptionClient: PythonPackages = {
  name: 'the official Python client',
  requirements: 'requirements.txt',
  modules: 'aws_encryption_sdk, aws_encryption_sdk_cli',
};

export const emulator: PythonPackages = {
  name: 'the AWS emulator moto',
  requirements: 'requirements-moto.txt',
  modules: 'moto.server',
};

export const clients: PythonPackages = {
  name: 'ssh-audit and paramiko',
  requirements: 'requirements-clients.txt',
  modules: 'ssh_audit, paramiko',
};

/** The first Python 3.9 or later that has venv and pip, or undefined. */
export function findPython(): Python | undefined {
  for (const command of ['python3', '/usr/bin/python3']) {
    const { code, output } = runQuietly(command, ['-I', '-c', PROBE]);
    const [executable, ...identity] = output.trim().split('\n');
    if (code === 0 && executable) return { executable, identity: identity.join('\n') };
  }
  return undefined;
}

/**
 * The environment for the requirements of `packages` as they are, made with `base` where it is not there yet.
 *
 * @returns the path of its Python, or one line that says why it could not be made.
 */
export async function makePythonEnvironment(
  base: Python,
  packages: PythonPackages,
): Promise<{ python: string } | { reason: string }> {
  const hash = createHash('sha256').update(await readFile(join(root, FOLDER, packages.requirements)));
  const folder = join(CACHE, `python-${hash.update(base.identity).digest('hex').slice(0, 16)}`);
  const python = join(folder, 'bin', 'python');
  if (runs(python)) return { python };
  process.stderr.write(`test: making the Python environment of ${packages.name} (once)\n`);
  const aside = `${folder}-${process.pid}`;
  try {
    await mkdir(CACHE, { recursive: true });
    const reason = install(base, packages, aside);
    if (reason !== undefined) return { reason: `the Python environment of ${packages.name} cannot be made: ${reason}` };
    await putInPlace(aside, folder, python);
    return { python };
  } catch (error) {
    return { reason: `the Python environment of ${packages.name} cannot be made: ${explain(String(error))}` };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** @returns why it failed, in one line. */
function install(base: Python, { requirements, modules }: PythonPackages, folder: string): string | undefined {
  const python = join(folder, 'bin', 'python');
  const steps: [string, string[]][] = [
    [base.executable, ['-I', '-m', 'venv', '--clear', folder]],
    [python, [...PIP, ...QUIET, '--requirement', join(FOLDER, requirements)]],
    [python, ['-I', '-c', `import ${modules}`]],
  ];
  for (const [command, args] of steps) {
    // Set to 1 by some users, which pip refuses inside of an environment.
    const { code, output } = runQuietly(command, args, { PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0' });
    if (code !== 0) return explain(output);
  }
  return undefined;
}

async function putInPlace(aside: string, folder: string, python: string): Promise<void> {
  // Another run of the same moment may have been first: its environment is as good.
  if (runs(python)) return;
  await rm(folder, { recursive: true, force: true });
  try {
    await rename(aside, folder);
  } catch (error) {
    if (!runs(python)) throw error;
  }
}

// It is whole when it is there; but the Python that it was made with may be gone.
function runs(python: string): boolean {
  return runQuietly(python, ['-I', '-c', 'pass']).code === 0;
}

/** One line from what venv, pip or Python printed. */
function explain(output: string): string {
  const known: [RegExp, string][] = [
    [/DO NOT MATCH THE HASHES/, 'a package does not have the digest that the requirements in test/interop name'],
    [/No space left on device|ENOSPC/, 'the disk is full'],
    [/Permission denied|Read-only file system|EACCES|EROFS/, `no permission to write: ${CACHE}`],
    [
      /NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Max retries exceeded/,
      'no way to the Python package index: check the network and pip’s index and proxy settings',
    ],
    [/No matching distribution found/, 'the package index has no build of a pinned package for this Python'],
  ];
  for (const [pattern, meaning] of known) if (pattern.test(output)) return meaning;
  const lines = output.trim().split('\n');
  const line = lines.find((text) => text.startsWith('ERROR: ')) ?? lines.at(-1) ?? '';
  return line.replace(/^ERROR: /, '') || 'it says nothing';
}
