// The files of one user, as their roles have them: datasets as folders, objects as files.
import { type DirectoryEntry, type FileInfo, SftpError, type SftpFiles, type SpaceInfo } from '../../sftp/index.ts';
import { isVersion, type ObjectInfo, type Vault } from '../../vault/index.ts';
import type { UploadDesk } from './desk.ts';
import { inWords } from './errors.ts';
import { folderInfo, infoOf, partialInfoOf } from './infos.ts';
import { LATEST, notFound, type Place, placeOf } from './places.ts';
import { makeReading } from './reading.ts';
import { openForWriting } from './uploading.ts';

/** What was done, for the log and the metrics: names and sizes, nothing of what is in the files. */
export type FileEvent =
  | { kind: 'upload begun' | 'upload resumed' | 'upload kept'; dataset: string; path: string; bytes: number }
  | { kind: 'uploaded'; dataset: string; path: string; bytes: number; sha256: string }
  | { kind: 'read'; dataset: string; path: string; bytes: number }
  | { kind: 'renamed'; dataset: string; path: string; to: string }
  | { kind: 'removed'; dataset: string; path: string };

export interface UserFilesOptions {
  user: string;
  /** One for each role, in order: the first that is allowed something does it. At least one. */
  vaults: readonly [Vault, ...Vault[]];
  desk: UploadDesk;
  onEvent?: (event: FileEvent) => void;
}

/**
 * The files that a user sees. Each call is decided by the vault (I4); a user does not learn whether there is what
 * they may not list.
 */
