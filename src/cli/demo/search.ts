// Searches files for plaintext: what the demo and its planted control rest on.
import { createReadStream, type Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrnoError } from '../../lib/index.ts';

export interface SearchResult {
  files: number;
  bytes: number;
  /** Files in which something was found. */
  found: string[];
}

/** Longer than anything that is searched for, so that nothing hides at the seam of two chunks. */
const OVERLAP = 256;

/**
 * Searches every regular file under `folders` that was changed since `since` (milliseconds of the
 * epoch) for `pattern`, byte by byte as Latin-1. Nothing in it matches more than 256 bytes.
 */
export async function searchFiles(folders: string[], since: number, pattern: RegExp): Promise<SearchResult> {
  const result: SearchResult = { files: 0, bytes: 0, found: [] };
  for (const folder of folders) {
    for (const path of await listFiles(folder)) await searchFile(path, since, pattern, result);
  }
  return result;
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await unlessGone(readdir(folder, { recursive: true, withFileTypes: true }), [] as Dirent[]);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function searchFile(path: string, since: number, pattern: RegExp, result: SearchResult): Promise<void> {
  const status = await unlessGone(stat(path), undefined);
  if (status === undefined || status.mtimeMs < since) return;
  result.files++;
  const matches = async (): Promise<boolean> => {
    let tail = '';
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, encoding: 'latin1' })) {
      const text = tail + String(chunk);
      result.bytes += String(chunk).length;
      if (pattern.test(text)) return true;
      tail = text.slice(-OVERLAP);
    }
    return false;
  };
  if (await unlessGone(matches(), false)) result.found.push(path);
}

/** Files of other programs come and go, and not all may be read. */
async function unlessGone<Value>(work: Promise<Value>, otherwise: Value): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    if (isErrnoError(error, 'ENOENT', 'EACCES', 'EPERM', 'ENOTDIR')) return otherwise;
    throw error;
  }
}
