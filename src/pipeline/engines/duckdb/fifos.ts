// The folder of FIFOs between our process and the engine's. A FIFO's bytes live in the kernel's
// memory, never in the file system; the folder lies on a memory file system where there is one.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const PREFIX = 'glovebox-';

function baseFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Removes folders whose process was killed; they hold no data, only names. */
async function removeStale(base: string): Promise<void> {
  for (const name of await readdir(base)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    // Another user's folder cannot be removed: leave it.
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(base, name), { recursive: true }).catch(() => undefined);
  }
}

/** Makes the folder, mode 0700, named after our process. Resolves to its path. */
export async function makeFifoFolder(): Promise<string> {
  const base = baseFolder();
  await removeStale(base);
  return mkdtemp(join(base, `${PREFIX}${process.pid}-`));
}

/** Makes FIFOs of mode 0600 at `paths`, and their folders. */
export async function makeFifos(paths: string[]): Promise<void> {
  for (const folder of new Set(paths.map(dirname))) await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let at = 0; at < paths.length; at += 500) {
    await promisify(execFile)('mkfifo', ['-m', '600', '--', ...paths.slice(at, at + 500)]);
  }
}
