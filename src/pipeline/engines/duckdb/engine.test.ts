// The DuckDB engine over sealed objects: passes, parts, order, and what happens when something fails.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Box, collect, makeBox, streamOf } from '../../../../test/support/box.ts';
import { prepareInputs } from '../../inputs.ts';
import { type Expression, type NamedExpression, type Relation, ROW_COLUMN } from '../../plan/relation.ts';
import { type DuckDbEngine, type DuckDbOptions, startDuckDb, startHost } from './engine.ts';
import { EngineFailureError } from './process.ts';

const dialect = { delimiter: ',', quote: '"', escape: '"', encoding: 'utf-8', malformed: 'fail' } as const;
const source = (columns: string[], more: { rowNumber?: boolean; limit?: number } = {}): Relation => ({
  kind: 'source',
  columns,
  rowNumber: false,
  ...more,
});
const count: NamedExpression = { name: 'n', expression: { kind: 'aggregate', function: 'count', args: [] } };
const integer = (name: string): Expression => ({ kind: 'cast', input: { kind: 'column', name }, to: 'integer' });
const sum = (name: string): NamedExpression => ({
  name,
  expression: { kind: 'aggregate', function: 'sum', args: [integer(name)] },
});

let box: Box;
let engine: DuckDbEngine | undefined;
beforeEach(async () => {
  box = await makeBox();
});
afterEach(async () => {
  await engine?.close();
  engine = undefined;
  await box.remove();
});

async function start(
  objects: Record<string, string | Buffer>,
  options: Partial<DuckDbOptions> = {},
): Promise<DuckDbEngine> {
  for (const [path, content] of Object.entries(objects)) await box.vault.put('claims-raw', path, streamOf(content));
  const { inputs } = await prepareInputs(await box.vault.pin('claims-raw', '*'), dialect);
  const columns = inputs[0]?.header ?? [];
  engine = await startDuckDb(await startHost(), {
    inputs,
    dialect,
    columns,
    secrets: [],
    threads: 2,
    memoryBytes: 5e8,
    ...options,
  });
  return engine;
}

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `${from + index},${(from + index) % 7}\n`).join('');

test('reads plain, gzip and zstd objects, with and without a last line end, in any order of columns', async () => {
  const running = await start({
    'a.csv': `n,m\n${lines(0, 1000)}`,
    'b.csv.gz': gzipSync(`n,m\r\n${lines(1000, 2000).replaceAll('\n', '\r\n')}`),
    'c.csv.zst': zstdCompressSync(Buffer.from(`n,m\n${lines(2000, 3000).trimEnd()}`)),
    'd.csv': `m,n\n${lines(0, 10)
      .split('\n')
      .map((line) => line.split(',').reverse().join(','))
      .join('\n')}`,
    'empty.csv': 'n,m\n',
  });
  expect(await running.aggregate(source(['n', 'm']), [count])).toEqual({ n: 3010n });
  expect(await running.aggregate(source(['n', 'm']), [sum('n')])).toEqual({ n: BigInt((2999 * 3000) / 2 + 45) });
});

test('numbers rows over all objects, in the order of their names', async () => {
  const running = await start({ 'b.csv': `n,m\n${lines(50_000, 90_000)}`, 'a.csv': `n,m\n${lines(0, 50_000)}` });
  const wrong: Relation = {
    kind: 'filter',
    input: source(['n'], { rowNumber: true }),
    where: {
      kind: 'call',
      function: 'not_equal',
      args: [
        { kind: 'column', name: ROW_COLUMN },
        { kind: 'call', function: 'add', args: [integer('n'), { kind: 'literal', value: 1, type: 'integer' }] },
      ],
    },
  };
  expect(await running.aggregate(wrong, [count])).toEqual({ n: 0n });
});

