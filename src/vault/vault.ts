// The vault: the one way to data at rest. Every method decides first, then opens or seals.
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { Verb } from '../access/index.ts';
import type { KeyProvider } from '../keys/index.ts';
import { type Inspection, inspect, releaseAll } from '../seal/index.ts';
import { openDirectoryStore, type Store } from '../store/index.ts';
import { pipelinePath, readTextFile, type Workspace } from '../workspace/index.ts';
import { type AcceptedDelivery, acceptDelivery } from './accept-delivery.ts';
import { matchesGlob } from './address.ts';
import { type Collected, collectDataset } from './collect.ts';
import { type OpenDataset, openDataset } from './dataset.ts';
import { type Delivery, listDeliveries, receiveDelivery, rejectDelivery } from './deliveries.ts';
import { type DropBox, openDropBox } from './drop-box.ts';
import { VaultError } from './error.ts';
import { type FileOptions, openInto, type PlainFile, type PlainTarget, putFile } from './files.ts';
import { type Caller, openGate } from './gate.ts';
import {
  eachObject,
  listObjects,
  type ObjectInfo,
  type OpenedObject,
  openObject,
  openReader,
  putObject,
  removeObject,
  renameObject,
  type SealedObject,
  statObject,
} from './objects.ts';
import { type PinnedObject, pinObject } from './pipes.ts';
import { type ByteRange, type OpenReading, openForReading, openObjectRange } from './range.ts';
import type { VersionRecord } from './record.ts';
import { readSecret } from './secrets.ts';
import type { Upload } from './upload.ts';
import {
  beginUpload,
  collectUploads,
  listUploads,
  removeUpload,
  resumeUpload,
  statUpload,
  type UploadInfo,
  type UploadOptions,
} from './uploads.ts';
import { type Verification, type VerifiedObject, type VerifyOptions, verifyAll, verifyObject } from './verify.ts';
import { beginVersion, listVersions, objectsOf, readVersion, switchLatest, type VersionDraft } from './versions.ts';

