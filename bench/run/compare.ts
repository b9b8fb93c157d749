// Checks that both sides of `run` came to the same rows: counts, sums, least and greatest of every
// column of every part. Doubles to 1e-9, because plain sums are not in a fixed order; the rest exactly.
import { createWriteStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline as pipe } from 'node:stream/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { openBox } from './box.ts';

type Digest = Record<string, number | string>;

/** Compares the plain side's folder with the latest version of the pipeline's output. @throws Error */
export async function compareResults(
  pipeline: string,
  plainFolder: string,
  workspaceFolder: string,
  configHome: string,
): Promise<void> {
  const vault = await openBox(workspaceFolder, configHome);
  const dataset = pipeline === 'light' ? 'claims-selected' : 'claims-features';
  const folder = mkdtempSync('/dev/shm/glovebox-bench-');
  try {
    for (const { path } of await vault.list(dataset)) {
      if (!path.endsWith('.parquet')) continue;
      const file = join(folder, path);
      await pipe((await vault.get(dataset, path)).chunks, createWriteStream(file));
      const plain = pipeline === 'light' ? join(plainFolder, 'all.parquet') : partOf(plainFolder, path);
      assertSame(`${pipeline} ${path}`, await digest(plain), await digest(file));
      rmSync(file);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function partOf(folder: string, path: string): string {
  const split = join(folder, `split=${path.replace('.parquet', '')}`);
  return join(split, readdirSync(split)[0] as string);
}

async function digest(file: string): Promise<Digest> {
  const connection = await (await DuckDBInstance.create(':memory:', { memory_limit: '2GB' })).connect();
  const columns = (
    await connection.runAndReadAll(`DESCRIBE FROM read_parquet('${file}', hive_partitioning = false)`)
  ).getRowObjectsJS();
  const outputs = columns.flatMap(({ column_name: name, column_type: type }) => {
    const column = `"${String(name)}"`;
    if (type === 'DOUBLE') return [`avg(${column})`, `min(${column})`, `max(${column})`, `count(${column})`];
    return [`sum(hash(CAST(${column} AS VARCHAR)))`, `count(${column})`];
  });
  const names = outputs.map((output, index) => `${output} AS "${index} ${output.replaceAll('"', '')}"`);
  const [row = {}] = (
    await connection.runAndReadAll(
      `SELECT count(*) AS rows, ${names.join(', ')} FROM read_parquet('${file}', hive_partitioning = false)`,
    )
  ).getRowObjectsJS();
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'number' ? value : String(value)]),
  );
}

function assertSame(what: string, plain: Digest, secure: Digest): void {
  const names = Object.keys(plain);
  if (names.join() !== Object.keys(secure).join()) {
    throw new Error(`${what}: other columns:\n${names.join()}\n${Object.keys(secure).join()}`);
  }
  for (const name of names) {
    const [a, b] = [plain[name] as number | string, secure[name] as number | string];
    const close = typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
    if (a !== b && !close) throw new Error(`${what}: ${name} is ${a} on the plain side and ${b} on the sealed one`);
  }
}
