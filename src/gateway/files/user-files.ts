// The files of one user, as their roles have them: datasets as folders, objects as files.
import { type DirectoryEntry, type FileInfo, SftpError, type SftpFiles, type SpaceInfo } from '../../sftp/index.ts';
import { isVersion, type ObjectInfo, type Vault } from '../../vault/index.ts';
import { liveKey, type UploadDesk } from './desk.ts';
import { inWords, orUndefined } from './errors.ts';
import type { FileEvent } from './events.ts';
import { begin, entriesOf, foldersIn, foldersOf } from './folders.ts';
import { folderInfo, infoOf, partialInfoOf } from './infos.ts';
import { findPartial, statPartial } from './partials.ts';
import { LATEST, notFound, type Place } from './places.ts';
import { makeReading } from './reading.ts';
import { openForWriting } from './uploading.ts';
import { rolesOf } from './user-roles.ts';

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
  const { workspace, find, may, pick, seesDataset } = rolesOf(vaults);
  const memory = desk.of(user);

  const statObject = (dataset: string, name: string): Promise<ObjectInfo | undefined> =>
    orUndefined(pick('list', dataset, name).stat(dataset, name));

  async function statName(dataset: string, name: string, shown: string): Promise<FileInfo> {
    const live = desk.live.get(liveKey(user, dataset, name));
    if (live !== undefined) return live.stat();
    const mayList = may('list', dataset, name);
    const info = mayList ? await statObject(dataset, name) : memory.uploaded.get(`${dataset}/${name}`);
    const writer = may('write', dataset, name) ? pick('write', dataset, name) : undefined;
    const partial = writer === undefined ? undefined : await statPartial(writer, dataset, name, memory);
    // An upload that was interrupted is what its user goes on with, also where it is to replace an object.
    if (partial !== undefined && (info === undefined || partial.modified > info.time)) return partialInfoOf(partial);
    if (info !== undefined) return infoOf(info);
    if (memory.folders.has(`${dataset}/${name}`)) return folderInfo();
    if (may('list', dataset, `${name}/*`)) {
      const below = pick('list', dataset, `${name}/*`).each(dataset, `${name}/`);
      for await (const { time } of below) return folderInfo(time);
    }
    // Whoever may do nothing at all there is refused, which is recorded.
    if (!mayList && writer === undefined && !may('read', dataset, name)) await statObject(dataset, name);
    throw notFound(shown);
  }

  async function statPart({ dataset, version, path }: Place & { kind: 'part' }, shown: string): Promise<FileInfo> {
    const objects = await listVersion(dataset, version, shown);
    const info = objects.find((object) => object.path === path);
    if (info !== undefined) return infoOf(info);
    const below = objects.find((object) => object.path.startsWith(`${path}/`));
    if (below === undefined) throw notFound(shown);
    return folderInfo(below.time);
  }

  function listVersion(dataset: string, version: string | undefined, shown: string): Promise<ObjectInfo[]> {
    if (version !== undefined && !isVersion(version)) throw notFound(shown);
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
    for (const name of foldersIn(memory.folders.keys(), `${dataset}/${prefix}`)) {
      if (!known.has(name)) yield { name, ...folderInfo() };
    }
  }

  async function isEmpty(dataset: string, folder: string): Promise<boolean> {
    if (may('list', dataset, `${folder}/*`)) {
      for await (const _ of pick('list', dataset, `${folder}/*`).each(dataset, `${folder}/`)) return false;
    }
    return foldersIn(memory.folders.keys(), `${dataset}/${folder}/`).length === 0;
  }

  /** So that a folder whose last file goes is still there to be removed. */
  function rememberFolders(dataset: string, name: string): void {
    for (const folder of foldersOf(name)) memory.folders.set(`${dataset}/${folder}`, true);
  }

  async function renameName(dataset: string, from: string, to: string, replace: boolean): Promise<void> {
    const fits = (vault: Vault) => vault.allows('rename', dataset, from) && vault.allows('rename', dataset, to);
    const vault = vaults.find(fits) ?? vaults[0];
    try {
      await vault.rename(dataset, from, to, { replace });
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'NOT_FOUND';
      if (!isMissing || !may('list', dataset, `${from}/*`) || (await isEmpty(dataset, from))) throw error;
      const why = 'a folder is what names have in common, and many names do not change in one step';
      throw new SftpError('UNSUPPORTED', `${from} is not renamed: ${why}; rename its files`);
    }
    const own = memory.uploaded.get(`${dataset}/${from}`);
    memory.uploaded.delete(`${dataset}/${from}`);
    if (own !== undefined) memory.uploaded.set(`${dataset}/${to}`, { ...own, path: to });
    rememberFolders(dataset, from);
    onEvent({ kind: 'renamed', dataset, path: from, to });
  }

  async function removeName(dataset: string, name: string, shown: string): Promise<void> {
    const key = liveKey(user, dataset, name);
    await desk.live.get(key)?.takeOver();
    // An interrupted upload is seen by its user only, and theirs to remove; an object takes a grant.
    const writer = vaults.find((vault) => vault.allows('write', dataset, name));
    const partial = writer === undefined ? undefined : await findPartial(writer, dataset, name);
    if (writer !== undefined && partial !== undefined) await writer.removeUpload(dataset, partial.id);
    const isObject = may('list', dataset, name)
      ? (await statObject(dataset, name)) !== undefined
      : partial === undefined;
    if (!isObject && partial === undefined) throw notFound(shown);
    if (isObject) await pick('delete', dataset, name).remove(dataset, name);
    memory.uploaded.delete(`${dataset}/${name}`);
    rememberFolders(dataset, name);
    desk.rooms.forget(dataset);
    onEvent({ kind: 'removed', dataset, path: name });
  }

  async function setSize(place: Place, shown: string, size: number): Promise<void> {
    const info = await files.stat(shown);
    if (info.kind === 'directory') throw new SftpError('FAILED', `${shown} is a folder`);
    if (place.kind !== 'name') throw notWritable(shown, place);
    const live = desk.live.get(liveKey(user, place.dataset, place.path));
    if (live !== undefined) return live.setStat({ size });
    if (size === info.size) return;
    if (size > 0) throw new SftpError('UNSUPPORTED', 'what is sealed is neither cut off nor made longer');
    // As sshfs does before it writes: an empty object takes its place.
    const flags = { create: false, exclusive: false, truncate: true, append: false, read: false };
    await (await files.openWrite(shown, flags)).close();
  }

  const files: SftpFiles = {
    stat: (path) =>
      inWords(async () => {
        const place = await find(path);
        if (place.kind === 'root' || place.kind === 'dataset') return folderInfo();
        if (place.kind === 'name') return statName(place.dataset, place.path, path);
        if (place.kind === 'part') return statPart(place, path);
        const { dataset, version } = place;
        if (version !== undefined && !isVersion(version)) throw notFound(path);
        return folderInfo((await pick('list', dataset).version(dataset, version)).time);
      }),
    list: (path) =>
      inWords(async () => {
        const place = await find(path);
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
        const objects = await listVersion(place.dataset, place.version, path);
        const below = objects.filter((object) => object.path.startsWith(prefix));
        if (below.length === 0 && prefix !== '') throw notFound(path);
        return begin(entriesOf(below, prefix));
      }),
    openRead: (path) =>
      inWords(async () => {
        const place = await find(path);
        if (place.kind !== 'name' && place.kind !== 'part') throw new SftpError('FAILED', `${path} is a folder`);
        const version = place.kind === 'part' ? place.version : undefined;
        if (version !== undefined && !isVersion(version)) throw notFound(path);
        const { dataset, path: name } = place;
        const vault = pick('read', dataset, name);
        const source = await vault.openForReading(dataset, name, version === undefined ? {} : { version });
        let bytes = 0;
        const onBytes = (count: number) => {
          bytes += count;
        };
        const reading = makeReading(source, { memory: desk.options.memory, onBytes });
        const close = async (): Promise<void> => {
          await reading.close();
          onEvent({ kind: 'read', dataset, path: name, bytes });
        };
        return { ...reading, close };
      }),
    openWrite: (path, flags) =>
      inWords(async () => {
        const place = await find(path);
        if (place.kind !== 'name') throw notWritable(path, place);
        const { dataset, path: name } = place;
        return openForWriting({
          user,
          vaults,
          vault: pick('write', dataset, name),
          dataset,
          path: name,
          flags,
          desk,
          find: async () =>
            may('list', dataset, name) ? statObject(dataset, name) : memory.uploaded.get(`${dataset}/${name}`),
          open: () => pick('read', dataset, name).openForReading(dataset, name),
          onEvent,
        });
      }),
    rename: (from, to, replace) =>
      inWords(async () => {
        const [a, b] = [await find(from), await find(to)];
        if (a.kind !== 'name') throw notWritable(from, a);
        if (b.kind !== 'name') throw notWritable(to, b);
        if (a.dataset !== b.dataset) {
          throw new SftpError('UNSUPPORTED', 'a file stays in its dataset: each has a key of its own');
        }
        const { dataset } = a;
        // Of a folder that only this user knows of.
        if (memory.folders.has(`${dataset}/${a.path}`) && (await isEmpty(dataset, a.path))) {
          if ((await orUndefined(inWords(() => files.stat(to)))) !== undefined) throw exists(to);
          memory.folders.delete(`${dataset}/${a.path}`);
          memory.folders.set(`${dataset}/${b.path}`, true);
          return;
        }
        await renameName(dataset, a.path, b.path, replace);
      }),
    remove: (path) =>
      inWords(async () => {
        const place = await find(path);
        if (place.kind !== 'name') throw notWritable(path, place);
        if (memory.folders.has(`${place.dataset}/${place.path}`)) {
          if ((await files.stat(path)).kind === 'directory') throw new SftpError('FAILED', `${path} is a folder`);
        }
        await removeName(place.dataset, place.path, path);
      }),
    mkdir: (path) =>
      inWords(async () => {
        const place = await find(path);
        if (place.kind !== 'name')
          throw place.kind === 'root' || place.kind === 'dataset' ? exists(path) : notWritable(path, place);
        const { dataset, path: name } = place;
        if ((await orUndefined(files.stat(path))) !== undefined) throw exists(path);
        // Asked of the vault, so that a refusal is recorded (I4).
        if (!may('write', dataset, `${name}/*`)) await pick('write', dataset, name).findUpload(dataset, `${name}/*`);
        // A folder is what names have in common: until there is one, only this user knows of it.
        memory.folders.set(`${dataset}/${name}`, true);
      }),
    rmdir: (path) =>
      inWords(async () => {
        const place = await find(path);
        if (place.kind !== 'name') throw new SftpError('DENIED', `${path} stays`);
        const { dataset, path: name } = place;
        if ((await files.stat(path)).kind === 'file') throw new SftpError('FAILED', `${path} is no folder`);
        if (!(await isEmpty(dataset, name))) throw new SftpError('NOT_EMPTY', `${path} is not empty`);
        memory.folders.delete(`${dataset}/${name}`);
      }),
    setStat: (path, { size }) =>
      inWords(async () => {
        if (size === undefined) await files.stat(path);
        else await setSize(await find(path), path, size);
      }),
    space: (path) =>
      inWords(async () => {
        const place = await find(path);
        const datasets = place.kind === 'root' ? Object.keys(workspace.datasets).filter(seesDataset) : [place.dataset];
        const raw = datasets.filter((dataset) => workspace.datasets[dataset]?.kind === 'raw');
        return spaceOf(await Promise.all(raw.map((dataset) => desk.rooms.look({ user, vaults }, dataset))));
      }),
  };
  return files;
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
  const most = rooms.reduce((best, room) => (room.free > best.free || room.total > best.total ? room : best), {
    free: 0,
    total: 0,
  });
  const free = Math.floor(most.free / BLOCK);
  const blocks = Math.floor(most.total / BLOCK);
  return { blockSize: BLOCK, blocks, freeBlocks: free, availableBlocks: free, maxName: 255 };
}
