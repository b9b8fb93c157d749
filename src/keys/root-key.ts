// The root key of the embedded key store: 32 random bytes in a file that only its owner can read.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, mkdir, open, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { isErrnoError, writeFileAtomically } from '../lib/index.ts';
import { KeyError } from './error.ts';

export const ROOT_KEY_LENGTH = 32;
const MAX_FILE_SIZE = 1024;

/** `$XDG_CONFIG_HOME/glovebox/root.key`, by default under `~/.config` (XDG Base Directory Specification). */
export function defaultRootKeyPath(environment: NodeJS.ProcessEnv = process.env): string {
  const configured = environment.XDG_CONFIG_HOME;
  const base = configured && isAbsolute(configured) ? configured : join(homedir(), '.config');
  return join(base, 'glovebox', 'root.key');
}

/**
 * Reads the root key: 32 bytes, or their base64 text. The caller wipes them.
 *
 * @throws KeyError `NO_ROOT_KEY`; `UNSAFE_ROOT_KEY` for a link, a file of another user or one that
 *   group or others can access; `INVALID` for other content
 */
export async function readRootKey(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((cause: unknown) => {
    if (isErrnoError(cause, 'ENOENT', 'ENOTDIR')) {
      throw new KeyError('NO_ROOT_KEY', `there is no root key at ${path}`, {
        cause,
        hint: 'restore that file from your backup; without it the keys of this workspace cannot be read',
      });
    }
    if (isErrnoError(cause, 'ELOOP')) throw new KeyError('UNSAFE_ROOT_KEY', `the root key ${path} is a symbolic link`);
    throw cause;
  });
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new KeyError('UNSAFE_ROOT_KEY', `the root key ${path} is not a file`);
    if ((status.mode & 0o077) !== 0) {
      throw new KeyError('UNSAFE_ROOT_KEY', `the root key ${path} can be accessed by other users`, {
        hint: `run: chmod 600 ${path}`,
      });
    }
    if (process.geteuid && status.uid !== process.geteuid()) {
      throw new KeyError('UNSAFE_ROOT_KEY', `the root key ${path} belongs to another user`);
    }
    if (status.size > MAX_FILE_SIZE) throw invalidRootKey(path);
    const content = await file.readFile();
    const key = parseRootKey(content);
    if (key !== content) content.fill(0);
    if (!key) throw invalidRootKey(path);
    return key;
  } finally {
    await file.close();
  }
}

/**
 * Makes a root key where there is none, durable and whole; an existing file is never replaced.
 *
 * @returns whether one was made
 */
export async function createRootKey(path: string): Promise<boolean> {
  const folder = dirname(path);
  if (await mkdir(folder, { recursive: true, mode: 0o700 })) await chmod(folder, 0o700);
  const temporary = join(folder, `.root.key.${randomBytes(6).toString('hex')}.tmp`);
  const key = randomBytes(ROOT_KEY_LENGTH);
  try {
    await writeFileAtomically(temporary, `${key.toString('base64')}\n`);
    // link(2), unlike rename(2), fails where the name is taken: of two processes one wins.
    await link(temporary, path);
    const parent = await open(folder, 'r');
    try {
      await parent.sync();
    } finally {
      await parent.close();
    }
    return true;
  } catch (error) {
    if (isErrnoError(error, 'EEXIST')) return false;
    throw error;
  } finally {
    key.fill(0);
    await rm(temporary, { force: true });
  }
}

/** @throws KeyError `INVALID` where the root key would lie beside what it protects */
export function assertOutside(path: string, directory: string): void {
  if (`${resolve(path)}/`.startsWith(`${resolve(directory)}/`)) {
    throw new KeyError('INVALID', `the root key ${path} must not lie in the folder of the keys it protects`);
  }
}

function parseRootKey(content: Buffer): Buffer | undefined {
  if (content.byteLength === ROOT_KEY_LENGTH) return content;
  const text = content.toString('latin1').trim();
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

function invalidRootKey(path: string): KeyError {
  return new KeyError('INVALID', `${path} does not hold a root key (32 bytes, or their base64 text)`);
}
