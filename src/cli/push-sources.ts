// What `push` sends: files and folders, or objects of datasets; as they are, or sealed.
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { inspect } from '../seal/index.ts';
import {
  type Account,
  localSource,
  localTree,
  objectSource,
  type PushSource,
  planTree,
  sealedSource,
  TransferError,
} from '../transfer/index.ts';
import { parseAddress, type Vault } from '../vault/index.ts';
import type { CommandContext } from './command.ts';
import { usage } from './error.ts';
import { withSealedFile } from './sealed-file.ts';

interface Wanted {
  include: readonly string[];
  exclude: readonly string[];
  isSealed: boolean;
}

/** What is sent. `name` is what a single file is called where it goes into a folder. */
export interface Sources {
  sources: PushSource[];
  name?: string;
}

/**
 * Files, and what is in folders: `FOLDER` with its name, `FOLDER/` without. Links are passed over, aloud.
 * @throws TransferError `LOCAL`; SealError for what is to be sealed and is not
 */
export async function localSources(
  paths: readonly string[],
  { include, exclude, isSealed }: Wanted,
  { signal }: CommandContext,
  account: Pick<Account, 'skip' | 'note'>,
): Promise<Sources> {
  const found: { file: string; path: string; size: number }[] = [];
  let isSingle = paths.length === 1;
  for (const given of paths) {
    const state = await stat(given).catch((cause: unknown) => {
      throw new TransferError('LOCAL', `${given}: there is no such file or folder`, { hint: 'check the path', cause });
    });
    const name = basename(resolve(given));
    if (state.isFile()) {
      found.push({ file: given, path: name, size: state.size });
      continue;
    }
    if (!state.isDirectory()) {
      throw new TransferError('LOCAL', `${given}: is neither a file nor a folder`, {
        hint: 'name a file, or a folder',
      });
    }
    isSingle = false;
    const prefix = given.endsWith('/') || name === '' ? '' : `${name}/`;
    for await (const item of planTree(localTree(given), { include, exclude, signal })) {
      if (item.kind === 'file') {
        found.push({ file: resolve(given, item.path), path: `${prefix}${item.path}`, size: item.size ?? 0 });
      } else if (item.kind === 'skip') account.skip(`${prefix}${item.path}`, item.reason);
      else if (item.kind === 'refused')
        account.note(`${prefix}${item.path}: ${item.count} names are not UTF-8: skipped`);
    }
  }
  refuseTwice(found.map(({ path }) => path));
  if (isSealed) for (const { file } of found) await withSealedFile(file, inspect);
  const [only] = found;
  if (isSingle && only !== undefined) return { sources: [localSource(only.file, '', only.size)], name: only.path };
  return { sources: found.map(({ file, path, size }) => localSource(file, path, size)) };
}

/**
 * Objects: `DATASET/PATH` one, `DATASET/FOLDER/` and `DATASET` all that are in it; `DATASET@VERSION…` of a version.
 * Each is decided and recorded when it is opened (I4).
 */
export async function datasetSources(
  vault: Vault,
  addresses: readonly string[],
  { isSealed }: Wanted,
): Promise<Sources> {
  const make = isSealed ? sealedSource : objectSource;
  const found: PushSource[] = [];
  for (const text of addresses) {
    const { dataset, path = '', version } = parseAddress(text);
    const from = { vault, dataset, ...(version === undefined ? {} : { version }) };
    if (path !== '' && !path.endsWith('/')) {
      const name = basename(path);
      // What a role may read it may not always list: its size is known once it is open.
      if (addresses.length === 1) return { sources: [make({ ...from, object: path }, '')], name };
      found.push(make({ ...from, object: path }, name));
      continue;
    }
    const folder = path === '' ? '' : `${basename(path)}/`;
    for (const info of await vault.list(dataset, { ...(version === undefined ? {} : { version }), prefix: path })) {
      found.push(make({ ...from, object: info.path }, `${folder}${info.path.slice(path.length)}`, info.size));
    }
  }
  refuseTwice(found.map(({ path }) => path));
  return { sources: found };
}

function refuseTwice(paths: readonly string[]): void {
  const seen = new Set<string>();
  for (const path of paths) {
    if (seen.has(path)) throw usage(`two files would both be named ${path}`, 'send them one after the other');
    seen.add(path);
  }
}
