// What is to be moved: a tree of local files, or of a server's, walked within bounds and filtered by globs.
import { type Stats, statSync } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { FILE_TYPE, type SftpClient } from '../sftp/index.ts';
import { matchesGlob } from '../vault/index.ts';
import { stopped } from './connection.ts';
import { TransferError } from './error.ts';
import type { SkipReason } from './events.ts';
import { joinRemote } from './remote.ts';

/** One thing in a folder. */
export interface FolderEntry {
  /** One part of a path. */
  name: string;
  type: 'file' | 'folder' | 'link' | 'special';
  /** Bytes, and whole seconds since 1970; undefined where it is not known. */
  size: number | undefined;
  modified: number | undefined;
}

/** The way into a tree. Paths are relative to its root, which is the empty one. */
export interface Tree {
  /** Entries, and how many names were left out because they are none. */
  list(path: string): Promise<{ entries: FolderEntry[]; refused: number }>;
  /** Tells a folder from all others, however it was reached; undefined where nobody knows. */
  identify(path: string): Promise<string | undefined>;
}

export interface PlannedFile {
  /** Relative, with `/` between its parts. */
  path: string;
  size: number | undefined;
  modified: number | undefined;
}

export type Planned =
  | ({ kind: 'file' } & PlannedFile)
  /** Told before what is in it, also where that is nothing. */
  | { kind: 'folder'; path: string }
  | { kind: 'skip'; path: string; reason: SkipReason }
  /** A folder that holds names which are none. */
  | { kind: 'refused'; path: string; count: number };

export interface PlanOptions {
  /** A file comes along where one of these matches; all do where there is none. */
  include?: readonly string[] | undefined;
  /** What one of these matches does not come along, and of folders nothing that is in them. */
  exclude?: readonly string[] | undefined;
  /** Folders below the root, at most; 64 by default. */
  maxDepth?: number | undefined;
  /** Names looked at, at most; 1,000,000 by default. */
  maxEntries?: number | undefined;
  signal: AbortSignal;
}

const MAX_DEPTH = 64;
const MAX_ENTRIES = 1_000_000;

/**
 * What of a tree comes along, in byte order within each folder. Links are never followed.
 *
 * @throws TransferError `LOCAL` beyond `maxEntries`, `ABORTED`; what the tree throws
 */
export async function* planTree(tree: Tree, options: PlanOptions): AsyncGenerator<Planned> {
  const { include = [], exclude = [], maxDepth = MAX_DEPTH, maxEntries = MAX_ENTRIES, signal } = options;
  const seen = new Set<string>();
  let count = 0;

  async function* walk(folder: string, depth: number): AsyncGenerator<Planned> {
    if (signal.aborted) throw stopped();
    const identity = await tree.identify(folder);
    if (identity !== undefined && seen.has(identity)) {
      yield { kind: 'skip', path: folder, reason: 'loop' };
      return;
    }
    if (identity !== undefined) seen.add(identity);
    if (folder !== '') yield { kind: 'folder', path: folder };
    const { entries, refused } = await tree.list(folder);
    count += entries.length + refused;
    if (count > maxEntries) {
      throw new TransferError('LOCAL', `there are more than ${maxEntries} names in all`, {
        hint: 'name a folder further down, or leave some out with --exclude',
      });
    }
    if (refused > 0) yield { kind: 'refused', path: folder, count: refused };
    for (const { name, type, size, modified } of entries.toSorted(byName)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (matchesAny(path, exclude)) continue;
      if (type === 'folder') {
        if (depth >= maxDepth) yield { kind: 'skip', path, reason: 'depth' };
        else yield* walk(path, depth + 1);
      } else if (include.length === 0 || matchesAny(path, include)) {
        if (type === 'file') yield { kind: 'file', path, size, modified };
        else yield { kind: 'skip', path, reason: type };
      }
    }
  }
  yield* walk('', 0);
}

/**
 * Whether one of the globs matches `path`: the whole of it where the glob has a `/`, else its last part. As in
 * addresses, `*` and `?` do not cross `/`, `**` does; a `/` at the start means nothing.
 */
export function matchesAny(path: string, globs: readonly string[]): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return globs.some((glob) => {
    const plain = glob.replace(/^\/+|\/+$/g, '');
    return glob.replace(/\/+$/, '').includes('/') ? matchesGlob(path, plain) : matchesGlob(name, plain);
  });
}

function byName(one: FolderEntry, other: FolderEntry): number {
  return Buffer.compare(Buffer.from(one.name), Buffer.from(other.name));
}

/** The tree of a local folder. */
export function localTree(root: string): Tree {
  return {
    async list(path) {
      const folder = join(root, path);
      const entries: FolderEntry[] = [];
      let refused = 0;
      for await (const { name } of await opendir(folder)) {
        const stats = await lstat(join(folder, name)).catch((error: unknown) => {
          if (isErrnoError(error, 'ENOENT')) return undefined;
          throw error;
        });
        if (stats === undefined) {
          // Gone meanwhile; or its name is not UTF-8, and cannot be given to anything.
          if (name.includes('\ufffd')) refused += 1;
          continue;
        }
        entries.push({ name, type: typeOf(stats), size: stats.size, modified: Math.floor(stats.mtimeMs / 1000) });
      }
      return { entries, refused };
    },
    async identify(path) {
      const { dev, ino } = statSync(join(root, path), { bigint: true });
      return `${dev}:${ino}`;
    },
  };
}

function typeOf(stats: Stats): FolderEntry['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'special';
}

/** The tree of a server's folder. @param listLimit most names of one folder */
export function remoteTree(
  sftp: Pick<SftpClient, 'list' | 'lstat' | 'realpath'>,
  root: string,
  { signal, listLimit = MAX_ENTRIES }: { signal: AbortSignal; listLimit?: number },
): Tree {
  const placeOf = (path: string): string => (path === '' ? root || '.' : joinRemote(root, path));
  return {
    async list(path) {
      const place = placeOf(path);
      const { entries: listed, refused } = await sftp.list(place, { limit: listLimit, signal });
      const entries: FolderEntry[] = [];
      for (const { name, attributes } of listed) {
        // Some servers do not say what it is.
        const known = attributes.mode === undefined ? await sftp.lstat(joinRemote(place, name)) : attributes;
        entries.push({ name, type: remoteType(known.mode), size: known.size, modified: known.times?.modified });
      }
      return { entries, refused };
    },
    // A server may show the same folder at many places, as one does that follows links by itself.
    async identify(path) {
      return sftp.realpath(placeOf(path)).catch(() => undefined);
    },
  };
}

/** What the mode in a server's attributes says that it is; without that, a file: opening it shows. */
export function remoteType(mode: number | undefined): FolderEntry['type'] {
  switch ((mode ?? 0) & FILE_TYPE.mask) {
    case 0:
    case FILE_TYPE.file:
      return 'file';
    case FILE_TYPE.directory:
      return 'folder';
    case FILE_TYPE.link:
      return 'link';
    default:
      return 'special';
  }
}
