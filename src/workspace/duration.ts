// Spans of time as people write them.

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a text such as `30s`, `10m`, `1h` or `7d`; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const [, digits, name] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const unit = name === undefined ? undefined : UNITS[name];
  if (digits === undefined || unit === undefined) return undefined;
  const milliseconds = Number(digits) * unit;
  return milliseconds > 0 ? milliseconds : undefined;
}
