import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { plan, run, table, withEngine } from '../../../test/support/pipelines.ts';
import { testSecret } from '../../../test/support/table-engine.ts';
import { fitPipeline } from '../fit/fit.ts';
import { diagnoseFailure } from './contract.ts';
import { printRelation } from './printer.ts';
import { quarantineRelation } from './reading.ts';
import { planSplit } from './split.ts';
import { transformRelation } from './transform.ts';

const values = (rows: Record<string, unknown>[], name: string): unknown[] => rows.map((row) => row[name]);

describe('reading values', () => {
  const read = async (type: string, csv: Record<string, unknown>, texts: (string | null)[]): Promise<unknown[]> => {
    const lines = texts.map((text, i) => [String(i), text]);
    const parts = {
      source: { dataset: 'raw', csv },
      columns: { n: { type: 'integer' }, x: { type, otherwise: 'drop' } },
    };
    const { rows } = await run(parts, table(['n', 'x'], ...lines));
    return texts.map((_, i) => {
      const found = rows.find((row) => row.n === BigInt(i));
      return found === undefined ? 'dropped' : found.x;
    });
  };

  it('casts with TRY_CAST; NaN and infinities are missing', async () => {
    expect(
      await read('double', {}, ['1.5', ' 2 ', '-3e2', 'nan', 'inf', '-Infinity', '1e999', 'x', '1,5', null]),
    ).toEqual([1.5, 2, -300, null, null, null, null, 'dropped', 'dropped', null]);
    expect(await read('integer', {}, ['7', '-8', '2.5', '99999999999999999999', 'x'])).toEqual([
      7n,
      -8n,
      3n,
      'dropped',
      'dropped',
    ]);
    expect(await read('boolean', {}, ['true', 'F', '1', 'yes', 'maybe'])).toEqual([true, false, true, true, 'dropped']);
    expect(await read('date', {}, ['2020-02-29', '2021-02-29', '01/02/2020'])).toEqual([
      '2020-02-29',
      'dropped',
      'dropped',
    ]);
  });

  it('takes date formats, a decimal comma, texts for missing, and blanks off', async () => {
    expect(
      await read('date', { date_format: ['%d.%m.%Y', '%Y%m%d'] }, ['29.02.2020', '20200301', '2020-03-01']),
    ).toEqual(['2020-02-29', '2020-03-01', 'dropped']);
    expect(await read('double', { decimal: ',' }, ['1,5', '1.5', '1.234,5', '2'])).toEqual([
      1.5,
      'dropped',
      'dropped',
      2,
    ]);
    expect(await read('string', { trim: true, nulls: ['?', 'NA'] }, [' a b ', ' ?', 'NA ', '  ', 'na'])).toEqual([
      'a b',
      null,
      null,
      null,
      'na',
    ]);
    expect(await read('string', {}, [' a '])).toEqual([' a ']);
  });
});

