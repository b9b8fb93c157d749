// The vault: the one way to data at rest. Every method decides first, then opens or seals.
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { KeyProvider } from '../keys/index.ts';
import { type Inspection, inspect } from '../seal/index.ts';
import { openDirectoryStore, type Store } from '../store/index.ts';
import type { Workspace } from '../workspace/index.ts';
import { matchesGlob } from './address.ts';
import { type Collected, collectDataset } from './collect.ts';
import { type OpenDataset, openDataset } from './dataset.ts';
import { VaultError } from './error.ts';
import { type Action, decide } from './gate.ts';
import {
  listObjects,
  type ObjectInfo,
  type OpenedObject,
  openObject,
  openReader,
  putObject,
  removeObject,
  renameObject,
  statObject,
} from './objects.ts';
import { type PinnedObject, pinObject } from './pipes.ts';
import type { VersionRecord } from './record.ts';
import { readSecret } from './secrets.ts';
import { beginVersion, listVersions, objectsOf, readVersion, switchLatest, type VersionDraft } from './versions.ts';

/** The way to a workspace's data. Sizes are plaintext bytes; paths are object names in their dataset. */
export interface Vault {
  workspace: Workspace;
  /**
   * Seals a stream under a name in a raw dataset; whole or not at all (I3).
   * @throws VaultError `NOT_FOUND` (dataset), `KIND`; SealError; StoreError; KeyError
   */
  put(
    dataset: string,
    path: string,
    source: AsyncIterable<Uint8Array>,
    options?: { signal?: AbortSignal; onBytes?: (bytes: number) => void },
  ): Promise<ObjectInfo>;
  /** Opens an object of a raw dataset, or of a version (the latest by default) of a derived one. */
  get(dataset: string, path: string, options?: { version?: string; signal?: AbortSignal }): Promise<OpenedObject>;
  list(dataset: string, options?: { version?: string; prefix?: string }): Promise<ObjectInfo[]>;
  stat(dataset: string, path: string, version?: string): Promise<ObjectInfo>;
  rename(dataset: string, from: string, to: string, options?: { replace?: boolean }): Promise<void>;
  remove(dataset: string, path: string): Promise<void>;
  /** What the sealed object says of itself without a key; nothing in it is authenticated. */
  inspect(dataset: string, path: string, version?: string): Promise<Inspection>;
  /** Published versions of a derived dataset, oldest first. */
  versions(dataset: string): Promise<VersionRecord[]>;
  /** One version's record; the latest by default. */
  version(dataset: string, version?: string): Promise<VersionRecord>;
  /** Pins the raw objects whose names match `glob`, in byte order of their names. */
  pin(dataset: string, glob: string): Promise<PinnedObject[]>;
  /** Begins a version of a derived dataset. */
  draft(dataset: string, version: string): VersionDraft;
  /** Points a derived dataset's `latest` at a published version. */
  switchLatest(dataset: string, version: string): Promise<void>;
  /** The 32-byte secret of the split (`split`) or of a domain (`domain-NAME`). */
  secret(name: string): Promise<Buffer>;
  /** Removes objects that nothing names any more, older than `graceMs`. */
  collect(dataset: string, graceMs: number): Promise<Collected>;
  /** Who the records say wrote them. */
  writer: string;
}

/** Opens the vault of a workspace. Nothing is read before it is needed. */
export function openVault(workspace: Workspace, keys: KeyProvider): Vault {
  const stores = new Map<string, Store>();
  const datasets = new Map<string, OpenDataset>();
  const writer = `local:${userInfo().username}`;

  const enter = (action: Action, name: string, kind?: 'raw' | 'derived'): OpenDataset => {
    const config = workspace.datasets[name];
    if (config === undefined) {
      throw new VaultError('NOT_FOUND', `the workspace has no dataset ${name}`, {
        hint: `it has ${Object.keys(workspace.datasets).join(', ')}`,
      });
    }
    if (kind !== undefined && config.kind !== kind) {
      const other = kind === 'raw' ? 'derived: only runs write to it' : 'raw: it has no versions';
      throw new VaultError('KIND', `the dataset ${name} is ${other}`);
    }
    const { allowed, reason } = decide(action, name);
    if (!allowed) throw new VaultError('DENIED', `${action} is not allowed on ${name}`, { hint: reason });
    let dataset = datasets.get(name);
    if (dataset === undefined) {
      const storeConfig = workspace.stores[config.store];
      if (storeConfig?.provider !== 'dir')
        throw new VaultError('NOT_FOUND', `the workspace has no store ${config.store}`);
      let store = stores.get(config.store);
      if (store === undefined) {
        store = openDirectoryStore(resolve(workspace.directory, storeConfig.path));
        stores.set(config.store, store);
      }
      dataset = openDataset(workspace.name, name, config, store, keys);
      datasets.set(name, dataset);
    }
    return dataset;
  };
  const isPublished = async (name: string, version: string): Promise<boolean> => {
    const dataset = enter('read', name, 'derived');
    return (await dataset.readRecord('version', version)) !== undefined;
  };
  const find = async (dataset: OpenDataset, path: string, version?: string): Promise<ObjectInfo> => {
    if (dataset.config.kind === 'raw') return statObject(dataset, path);
    const record = await readVersion(dataset, version, isPublished);
    const info = objectsOf(record).find((object) => object.path === path);
    if (info !== undefined) return info;
    throw new VaultError('NOT_FOUND', `there is no ${path} in ${dataset.name}@${record.version}`, {
      hint: `what is there is listed by: glovebox ls ${dataset.name}`,
    });
  };

  return {
    workspace,
    writer,
    async put(name, path, source, options = {}) {
      return putObject(enter('write', name, 'raw'), path, source, { writer, ...options });
    },
    async get(name, path, { version, signal } = {}) {
      const dataset = enter('read', name);
      return openObject(dataset, await find(dataset, path, version), signal);
    },
    async list(name, { version, prefix = '' } = {}) {
      const dataset = enter('list', name);
      if (dataset.config.kind === 'raw') return listObjects(dataset, prefix);
      return objectsOf(await readVersion(dataset, version, isPublished)).filter(({ path }) => path.startsWith(prefix));
    },
    async stat(name, path, version) {
      return find(enter('list', name), path, version);
    },
    async rename(name, from, to, { replace = false } = {}) {
      await renameObject(enter('rename', name, 'raw'), from, to, replace);
    },
    async remove(name, path) {
      await removeObject(enter('delete', name, 'raw'), path);
    },
    async inspect(name, path, version) {
      const dataset = enter('list', name);
      const reader = await openReader(dataset, await find(dataset, path, version));
      try {
        return await inspect(reader);
      } finally {
        await reader.close();
      }
    },
    async versions(name) {
      return listVersions(enter('list', name, 'derived'), isPublished);
    },
    async version(name, version) {
      return readVersion(enter('list', name, 'derived'), version, isPublished);
    },
    async pin(name, glob) {
      const dataset = enter('read', name, 'raw');
      const matching = (await listObjects(dataset)).filter(({ path }) => matchesGlob(path, glob));
      return Promise.all(matching.map((info) => pinObject(dataset, info)));
    },
    draft(name, version) {
      return beginVersion(enter('write', name, 'derived'), version, writer);
    },
    async switchLatest(name, version) {
      await switchLatest(enter('write', name, 'derived'), version);
    },
    async secret(name) {
      return readSecret(workspace.name, name, openDirectoryStore(join(workspace.directory, '.glovebox')), keys);
    },
    async collect(name, graceMs) {
      return collectDataset(enter('delete', name), graceMs);
    },
  };
}
