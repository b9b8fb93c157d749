import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CLAIM_COLUMNS, type ClaimsOptions, generateClaims } from './claims.ts';

const ROWS = 10_000;

function generate(options: ClaimsOptions): string {
  return Buffer.concat([...generateClaims(options)]).toString('latin1');
}

/** The values of each row; what stands in quotation marks is one value. */
function parse(text: string): string[][] {
  const lines = text.trimEnd().split('\n');
  return lines
    .slice(1)
    .map((line) =>
      [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
        .map((match) => match[1] ?? '')
        .slice(0, CLAIM_COLUMNS.length),
    );
}

function column(rows: string[][], name: string): string[] {
  const index = CLAIM_COLUMNS.indexOf(name);
  return rows.map((row) => row[index] ?? '');
}

describe('generateClaims', () => {
  const text = generate({ rows: ROWS, seed: 1 });
  const rows = parse(text);

  test('gives the same bytes for a seed on every machine, and others for another', () => {
    expect(createHash('sha256').update(text).digest('hex')).toBe(
      '527a79350fffd4cb74ff490bd062b80453a760eaaefd99930002f13e5742c99b',
    );
    expect(generate({ rows: ROWS, seed: 1 })).toBe(text);
    expect(generate({ rows: ROWS, seed: 2 })).not.toBe(text);
  });

  test('gives a header, every row whole, in chunks of about 256 KiB', () => {
    expect(text.slice(0, text.indexOf('\n'))).toBe(CLAIM_COLUMNS.join(','));
    expect(rows).toHaveLength(ROWS);
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([CLAIM_COLUMNS.length]));
    const sizes = [...generateClaims({ rows: ROWS, seed: 1 })].map((chunk) => chunk.length);
    for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThanOrEqual(256 * 1024);
    for (const size of sizes) expect(size).toBeLessThan(257 * 1024);
  });

  test('repeats patients, with one birth date and one ZIP code each, and a few claims', () => {
    const patients = column(rows, 'patient_id');
    const distinct = new Set(patients).size;
    expect(distinct).toBeGreaterThan(ROWS / 5);
    expect(distinct).toBeLessThan(ROWS / 3);
    const good = rows.filter((row) => row[3] !== '31.02.1980' && row[4] !== '123');
    expect(new Set(good.map((row) => [row[1], row[2], row[3], row[4]].join())).size).toBe(
      new Set(good.map((row) => row[1])).size,
    );
    const duplicates = ROWS - new Set(column(rows, 'claim_id')).size;
    expect(duplicates).toBeGreaterThan(ROWS * 0.003);
    expect(duplicates).toBeLessThan(ROWS * 0.008);
  });

  test('has gaps, outliers and malformed values at their rates', () => {
    const amounts = column(rows, 'amount');
    const share = (keep: (value: string) => boolean) => amounts.filter(keep).length / ROWS;
    expect(share((value) => value === '')).toBeCloseTo(0.03, 2);
    expect(share((value) => Number(value) < 0)).toBeGreaterThan(0);
    expect(share((value) => Number(value) > 1_000_000)).toBeGreaterThan(0);
    expect(amounts.filter((value) => value !== 'n/a').every((value) => /^(-?\d+\.\d\d)?$/.test(value))).toBe(true);
    const malformed = (rate: number) =>
      parse(generate({ rows: ROWS, seed: 1, malformed: rate })).filter(
        (row) => row[3] === '31.02.1980' || row[4] === '123' || row[8] === 'n/a',
      ).length;
    expect(malformed(0)).toBe(0);
    expect(malformed(0.002)).toBeGreaterThan(5);
    expect(malformed(1)).toBe(ROWS);
  });

  test('plants a canary in every column, in good rows and in malformed ones', () => {
    const planted = parse(generate({ rows: 1002, seed: 1, canary: 'CANARY77' }));
    for (const first of [0, 1000]) {
      const pair = planted.slice(first, first + 2);
      for (const name of CLAIM_COLUMNS)
        expect([name, column(pair, name).join()]).toEqual([name, expect.stringContaining('CANARY77')]);
    }
    expect(planted.flat().filter((value) => value.includes('CANARY77'))).toHaveLength(2 * CLAIM_COLUMNS.length);
  });

  test('refuses what it cannot do', () => {
    for (const options of [{ rows: -1 }, { rows: 1.5 }, { seed: Number.NaN }, { malformed: 2 }, { canary: 'a,b' }]) {
      expect(() => generate({ rows: 1, seed: 1, ...options })).toThrow(RangeError);
    }
    expect(parse(generate({ rows: 0, seed: 1 }))).toEqual([]);
  });
});
