import { describe, expect, it } from 'vitest';
import { plan, run, withEngine } from '../../../test/support/pipelines.ts';
import type { Row } from '../../../test/support/table-engine.ts';
import { printRelation } from '../plan/printer.ts';
import { transformRelation } from '../plan/transform.ts';
import { fitPipeline } from './fit.ts';
import { serializeFitted } from './parameters.ts';

const columns = {
  id: { type: 'string', is: 'identifier' },
  amount: { type: 'double', otherwise: 'quarantine' },
  score: { type: 'integer' },
  city: { type: 'string' },
};
const steps = [
  { filter: { where: 'score IS NULL OR score <> 13' } },
  { impute: { columns: ['amount'], with: 'median' } },
  { impute: { columns: ['score'], with: 'mean' } },
  { impute: { columns: ['city'], with: 'most_frequent' } },
  { scale: { columns: ['amount', 'score'], with: 'standard' } },
  { encode: { columns: ['city'], with: 'one_hot' } },
  { drop: ['id'] },
];
const parts = { columns, steps, quarantine: 'rejects', split: { by: 'id', train: 0.8, test: 0.2 } };

const data = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) => {
    const mixed = (i * 2654435761) % 4294967296;
    return {
      id: `p${mixed % 5000}`,
      amount: i % 17 === 0 ? null : i % 101 === 0 ? 'bad' : String((mixed % 100003) / 7),
      score: i % 23 === 0 ? null : String(mixed % 40),
      city: i % 29 === 0 ? null : `c${mixed % 7}`,
    };
  });

describe('passes', () => {
  it('are one sample and one full for a usual pipeline, counts included', async () => {
    const { outcome } = await run(parts, data(3000));
    expect(outcome.passes).toEqual({ sample: 1, full: 1 });
    expect(outcome.contract?.quarantined).toBe(data(3000).filter(({ amount }) => amount === 'bad').length);
  });

  it('are none when nothing is fitted and every rule says fail', async () => {
    const { outcome, passes } = await run(
      { columns: { ...columns, amount: { type: 'double' } }, steps: [{ drop: ['id'] }] },
      data(50),
    );
    expect([outcome.passes, outcome.contract, passes]).toEqual([{ sample: 0, full: 0 }, null, 0]);
  });

  it('are more only where one step must see what another made', async () => {
    const chain = [
      { scale: { columns: ['amount'], with: 'standard' } },
      { derive: { column: 'square', as: 'amount * amount' } },
      { scale: { columns: ['square'], with: 'min_max' } },
    ];
    const { outcome } = await run({ ...parts, steps: [...chain, { drop: ['id'] }] }, data(500));
    expect(outcome.passes).toEqual({ sample: 1, full: 2 });
  });
});

describe('what is learned', () => {
  it('comes from the training rows as the steps before left them', async () => {
    const rows = data(2000);
    // Which ids are for training, from a run that learns nothing.
    const split = await run({ ...parts, steps: [{ select: ['id'] }], output: { dataset: 'secure' } }, rows);
    const training = new Set(split.rows.filter((row) => row.glovebox_split === 'train').map((row) => row.id));
    const seen = rows.filter(({ id, amount, score }) => training.has(id) && amount !== 'bad' && score !== '13');
    const amounts = seen.flatMap(({ amount }) => (amount === null ? [] : [Number(amount)])).sort((a, b) => a - b);
    const middle = ((amounts[(amounts.length - 1) >> 1] ?? 0) + (amounts[amounts.length >> 1] ?? 0)) / 2;
    const { outcome } = await run(parts, rows);
    const value = (name: string): unknown => {
      const found = outcome.fitted.values.get(name);
      return found !== undefined && 'value' in found ? found.value : found;
    };
    expect(value('amount.median')).toBe(middle);
    const filled = seen.map(({ amount }) => (amount === null ? middle : Number(amount)));
    const mean = filled.reduce((sum, each) => sum + each, 0) / filled.length;
    const deviation = Math.sqrt(filled.reduce((sum, each) => sum + (each - mean) ** 2, 0) / filled.length);
    expect(value('amount.mean')).toBeCloseTo(mean, 7);
    expect(value('amount.std')).toBeCloseTo(deviation, 7);
    const scores = seen.flatMap(({ score }) => (score === null ? [] : [Number(score)]));
    const average = scores.reduce((sum, each) => sum + each, 0) / scores.length;
    expect(value('score.mean')).toBeCloseTo(average, 12);
    // The second parameter called score.mean is that of the scaler, after the imputation: the same mean.
    expect(value('score.mean.5')).toBeCloseTo(average, 12);
    expect(value('city.categories')).toEqual({ categories: ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6'] });
  });

  it('names a column without values', async () => {
    const rows = data(50).map((row) => ({ ...row, amount: null }));
    await expect(run(parts, rows)).rejects.toMatchObject({
      code: 'FIT',
      message: 'step 2 (impute): column "amount" has no values in the training rows',
      hint: expect.any(String),
    });
  });
});

describe('determinism', () => {
  const insert = `INSERT INTO raw SELECT 'p' || (hash(i) % 50000), CASE WHEN i % 17 = 0 THEN NULL ELSE ((hash(i) % 1000003) / 7.0)::VARCHAR END,
    (hash(i + 1) % 40)::VARCHAR, 'c' || (hash(i + 2) % 7), i + 1 FROM range(400000) t(i)`;

  it('bit-identical parameters and the same rows in each split, with one thread and with two, twice', async () => {
    const planned = await plan({ ...parts, steps: [...steps, { deduplicate: { by: ['amount', 'score'] } }] });
    const seen = new Set<string>();
    for (const threads of [1, 2, 1, 2]) {
      await withEngine(planned, [], { threads }, async (engine) => {
        await engine.connection.run(insert);
        const { fitted } = await fitPipeline(planned, engine);
        const sql = printRelation(transformRelation(planned, fitted).relation, { source: 'raw' });
        // A digest of the whole rows of each split that does not depend on their order.
        const digest = await engine.connection.runAndReadAll(
          `SELECT glovebox_split, count(*), sum(CAST(hash(t) AS HUGEINT)) FROM (${sql}) t GROUP BY 1 ORDER BY 1`,
        );
        expect(digest.getRows()).toHaveLength(2);
        seen.add(`${serializeFitted(fitted)} ${digest.getRows().join(';')}`);
      });
    }
    expect(seen.size).toBe(1);
  });

  it('shuffled rows give the same parameters, up to the rounding of the sample', async () => {
    const rows = data(3000);
    const shuffled = rows.map((_, i) => rows[(i * 1009) % 3000] ?? {});
    const [a, b] = [await run(parts, rows), await run(parts, shuffled)];
    for (const [name, value] of a.outcome.fitted.values) {
      const other = b.outcome.fitted.values.get(name);
      if ('value' in value && value.type === 'double' && other !== undefined && 'value' in other) {
        expect(Math.abs(Number(value.value) - Number(other.value))).toBeLessThanOrEqual(
          1e-10 * Math.abs(Number(value.value)),
        );
      } else expect(other).toEqual(value);
    }
  });
});