export function openUserFiles({ user, vaults, desk, onEvent = () => undefined }: UserFilesOptions): SftpFiles {
  const [first] = vaults;
  const { workspace } = first;
  const memory = desk.of(user);
  type Verb = Parameters<Vault['allows']>[0];

  const pick = (verb: Verb, dataset: string, path?: string): Vault =>
    vaults.find((vault) => vault.allows(verb, dataset, path)) ?? first;
  const may = (verb: Verb, dataset: string, path?: string): boolean =>
    vaults.some((vault) => vault.allows(verb, dataset, path));
  const seesDataset = (dataset: string): boolean =>
    (['list', 'read', 'write'] as const).some((verb) => may(verb, dataset) || may(verb, dataset, '*'));

  /** Where a path leads. A dataset that the user has nothing to do with is not there. */
  function find(path: string): Place {
    const place = placeOf(workspace, path);
    if (place.kind !== 'root' && !seesDataset(place.dataset)) throw notFound(path);
    return place;
  }

  async function statName(dataset: string, path: string, shown: string): Promise<FileInfo> {
    const live = desk.live.get(liveKey(user, dataset, path));
    if (live !== undefined) return live.stat();
    if (may('list', dataset, path)) {
      const vault = pick('list', dataset, path);
      const info = await orUndefined(vault.stat(dataset, path));
      if (info !== undefined) return infoOf(info);
      for await (const below of vault.each(dataset, `${path}/`)) return folderInfo(below.time);
    }
    const own = memory.uploaded.get(`${dataset}/${path}`);
    if (own !== undefined && !may('list', dataset, path)) return infoOf(own);
    if (memory.folders.has(`${dataset}/${path}`)) return folderInfo();
    if (may('write', dataset, path)) {
      const partial = await pick('write', dataset, path).findUpload(dataset, path);
      if (partial !== undefined) return partialInfoOf(partial);
    }
    throw notFound(shown);
  }

  async function statPart(place: Place & { kind: 'part' }, shown: string): Promise<FileInfo> {
    const { dataset, version, path } = place;
    const objects = await listVersion(dataset, version);
    const info = objects.find((object) => object.path === path);
    if (info !== undefined) return infoOf(info);
    if (objects.some((object) => object.path.startsWith(`${path}/`))) return folderInfo();
    throw notFound(shown);
  }

  function listVersion(dataset: string, version: string | undefined): Promise<ObjectInfo[]> {
    return pick('list', dataset).list(dataset, version === undefined ? {} : { version });
  }

  async function* listRoot(): AsyncGenerator<DirectoryEntry> {
    for (const dataset of Object.keys(workspace.datasets)) {
      if (seesDataset(dataset)) yield { name: dataset, ...folderInfo() };
    }
  }

  async function* listVersions(dataset: string): AsyncGenerator<DirectoryEntry> {
    const versions = await pick('list', dataset).versions(dataset);
    if (versions.length > 0) yield { name: LATEST, ...folderInfo(versions.at(-1)?.time) };
    for (const { version, time } of versions) yield { name: version, ...folderInfo(time) };
  }

  async function* listNames(dataset: string, prefix: string): AsyncGenerator<DirectoryEntry> {
    const known = new Set<string>();
    for await (const entry of entriesOf(pick('list', dataset, `${prefix}*`).each(dataset, prefix), prefix)) {
      if (entry.kind === 'directory') known.add(entry.name);
      yield entry;
    }
    for (const name of foldersIn(memory.folders, `${dataset}/${prefix}`)) {
      if (!known.has(name)) yield { name, ...folderInfo() };
    }
  }

  async function begin(entries: AsyncGenerator<DirectoryEntry>): Promise<AsyncIterable<DirectoryEntry>> {
    // What is wrong is told before the first entry.
    const head = await inWords(() => entries.next());
    return prepend(head, entries);
  }

  const files: SftpFiles = {
    stat: (path) =>
      inWords(async () => {
        const place = find(path);
        if (place.kind === 'root' || place.kind === 'dataset') return folderInfo();
        if (place.kind === 'name') return statName(place.dataset, place.path, path);
        if (place.kind === 'part') return statPart(place, path);
        const { dataset, version } = place;
        if (version !== undefined && !isVersion(version)) throw notFound(path);
        return folderInfo((await pick('list', dataset).version(dataset, version)).time);
      }),
    list: (path) =>
      inWords(async () => {
        const place = find(path);
        if (place.kind === 'root') return begin(listRoot());
        if (place.kind === 'dataset') {
          return begin(place.isRaw ? listNames(place.dataset, '') : listVersions(place.dataset));
        }
        if (place.kind === 'name') {
          const info = await files.stat(path);
          if (info.kind === 'file') throw new SftpError('FAILED', `${path} is no folder`);
          return begin(listNames(place.dataset, `${place.path}/`));
        }
        const prefix = place.kind === 'part' ? `${place.path}/` : '';
        const objects = await listVersion(place.dataset, place.version);
        const below = objects.filter((object) => object.path.startsWith(prefix));
        if (below.length === 0 && prefix !== '') throw notFound(path);
        return begin(entriesOf(below, prefix));
      }),
    openRead: (path) =>
      inWords(async () => {
        const place = find(path);
        if (place.kind !== 'name' && place.kind !== 'part') throw new SftpError('FAILED', `${path} is a folder`);
        const version = place.kind === 'part' ? place.version : undefined;
        const { dataset, path: name } = place;
        const source = await pick('read', dataset, name).openForReading(
          dataset,
          name,
          version === undefined ? {} : { version },
        );
        let bytes = 0;
        const reading = makeReading(source, (count) => {
          bytes += count;
        });
        const close = async (): Promise<void> => {
          await reading.close();
          onEvent({ kind: 'read', dataset, path: name, bytes });
        };
        return { ...reading, close };
      }),
    openWrite: (path, flags) =>
      inWords(async () => {
        const place = find(path);
        if (place.kind !== 'name') throw notWritable(path, place);
        const { dataset, path: name } = place;
        const vault = pick('write', dataset, name);
        const exists = async (): Promise<boolean> => {
          if (!may('list', dataset, name)) return memory.uploaded.has(`${dataset}/${name}`);
          return (await orUndefined(pick('list', dataset, name).stat(dataset, name))) !== undefined;
        };
        return openForWriting({ vault, user, dataset, path: name, flags, desk, exists, onEvent });
      }),
    rename: (from, to, replace) =>
      inWords(async () => {
        const [a, b] = [find(from), find(to)];
        if (a.kind === 'name' && b.kind === 'name' && a.dataset === b.dataset) {
          const { dataset } = a;
          if (memory.folders.has(`${dataset}/${a.path}`)) {
            memory.folders.delete(`${dataset}/${a.path}`);
            memory.folders.add(`${dataset}/${b.path}`);
            return;
          }
          const vault =
            vaults.find((each) => each.allows('rename', dataset, a.path) && each.allows('rename', dataset, b.path)) ??
            first;
          await vault.rename(dataset, a.path, b.path, { replace });
          memory.uploaded.delete(`${dataset}/${a.path}`);
          rememberFolders(dataset, a.path);
          onEvent({ kind: 'renamed', dataset, path: a.path, to: b.path });
          return;
        }
        throw new SftpError('UNSUPPORTED', 'only files of one raw dataset get other names');
      }),
    remove: (path) =>
      inWords(async () => {
        const place = find(path);
        if (place.kind !== 'name') throw notWritable(path, place);
        const { dataset, path: name } = place;
        const live = desk.live.get(liveKey(user, dataset, name));
        await live?.takeOver();
        // What only the user sees is theirs to remove; an object takes a grant.
        const writer = vaults.find((vault) => vault.allows('write', dataset, name));
        const partial = await writer?.findUpload(dataset, name);
        if (writer !== undefined && partial !== undefined) await writer.removeUpload(dataset, partial.id);
        const isThere = may('list', dataset, name)
          ? (await orUndefined(pick('list', dataset, name).stat(dataset, name))) !== undefined
          : partial === undefined;
        if (!isThere && partial === undefined) throw notFound(path);
        if (isThere) await pick('delete', dataset, name).remove(dataset, name);
        memory.uploaded.delete(`${dataset}/${name}`);
        rememberFolders(dataset, name);
        onEvent({ kind: 'removed', dataset, path: name });
      }),
    mkdir: (path) =>
      inWords(async () => {
        const place = find(path);
        if (place.kind !== 'name')
          throw place.kind === 'root' || place.kind === 'dataset' ? exists(path) : notWritable(path, place);
        const { dataset, path: name } = place;
        const info = await orUndefined(files.stat(path));
        if (info !== undefined) throw exists(path);
        if (!may('write', dataset, `${name}/*`)) throw new SftpError('DENIED', `${path} may not be made`);
        // A folder is what names have in common: until there is one, only this user knows of it.
        memory.folders.add(`${dataset}/${name}`);
      }),
    rmdir: (path) =>
      inWords(async () => {
        const place = find(path);
        if (place.kind !== 'name') throw new SftpError('DENIED', `${path} stays`);
        const { dataset, path: name } = place;
        if ((await files.stat(path)).kind === 'file') throw new SftpError('FAILED', `${path} is no folder`);
        if (may('list', dataset, `${name}/*`)) {
          for await (const _ of pick('list', dataset, `${name}/*`).each(dataset, `${name}/`)) {
            throw new SftpError('NOT_EMPTY', `${path} is not empty`);
          }
        }
        if (foldersIn(memory.folders, `${dataset}/${name}/`).length > 0) {
          throw new SftpError('NOT_EMPTY', `${path} is not empty`);
        }
        memory.folders.delete(`${dataset}/${name}`);
      }),
    setStat: (path, { size }) =>
      inWords(async () => {
        const info = await files.stat(path);
        if (size === undefined || size === info.size) return;
        const place = find(path);
        const live = place.kind === 'name' ? desk.live.get(liveKey(user, place.dataset, place.path)) : undefined;
        if (live !== undefined) return live.setStat({ size });
        throw new SftpError('UNSUPPORTED', 'what is sealed is neither cut off nor made longer');
      }),
    space: (path) =>
      inWords(async () => {
        const place = find(path);
        const datasets = place.kind === 'root' ? Object.keys(workspace.datasets).filter(seesDataset) : [place.dataset];
        const rooms = await Promise.all(datasets.map((dataset) => desk.room(pick('write', dataset), user, dataset)));
        return spaceOf(rooms);
      }),
  };
  return files;

  /** So that a folder whose last file goes is still there to be removed. */
  function rememberFolders(dataset: string, name: string): void {
    const parts = name.split('/').slice(0, -1);
    for (const [index] of parts.entries()) memory.folders.add(`${dataset}/${parts.slice(0, index + 1).join('/')}`);
  }
}

