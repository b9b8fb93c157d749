// The pipelines of a workspace: one YAML file each, in one folder that must not lead out of it.
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { WorkspaceError } from './error.ts';
import { nameSchema } from './names.ts';
import { isInside } from './references.ts';
import { suggest } from './suggest.ts';
import { asIoError } from './text-file.ts';
import type { Workspace } from './workspace.ts';

const ENDING = '.yaml';

/** The names of the workspace's pipelines, sorted. @throws WorkspaceError `SCHEMA`, `IO` */
export async function listPipelines(workspace: Workspace): Promise<string[]> {
  return (await listPipelineFiles(workspace)).map(({ name }) => name);
}

/**
 * The absolute path of the file of pipeline `name`.
 *
 * @throws WorkspaceError `REFERENCE` where there is none; the hint says what was probably meant.
 */
export async function pipelinePath(workspace: Workspace, name: string): Promise<string> {
  const files = await listPipelineFiles(workspace);
  const found = files.find((file) => file.name === name);
  if (found !== undefined) return found.path;
  const names = files.map((file) => file.name);
  throw new WorkspaceError('REFERENCE', `there is no pipeline ${JSON.stringify(name)} in ${workspace.pipelines}`, {
    hint: suggest(name, names) ?? `write it into ${join(workspace.pipelines, `NAME${ENDING}`)}`,
  });
}

/** Names and absolute paths, sorted by name; none where the folder does not exist. Hidden files are passed over. */
export async function listPipelineFiles(workspace: Workspace): Promise<{ name: string; path: string }[]> {
  const folder = join(workspace.directory, workspace.pipelines);
  let fileNames: string[];
  try {
    await checkInside(folder, workspace);
    fileNames = await readdir(folder);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return [];
    throw asIoError(error, `${folder}: could not be read`);
  }
  const files: { name: string; path: string }[] = [];
  for (const fileName of fileNames.sort()) {
    if (fileName.startsWith('.') || !/\.ya?ml$/i.test(fileName)) continue;
    const name = fileName.slice(0, -ENDING.length);
    const path = join(folder, fileName);
    if (!fileName.endsWith(ENDING) || !nameSchema.safeParse(name).success) {
      throw new WorkspaceError('SCHEMA', `${path}: is not named like a pipeline`, {
        hint: `name it NAME${ENDING}, NAME being a-z, 0-9 and "-", beginning with a letter`,
      });
    }
    await checkInside(path, workspace);
    files.push({ name, path });
  }
  return files;
}

/** Also where a link leads. */
async function checkInside(path: string, workspace: Workspace): Promise<void> {
  if (isInside(await realpath(path), await realpath(workspace.directory))) return;
  throw new WorkspaceError('SCHEMA', `${path}: leads out of the workspace`, {
    hint: 'put the file itself there instead of a link',
  });
}
