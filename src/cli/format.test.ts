// Numbers, tables, progress and values of options.
import { expect, test } from 'vitest';
import { formatBytes, formatCount, formatSeconds, formatTable, formatTime, printable } from './format.ts';
import { parseBytes, parseCount, parseDuration } from './parse.ts';
import { describeProgress, startProgress } from './progress.ts';

test('bytes have three digits and a decimal unit', () => {
  const shown = [0, 999, 1000, 1234, 12_340, 123_456, 999_499, 999_950, 5_368_709_120].map(formatBytes);
  expect(shown).toEqual(['0 B', '999 B', '1.00 kB', '1.23 kB', '12.3 kB', '123 kB', '999 kB', '1.00 MB', '5.37 GB']);
});

test('counts, seconds and times', () => {
  expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([0.42, 12.3, 60, 200].map(formatSeconds)).toEqual(['0.4 s', '12 s', '1 min', '3 min 20 s']);
  expect(formatTime('2026-11-24T10:15:00.123Z')).toBe('2026-11-24 10:15:00Z');
});

test('a table aligns text left and numbers right, and shows what could steer a terminal', () => {
  const lines = formatTable(
    ['NAME', 'SIZE'],
    [
      ['a\u001b[2J', '8 B'],
      ['long name', '12.3 MB'],
    ],
  );
  expect(lines).toEqual(['NAME           SIZE', 'a\\u{1b}[2J      8 B', 'long name   12.3 MB']);
  expect(printable('a\u202eb\nc')).toBe('a\\u{202e}b\\u{a}c');
});

test('sizes, durations and counts are read, and anything else is a usage error', () => {
  expect(['1', '512MB', '1.5GiB', '2 gb'].map(parseBytes)).toEqual([1, 512e6, 1.5 * 2 ** 30, 2e9]);
  expect(['0', '90s', '30min', '24h', '7d'].map(parseDuration)).toEqual([0, 90e3, 18e5, 864e5, 6048e5]);
  expect(parseCount(1)('3')).toBe(3);
  for (const text of ['', 'x', '-1', '1e9', '0', '1 parsec']) expect(() => parseBytes(text)).toThrow('not a size');
  for (const text of ['', 'soon', '-1s', '5']) expect(() => parseDuration(text)).toThrow('not a duration');
  for (const text of ['', '0', '-1', '1.5', '0x10']) expect(() => parseCount(1)(text)).toThrow('not a whole number');
});

test('a progress line has bytes, rows, rate and the time left', () => {
  const line = describeProgress({ label: 'sealing a', bytes: 50e6, totalBytes: 200e6, rows: 1_000_000 }, 2);
  expect(line).toBe('sealing a  █████░░░░░░░░░░░░░░░ 25%  50.0 MB of 200 MB  1,000,000 rows  25.0 MB/s  6.0 s left');
  expect(describeProgress({ label: 'x', bytes: 5e6 }, 2)).toBe('x  5.00 MB  2.50 MB/s');
});

test('a progress line is drawn after a second, not before, and removed at the end', async () => {
  const written: string[] = [];
  const progress = startProgress(
    (text) => written.push(text),
    () => 20,
  );
  progress.update({ label: 'short', bytes: 1 });
  progress.close();
  expect(written).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 1050));
  progress.update({ label: 'short', bytes: 1 });
  progress.close();
  expect(written).toHaveLength(2);
  expect(written[0]?.startsWith('\r\u001b[Kshort ')).toBe(true);
  expect(written[0]?.length).toBeLessThanOrEqual('\r\u001b[K'.length + 19);
  expect(written[1]).toBe('\r\u001b[K');
});
