import { describe, expect, it } from 'vitest';
import { plan, run, table, withEngine } from '../../../test/support/pipelines.ts';
import { materializeDeduplication } from '../fit/fit.ts';
import { transformRelation } from '../plan/transform.ts';

const numbers = { columns: { n: { type: 'integer' }, x: { type: 'double' }, s: { type: 'string' } }, fit: 'all' };
const rows = table(
  ['n', 'x', 's'],
  ['1', '1', 'b'],
  ['2', null, 'a'],
  ['3', '4', 'B'],
  ['4', '10', null],
  ['5', '1', 'a'],
);
const column = (result: Record<string, unknown>[], name: string): unknown[] => result.map((row) => row[name]);
const runSteps = async (...steps: unknown[]) => run({ ...numbers, steps }, rows);

describe('columns', () => {
  it('select, drop and rename keep values; a rename may swap', async () => {
    const ran = await runSteps({ select: ['s', 'n', 'x'] }, { drop: ['x'] }, { rename: { s: 'n', n: 's' } });
    expect(ran.columns).toEqual([
      { name: 'n', type: 'string' },
      { name: 's', type: 'integer' },
    ]);
    expect(ran.rows[0]).toEqual({ n: 'b', s: 1n });
  });

  it('derive computes; what has no value is missing', async () => {
    const ran = await runSteps(
      { derive: { column: 'y', as: 'ln(x - 1)' } },
      { derive: { column: 'z', as: "CASE WHEN s = 'a' THEN n ELSE x / 0 END" } },
      { derive: { column: 'n', as: 'n * 4611686018427387 * 1999' } },
      { derive: { column: 'w', as: 'power(x, 1e6)' } },
    );
    const logs = [null, null, Math.log(3), Math.log(9), null].map((each) =>
      each === null ? null : expect.closeTo(each, 12),
    );
    expect(column(ran.rows, 'y')).toEqual(logs);
    expect(column(ran.rows, 'z')).toEqual([null, 2, null, null, 5]);
    expect(column(ran.rows, 'n')).toEqual([4611686018427387n * 1999n, null, null, null, null]);
    expect(column(ran.rows, 'w')).toEqual([1, null, null, null, 1]);
  });

  it('cast converts', async () => {
    const ran = await runSteps(
      { drop: ['s'] },
      { cast: { columns: ['n'], to: 'string' } },
      { cast: { columns: ['x'], to: 'integer' } },
    );
    expect(ran.rows[2]).toEqual({ n: '3', x: 4n });
  });
});

describe('rows', () => {
  it('filter keeps rows for which the condition is true, not those for which it is missing', async () => {
    expect(column((await runSteps({ filter: { where: 'x < 5' } })).rows, 'n')).toEqual([1n, 3n, 5n]);
    expect(column((await runSteps({ filter: { where: 'NOT (x < 5)' } })).rows, 'n')).toEqual([4n]);
  });

  it('deduplicate keeps the first row, or the first by order_by; missing values are one group', async () => {
    expect(column((await runSteps({ deduplicate: { by: ['s'] } })).rows, 'n')).toEqual([1n, 2n, 3n, 4n]);
    expect(column((await runSteps({ deduplicate: { by: ['x', 's'] } })).rows, 'n')).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(column((await runSteps({ deduplicate: { by: ['x'] } })).rows, 'n')).toEqual([1n, 2n, 3n, 4n]);
    const last = { deduplicate: { by: ['s'], order_by: [{ column: 'n', order: 'descending' }] } };
    expect(column((await runSteps(last)).rows, 'n')).toEqual([1n, 3n, 4n, 5n]);
    // Rows that a step before took out do not count.
    expect(column((await runSteps({ filter: { where: 'n > 1' } }, { deduplicate: { by: ['x'] } })).rows, 'n')).toEqual([
      2n,
      3n,
      4n,
      5n,
    ]);
  });

  it('deduplicate works on what fitted steps before it made, and after a restart', async () => {
    const steps = [
      { impute: { columns: ['x'], with: 'most_frequent' } },
      { deduplicate: { by: ['x'] } },
      { scale: { columns: ['x'], with: 'min_max' } },
    ];
    const ran = await runSteps(...steps);
    expect(column(ran.rows, 'n')).toEqual([1n, 3n, 4n]);
    expect(column(ran.rows, 'x')).toEqual([0, 3 / 9, 1]);
    const planned = await plan({ ...numbers, steps });
    await withEngine(planned, rows, {}, async (engine) => {
      await materializeDeduplication(planned, ran.outcome.fitted, engine);
      expect(await engine.rows(transformRelation(planned, ran.outcome.fitted).relation)).toEqual(ran.rows);
    });
  });
});

