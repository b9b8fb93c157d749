// glovebox init: a workspace with its keys; in a folder that has a glovebox.yaml, what is missing to it.
import { lstat, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { defaultRootKeyPath, initLocalKeys } from '../../keys/index.ts';
import { isErrnoError } from '../../lib/index.ts';
import type { ManagedKeys } from '../../vault/index.ts';
import { initWorkspace, loadWorkspace, STATE_FOLDER, WORKSPACE_FILE, type Workspace } from '../../workspace/index.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { readPassphrase } from '../prompt.ts';
import { keysDirectory, openManagedKeys, useOf } from '../workspace.ts';

export const init = defineCommand({
  name: 'init',
  summary: 'make a workspace and its keys',
  details:
    'Writes a starter glovebox.yaml, a folder for pipelines, the keys that it names, and a root key in your ' +
    'configuration folder. Where there is a glovebox.yaml already, it stays as it is and only missing keys are made.',
  examples: ['glovebox init claims', 'glovebox init --passphrase claims'],
  arguments: { dir: { description: 'the folder; the current one by default', optional: true } },
  options: {
    name: { value: 'NAME', description: "the workspace's name", byDefault: "the folder's name" },
    passphrase: { description: 'protect the keys with a passphrase instead of a root key file' },
  },
  async run(context, { dir = '.' }, { name, passphrase }) {
    const { ui } = context;
    const directory = resolve(context.directory, dir);
    const isNew = !(await exists(join(directory, WORKSPACE_FILE)));
    if (!isNew && name !== undefined)
      throw usage(`${directory} is a workspace already: it has its name`, 'leave --name out');
    const undo = await rememberAbsent(directory);
    try {
      const wanted = name ?? basename(directory).toLowerCase();
      const workspace = isNew ? await initWorkspace(directory, { name: wanted }) : await loadWorkspace(directory);
      const { keys, isUnderPassphrase } = await provideKeys(context, workspace, passphrase);
      const made = await makeMissingKeys(keys, workspace);
      const root = isUnderPassphrase ? 'a passphrase' : defaultRootKeyPath();
      const verb = isNew ? 'made' : 'kept';
      ui.result({ workspace: workspace.name, directory, new: isNew, keys: made, root }, [
        `${verb} the workspace ${workspace.name} in ${directory}`,
        made.length === 0 ? 'its keys are all there' : `made the keys ${made.join(', ')}, under ${root}`,
      ]);
      // I7
      if (isUnderPassphrase) {
        ui.warn('local keys: whoever knows the passphrase and reads this folder can read everything in it');
      } else {
        ui.warn(
          `local keys: whoever can read ${root} can read everything in this workspace; that includes root on this machine`,
          'back up the keys now, they cannot be made again: glovebox key backup -o FILE',
        );
      }
    } catch (error) {
      await undo();
      throw error;
    }
  },
});

async function provideKeys(
  context: CommandContext,
  workspace: Workspace,
  passphrase: boolean,
): Promise<{ keys: ManagedKeys; isUnderPassphrase: boolean }> {
  const directory = keysDirectory(workspace.directory);
  if (await exists(join(directory, 'keys.json'))) {
    if (passphrase) throw usage('this workspace has keys already', 'leave --passphrase out');
    return { keys: await openManagedKeys(context, workspace), isUnderPassphrase: false };
  }
  if (!passphrase) return { keys: await initLocalKeys({ directory }), isUnderPassphrase: false };
  const what = "a passphrase for this workspace's keys";
  const request = { what, variable: 'GLOVEBOX_PASSPHRASE_FILE', isNew: true, signal: context.signal } as const;
  const root = { passphrase: await readPassphrase(request) };
  return { keys: await initLocalKeys({ directory, root }), isUnderPassphrase: true };
}

async function makeMissingKeys(keys: ManagedKeys, workspace: Workspace): Promise<string[]> {
  const present = new Set((await keys.list()).map(({ alias }) => alias));
  const missing = Object.keys(workspace.keys).filter((alias) => !present.has(alias));
  for (const alias of missing) await keys.create(alias, useOf(workspace, alias));
  return missing;
}

/** Remembers what is not there yet; the result removes it again after a failure (never the root key). */
async function rememberAbsent(directory: string): Promise<() => Promise<void>> {
  if (!(await exists(directory))) return () => rm(directory, { recursive: true, force: true });
  const candidates = [WORKSPACE_FILE, STATE_FOLDER, join(STATE_FOLDER, 'keys.json'), 'pipelines', '.gitignore'];
  const paths = candidates.map((name) => join(directory, name));
  const present = await Promise.all(paths.map(exists));
  const absent = paths.filter((_, index) => !present[index]);
  return async () => {
    for (const path of absent) await rm(path, { recursive: true, force: true });
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isErrnoError(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}
