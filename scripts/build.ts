// Compiles src/ to dist/, unless dist/ is already what these sources give. The new dist/ is made aside
// and put in place at once, so that it holds no removed files and is never half written.
import { createHash } from 'node:crypto';
import { access, chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root, run } from './process.ts';

const dist = join(root, 'dist');
const STAMP = '.built-from';

/** Builds if something changed. @returns whether dist/ is good now; the compiler has said what is wrong if not. */
export async function build(): Promise<boolean> {
  const wanted = await fingerprint();
  if ((await readStamp()) === wanted) {
    process.stderr.write('build: dist/ is up to date\n');
    return true;
  }
  const started = Date.now();
  const aside = join(root, 'node_modules', '.cache', 'glovebox', `dist-${process.pid}`);
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { recursive: true });
  try {
    const code = await run('tsc', ['-p', 'tsconfig.build.json', '--outDir', aside]);
    if (code !== 0) {
      process.stderr.write('build: failed; dist/ is as it was\n');
      return false;
    }
    const command = join(aside, 'cli', 'main.js');
    if (await exists(command)) await chmod(command, 0o755);
    await writeFile(join(aside, STAMP), `${wanted}\n`);
    await replaceDist(aside);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  process.stderr.write(`build: dist/ built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return true;
}

async function replaceDist(aside: string): Promise<void> {
  const old = `${aside}-old`;
  if (await exists(dist)) await rename(dist, old);
  try {
    await rename(aside, dist);
  } catch (error) {
    // Another build of the same moment was first: its dist/ must be from the same sources.
    if ((await readStamp()) !== (await readFile(join(aside, STAMP), 'utf8')).trim()) throw error;
  }
  await rm(old, { recursive: true, force: true });
}

/** The digest of everything that decides what dist/ holds: names and content of the sources, settings, compiler. */
async function fingerprint(): Promise<string> {
  const sources = (await readdir(join(root, 'src'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'];
  const hash = createHash('sha256');
  for (const path of [...sources.sort(), ...settings.map((name) => join(root, name))]) {
    hash.update(`${path.slice(root.length)}\0`).update(
      createHash('sha256')
        .update(await readFile(path))
        .digest(),
    );
  }
  return hash.digest('hex');
}

/** The digest that dist/ was built from, or undefined where dist/ is not there or is not whole. */
async function readStamp(): Promise<string | undefined> {
  if (!(await exists(join(dist, STAMP)))) return undefined;
  return (await readFile(join(dist, STAMP), 'utf8')).trim();
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

if (import.meta.main) process.exitCode = (await build()) ? 0 : 1;