describe('values', () => {
  it.each([
    ['mean', [1, 4, 4, 10, 1]],
    ['median', [1, 2.5, 4, 10, 1]],
    ['most_frequent', [1, 1, 4, 10, 1]],
  ])('impute with %s', async (method, expected) => {
    expect(column((await runSteps({ impute: { columns: ['x'], with: method } })).rows, 'x')).toEqual(expected);
  });

  it('impute takes the smallest of several most frequent values, by bytes, and constants', async () => {
    const tied = table(['s'], ['b'], ['a'], ['B'], ['b'], ['a'], ['B'], [null]);
    const ran = await run(
      {
        columns: { s: { type: 'string' } },
        fit: 'all',
        steps: [{ impute: { columns: ['s'], with: 'most_frequent' } }],
      },
      tied,
    );
    expect(ran.rows[6]).toEqual({ s: 'B' });
    expect(column((await runSteps({ impute: { columns: ['s'], with: 'constant', value: "it's" } })).rows, 's')[3]).toBe(
      "it's",
    );
  });

  it('impute keeps dates, timestamps, integers and booleans what they are', async () => {
    const columns = { d: { type: 'date' }, t: { type: 'timestamp' }, i: { type: 'integer' }, b: { type: 'boolean' } };
    const lines = table(
      ['d', 't', 'i', 'b'],
      ['2020-02-29', '2020-02-29 10:00:00.5', '9007199254740993', 'true'],
      [null, null, null, null],
    );
    const ran = await run(
      { columns, fit: 'all', steps: [{ impute: { columns: ['d', 't', 'i', 'b'], with: 'most_frequent' } }] },
      lines,
    );
    expect(ran.rows[1]).toEqual(ran.rows[0]);
    expect(ran.columns.map(({ type }) => type)).toEqual(['date', 'timestamp', 'integer', 'boolean']);
  });

  it('clip moves values to the bounds; missing stays missing', async () => {
    expect(column((await runSteps({ clip: { columns: ['x'], min: 2, max: 5 } })).rows, 'x')).toEqual([
      2,
      null,
      4,
      5,
      2,
    ]);
    expect(column((await runSteps({ clip: { columns: ['n'], max: 3 } })).rows, 'n')).toEqual([1n, 2n, 3n, 3n, 3n]);
  });

  it('scale: population standard deviation; a constant column becomes 0; missing stays missing', async () => {
    const std = Math.sqrt(13.5);
    const ran = await runSteps({ scale: { columns: ['x', 'n'], with: 'standard' } });
    expect(column(ran.rows, 'x')).toEqual([-3 / std, null, 0, 6 / std, -3 / std]);
    expect(column(ran.rows, 'n')).toEqual([-2, -1, 0, 1, 2].map((value) => value / Math.sqrt(2)));
    expect(column((await runSteps({ scale: { columns: ['x'], with: 'min_max' } })).rows, 'x')).toEqual([
      0,
      null,
      3 / 9,
      1,
      0,
    ]);
    const constant = table(['n', 'x', 's'], ['1', '0.1', 'a'], ['2', '0.1', 'a'], ['3', null, 'a']);
    for (const method of ['standard', 'min_max']) {
      const flat = await run({ ...numbers, steps: [{ scale: { columns: ['x'], with: method } }] }, constant);
      expect(column(flat.rows, 'x')).toEqual([0, 0, null]);
    }
  });

  it('generalize: year, prefix in code points, bins', async () => {
    const columns = { d: { type: 'date' }, s: { type: 'string' }, a: { type: 'integer' } };
    const steps = [
      { generalize: { column: 'd', to: 'year' } },
      { generalize: { column: 's', prefix: 2 } },
      { generalize: { column: 'a', bins: [18, 65] } },
    ];
    const lines = table(
      ['d', 's', 'a'],
      ['1980-12-31', '12345', '17'],
      ['2000-01-01', '😀ä€', '18'],
      [null, 'x', '65'],
      [null, null, null],
    );
    expect((await run({ columns, steps }, lines)).rows).toEqual([
      { d: 1980n, s: '12', a: '(-inf, 18)' },
      { d: 2000n, s: '😀ä', a: '[18, 65)' },
      { d: null, s: 'x', a: '[65, inf)' },
      { d: null, s: null, a: null },
    ]);
  });
});

