// Values of options: sizes, durations, counts.
import { usage } from './error.ts';

const SIZES: Record<string, number> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const DURATIONS: Record<string, number> = { ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `512MB`, `1.5GiB`, `1000000` to bytes. @throws CliError `USAGE` */
export function parseBytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = SIZES[(unit ?? '?').toLowerCase()];
  const bytes = Math.round(Number(number) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw usage(`not a size: ${text}`, 'write 512MB, 2GiB or a number of bytes');
  return bytes;
}

/** `90s`, `30min`, `24h`, `7d`, `0` to milliseconds. @throws CliError `USAGE` */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = Number(number) === 0 ? 1 : DURATIONS[(unit ?? '?').toLowerCase()];
  const duration = Math.round(Number(number) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(duration)) throw usage(`not a duration: ${text}`, 'write 90s, 30min, 24h or 7d');
  return duration;
}

/** A parser of whole numbers from `least` on. The parser raises CliError `USAGE`. */
export function parseCount(least: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(count >= least)) throw usage(`not a whole number from ${least} on: ${text}`);
    return count;
  };
}
