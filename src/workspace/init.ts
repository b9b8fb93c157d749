// Makes a new workspace: all of it, or nothing that counts as one.
import { randomBytes } from 'node:crypto';
import { chmod, link, lstat, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isErrnoError, writeFileAtomically } from '../lib/index.ts';
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
  const file = join(folder, WORKSPACE_FILE);
  checkName(options.name);
  const made: string[] = [];
  const temporary = join(folder, `.${WORKSPACE_FILE}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await checkAbsent(file);
    const first = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (first !== undefined) made.push(first);
    for (const name of ['pipelines', STATE_FOLDER]) await makeFolder(join(folder, name), made);
    const schema = join(folder, STATE_FOLDER, 'glovebox.schema.json');
    await writeNew(schema, `${JSON.stringify(workspaceJsonSchema(), null, 2)}\n`, made);
    await ignoreData(join(folder, '.gitignore'), made);
    await writeFileAtomically(temporary, starterFile(options.name));
    // Unlike a rename, this never replaces a file that another process made meanwhile.
    await link(temporary, file);
  } catch (error) {
    for (const path of [...made, temporary].reverse()) await rm(path, { recursive: true, force: true });
    if (isErrnoError(error, 'EEXIST')) throw exists(file);
    throw asIoError(error, `${folder}: a workspace could not be made there`);
  }
  await rm(temporary, { force: true });
  return loadWorkspace(folder);
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
  throw exists(file);
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

async function writeNew(path: string, text: string, made: string[]): Promise<void> {
  if ((await readTextFile(path)) === undefined) made.push(path);
  await writeFileAtomically(path, text);
}

/** Adds our lines to a .gitignore that is there already; a user's own lines stay, also when `init` fails. */
async function ignoreData(path: string, made: string[]): Promise<void> {
  const old = await readTextFile(path);
  const present = new Set(old?.split(/\r?\n/));
  const lines = starterIgnore.filter((line) => !present.has(line));
  if (lines.length === 0) return;
  const begin = old === undefined || old === '' || old.endsWith('\n') ? (old ?? '') : `${old}\n`;
  if (old === undefined) made.push(path);
  await writeFileAtomically(path, `${begin}${lines.join('\n')}\n`, 0o644);
}

function exists(file: string): WorkspaceError {
  return new WorkspaceError('EXISTS', `${file}: there is a workspace already`, {
    hint: 'choose another folder, or edit that file',
  });
}