describe('rules', () => {
  const columns = { n: { type: 'integer' }, x: { type: 'double', otherwise: 'quarantine' }, s: { type: 'string' } };
  const rows = table(
    ['n', 'x', 's'],
    ['1', '5', 'a'],
    ['2', 'bad', 'b'],
    ['3', '500', null],
    ['4', null, 'a'],
    ['5', '7', 'zzz'],
    ['6', 'bad', 'zzz'],
  );
  const parts = {
    columns,
    quarantine: 'rejects',
    expect: [
      { column: 'x', between: [0, 100], otherwise: 'quarantine' },
      { column: 's', in: ['a', 'b'], otherwise: 'drop' },
    ],
  };

  it('drop and quarantine; quarantine wins; counts; a missing value breaks no rule but not: null', async () => {
    const ran = await run(parts, rows);
    expect(values(ran.rows, 'n')).toEqual([1n, 4n]);
    expect(ran.outcome.contract).toEqual({
      rowsIn: 6,
      dropped: 1,
      quarantined: 3,
      rules: [
        { id: 'x:cast', otherwise: 'quarantine', rows: 2 },
        { id: 'x:between', otherwise: 'quarantine', rows: 1 },
        { id: 's:in', otherwise: 'drop', rows: 2 },
      ],
    });
    expect(ran.passes).toBe(1);
  });

  it('quarantines raw text with the ids of the rules', async () => {
    const planned = await plan(parts);
    await withEngine(planned, rows, {}, async (engine) => {
      const { relation } = { relation: quarantineRelation(planned) };
      expect(await engine.rows(relation)).toEqual([
        { n: '2', x: 'bad', s: 'b', glovebox_reason: 'x:cast' },
        { n: '3', x: '500', s: null, glovebox_reason: 'x:between' },
        { n: '6', x: 'bad', s: 'zzz', glovebox_reason: 'x:cast' },
      ]);
    });
  });

  const failing: [string, Record<string, unknown>, number, number[]][] = [
    ['a value that does not cast', { columns: { ...columns, x: { type: 'double' } } }, 1, [2, 2]],
    [
      'a value out of bounds',
      {
        columns: { ...columns, x: { type: 'double', otherwise: 'drop' } },
        expect: [{ column: 'x', between: [0, 100] }],
      },
      2,
      [3, 1],
    ],
    [
      'a missing value',
      { columns: { ...columns, x: { type: 'double', otherwise: 'drop' } }, expect: [{ column: 's', not: null }] },
      2,
      [3, 1],
    ],
    [
      'a pattern',
      { columns: { ...columns, x: { type: 'double', otherwise: 'drop' } }, expect: [{ column: 's', matches: 'a|b' }] },
      2,
      [5, 2],
    ],
  ];
  it.each(failing)(
    '%s stops the run, also when the column is dropped and the row filtered out',
    async (_, change, check, [first, count]) => {
      for (const steps of [
        [],
        [{ drop: ['x', 's'] }],
        [{ filter: { where: 'n = 1' } }],
        [{ filter: { where: 'n = 1' } }, { drop: ['x', 's'] }, { filter: { where: 'n > 0' } }],
      ]) {
        const planned = await plan({ ...change, steps });
        await withEngine(planned, rows, {}, async (engine) => {
          const { fitted } = await fitPipeline(planned, engine);
          await expect(engine.rows(transformRelation(planned, fitted).relation)).rejects.toThrow(`glovebox:${check}`);
          const breaches = await diagnoseFailure(planned, fitted, engine);
          expect(breaches.map(({ firstRow, rows: broken }) => [firstRow, broken])).toEqual([[first, count]]);
          expect(await diagnoseFailure(planned, null, engine)).toEqual(breaches);
        });
      }
    },
  );

  it("a step's own check counts only the rows that get there", async () => {
    const names = { n: { type: 'integer' }, s: { type: 'string' } };
    const some = table(['n', 's'], ['1', '10'], ['2', 'x'], ['3', '30'], ['4', 'y']);
    const cast = { cast: { columns: ['s'], to: 'integer' } };
    const good = await run({ columns: names, steps: [{ filter: { where: 'n % 2 = 1' } }, cast] }, some);
    expect(values(good.rows, 's')).toEqual([10n, 30n]);
    const planned = await plan({ columns: names, steps: [{ filter: { where: 'n > 2' } }, cast, { drop: ['s'] }] });
    await withEngine(planned, some, {}, async (engine) => {
      const { fitted } = await fitPipeline(planned, engine);
      await expect(engine.rows(transformRelation(planned, fitted).relation)).rejects.toThrow('glovebox:1');
      const breaches = await diagnoseFailure(planned, fitted, engine);
      expect(breaches.map(({ description, firstRow, rows: broken }) => [description, firstRow, broken])).toEqual([
        ['step 2 (cast): a value of "s" is not of its type', 4, 1],
      ]);
    });
  });
});

