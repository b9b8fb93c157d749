// Finds, reads and checks a workspace.
import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { WorkspaceError } from './error.ts';
import { gatewayConfig } from './gateway-schema.ts';
import { listPipelineFiles } from './pipelines.ts';
import { checkPipelineReferences, checkReferences } from './references.ts';
import { type WorkspaceDocument, workspaceSchema } from './schema.ts';
import { parseSize } from './size.ts';
import { asIoError, readTextFile } from './text-file.ts';
import { WORKSPACE_FILE, type Workspace } from './workspace.ts';
import { parseYamlDocument, type YamlDocument } from './yaml-document.ts';

/**
 * The workspace in `directory`.
 *
 * @throws WorkspaceError `NO_WORKSPACE`, `SYNTAX`, `SCHEMA`, `REFERENCE`, `NOT_IMPLEMENTED`, `IO`
 */
export async function loadWorkspace(directory: string): Promise<Workspace> {
  const path = join(resolve(directory), WORKSPACE_FILE);
  const shown = shownPath(path);
  const text = await readTextFile(path, shown);
  if (text === undefined) throw noWorkspace(`${shown}: there is no such file`);
  const { workspace, document } = check(text, shown, dirname(path));
  checkPipelineReferences(
    document,
    (await listPipelineFiles(workspace)).map(({ name }) => name),
  );
  return workspace;
}

/**
 * The workspace that `text` describes, without looking at any other file.
 *
 * @param file path of glovebox.yaml; names it in messages, and its folder is the workspace's.
 * @throws WorkspaceError as `loadWorkspace`
 */
export function parseWorkspace(text: string, file: string): Workspace {
  return check(text, file, dirname(resolve(file))).workspace;
}

/** The nearest folder with a glovebox.yaml: `startDirectory` or one above it. @throws WorkspaceError `NO_WORKSPACE` */
export async function findWorkspace(startDirectory: string): Promise<string> {
  for (let folder = resolve(startDirectory); ; folder = dirname(folder)) {
    if (await exists(join(folder, WORKSPACE_FILE))) return folder;
    if (dirname(folder) === folder) break;
  }
  throw noWorkspace(`there is no ${WORKSPACE_FILE} in ${resolve(startDirectory)}, nor in a folder above it`);
}

function check(
  text: string,
  file: string,
  directory: string,
): { workspace: Workspace; document: YamlDocument<WorkspaceDocument> } {
  const document = parseYamlDocument(text, file, workspaceSchema);
  checkReferences(document, directory);
  const { workspace: name, keys, stores, datasets, domains, roles, users, pipelines, engine, gateway } = document.value;
  const memoryBytes = engine?.memory === undefined ? undefined : parseSize(engine.memory);
  const workspace: Workspace = {
    name,
    directory,
    file,
    keys: bare(keys),
    stores: bare(stores),
    datasets: bare(datasets),
    domains: bare(domains),
    roles: bare(roles),
    users: bare(users),
    pipelines: pipelines ?? 'pipelines',
    engine: {
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(engine?.threads === undefined ? {} : { threads: engine.threads }),
    },
    gateway: gatewayConfig(gateway ?? {}),
  };
  return { workspace, document };
}

/** Without prototype: `constructor` is a name like any other. */
function bare<T>(map: Record<string, T> | undefined): Record<string, T> {
  return Object.assign(Object.create(null), map);
}

/** As short as it is clear: relative to the working directory if below it. */
function shownPath(path: string): string {
  const way = relative(process.cwd(), path);
  return way === '..' || way.startsWith(`..${sep}`) ? path : way;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isErrnoError(error, 'ENOENT', 'ENOTDIR')) return false;
    throw asIoError(error, `${path}: could not be looked at`);
  }
}

function noWorkspace(message: string): WorkspaceError {
  return new WorkspaceError('NO_WORKSPACE', message, {
    hint: 'go to a workspace, name one with -C DIR, or make one with `glovebox init`',
  });
}