/** What is under way of a user, by name. */
export function liveKey(user: string, dataset: string, path: string): string {
  return `${user}\0${dataset}\0${path}`;
}

/** The entries of one folder, from the objects below it in byte order. */
async function* entriesOf(
  objects: AsyncIterable<ObjectInfo> | Iterable<ObjectInfo>,
  prefix: string,
): AsyncGenerator<DirectoryEntry> {
  let folder: string | undefined;
  for await (const info of objects) {
    const rest = info.path.slice(prefix.length);
    const [name = '', ...below] = rest.split('/');
    if (below.length === 0) yield { name, ...infoOf(info) };
    else if (name !== folder) yield { name, ...folderInfo(info.time) };
    if (below.length > 0) folder = name;
  }
}

/** The names of the folders right below `prefix`. */
function foldersIn(folders: Iterable<string>, prefix: string): string[] {
  const names = [...folders].filter((folder) => folder.startsWith(prefix)).map((folder) => folder.slice(prefix.length));
  return [...new Set(names.map((name) => name.split('/')[0] ?? ''))].filter((name) => name !== '');
}

async function* prepend<Value>(head: IteratorResult<Value>, rest: AsyncGenerator<Value>): AsyncGenerator<Value> {
  if (head.done === true) return;
  yield head.value;
  yield* rest;
}

/** Undefined for what there is not. */
async function orUndefined<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function exists(path: string): SftpError {
  return new SftpError('EXISTS', `${path} exists`);
}

function notWritable(path: string, { kind }: Place): SftpError {
  if (kind === 'root' || kind === 'dataset') return new SftpError('FAILED', `${path} is a folder`);
  return new SftpError('DENIED', `${path} was written by a run: nobody else writes there`);
}

const BLOCK = 4096;

function spaceOf(rooms: { free: number; total: number }[]): SpaceInfo {
  const most = rooms.reduce((best, room) => (room.free > best.free ? room : best), { free: 0, total: 0 });
  const free = Math.floor(most.free / BLOCK);
  const blocks = Math.floor(most.total / BLOCK);
  return { blockSize: BLOCK, blocks, freeBlocks: free, availableBlocks: free, maxName: 255 };
}
