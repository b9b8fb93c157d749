// The same input gives the same rows in each split and bit-identical fitted parameters, with one thread
// and with two, twice; and the parameters are what exact arithmetic on the training rows gives.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateClaims } from '../../src/cli/demo/claims.ts';
import { FITTED_PATH, parseFitted } from '../../src/pipeline/index.ts';
import { BOX_YAML } from '../support/box.ts';
import { type CliBox, expectDone, makeCliBox, type Report } from '../support/cli.ts';
import { queryParquet } from '../support/parquet.ts';

const ROWS = 60_000;
const SPLITS = ['train', 'validation', 'test'];
const COLUMNS = `
undeclared: drop
columns:
  claim_id: { type: string }
  patient_id: { type: string }
  diagnosis: { type: string }
  amount: { type: double, otherwise: drop }
  paid: { type: double, otherwise: drop }
  length_of_stay: { type: integer, otherwise: drop }
`;
const SPLIT = 'split: { by: patient_id, train: 0.7, validation: 0.2, test: 0.1 }';
const OUTPUT = 'output: { dataset: claims-quarantine, format: parquet }';
const SOURCE = 'source: { dataset: claims-raw }';
const FITTED = `pipeline: fitted
${SOURCE}
${COLUMNS}
steps:
  - deduplicate: { by: [claim_id] }
  - impute: { columns: [amount], with: median }
  - impute: { columns: [diagnosis], with: most_frequent }
  - impute: { columns: [paid], with: mean }
  - scale: { columns: [amount, length_of_stay], with: standard }
  - encode: { columns: [diagnosis], with: one_hot }
${SPLIT}
${OUTPUT}
`;
/** The same rows and splits, untouched: what the hand arithmetic starts from. */
const RAW = `pipeline: raw
${SOURCE}
${COLUMNS}
steps:
  - deduplicate: { by: [claim_id] }
${SPLIT}
${OUTPUT}
`;

let box: CliBox;
beforeAll(async () => {
  box = await makeCliBox({ yaml: BOX_YAML, pipelines: { fitted: FITTED, raw: RAW } });
  expectDone(
    await box.glovebox(['put', '-', 'claims-raw/claims.csv'], { input: generateClaims({ rows: ROWS, seed: 5 }) }),
  );
});
afterAll(() => box.remove());

async function get(version: string, path: string): Promise<Buffer> {
  return expectDone(await box.glovebox(['get', `claims-quarantine@${version}/${path}`, '-o', '-'])).stdout;
}

interface RunResult {
  parameters: string;
  /** By split: a digest of its rows in an order of their own. */
  rows: Record<string, string>;
}

async function run(threads: string): Promise<RunResult> {
  const report = await box.json<Report>(['run', 'fitted', '--threads', threads]);
  const rows: Record<string, string> = {};
  for (const split of SPLITS) {
    const part = await get(report.output.version, `${split}.parquet`);
    const all = await queryParquet(part, 'SELECT * FROM part ORDER BY claim_id');
    rows[split] = createHash('sha256')
      .update(JSON.stringify(all, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)))
      .digest('hex');
  }
  return { parameters: (await get(report.output.version, FITTED_PATH)).toString(), rows };
}

test('the same rows in each split and bit-identical parameters, whatever the threads', async () => {
  const [first, ...others] = [await run('1'), await run('2'), await run('1'), await run('2')];
  for (const other of others) expect(other).toEqual(first);
});

/** A decimal text as a whole number of 10^-4: exact. */
function exactly(text: string): bigint {
  const [whole = '0', decimals = ''] = text.replace('-', '').split('.');
  const value = BigInt(whole) * 10_000n + BigInt(decimals.padEnd(4, '0').slice(0, 4));
  return text.startsWith('-') ? -value : value;
}

function rational(numerator: bigint, denominator: bigint): number {
  return Number((numerator * 10n ** 30n) / denominator) / 1e30;
}

/** Mean and population standard deviation of whole numbers of 10^-4, exact but for the last rounding. */
function moments(values: bigint[]): { mean: number; std: number } {
  const n = BigInt(values.length);
  const sum = values.reduce((total, value) => total + value, 0n);
  const squares = values.reduce((total, value) => total + value * value, 0n);
  return { mean: rational(sum, n * 10_000n), std: Math.sqrt(rational(n * squares - sum * sum, n * n * 100_000_000n)) };
}

function median(values: bigint[]): bigint {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const middle = sorted.length >> 1;
  // Both sides of an even count differ by whole cents here: the half is exact in 10^-4.
  if (sorted.length % 2 === 1) return sorted[middle] ?? 0n;
  return ((sorted[middle - 1] ?? 0n) + (sorted[middle] ?? 0n)) / 2n;
}

test('the parameters are what exact arithmetic on the training rows gives, to 1e-9', async () => {
  const report = await box.json<Report>(['run', 'raw']);
  const rows = await queryParquet(
    await get(report.output.version, 'train.parquet'),
    `SELECT printf('%.2f', amount) AS amount, printf('%.2f', paid) AS paid, CAST(length_of_stay AS VARCHAR) AS length_of_stay, diagnosis FROM part`,
  );
  const column = (name: string): string[] => rows.flatMap((row) => (row[name] === null ? [] : [String(row[name])]));
  const amounts = column('amount').map(exactly);
  const middle = median(amounts);
  const imputed = [...amounts, ...Array<bigint>(rows.length - amounts.length).fill(middle)];
  const counts = new Map<string, number>();
  for (const diagnosis of column('diagnosis')) counts.set(diagnosis, (counts.get(diagnosis) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const mode = [...counts].flatMap(([name, count]) => (count === most ? [name] : [])).toSorted()[0];

  const fitted = parseFitted(
    (await get((await box.json<Report>(['run', 'fitted'])).output.version, FITTED_PATH)).toString(),
  );
  const values = Object.fromEntries(
    [...fitted.values].map(([name, value]) => [name, 'categories' in value ? value.categories : value.value]),
  );
  const expected: Record<string, number> = {
    'amount.median': Number(middle) / 10_000,
    'amount.mean': moments(imputed).mean,
    'amount.std': moments(imputed).std,
    'length_of_stay.mean': moments(column('length_of_stay').map(exactly)).mean,
    'length_of_stay.std': moments(column('length_of_stay').map(exactly)).std,
  };
  const paid = Object.keys(values).find((name) => name.startsWith('paid.'));
  expected[paid ?? 'paid.mean'] = moments(column('paid').map(exactly)).mean;
  for (const [name, value] of Object.entries(expected)) {
    expect(Math.abs(Number(values[name]) - value) / Math.max(1, Math.abs(value)), name).toBeLessThan(1e-9);
  }
  expect(Object.values(values)).toContainEqual([...counts.keys()].toSorted());
  expect(Object.values(values)).toContain(mode);
  expect(Object.keys(values)).toHaveLength(Object.keys(expected).length + 2);
});
