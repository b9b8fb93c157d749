// The rules of glovebox.yaml that span more than one place: every name refers to something declared,
// folders do not overlap, and nothing is asked for that this version does not do.
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { AccessError, parsePolicy } from '../access/index.ts';
import type { WorkspaceDocument } from './schema.ts';
import { suggest } from './suggest.ts';
import { STATE_FOLDER } from './workspace.ts';
import type { YamlDocument } from './yaml-document.ts';
import type { Path } from './yaml-tree.ts';

type Document = YamlDocument<WorkspaceDocument>;

/** @throws WorkspaceError `REFERENCE`, `NOT_IMPLEMENTED`, `SCHEMA` */
export function checkReferences(document: Document, directory: string): void {
  const { value } = document;
  for (const [name, { key, store }] of Object.entries(value.datasets)) {
    checkName(document, ['datasets', name, 'store'], 'store', store, value.stores);
    checkName(document, ['datasets', name, 'key'], 'key', key, value.keys);
    checkSealingKey(document, ['datasets', name, 'key'], key);
  }
  checkRecovery(document);
  checkDropBoxes(document);
  for (const [name, role] of Object.entries(value.roles ?? {})) {
    for (const [index, grant] of (role.allow ?? []).entries()) {
      const { run: _run, edit: _edit, manage, audit: _audit, ...grants } = grant;
      if (manage !== undefined)
        checkName(document, ['roles', name, 'allow', index, 'manage'], 'key', manage, value.keys);
      for (const [verb, dataset] of Object.entries(grants)) {
        if (dataset === undefined) continue;
        checkName(document, ['roles', name, 'allow', index, verb], 'dataset', dataset, value.datasets);
      }
      checkApprover(document, ['roles', name, 'allow', index, 'approve'], grant.approve);
    }
    checkPolicy(document, name);
  }
  for (const [name, user] of Object.entries(value.users ?? {})) {
    for (const [index, role] of user.roles.entries()) {
      checkName(document, ['users', name, 'roles', index], 'role', role, value.roles ?? {});
    }
  }
  const ingest = value.gateway?.ingest;
  if (ingest !== undefined) checkName(document, ['gateway', 'ingest'], 'role', ingest, value.roles ?? {});
  checkFolders(document, directory);
  checkImplemented(document);
}

/** Grants that name a pipeline, against the pipelines that there are. @throws WorkspaceError `REFERENCE` */
export function checkPipelineReferences(document: Document, pipelines: string[]): void {
  const known = Object.fromEntries(pipelines.map((name) => [name, true]));
  for (const [name, role] of Object.entries(document.value.roles ?? {})) {
    for (const [index, grant] of (role.allow ?? []).entries()) {
      for (const verb of ['run', 'edit'] as const) {
        const pipeline = grant[verb];
        if (pipeline === undefined) continue;
        checkName(document, ['roles', name, 'allow', index, verb], 'pipeline', pipeline, known);
      }
    }
  }
}

/** Whether `path` is `folder` or inside it; both absolute. Looks at the names only. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function checkName(document: Document, path: Path, what: string, name: string, declared: object): void {
  if (Object.hasOwn(declared, name)) return;
  const hint = suggest(name, Object.keys(declared)) ?? `no ${what} is declared yet`;
  throw document.errorAt(path, `there is no ${what} "${name}"`, hint, 'REFERENCE');
}

function checkApprover(document: Document, path: Path, dataset: string | undefined): void {
  if (dataset === undefined || document.value.datasets[dataset]?.dropBox !== undefined) return;
  const hint = 'give it "dropBox", or leave the grant out';
  throw document.errorAt(path, `the dataset "${dataset}" has no drop box`, hint, 'REFERENCE');
}

/** What the schema cannot say of a policy: condition operators, patterns, bounds. */
function checkPolicy(document: Document, role: string): void {
  const { policy } = document.value.roles?.[role] ?? {};
  if (policy === undefined) return;
  try {
    parsePolicy(policy, { kind: 'identity', name: `role ${role}` });
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    throw document.errorAt(['roles', role, 'policy', ...error.path], error.message, error.hint);
  }
}

