// A supplier's day: files of several kinds arrive, a run uses them all, and nobody else may look.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BOX_YAML } from '../support/box.ts';
import { type CliBox, expectDone, expectFailure, makeCliBox, type Report } from '../support/cli.ts';
import { queryParquet } from '../support/parquet.ts';

const PIPELINE = `pipeline: visits
source: { dataset: claims-raw, objects: "2026-*" }
columns:
  patient_id: { type: string, is: identifier }
  amount: { type: double }
steps:
  - pseudonymize: { columns: [patient_id], domain: patient }
output: { dataset: claims-features, format: FORMAT }
`;

const STRICT = PIPELINE.replace('visits', 'strict')
  .replace('FORMAT', 'parquet')
  .replace('{ type: double }', '{ type: double, otherwise: quarantine }')
  .replace('output:', 'quarantine: claims-quarantine\noutput:');

let box: CliBox;
beforeEach(async () => {
  const pipelines = {
    visits: PIPELINE.replace('FORMAT', 'parquet'),
    table: PIPELINE.replace('FORMAT', 'csv').replace('visits', 'table'),
    strict: STRICT,
  };
  box = await makeCliBox({ yaml: BOX_YAML, pipelines });
});
afterEach(() => box.remove());

const put = async (name: string, input: Buffer | string): Promise<void> => {
  const wrap = ['sh', '-c', 'umask 000; exec "$@"', 'sh'];
  expectDone(await box.glovebox(['put', '-', `claims-raw/${name}`], { input, wrap }));
};

test('plain, gzip and zstd files with their columns in any order come out as one version', async () => {
  await put('2026-01.csv', 'patient_id,amount\np1,1.5\np2,2\n');
  await put('2026-02.csv.gz', gzipSync('amount,patient_id\n4,p1\n'));
  await put('2026-03.csv.zst', zstdCompressSync(Buffer.from('\uFEFFpatient_id,amount\r\n"p,3",8\r\n')));
  await put('2025-12.csv', 'old\n1\n');
  const report = await box.json<Report>(['run', 'visits']);
  expect(report.rows).toEqual({ in: 4, kept: 4, quarantined: 0, dropped: 0 });
  const part = expectDone(
    await box.glovebox(['get', `claims-features@${report.output.version}/all.parquet`, '-o', '-']),
  ).stdout;
  const rows = await queryParquet(part, 'SELECT * FROM part ORDER BY amount');
  expect(rows.map(({ amount }) => amount)).toEqual([1.5, 2, 4, 8]);
  expect(rows[0]?.patient_id).toBe(rows[2]?.patient_id);
  expect(new Set(rows.map(({ patient_id }) => patient_id)).size).toBe(3);
  for (const { patient_id } of rows) expect(patient_id).toMatch(/^[0-9a-f]{64}$/);

  const table = await box.json<Report>(['run', 'table']);
  const csv = expectDone(await box.glovebox(['get', 'claims-features/all.csv', '-o', '-'])).stdout.toString();
  expect(csv.trim().split('\n')).toHaveLength(5);
  expect(csv).toContain(String(rows[3]?.patient_id)); // the same pseudonym in every run
  const { versions } = await box.json<{ versions: { version: string }[] }>(['runs', 'claims-features']);
  expect(versions.map(({ version }) => version).toSorted()).toEqual(
    [report.output.version, table.output.version].toSorted(),
  );
});

test('a pipeline without a split writes its output and its quarantine, each whole', async () => {
  await put('2026-01.csv', 'patient_id,amount\np1,1.5\np2,many\np3,2\n');
  const report = await box.json<Report>(['run', 'strict']);
  expect(report.rows).toEqual({ in: 3, kept: 2, quarantined: 1, dropped: 0 });
  const get = async (path: string): Promise<Buffer> => expectDone(await box.glovebox(['get', path, '-o', '-'])).stdout;
  const kept = await queryParquet(await get('claims-features/all.parquet'), 'SELECT amount FROM part ORDER BY 1');
  expect(kept).toEqual([{ amount: 1.5 }, { amount: 2 }]);
  const held = await queryParquet(await get('claims-quarantine/quarantined.parquet'), 'SELECT * FROM part');
  expect(held).toEqual([{ patient_id: 'p2', amount: 'many', glovebox_reason: 'amount:cast' }]);
});

test('everything in the workspace is 0600 and 0700, whatever the umask', async () => {
  await put('2026-01.csv', 'patient_id,amount\np1,1.5\n');
  expectDone(await box.glovebox(['run', 'visits'], { wrap: ['sh', '-c', 'umask 000; exec "$@"', 'sh'] }));
  for (const folder of [box.data, join(box.workspace, '.glovebox'), join(box.folder, 'config', 'glovebox')]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isSymbolicLink()) continue;
      const path = join(entry.parentPath, entry.name);
      expect((await stat(path)).mode & 0o777, path).toBe(entry.isDirectory() ? 0o700 : 0o600);
    }
  }
});

test('a rule that fails names object, row and rule, and no value', async () => {
  await put('2026-01.csv', 'patient_id,amount\np1,1.5\n');
  await put('2026-02.csv', 'patient_id,amount\np1,1\np2,2\np3,SECRET\n');
  const said = expectFailure(await box.glovebox(['run', 'visits']), 5);
  expect(said).toContain('claims-raw/2026-02.csv, row 3');
  expect(said).toContain('amount');
  expect(said).not.toContain('SECRET');
  await put('2026-02.csv', 'patient_id,amount\np1,1\np2,2,SECRET\n');
  const ragged = expectFailure(await box.glovebox(['run', 'visits']), 5);
  expect(ragged).toContain('claims-raw/2026-02.csv, line 3');
  expect(ragged).not.toContain('SECRET');
  // A file without a header: its first row is data, and is not quoted.
  await put('2026-02.csv', 'SECRET,SECRET2\np1,1\n');
  expect(expectFailure(await box.glovebox(['run', 'visits']), 5)).not.toContain('SECRET');
});
