// Makes a new workspace: all of it, or nothing that counts as one.
import { chmod, lstat, mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isErrnoError, withProcessLock, writeFileAtomically } from '../lib/index.ts';
import { WorkspaceError } from './error.ts';
import { loadWorkspace } from './load.ts';
import { workspaceJsonSchema } from './schema.ts';
import { starterFile, starterIgnore } from './starter.ts';
import { asIoError, readTextFile } from './text-file.ts';
import { STATE_FOLDER, WORKSPACE_FILE, type Workspace } from './workspace.ts';

/**
 * Writes a starter `glovebox.yaml`, `pipelines/`, `.glovebox/` (0700) and a `.gitignore` for the data into
 * `directory`, which is made if missing, and resolves to the new workspace. `glovebox.yaml` comes last
 * and in one step: if anything fails before, what was made is removed again.
 *
 * @param options.name the workspace's name: 1 to 52 of a-z, 0-9 and `-`, beginning with a letter.
 * @throws WorkspaceError `EXISTS`, `SCHEMA` (the name), `IO`
 */
export async function initWorkspace(directory: string, options: { name: string }): Promise<Workspace> {
  const folder = resolve(directory);
  checkName(options.name);
  let first: string | undefined;
  try {
    await checkAbsent(join(folder, WORKSPACE_FILE));
    first = await mkdir(folder, { recursive: true, mode: 0o700 });
    // One at a time: what one `init` removes after a failure could be what another one has just made.
    await withProcessLock(join(folder, '.glovebox-init.lock'), () => fill(folder, options.name));
  } catch (error) {
    if (first !== undefined) await removeEmpty(folder, first);
    throw asIoError(error, `${folder}: a workspace could not be made there`);
  }
  return loadWorkspace(folder);
}

async function fill(folder: string, name: string): Promise<void> {
  const file = join(folder, WORKSPACE_FILE);
  const made: string[] = [];
  try {
    await checkAbsent(file);
    for (const inside of ['pipelines', STATE_FOLDER]) await makeFolder(join(folder, inside), made);
    const schema = join(folder, STATE_FOLDER, 'glovebox.schema.json');
    await writeNoted(schema, `${JSON.stringify(workspaceJsonSchema(), null, 2)}\n`, 0o600, made);
    await ignoreData(join(folder, '.gitignore'), made);
    await writeFileAtomically(file, starterFile(name));
  } catch (error) {
    for (const path of made.reverse()) {
      if ((await lstat(path)).isDirectory()) await rmdir(path);
      else await rm(path);
    }
    throw error;
  }
}

/** Removes `folder` and the folders above it up to `first`, as far as they are empty. */
async function removeEmpty(folder: string, first: string): Promise<void> {
  try {
    for (let path = folder; path.length >= first.length; path = dirname(path)) await rmdir(path);
  } catch (error) {
    if (!isErrnoError(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw error;
  }
}

function checkName(name: string): void {
  if (/^[a-z][a-z0-9-]{0,51}$/.test(name)) return;
  throw new WorkspaceError('SCHEMA', `a workspace cannot be named ${JSON.stringify(name)}`, {
    hint: 'use 1 to 52 of a-z, 0-9 and "-", beginning with a letter',
  });
}

async function checkAbsent(file: string): Promise<void> {
  try {
    await lstat(file);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return;
    throw error;
  }
  throw new WorkspaceError('EXISTS', `${file}: there is a workspace already`, {
    hint: 'choose another folder, or edit that file',
  });
}

async function makeFolder(path: string, made: string[]): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (isErrnoError(error, 'EEXIST') && (await lstat(path)).isDirectory()) return;
    throw error;
  }
  made.push(path);
  await chmod(path, 0o700);
}

/** Writes a file, and notes it in `made` where there was none. */
async function writeNoted(path: string, text: string, mode: number, made: string[]): Promise<void> {
  const isNew = (await readTextFile(path)) === undefined;
  await writeFileAtomically(path, text, mode);
  if (isNew) made.push(path);
}

/** Adds our lines to a .gitignore that is there already; a user's own lines stay, also when `init` fails. */
async function ignoreData(path: string, made: string[]): Promise<void> {
  const old = await readTextFile(path);
  const present = new Set(old?.split(/\r?\n/));
  const lines = starterIgnore.filter((line) => !present.has(line));
  if (lines.length === 0) return;
  const begin = old === undefined || old === '' || old.endsWith('\n') ? (old ?? '') : `${old}\n`;
  await writeNoted(path, `${begin}${lines.join('\n')}\n`, 0o644, made);
}
