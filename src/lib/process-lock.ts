// One at a time between processes, without anything that a killed process could leave locked.
//
// The lock is a symbolic link that points nowhere: symlink(2) creates it with its content in one
// step, or fails where there is one. Its content names the owner. Only an owner that has certainly
// ended is broken, and only by the holder of a second lock that bears the broken lock's own nonce:
// so of two breakers one removes it, and the other, late, finds another nonce and leaves it alone.
import { randomBytes } from 'node:crypto';
import { readlink, symlink, unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GloveboxError, isErrnoError } from './error.ts';
import { hasEnded, ownIdentity, type ProcessIdentity } from './process-identity.ts';

/** `BUSY`: another process held the lock all the time. `FOREIGN`: the path is taken by something else. */
export class ProcessLockError extends GloveboxError<'BUSY' | 'FOREIGN'> {}

interface LockContent extends ProcessIdentity {
  nonce: string;
}

/** Breakers may die in turn, each leaving a lock of its own; more than this is not an accident. */
const MAX_DEPTH = 6;
const MAX_PAUSE_MS = 25;

/**
 * Runs `work` while this call alone holds the lock at `path` (whose folder must exist), and resolves
 * to its result. It excludes other processes and other calls in this one; it is not reentrant. A lock
 * whose owner was killed is taken over at once.
 *
 * @param waitMs how long to wait for another holder, in milliseconds.
 * @throws ProcessLockError `BUSY` after `waitMs`, `FOREIGN`; the operating system's error where the
 * lock cannot be made; what `work` throws.
 */
export async function withProcessLock<T>(path: string, work: () => Promise<T>, waitMs = 10_000): Promise<T> {
  await acquire(path, performance.now() + waitMs, 0);
  try {
    return await work();
  } finally {
    await remove(path);
  }
}

async function acquire(path: string, deadline: number, depth: number): Promise<void> {
  const own: LockContent = { ...ownIdentity(), nonce: randomBytes(5).toString('hex') };
  for (let pause = 1; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
    if (await tryCreate(path, own)) return;
    const holder = await readLock(path);
    if (holder === undefined) continue;
    if (hasEnded(holder, own) && depth < MAX_DEPTH) {
      await breakLock(path, holder.nonce, deadline, depth);
      continue;
    }
    if (performance.now() > deadline) throw busy(path, holder, own);
    await sleep(pause * (0.5 + Math.random()));
  }
}

/** Removes the lock at `path` if it still is the one with `nonce`, whose owner has ended. */
async function breakLock(path: string, nonce: string, deadline: number, depth: number): Promise<void> {
  const breaker = `${path}.${nonce}`;
  await acquire(breaker, deadline, depth + 1);
  try {
    // Nothing but the holder of `breaker` removes the lock with this nonce: no gap between these two.
    if ((await readLock(path))?.nonce === nonce) await remove(path);
  } finally {
    await remove(breaker);
  }
}

async function tryCreate(path: string, own: LockContent): Promise<boolean> {
  const { pid, startTime, boot, namespace, machine, nonce } = own;
  // Less than 60 bytes: ext4 keeps that in the inode, so that a full disk can be locked and cleared.
  try {
    await symlink([pid, startTime, boot, namespace, machine, nonce].join(':'), path);
    return true;
  } catch (error) {
    if (isErrnoError(error, 'EEXIST')) return false;
    throw error;
  }
}

async function readLock(path: string): Promise<LockContent | undefined> {
  let content: string;
  try {
    content = await readlink(path);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return undefined;
    if (isErrnoError(error, 'EINVAL')) throw foreign(path);
    throw error;
  }
  const match = /^([1-9]\d{0,9}):(\d*):([0-9a-f]*):(\d*):([0-9a-f]{6}):([0-9a-f]{10})$/.exec(content);
  const [, pid, startTime, boot, namespace, machine, nonce] = match ?? [];
  if (pid === undefined || startTime === undefined || boot === undefined) throw foreign(path);
  if (namespace === undefined || machine === undefined || nonce === undefined) throw foreign(path);
  return { pid: Number(pid), startTime, boot, namespace, machine, nonce };
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isErrnoError(error, 'ENOENT')) throw error;
  }
}

function busy(path: string, holder: LockContent, own: ProcessIdentity): ProcessLockError {
  const here = holder.machine === own.machine && holder.namespace === own.namespace && holder.boot === own.boot;
  return here
    ? new ProcessLockError('BUSY', `process ${holder.pid} holds the lock ${path}`, {
        hint: 'try again when that process is done',
      })
    : new ProcessLockError('BUSY', `a process of another machine or container holds the lock ${path}`, {
        hint: 'try again; if nothing runs there any more, remove that file',
      });
}

function foreign(path: string): ProcessLockError {
  return new ProcessLockError('FOREIGN', `${path} is in the way: it is not a lock of Glovebox`, {
    hint: 'find out what made it, and move it away',
  });
}