/**
 * The way to a workspace's data, for one caller. Sizes are plaintext bytes; paths are object names in their
 * dataset. Every method may throw VaultError `DENIED` (I4), and AuditError `WRITE`.
 */
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
  /** The same, from a file that workers read at several places at once. @throws also what `file.confirm` throws */
  putFile(dataset: string, path: string, file: PlainFile, options?: FileOptions): Promise<ObjectInfo>;
  /**
   * Opens an object of a raw dataset, or of a version (the latest by default) of a derived one; or a range of it.
   * @throws SealError `RANGE`
   */
  get(
    dataset: string,
    path: string,
    options?: { version?: string; range?: ByteRange; signal?: AbortSignal },
  ): Promise<OpenedObject>;
  /**
   * The same into a target, in parallel where that is a new file. Complete when it resolves (I2), to the plaintext
   * bytes written.
   */
  getInto(
    dataset: string,
    path: string,
    target: PlainTarget,
    options?: FileOptions & { version?: string; range?: ByteRange },
  ): Promise<{ info: ObjectInfo; length: number }>;
  /** Checks every tag of an object, and what its record says of it. Gives no plaintext out. */
  verify(dataset: string, path: string, options?: FileOptions & { version?: string }): Promise<VerifiedObject>;
  /** The same of all objects of a dataset, of a version of it, or of those whose names begin with `prefix`. */
  verifyAll(dataset: string, options?: VerifyOptions): AsyncIterable<Verification>;
  list(dataset: string, options?: { version?: string; prefix?: string }): Promise<ObjectInfo[]>;
  /** The same of a raw dataset one by one, for many: in byte order of their names. */
  each(dataset: string, prefix: string): AsyncIterable<ObjectInfo>;
  /**
   * Opens an object for reading at any place, any number of times: it is decided once.
   * @throws as `get`
   */
  openForReading(dataset: string, path: string, options?: { version?: string }): Promise<OpenReading>;
  /** The sealed bytes of an object, as they are: whoever has its key can open them elsewhere. Decided as `read`. */
  openSealed(dataset: string, path: string, options?: { version?: string }): Promise<SealedObject>;
  /** Whether it would be allowed; nothing is recorded, and nothing is done. */
  allows(verb: Verb, dataset: string, path?: string): boolean;
  /** Plaintext bytes of objects and of uploads under way in a raw dataset, by who wrote them. */
  usage(dataset: string): Promise<Map<string, number>>;
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
  /**
   * A pipeline's file, for whoever may run it.
   * @throws WorkspaceError `REFERENCE`; VaultError `DENIED`, `NOT_FOUND`
   */
  pipelineText(name: string): Promise<{ file: string; text: string }>;
  /** The 32-byte secret of the split (`split`) or of a domain (`domain-NAME`), for a run of `pipeline`. */
  secret(name: string, pipeline: string): Promise<Buffer>;
  /**
   * Takes in a delivery: bytes that somebody sealed with the public key of the dataset's drop box. It waits, as
   * it is, until it is accepted.
   * @throws VaultError `KIND`, `DELIVERY`, `SIGNATURE`, `EXISTS` where these bytes were taken before
   */
  receive(
    dataset: string,
    name: string,
    source: AsyncIterable<Uint8Array>,
    options?: { signature?: Uint8Array; signal?: AbortSignal; onBytes?: (bytes: number) => void },
  ): Promise<Delivery>;
  /** All deliveries to a dataset, also the decided ones, oldest first. */
  deliveries(dataset: string): Promise<Delivery[]>;
  /**
   * Opens a delivery and seals it anew under the dataset's key, with its name.
   * @throws VaultError `NOT_FOUND`, `DELIVERY`, `SIGNATURE`, `TAMPERED`, `EXISTS` (without `replace`)
   */
  accept(
    dataset: string,
    id: string,
    options?: { replace?: boolean; signal?: AbortSignal; onBytes?: (bytes: number) => void },
  ): Promise<AcceptedDelivery>;
  /** Refuses a delivery: its bytes go. */
  reject(dataset: string, id: string): Promise<Delivery>;
  /** Removes objects that nothing names any more, older than `graceMs`. */
  collect(dataset: string, graceMs: number): Promise<Collected>;
  /** Begins an upload to a raw dataset: plaintext in pieces, sealed as it comes, that survives a crash. */
  beginUpload(dataset: string, path: string, options?: UploadOptions): Promise<Upload>;
  /** The same, beginning with what the object of that name holds now, which is sealed anew. */
  beginUploadFrom(dataset: string, path: string, options?: UploadOptions): Promise<Upload>;
  /** The newest upload under way of that name by this caller, as in `listUploads`. */
  findUpload(dataset: string, path: string): Promise<UploadInfo | undefined>;
  /**
   * Takes an upload over, from whoever has it, at what of it is whole and verifies.
   * @throws VaultError `NOT_FOUND`, `TAMPERED`, `CONFLICT`; SealError
   */
  resumeUpload(dataset: string, id: string, options?: UploadOptions): Promise<Upload>;
  /** One upload, with the size at which it would be resumed. @throws as `resumeUpload` */
  statUpload(dataset: string, id: string): Promise<UploadInfo>;
  /** The uploads under way or interrupted; sizes by the looks of the files. */
  listUploads(dataset: string): Promise<UploadInfo[]>;
  /** Removes the uploads to which nothing came for `graceMs`, and what is left of others. */
  expireUploads(dataset: string, graceMs: number): Promise<{ uploads: number; bytes: number }>;
  /** Removes an upload, whoever has it. @throws VaultError `NOT_FOUND` */
  removeUpload(dataset: string, id: string): Promise<void>;
  /** Who the records say wrote them. */
  writer: string;
}

/**
 * Opens the vault of a workspace for a caller. Nothing is read before it is needed.
 * @throws AccessError for a role that the workspace does not declare
 */