function checkSealingKey(document: Document, path: Path, name: string): void {
  const key = document.value.keys[name];
  if (key?.provider !== 'local' || key.use !== 'drop-box') return;
  const hint = 'its public key is for others to seal with: name another key here';
  throw document.errorAt(path, `the key "${name}" is a drop-box key and cannot seal a dataset`, hint, 'REFERENCE');
}

function checkRecovery(document: Document): void {
  for (const [name, { key, recovery = [] }] of Object.entries(document.value.datasets)) {
    for (const [index, other] of recovery.entries()) {
      const path: Path = ['datasets', name, 'recovery', index];
      checkName(document, path, 'key', other, document.value.keys);
      checkSealingKey(document, path, other);
      if (other !== key && recovery.indexOf(other) === index) continue;
      throw document.errorAt(path, `the key "${other}" seals this dataset already`, 'name each key once');
    }
  }
}

function checkDropBoxes(document: Document): void {
  const { keys, datasets, users = {} } = document.value;
  const served = new Map<string, string>();
  for (const [name, { kind, dropBox }] of Object.entries(datasets)) {
    if (dropBox === undefined) continue;
    const path: Path = ['datasets', name, 'dropBox'];
    if (kind !== 'raw') {
      throw document.errorAtKey(path, `"${name}" is derived: only runs write to it`, 'give "dropBox" to a raw dataset');
    }
    checkName(document, [...path, 'key'], 'key', dropBox.key, keys);
    const key = keys[dropBox.key];
    if (key?.provider === 'local' && key.use !== 'drop-box') {
      const hint = `declare it so: ${dropBox.key}: { provider: local, use: drop-box }`;
      throw document.errorAt([...path, 'key'], `the key "${dropBox.key}" is not a drop-box key`, hint, 'REFERENCE');
    }
    // The key is what says which dataset a delivery is for.
    const other = served.get(dropBox.key);
    if (other !== undefined) {
      const message = `the key "${dropBox.key}" serves the dataset "${other}" already`;
      throw document.errorAt([...path, 'key'], message, 'give each dataset a drop-box key of its own');
    }
    served.set(dropBox.key, name);
    for (const [index, signer] of (dropBox.signers ?? []).entries()) {
      checkName(document, [...path, 'signers', index], 'user', signer, users);
      if ((users[signer]?.sshKeys ?? []).length > 0) continue;
      const hint = `give it "sshKeys", or leave it out`;
      throw document.errorAt([...path, 'signers', index], `the user "${signer}" has no SSH key`, hint, 'REFERENCE');
    }
  }
}

function checkFolders(document: Document, directory: string): void {
  const { stores, pipelines } = document.value;
  if (pipelines !== undefined) {
    const folder = resolve(directory, pipelines);
    if (isAbsolute(pipelines) || pipelines.includes('\0') || !isInside(folder, directory) || folder === directory) {
      throw document.errorAt(['pipelines'], '"pipelines" must be a folder inside the workspace', 'such as: pipelines/');
    }
  }
  const state = resolve(directory, STATE_FOLDER);
  for (const [name, store] of Object.entries(stores)) {
    if (store.provider !== 'dir') continue;
    const folder = resolve(directory, store.path);
    if (isInside(directory, folder) || isInside(folder, state)) {
      const message = `a store needs a folder of its own, and ${JSON.stringify(store.path)} holds other files too`;
      throw document.errorAt(['stores', name, 'path'], message, 'such as: ./data');
    }
  }
}

function checkImplemented(document: Document): void {
  const { keys, stores } = document.value;
  const fail = (path: Path, what: string, instead: string) =>
    document.errorAt(path, `${what} not implemented in this version`, `use provider: ${instead}`, 'NOT_IMPLEMENTED');
  for (const [name, { provider }] of Object.entries(keys)) {
    if (provider !== 'local') throw fail(['keys', name, 'provider'], `keys of provider "${provider}" are`, 'local');
  }
  for (const [name, { provider }] of Object.entries(stores)) {
    if (provider !== 'dir') throw fail(['stores', name, 'provider'], `stores of provider "${provider}" are`, 'dir');
  }
}
