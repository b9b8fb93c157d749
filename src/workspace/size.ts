// Amounts of memory as people write them.

const UNITS: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Bytes of a text such as `512MB` (10^6) or `1.5 GiB` (2^30), rounded down; undefined where it is none. */
export function parseSize(text: string): number | undefined {
  const [, digits, name] = /^(\d{1,12}(?:\.\d{1,6})?) ?([KMGT]i?B|B)$/.exec(text) ?? [];
  const unit = name === undefined ? undefined : UNITS[name];
  if (digits === undefined || unit === undefined) return undefined;
  const bytes = Math.floor(Number(digits) * unit);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