describe('encode', () => {
  it('makes one column per category, by bytes; a missing value is 0 in all', async () => {
    const lines = table(['s'], ['ä'], ['a'], ['C'], [null], ['a'], ['']);
    const parts = {
      columns: { s: { type: 'string' } },
      fit: 'all',
      steps: [{ encode: { columns: ['s'], with: 'one_hot' } }],
    };
    const ran = await run(parts, lines);
    expect(ran.columns.map(({ name }) => name)).toEqual(['s_', 's_C', 's_a', 's_ä']);
    expect(ran.rows.map((row) => Object.values(row).join(''))).toEqual([
      '0001',
      '0010',
      '0100',
      '0000',
      '0010',
      '1000',
    ]);
  });

  it('encodes integers and booleans by their text', async () => {
    const columns = { i: { type: 'integer' }, b: { type: 'boolean' } };
    const steps = [{ encode: { columns: ['i', 'b'], with: 'one_hot' } }];
    const ran = await run({ columns, steps, fit: 'all' }, table(['i', 'b'], ['10', 'yes'], ['9', '0']));
    expect(ran.columns.map(({ name }) => name)).toEqual(['i_10', 'i_9', 'b_false', 'b_true']);
    expect(ran.rows[0]).toEqual({ i_10: 1, i_9: 0, b_false: 0, b_true: 1 });
  });

  const columns = { id: { type: 'string' }, s: { type: 'string' } };
  const split = { by: 'id', train: 0.5, test: 0.5 };
  // p0 … p9 fall on both sides; the value of each row is its own split's, learned from a first run.
  const ids = Array.from({ length: 10 }, (_, i) => `p${i}`);
  const splitRows = async (): Promise<Map<string, string>> => {
    const ran = await run({ columns, split }, table(['id', 's'], ...ids.map((id) => [id, 'x'])));
    return new Map(ran.rows.map((row) => [String(row.id), String(row.glovebox_split)]));
  };

  it.each(['zeros', 'other', 'error'])('a category unseen in training: %s', async (unseen) => {
    const splits = await splitRows();
    const lines = table(['id', 's'], ...ids.map((id) => [id, splits.get(id) ?? null]));
    const parts = { columns, split, steps: [{ encode: { columns: ['s'], with: 'one_hot', unseen } }] };
    if (unseen === 'error') {
      await expect(run(parts, lines)).rejects.toThrow('glovebox:1');
      return;
    }
    const ran = await run(parts, lines);
    expect(ran.columns.map(({ name }) => name)).toEqual(
      unseen === 'zeros' ? ['id', 's_train'] : ['id', 's_train', 's_other'],
    );
    for (const row of ran.rows) {
      const training = splits.get(String(row.id)) === 'train';
      expect(row.s_train).toBe(training ? 1 : 0);
      if (unseen === 'other') expect(row.s_other).toBe(training ? 0 : 1);
    }
  });

  it('refuses too many categories, and columns of one name; no category is named', async () => {
    const few = { encode: { columns: ['s'], with: 'one_hot', max_categories: 2 } };
    await expect(runSteps(few)).rejects.toMatchObject({
      code: 'LIMIT',
      message: expect.stringContaining('step 1 (encode)'),
    });
    const clash = [{ rename: { x: 's_a' } }, { encode: { columns: ['s'], with: 'one_hot' } }];
    await expect(runSteps(...clash)).rejects.toMatchObject({
      code: 'COLUMN',
      message: expect.not.stringContaining('s_a'),
    });
    const folded = table(['n', 'x', 's'], ['1', '1', 'A'], ['2', '2', 'a']);
    const encode = { encode: { columns: ['s'], with: 'one_hot' } };
    await expect(run({ ...numbers, steps: [encode] }, folded)).rejects.toMatchObject({ code: 'COLUMN' });
  });
});
