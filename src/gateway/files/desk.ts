// The uploads under way of all sessions of this process, and what is remembered of each user.
import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SftpError } from '../../sftp/index.ts';
import type { ObjectInfo, Vault } from '../../vault/index.ts';
import type { Workspace } from '../../workspace/index.ts';
import type { MemoryBudget } from '../memory-budget.ts';
import type { Writing } from './writing.ts';

export interface DeskOptions {
  memory: MemoryBudget;
  /** Bytes that must stay free where the store is. */
  minFreeBytes: number;
  /** Bytes of one upload that may wait for those before them. */
  reorderBytes: number;
  /** Plaintext bytes of one user, or in one dataset; no limit where undefined. */
  userQuota(user: string): number | undefined;
  datasetQuota(dataset: string): number | undefined;
}

export interface UploadDesk {
  readonly options: DeskOptions;
  configure(options: DeskOptions): void;
  /** Uploads that are open, by dataset, name and user. */
  readonly live: Map<string, Writing>;
  /** What a user did lately, and nobody else may know. */
  of(user: string): UserMemory;
  /** @throws SftpError `NO_SPACE` where `bytes` more would be too much, for the disk or a quota */
  checkRoom(vault: Vault, user: string, dataset: string, bytes: number): Promise<void>;
  /** What is free for a user in a dataset: the least of all limits; and what there is in all. */
  room(vault: Vault, user: string, dataset: string): Promise<{ free: number; total: number }>;
  /** Lets go of all uploads, so that they can be resumed. */
  drain(): Promise<void>;
}

export interface UserMemory {
  /** Folders that the user made, and in which there is nothing that would tell of them. */
  folders: Set<string>;
  /** Objects that the user has just uploaded, by path. */
  uploaded: Map<string, ObjectInfo>;
}

/** Of each user; the oldest go first. */
const MOST_REMEMBERED = 2000;
const USAGE_FRESH_MS = 30_000;

export function openUploadDesk(first: DeskOptions): UploadDesk {
  let options = first;
  const live = new Map<string, Writing>();
  const memories = new Map<string, UserMemory>();
  const usages = new Map<string, { at: number; bytes: Promise<Map<string, number>> }>();

  /** Whoever may write may know this much. What comes meanwhile is counted when it is looked at again. */
  function usageOf(vault: Vault, dataset: string): Promise<Map<string, number>> {
    const known = usages.get(dataset);
    if (known !== undefined && Date.now() - known.at < USAGE_FRESH_MS) return known.bytes;
    const bytes = vault.usage(dataset);
    usages.set(dataset, { at: Date.now(), bytes });
    bytes.catch(() => usages.delete(dataset));
    return bytes;
  }

  async function room(vault: Vault, user: string, dataset: string): Promise<{ free: number; total: number }> {
    const disk = await diskOf(vault.workspace, dataset);
    let free = Math.max(0, disk.free - options.minFreeBytes);
    let { total } = disk;
    const quotas = [options.userQuota(user), options.datasetQuota(dataset)];
    if (quotas.every((quota) => quota === undefined)) return { free, total };
    const [ofUser, ofDataset] = quotas;
    if (ofDataset !== undefined) {
      const used = sum((await usageOf(vault, dataset)).values());
      free = Math.min(free, Math.max(0, ofDataset - used));
      total = Math.min(total, ofDataset);
    }
    if (ofUser !== undefined) {
      const used = (await usageOf(vault, dataset)).get(vault.writer) ?? 0;
      free = Math.min(free, Math.max(0, ofUser - used));
      total = Math.min(total, ofUser);
    }
    return { free, total };
  }

  return {
    get options() {
      return options;
    },
    configure(next) {
      options = next;
    },
    live,
    of(user) {
      const memory = memories.get(user) ?? { folders: bounded(new Set<string>()), uploaded: boundedMap() };
      memories.set(user, memory);
      return memory;
    },
    room,
    async checkRoom(vault, user, dataset, bytes) {
      const { free } = await room(vault, user, dataset);
      if (bytes < free) return;
      throw new SftpError('NO_SPACE', `there is no room for more in ${dataset}: the disk or a quota is used up`);
    },
    async drain() {
      await Promise.all([...live.values()].map((writing) => writing.abort()));
    },
  };
}

async function diskOf(workspace: Workspace, dataset: string): Promise<{ free: number; total: number }> {
  const store = workspace.stores[workspace.datasets[dataset]?.store ?? ''];
  if (store?.provider !== 'dir') return { free: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER };
  const path = resolve(workspace.directory, store.path);
  // The store's folder is made with the first object.
  const { bavail, blocks, bsize } = await statfs(path).catch(() => statfs(workspace.directory));
  return { free: bavail * bsize, total: blocks * bsize };
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}

function bounded(set: Set<string>): Set<string> {
  const add = set.add.bind(set);
  set.add = (value) => {
    add(value);
    const [oldest] = set;
    if (set.size > MOST_REMEMBERED && oldest !== undefined) set.delete(oldest);
    return set;
  };
  return set;
}

function boundedMap(): Map<string, ObjectInfo> {
  const map = new Map<string, ObjectInfo>();
  const set = map.set.bind(map);
  map.set = (key, value) => {
    map.delete(key);
    set(key, value);
    const [oldest] = map.keys();
    if (map.size > MOST_REMEMBERED && oldest !== undefined) map.delete(oldest);
    return map;
  };
  return map;
}
