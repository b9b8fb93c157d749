// Numbers, times and tables for people.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in decimal units, three digits: `1.23 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** A whole number with separators: `1,234,567`. */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 row`, `2,000 rows`. */
export function formatMany(count: number, word: string): string {
  return `${formatCount(count)} ${word}${count === 1 ? '' : 's'}`;
}

/** Seconds as `0.4 s`, `12 s`, `3 min 20 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A time (ISO 8601) to the second, in UTC: `2026-11-24 10:15:00Z`. */
export function formatTime(time: string): string {
  return time.replace('T', ' ').replace(/(\.\d+)?Z$/, 'Z');
}

/** Text that came from outside, with what could steer a terminal made visible. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Lines of a table with a heading; columns that hold only numbers and sizes are aligned right. */
export function formatTable(heading: string[], rows: string[][]): string[] {
  const lines = [heading, ...rows].map((row) => row.map(printable));
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ''))));
  const isNumeric = heading.map((_, column) =>
    rows.every((row) => /^[\d.,]+( [kMGTP]?B)?$|^-$/.test(row[column] ?? '')),
  );
  return lines.map((line) =>
    line
      .map((cell, column) => {
        const padding = ' '.repeat((widths[column] ?? 0) - width(cell));
        return isNumeric[column] && rows.length > 0 ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Lines of `name  value`, the values aligned. */
export function formatFields(fields: [string, string][]): string[] {
  const longest = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(longest)}  ${printable(value)}`.trimEnd());
}

function width(text: string): number {
  return [...text].length;
}