test('a limited pass reads the first rows only, and the next pass reads all of them', async () => {
  const running = await start({ 'a.csv': `n,m\n${lines(0, 200_000)}`, 'b.csv': `n,m\n${lines(200_000, 400_000)}` });
  for (let round = 0; round < 5; round++) {
    expect(await running.aggregate(source(['n'], { limit: 1000 }), [sum('n')])).toEqual({ n: (999n * 1000n) / 2n });
    expect(await running.aggregate(source(['n']), [count])).toEqual({ n: 400_000n });
  }
});

test('writes a part per split, empty ones too, and seals them', async () => {
  const running = await start({ 'a.csv': `n,m\n${lines(0, 10_000)}` });
  const draft = box.vault.draft('claims-features', 'v1');
  const split: Expression = {
    kind: 'case',
    branches: [
      {
        when: { kind: 'call', function: 'less', args: [integer('m'), { kind: 'literal', value: 5, type: 'integer' }] },
        value: { kind: 'literal', value: 'train', type: 'string' },
      },
    ],
    otherwise: { kind: 'literal', value: 'test', type: 'string' },
  };
  const relation: Relation = {
    kind: 'project',
    input: source(['n', 'm']),
    columns: [
      { name: 'n', expression: integer('n') },
      { name: 'glovebox_split', expression: split },
    ],
  };
  const parts = ['train', 'validation', 'test'].map((name) => ({ split: name }));
  const sinks = parts.map(({ split: name }) => ({ start: (pipe: string) => draft.drain(`${name}.parquet`, pipe) }));
  const result = await running.copy(
    relation,
    [{ name: 'n', type: 'integer' }],
    parts,
    'glovebox_split',
    'parquet',
    sinks,
  );
  expect(result.rowsOut).toEqual({ train: 7144, validation: 0, test: 2856 });
  for (const { split: name } of parts) expect(await draft.finish(`${name}.parquet`)).toBe(true);
  await draft.publish({ pipeline: 'p', writer: 'w', summary: {} });
  const train = await collect((await box.vault.get('claims-features', 'train.parquet', { version: 'v1' })).chunks);
  expect(train.subarray(0, 4).toString()).toBe('PAR1');
  expect(train.subarray(-4).toString()).toBe('PAR1');
});

test('says which pipe and line are no CSV, and can be asked again', async () => {
  const running = await start({ 'a.csv': `n,m\n${lines(0, 10)}`, 'b.csv': 'n,m\n1,2\n3,SECRET,4\n' });
  const failed = running.aggregate(source(['n', 'm']), [count]);
  await expect(failed).rejects.toThrow(EngineFailureError);
  const failure = await failed.catch((error: unknown) => (error as EngineFailureError).failure);
  expect(failure).toEqual({ kind: 'csv', problem: 'columns', pipe: '1', line: 2, expected: 2, found: 3 });
  expect(await running.aggregate(source(['n'], { limit: 5 }), [count])).toEqual({ n: 5n });
});

test('I2: an altered object ends the pass with its own error, and the engine with it', async () => {
  const running = await start({ 'a.csv': `n,m\n${lines(0, 500_000)}` });
  const folder = join(box.dataFolder, 'claims-raw', 'objects');
  const file = join(folder, (await readdir(folder))[0] as string);
  const sealed = await readFile(file);
  const at = sealed.length - 300_000;
  sealed[at] = (sealed[at] as number) ^ 1;
  await writeFile(file, sealed);
  await expect(running.aggregate(source(['n', 'm']), [count])).rejects.toMatchObject({ code: 'FRAME_AUTH' });
  await expect(running.aggregate(source(['n', 'm']), [count])).rejects.toThrow(EngineFailureError);
});

test('leaves no FIFO behind', async () => {
  const running = await start({ 'a.csv': `n,m\n${lines(0, 10)}` });
  const mine = async (): Promise<string[]> =>
    (await readdir('/dev/shm')).filter((name) => name.startsWith(`glovebox-${process.pid}-`));
  expect(await mine()).toHaveLength(1);
  await running.close();
  expect(await mine()).toEqual([]);
});
