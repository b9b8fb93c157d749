// What room there is: free bytes of the disks, and the quotas of users and datasets. Looked up now and then, and
// counted exactly in between, so that many uploads at once do not overrun it together.
import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SftpError } from '../../sftp/index.ts';
import type { Vault } from '../../vault/index.ts';

/** Bytes. */
export interface Space {
  free: number;
  total: number;
}

export interface RoomOptions {
  /** Bytes that must stay free where the store is. */
  minFreeBytes: number;
  /** Plaintext bytes of one user in all raw datasets, or in one dataset; no limit where undefined. */
  userQuota(user: string): number | undefined;
  datasetQuota(dataset: string): number | undefined;
  /** What a file system has; by default what the operating system says. */
  spaceAt?: (path: string) => Promise<Space>;
}

/** Whose bytes they are. */
export interface Owner {
  user: string;
  vaults: readonly Vault[];
}

export interface Rooms {
  /**
   * Counts `bytes` that are about to come to a dataset.
   * @throws SftpError `NO_SPACE`; what the vault raises where a quota is set and cannot be looked at
   */
  take(owner: Owner, dataset: string, bytes: number): Promise<void>;
  /** The same, and counts nothing. */
  check(owner: Owner, dataset: string, bytes: number): Promise<void>;
  /** Whether the disk has room for what is there already, once more. @throws SftpError `NO_SPACE` */
  checkDisk(vault: Vault, dataset: string, bytes: number): Promise<void>;
  /** What is free for `owner` in a dataset: the least of all limits; and what there is in all. */
  look(owner: Owner, dataset: string): Promise<Space>;
  /** Something in a dataset went, or was replaced: it is looked at anew before anybody is refused. */
  forget(dataset: string): void;
}

interface Usage {
  at: number;
  isStale: boolean;
  /** By writer, when it was looked at. */
  bytes: Map<string, number>;
  /** What had been counted then. */
  before: Map<string, number>;
}

interface Disk {
  at: number;
  space: Space;
  /** What was counted since. */
  taken: number;
}

const DISK_FRESH_MS = 1000;
/** Nothing else than this process adds to a dataset often; others remove. */
const USAGE_FRESH_MS = 600_000;
const USAGE_AGAIN_MS = 5000;

export function makeRooms(options: () => RoomOptions): Rooms {
  const disks = new Map<string, Promise<Disk>>();
  const usages = new Map<string, Promise<Usage>>();
  /** Of all that came since the start, by dataset and writer. */
  const counted = new Map<string, Map<string, number>>();

  async function diskOf({ workspace }: Vault, dataset: string): Promise<Disk | undefined> {
    const store = workspace.stores[workspace.datasets[dataset]?.store ?? ''];
    if (store?.provider !== 'dir') return undefined;
    const path = resolve(workspace.directory, store.path);
    const known = await disks.get(path);
    if (known !== undefined && Date.now() - known.at < DISK_FRESH_MS) return known;
    const { spaceAt = spaceOf } = options();
    // The store's folder is made with the first object.
    const looked = spaceAt(path)
      .catch(() => spaceAt(workspace.directory))
      .then((space) => ({ at: Date.now(), space, taken: 0 }));
    disks.set(path, looked);
    looked.catch(() => disks.delete(path));
    return looked;
  }

  async function usageOf(vault: Vault, dataset: string, isNeeded: boolean): Promise<Usage> {
    const known = await usages.get(dataset);
    if (known !== undefined) {
      const age = Date.now() - known.at;
      const isOld = age > USAGE_FRESH_MS || (isNeeded && (known.isStale || age > USAGE_AGAIN_MS));
      if (!isOld) return known;
    }
    const before = new Map(counted.get(dataset));
    const usage = { at: Date.now(), isStale: false, before };
    const looked = vault.usage(dataset).then((bytes) => ({ ...usage, bytes }));
    usages.set(dataset, looked);
    looked.catch(() => usages.delete(dataset));
    return looked;
  }

  /** Plaintext bytes in a dataset, of one writer or of all. */
  async function usedIn(vault: Vault, dataset: string, writer: string | undefined, isNeeded: boolean): Promise<number> {
    const { bytes, before } = await usageOf(vault, dataset, isNeeded);
    const now = counted.get(dataset) ?? new Map<string, number>();
    const of = (map: Map<string, number>) => (writer === undefined ? sum(map.values()) : (map.get(writer) ?? 0));
    return of(bytes) + of(now) - of(before);
  }

  async function onDisk(vault: Vault, dataset: string): Promise<Space> {
    const disk = await diskOf(vault, dataset);
    if (disk === undefined) return { free: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER };
    return { free: disk.space.free - disk.taken - options().minFreeBytes, total: disk.space.total };
  }

  async function room(owner: Owner, dataset: string, isNeeded: boolean): Promise<Space> {
    const [vault] = owner.vaults;
    if (vault === undefined) return { free: 0, total: 0 };
    let { free, total } = await onDisk(vault, dataset);
    const limit = (quota: number, used: number) => {
      free = Math.min(free, quota - used);
      total = Math.min(total, quota);
    };
    const ofDataset = options().datasetQuota(dataset);
    if (ofDataset !== undefined) {
      limit(ofDataset, await usedIn(writerOf(owner, dataset), dataset, undefined, isNeeded));
    }
    const ofUser = options().userQuota(owner.user);
    if (ofUser !== undefined) limit(ofUser, await usedBy(owner, isNeeded));
    return { free: Math.max(0, free), total };
  }

  async function usedBy(owner: Owner, isNeeded: boolean): Promise<number> {
    let used = 0;
    for (const [name, { kind }] of Object.entries(owner.vaults[0]?.workspace.datasets ?? {})) {
      const vault = kind === 'raw' ? owner.vaults.find((each) => each.allows('write', name)) : undefined;
      if (vault !== undefined) used += await usedIn(vault, name, vault.writer, isNeeded);
    }
    return used;
  }

  async function check(owner: Owner, dataset: string, bytes: number): Promise<void> {
    if ((await room(owner, dataset, false)).free >= bytes) return;
    if ((await room(owner, dataset, true)).free < bytes) throw noRoom(dataset);
  }

  return {
    check,
    async checkDisk(vault, dataset, bytes) {
      if ((await onDisk(vault, dataset)).free < bytes) throw noRoom(dataset);
    },
    async take(owner, dataset, bytes) {
      await check(owner, dataset, bytes);
      const writer = owner.vaults[0]?.writer ?? '';
      const map = counted.get(dataset) ?? new Map<string, number>();
      counted.set(dataset, map.set(writer, (map.get(writer) ?? 0) + bytes));
      const [vault] = owner.vaults;
      const disk = vault === undefined ? undefined : await diskOf(vault, dataset);
      if (disk !== undefined) disk.taken += bytes;
    },
    look: (owner, dataset) => room(owner, dataset, true),
    forget(dataset) {
      void usages.get(dataset)?.then(
        (usage) => {
          usage.isStale = true;
        },
        () => undefined,
      );
    },
  };
}

function noRoom(dataset: string): SftpError {
  return new SftpError('NO_SPACE', `there is no room for more in ${dataset}: the disk or a quota is used up`);
}

/** Whose role looks at what is used. */
function writerOf({ vaults }: Owner, dataset: string): Vault {
  const [first] = vaults;
  const found = vaults.find((vault) => vault.allows('write', dataset)) ?? first;
  if (found === undefined) throw new SftpError('DENIED', `there is no role for ${dataset}`);
  return found;
}

async function spaceOf(path: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { free: bavail * bsize, total: blocks * bsize };
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}