export function openVault(workspace: Workspace, keys: KeyProvider, caller: Caller = {}): Vault {
  const stores = new Map<string, Store>();
  const datasets = new Map<string, OpenDataset>();
  const gate = openGate(workspace, caller);
  const { ingest: ingestRole, ...others } = caller;
  const ingest = ingestRole === undefined ? gate : openGate(workspace, { ...others, role: ingestRole });
  const writer = `local:${caller.user ?? userInfo().username}`;

  /** Decides and records (I4); whatever is in the dataset is reached after that only. */
  const enter = (verb: Verb, name: string, kind?: 'raw' | 'derived', path?: string): OpenDataset => {
    checkKind(name, kind);
    gate.pass({ verb, subject: name, ...(path === undefined ? {} : { name: path }) });
    return open(name);
  };
  const checkKind = (name: string, kind?: 'raw' | 'derived'): void => {
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
  };
  const open = (name: string): OpenDataset => {
    let dataset = datasets.get(name);
    const config = workspace.datasets[name];
    if (dataset === undefined) {
      if (config === undefined) throw new VaultError('NOT_FOUND', `the workspace has no dataset ${name}`);
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
  /** What there is of uploads is opened in a role of its own, where there is one. */
  const enterUploads = (name: string, path?: string): OpenDataset => {
    const dataset = enter('write', name, 'raw', path);
    ingest.pass({ verb: 'ingest', subject: name });
    return dataset;
  };
  const dropBox = (verb: Verb, name: string, path?: string): DropBox =>
    openDropBox(enter(verb, name, 'raw', path), workspace.users, keys);
  // A part of the decision on the quarantine: whoever may read that may know whether its companion is there.
  const isPublished = async (name: string, version: string): Promise<boolean> => {
    checkKind(name, 'derived');
    return (await open(name).readRecord('version', version)) !== undefined;
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
      return putObject(enter('write', name, 'raw', path), path, source, { writer, ...options });
    },
    async putFile(name, path, file, options = {}) {
      return putFile(enter('write', name, 'raw', path), path, file, { writerName: writer, ...options });
    },
    async get(name, path, { version, range, signal } = {}) {
      const dataset = enter('read', name, undefined, path);
      const info = await find(dataset, path, version);
      return range === undefined ? openObject(dataset, info, signal) : openObjectRange(dataset, info, range, signal);
    },
    async getInto(name, path, target, { version, ...options } = {}) {
      const dataset = enter('read', name, undefined, path);
      const info = await find(dataset, path, version);
      return { info, length: await openInto(dataset, info, target, options) };
    },
    async verify(name, path, { version, ...options } = {}) {
      const dataset = enter('read', name, undefined, path);
      return verifyObject(dataset, await find(dataset, path, version), options);
    },
    async *verifyAll(name, options = {}) {
      yield* verifyAll(enter('read', name, undefined, namesFrom(options.prefix)), options, isPublished);
    },
    async list(name, { version, prefix = '' } = {}) {
      const dataset = enter('list', name, undefined, namesFrom(prefix));
      if (dataset.config.kind === 'raw') return listObjects(dataset, prefix);
      return objectsOf(await readVersion(dataset, version, isPublished)).filter(({ path }) => path.startsWith(prefix));
    },
    async *each(name, prefix) {
      yield* eachObject(enter('list', name, 'raw', namesFrom(prefix)), prefix);
    },
    async openForReading(name, path, { version } = {}) {
      const dataset = enter('read', name, undefined, path);
      return openForReading(dataset, await find(dataset, path, version));
    },
    async openSealed(name, path, { version } = {}) {
      const dataset = enter('read', name, undefined, path);
      const info = await find(dataset, path, version);
      return { info, reader: await openReader(dataset, info) };
    },
    allows(verb, name, path) {
      if (workspace.datasets[name] === undefined) return false;
      // Of uploads, in the role in which they are opened.
      return (verb === 'ingest' ? ingest : gate).ask({
        verb,
        subject: name,
        ...(path === undefined ? {} : { name: path }),
      }).allowed;
    },
    async usage(name) {
      const dataset = enterUploads(name);
      const bytes = new Map<string, number>();
      const add = (who: string, count: number) => bytes.set(who, (bytes.get(who) ?? 0) + count);
      for await (const info of eachObject(dataset, '')) add(info.writer, info.size);
      for (const upload of await listUploads(dataset)) add(upload.writer, upload.size);
      return bytes;
    },
    async stat(name, path, version) {
      return find(enter('list', name, undefined, path), path, version);
    },
    async rename(name, from, to, { replace = false } = {}) {
      const dataset = enter('rename', name, 'raw', from);
      gate.pass({ verb: 'rename', subject: name, name: to });
      await renameObject(dataset, from, to, replace);
    },
    async remove(name, path) {
      await removeObject(enter('delete', name, 'raw', path), path);
    },
    async inspect(name, path, version) {
      const dataset = enter('list', name, undefined, path);
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
      const [prefix = ''] = /^[^*?]*/.exec(glob) ?? [];
      const dataset = enter('list', name, 'raw', namesFrom(prefix));
      const matching = (await listObjects(dataset, prefix)).filter(({ path }) => matchesGlob(path, glob));
      // Each by its name: a role may be allowed a part of the dataset. Where there is none yet, all that could match.
      const paths = matching.length === 0 ? [namesFrom(prefix)] : matching.map(({ path }) => path);
      for (const path of paths) enter('read', name, 'raw', path);
      return Promise.all(matching.map((info) => pinObject(dataset, info)));
    },
    draft(name, version) {
      return beginVersion(enter('write', name, 'derived'), version, writer);
    },
    async switchLatest(name, version) {
      await switchLatest(enter('write', name, 'derived'), version);
    },
    async pipelineText(name) {
      const path = await pipelinePath(workspace, name);
      gate.pass({ verb: 'run', subject: name });
      const text = await readTextFile(path);
      if (text === undefined) throw new VaultError('NOT_FOUND', `the pipeline file ${path} is gone`);
      return { file: path, text };
    },
    async secret(name, pipeline) {
      gate.pass({ verb: 'run', subject: pipeline, secret: name });
      return readSecret(workspace.name, name, openDirectoryStore(join(workspace.directory, '.glovebox')), keys);
    },
    async receive(name, path, source, options = {}) {
      return receiveDelivery(dropBox('write', name, path), path, source, { writer, ...options });
    },
    async deliveries(name) {
      return listDeliveries(dropBox('list', name));
    },
    async accept(name, id, { replace = false, ...options } = {}) {
      return acceptDelivery(dropBox('approve', name), id, { by: writer, replace, ...options });
    },
    async reject(name, id) {
      return rejectDelivery(dropBox('approve', name), id, writer);
    },
    async collect(name, graceMs) {
      return collectDataset(enter('delete', name), graceMs);
    },
    async beginUpload(name, path, options = {}) {
      return beginUpload(enter('write', name, 'raw', path), path, writer, options);
    },
    async beginUploadFrom(name, path, options = {}) {
      const dataset = enter('write', name, 'raw', path);
      gate.pass({ verb: 'read', subject: name, name: path });
      const { chunks } = await openObject(dataset, await statObject(dataset, path));
      const upload = await beginUpload(dataset, path, writer, options);
      try {
        for await (const chunk of chunks) {
          await upload.write(chunk);
          releaseAll([chunk]);
        }
        return upload;
      } catch (error) {
        await upload.abort();
        throw error;
      }
    },
    async findUpload(name, path) {
      const found = (await listUploads(enterUploads(name, path))).filter((upload) => upload.path === path);
      const own = found.filter((upload) => upload.writer === writer);
      return own.toSorted((a, b) => (a.modified < b.modified ? 1 : -1))[0];
    },
    async resumeUpload(name, id, options = {}) {
      return resumeUpload(enterUploads(name), id, options);
    },
    async statUpload(name, id) {
      return statUpload(enterUploads(name), id);
    },
    async listUploads(name) {
      return listUploads(enterUploads(name));
    },
    async expireUploads(name, graceMs) {
      checkKind(name, 'raw');
      ingest.pass({ verb: 'ingest', subject: name });
      return collectUploads(open(name), graceMs);
    },
    async removeUpload(name, id) {
      await removeUpload(enter('write', name, 'raw'), id);
    },
  };
}

/** All names that begin with `prefix`, as policies have them; undefined for all there are. */
function namesFrom(prefix: string | undefined): string | undefined {
  return prefix === undefined || prefix === '' ? undefined : `${prefix}*`;
}
