// I1: plaintext in memory must not reach a disk through swap. Reads the kernel's own account of it.
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isErrnoError } from '../lib/index.ts';

/** The swap areas in use that are neither in memory nor encrypted, by the kernel's names for them. */
export function unencryptedSwap(): string[] {
  const lines = readText('/proc/swaps').split('\n').slice(1);
  const areas = lines.map((line) => line.split(/\s+/)[0] ?? '').filter((area) => area !== '');
  return areas.filter((area) => !isProtected(area));
}

function isProtected(area: string): boolean {
  const device = basename(area);
  // zram is memory, unless a backing device lets it write pages out.
  if (/^zram\d+$/.test(device)) return ['', 'none'].includes(readText(`/sys/block/${device}/backing_dev`).trim());
  const mapped = /^dm-\d+$/.test(device) ? device : mapperDevice(device);
  return mapped !== undefined && readText(`/sys/block/${mapped}/dm/uuid`).startsWith('CRYPT-');
}

/** The `dm-N` behind a name in /dev/mapper. */
function mapperDevice(name: string): string | undefined {
  const devices = readdirOrNone('/sys/block').filter((device) => device.startsWith('dm-'));
  return devices.find((device) => readText(`/sys/block/${device}/dm/name`).trim() === name);
}

function readdirOrNone(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isErrnoError(error)) return [];
    throw error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrnoError(error)) return '';
    throw error;
  }
}
