// Real data: UCI Adult (CC BY 4.0), which lies beside the project where it is there at all.
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../../scripts/process.ts';
import { type CliBox, expectDone, makeCliBox, type Report } from '../support/cli.ts';
import { queryParquet } from '../support/parquet.ts';

const ADULT = join(root, '..', 'shared', 'data', 'adult.csv');

let box: CliBox;
beforeEach(async () => {
  box = await makeCliBox({ example: 'adult' });
});
afterEach(() => box.remove());

test('the Adult data run through the example, blanks and question marks and all', async (context) => {
  if (!existsSync(ADULT)) context.skip('no adult.csv beside the project (UCI Adult, training set, with a header)');
  expectDone(await box.glovebox(['put', '-', 'adult-raw/adult.csv'], { input: createReadStream(ADULT) }));
  const report = await box.json<Report>(['run', 'adult']);
  const total = Object.values(report.splits).reduce((sum, rows) => sum + rows, 0);
  expect(report.rows).toEqual({ in: 32_561, kept: 32_561, quarantined: 0, dropped: 0 });
  expect(total).toBe(32_561);
  const train = report.splits.train ?? 0;
  expect(train / total).toBeGreaterThan(0.77);
  expect(train / total).toBeLessThan(0.83);

  const part = expectDone(await box.glovebox(['get', 'adult-features/train.parquet', '-o', '-'])).stdout;
  const [sums = {}] = await queryParquet(
    part,
    `SELECT count(*) AS n, avg("hours-per-week") AS mean, stddev_pop("hours-per-week") AS std,
      count(*) FILTER (income NOT IN ('<=50K', '>50K')) AS others,
      sum("workclass_Private") AS private, count("workclass_Private") AS filled FROM part`,
  );
  expect(Number(sums.n)).toBe(train);
  expect(Math.abs(Number(sums.mean))).toBeLessThan(1e-9);
  expect(Math.abs(Number(sums.std) - 1)).toBeLessThan(1e-9);
  expect(Number(sums.others)).toBe(0);
  // 22,696 of all say Private, and the 1,836 question marks become it.
  expect(Number(sums.private) / train).toBeGreaterThan(0.73);
  expect(Number(sums.private) / train).toBeLessThan(0.78);
  expect(Number(sums.filled)).toBe(train);
  const names = (await queryParquet(part, 'DESCRIBE part')).map((column) => String(column.column_name));
  expect(names.filter((name) => name.includes('?') || name !== name.trim())).toEqual([]);
});
