// A workspace as access/ sees it: names and what refers to what, and nothing of files.
import type { AccessModel, Grant, PolicyDocument } from '../access/index.ts';
import type { DatasetConfig, GrantConfig, KeyConfig, RoleConfig, StoreConfig } from './schema.ts';
import type { Workspace } from './workspace.ts';

/** What pipelines use, by name. */
export type PipelineUses = AccessModel['pipelines'];

/** The model from which policies are made. @param pipelines of the workspace, whose files are not read here */
export function accessModel(workspace: Workspace, pipelines: PipelineUses): AccessModel {
  return {
    workspace: workspace.name,
    keys: mapValues(workspace.keys, keyOf),
    stores: mapValues(workspace.stores, storeOf),
    datasets: mapValues(workspace.datasets, datasetOf),
    pipelines: { ...mentioned(workspace), ...pipelines },
    roles: mapValues(workspace.roles, roleOf),
    users: mapValues(workspace.users, ({ roles }) => ({ roles })),
  };
}

/** Pipelines that grants name; nothing is known of what they use. */
function mentioned({ roles }: Workspace): PipelineUses {
  const names = Object.values(roles).flatMap(({ allow = [] }) => allow.flatMap(({ run, edit }) => run ?? edit ?? []));
  return Object.fromEntries(names.map((name) => [name, { source: '', output: '', secrets: [] }]));
}

function keyOf(key: KeyConfig): AccessModel['keys'][string] {
  if (key.provider === 'local') return { use: key.use ?? 'seal' };
  return { use: 'seal', keyId: key.keyId, ...(key.region === undefined ? {} : { region: key.region }) };
}

function storeOf(store: StoreConfig): AccessModel['stores'][string] {
  if (store.provider === 'dir') return {};
  return { bucket: store.bucket, ...(store.prefix === undefined ? {} : { prefix: store.prefix }) };
}

function datasetOf({ store, key, kind, recovery, dropBox }: DatasetConfig): AccessModel['datasets'][string] {
  return { store, key, kind, recovery: recovery ?? [], ...(dropBox === undefined ? {} : { dropBoxKey: dropBox.key }) };
}

function roleOf({ allow, policy }: RoleConfig): AccessModel['roles'][string] {
  // What the schema calls undefined is absent in what was read from YAML.
  return policy === undefined ? { allow: (allow ?? []).map(grantOf) } : { policy: policy as PolicyDocument };
}

/** The schema has seen to it that there is exactly one verb. */
function grantOf(grant: GrantConfig) {
  return Object.fromEntries(Object.entries(grant).filter(([, subject]) => subject !== undefined)) as Grant;
}

function mapValues<From, To>(map: Record<string, From>, change: (value: From) => To): Record<string, To> {
  return Object.assign(Object.create(null), ...Object.entries(map).map(([name, value]) => ({ [name]: change(value) })));
}
