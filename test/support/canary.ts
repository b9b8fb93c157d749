// Looks for a canary in bytes and in files: as it is, and in the forms in which plaintext hides.
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';

const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Base64 of `text` wherever it begins in the encoded bytes: the characters that do not depend on its neighbours. */
function base64Forms(text: string): string[] {
  return [0, 1, 2].map((before) => {
    const bits = 8 * before;
    const first = Math.ceil(bits / 6);
    const last = Math.floor((bits + 8 * text.length) / 6);
    return Buffer.from('\0'.repeat(before) + text)
      .toString('base64')
      .slice(first, last);
  });
}

function forms(canary: string): Map<string, Buffer> {
  const hex = Buffer.from(canary).toString('hex');
  return new Map([
    ['as it is', Buffer.from(canary)],
    ['UTF-16', Buffer.from(canary, 'utf16le')],
    ['hex', Buffer.from(hex)],
    ['HEX', Buffer.from(hex.toUpperCase())],
    ...base64Forms(canary).map((form, index): [string, Buffer] => [`base64 (${index})`, Buffer.from(form)]),
  ]);
}

/** The form in which `canary` is in `bytes`, also packed with gzip or zstd; undefined where it is not. */
export function findCanary(bytes: Buffer, canary: string): string | undefined {
  for (const [form, pattern] of forms(canary)) {
    if (bytes.includes(pattern)) return form;
  }
  const packed = bytes.subarray(0, 3).equals(GZIP) ? 'gzip' : bytes.subarray(0, 4).equals(ZSTD) ? 'zstd' : undefined;
  if (packed === undefined) return undefined;
  const inner = findCanary(unpack(bytes, packed), canary);
  return inner === undefined ? undefined : `${packed}, ${inner}`;
}

function unpack(bytes: Buffer, packed: 'gzip' | 'zstd'): Buffer {
  try {
    // What was cut off half-way counts too.
    return packed === 'gzip'
      ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
      : zstdDecompressSync(bytes, { finishFlush: constants.ZSTD_e_flush });
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^(Z_|ZSTD_)/.test(String(error.code))) return Buffer.alloc(0);
    throw error;
  }
}

/** The regular files under `folder` that hold `canary`, or whose names do, each with the form. */
export async function searchFolder(folder: string, canary: string): Promise<{ searched: number; found: string[] }> {
  const found: string[] = [];
  let searched = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if (name.includes(canary)) found.push(`${path}: its name`);
    if (!(await lstat(path)).isFile()) continue;
    searched += 1;
    const form = findCanary(await readFile(path), canary);
    if (form !== undefined) found.push(`${path}: ${form}`);
  }
  return { searched, found };
}