describe('the split', () => {
  const columns = { id: { type: 'string' }, x: { type: 'integer' } };
  const split = { by: 'id', train: 0.7, validation: 0.2, test: 0.1 };
  const rows = table(['id', 'x'], ...Array.from({ length: 2000 }, (_, i) => [`p${i % 700}`, String(i)]));

  it('has exact thresholds', () => {
    expect(planSplit({ by: 'x', train: 0.5, validation: 0.25, test: 0.25 }).parts).toEqual([
      { name: 'train', fraction: 0.5, below: `8${'0'.repeat(63)}` },
      { name: 'validation', fraction: 0.25, below: `c${'0'.repeat(63)}` },
      { name: 'test', fraction: 0.25, below: null },
    ]);
    expect(planSplit({ by: 'x', train: 0.1, validation: 0.2, test: 0.7 }).parts[0]?.below).toBe(`1${'9'.repeat(63)}`);
    expect(planSplit({ by: 'x', train: 1e-7, validation: 0.9999999, test: 0 }).parts.map(({ name }) => name)).toEqual([
      'train',
      'validation',
    ]);
  });

  it('is the one that SHA-256 of the secret and the source text gives, before any step', async () => {
    const key = testSecret('split').toString('hex');
    const ran = await run({ columns, split, steps: [{ derive: { column: 'id', as: "id || '!'" } }] }, rows);
    const expected = new Map<string, string>();
    for (let i = 0; i < 700; i++) {
      const hash = createHash('sha256').update(`${key}p${i}`).digest('hex');
      const part = Number.parseInt(hash.slice(0, 12), 16) / 2 ** 48;
      expected.set(`p${i}!`, part < 0.7 ? 'train' : part < 0.9 ? 'validation' : 'test');
    }
    expect(ran.rows).toHaveLength(2000);
    for (const row of ran.rows) expect(row.glovebox_split).toBe(expected.get(String(row.id)));
    expect(new Set(values(ran.rows, 'glovebox_split')).size).toBe(3);
  });

  it('refuses a missing group, but not in a row that is dropped or quarantined', async () => {
    const some = table(['id', 'x'], ['a', '1'], [null, '2'], ['b', '3']);
    await expect(run({ columns, split }, some)).rejects.toThrow('glovebox:1');
    const expectRule = [{ column: 'id', not: null, otherwise: 'drop' }];
    const ran = await run({ columns, split, expect: expectRule }, some);
    expect(values(ran.rows, 'id')).toEqual(['a', 'b']);
    const planned = await plan({ columns, split, expect: expectRule });
    await withEngine(planned, some, {}, async (engine) =>
      expect(await diagnoseFailure(planned, null, engine)).toEqual([]),
    );
  });
});

describe('pseudonyms', () => {
  it('are HMAC-SHA256 under the secret of the domain; missing stays missing', async () => {
    const texts = ['a', 'ä€😀', '', "it's", ' x '];
    const columns = { id: { type: 'string', is: 'identifier' }, number: { type: 'integer', is: 'identifier' } };
    const steps = [{ pseudonymize: { columns: ['id', 'number'], domain: 'patient' } }];
    const rows = [...texts.map((id, i) => ({ id, number: String(i) })), { id: null, number: null }];
    const ran = await run({ columns, steps }, rows);
    const hmac = (text: string) => createHmac('sha256', testSecret('domain:patient')).update(text).digest('hex');
    expect(ran.rows).toEqual([
      ...texts.map((id, i) => ({ id: hmac(id), number: hmac(String(i)) })),
      { id: null, number: null },
    ]);
  });

  it('reach the SQL as references only', async () => {
    const planned = await plan({
      columns: { id: { type: 'string' } },
      steps: [{ pseudonymize: { columns: ['id'], domain: 'patient' } }],
      split: { by: 'id', train: 1 },
    });
    expect(planned.secrets).toEqual(['split', 'domain:patient']);
    const sql = printRelation(transformRelation(planned, 'names').relation, { source: 'raw' });
    expect(sql).toContain('(SELECT "inner" FROM "glovebox_secret:domain:patient")');
  });
});

describe('names and constants', () => {
  it('are quoted, whatever they hold', async () => {
    const odd = 'a "b" \'c\'; DROP TABLE raw --';
    const columns = { [odd]: { type: 'string' } };
    const nasty = "x'); DROP TABLE raw; --";
    const ran = await run(
      {
        columns,
        expect: [{ column: odd, in: [nasty, 'y', 'z\0'] }],
        steps: [{ encode: { columns: [odd], with: 'one_hot' } }],
        fit: 'all',
      },
      [{ [odd]: nasty }, { [odd]: 'y' }],
    );
    expect(ran.columns.map(({ name }) => name)).toEqual([`${odd}_${nasty}`, `${odd}_y`]);
    expect(ran.rows.map((row) => Object.values(row))).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });
});
