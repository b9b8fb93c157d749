// Reads Parquet that came out of a run. The bytes lie in memory-backed storage while it is read.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

export type Row = Record<string, unknown>;

/** The rows that `select` gives, with `FROM part` for the Parquet file in `bytes`. */
export async function queryParquet(bytes: Uint8Array, select: string): Promise<Row[]> {
  const folder = await mkdtemp('/dev/shm/glovebox-test-');
  try {
    const file = join(folder, 'part.parquet');
    await writeFile(file, bytes);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`CREATE VIEW part AS FROM read_parquet('${file}', hive_partitioning = false)`);
    const rows = (await connection.runAndReadAll(select)).getRowObjectsJS();
    connection.closeSync();
    instance.closeSync();
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
