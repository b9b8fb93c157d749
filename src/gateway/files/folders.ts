// Folders, which are what names have in common: the entries of one, made of the objects below it.
import type { DirectoryEntry } from '../../sftp/index.ts';
import type { ObjectInfo } from '../../vault/index.ts';
import { inWords } from './errors.ts';
import { folderInfo, infoOf } from './infos.ts';

/** The entries of one folder, from the objects below it in byte order. `prefix` ends in `/`, or is empty. */
export async function* entriesOf(
  objects: AsyncIterable<ObjectInfo> | Iterable<ObjectInfo>,
  prefix: string,
): AsyncGenerator<DirectoryEntry> {
  let folder: string | undefined;
  for await (const info of objects) {
    const [name = '', ...below] = info.path.slice(prefix.length).split('/');
    if (below.length === 0) {
      yield { name, ...infoOf(info) };
      continue;
    }
    // All of a folder come one after the other.
    if (name !== folder) yield { name, ...folderInfo(info.time) };
    folder = name;
  }
}

/** The names of the folders right below `prefix`, which ends in `/`. */
export function foldersIn(folders: Iterable<string>, prefix: string): string[] {
  const names = [...folders].filter((folder) => folder.startsWith(prefix)).map((folder) => folder.slice(prefix.length));
  return [...new Set(names.map((name) => name.split('/')[0] ?? ''))].filter((name) => name !== '');
}

/** The folders that a name lies in, outermost first. */
export function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** The same entries; what is wrong with the first is thrown at once. */
export async function begin(entries: AsyncGenerator<DirectoryEntry>): Promise<AsyncIterable<DirectoryEntry>> {
  const head = await inWords(() => entries.next());
  return prepend(head, entries);
}

async function* prepend(
  head: IteratorResult<DirectoryEntry>,
  rest: AsyncGenerator<DirectoryEntry>,
): AsyncGenerator<DirectoryEntry> {
  if (head.done === true) return;
  try {
    yield head.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
