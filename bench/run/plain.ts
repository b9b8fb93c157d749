// The other side of `run`: the same work by DuckDB alone, on a plaintext CSV, writing plaintext Parquet,
// as an engineer would write it by hand. A process of its own, like `glovebox run`.
//
// node plain.ts PIPELINE CSV OUTPUT_FOLDER MEMORY_LIMIT THREADS SECRETS_FILE
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { CLAIM_COLUMNS } from '../../src/cli/demo/claims.ts';

export interface PlainSecrets {
  split: string;
  inner: string;
  outer: string;
}

const [pipeline = '', csv = '', output = '', memory = '1GB', threads = '2', secretsFile = ''] = process.argv.slice(2);

const columns = CLAIM_COLUMNS.map((name) => `'${name}': 'VARCHAR'`).join(', ');
const source = `read_csv('${csv}', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', columns = {${columns}})`;

async function light(connection: DuckDBConnection): Promise<void> {
  const select = `SELECT claim_id, diagnosis, CAST(amount AS DOUBLE) AS amount, CAST(length_of_stay AS BIGINT) AS length_of_stay
    FROM ${source} WHERE CAST(amount AS DOUBLE) > 100`;
  await connection.run(`COPY (${select}) TO '${join(output, 'all.parquet')}' (FORMAT parquet)`);
}

async function typical(connection: DuckDBConnection): Promise<void> {
  const secrets = JSON.parse(readFileSync(secretsFile, 'utf8')) as PlainSecrets;
  const hash = `sha256('${secrets.split}' || patient_id)`;
  const split = `CASE WHEN ${hash} < '${threshold(0.8)}' THEN 'train' WHEN ${hash} < '${threshold(0.9)}' THEN 'validation' ELSE 'test' END`;
  const numbers = ['amount', 'paid', 'length_of_stay'];
  const fit = numbers.flatMap((name) => [
    `avg(CAST(${name} AS DOUBLE)) AS ${name}_mean`,
    `stddev_pop(CAST(${name} AS DOUBLE)) AS ${name}_std`,
  ]);
  const fitted = (
    await connection.runAndReadAll(
      `SELECT ${fit.join(', ')}, list(DISTINCT diagnosis) AS categories FROM ${source} WHERE ${split} = 'train'`,
    )
  ).getRowObjectsJS()[0] as Record<string, number> & { categories: string[] };
  const pseudonym = `sha256(unhex('${secrets.outer}') || unhex(sha256(unhex('${secrets.inner}') || encode(patient_id))))`;
  const scaled = numbers.map(
    (name) => `(CAST(${name} AS DOUBLE) - ${fitted[`${name}_mean`]}) / ${fitted[`${name}_std`]} AS ${name}`,
  );
  const encoded = fitted.categories
    .toSorted()
    .map((category) => `CAST(diagnosis = '${category}' AS TINYINT) AS "diagnosis_${category}"`);
  const select = `SELECT ${pseudonym} AS patient_id, year(CAST(birth_date AS DATE)) AS birth_date, substr(zip, 1, 3) AS zip,
    ${encoded.join(', ')}, ${scaled.join(', ')}, CAST(readmitted AS BOOLEAN) AS readmitted, ${split} AS split FROM ${source}`;
  await connection.run(
    `COPY (${select}) TO '${output}' (FORMAT parquet, PARTITION_BY (split), OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'part_{i}')`,
  );
}

/** The fraction of the range of a SHA-256, as hexadecimal text. */
function threshold(fraction: number): string {
  return Math.round(fraction * 2 ** 52)
    .toString(16)
    .padStart(13, '0');
}

/** The sealed side's objects are on the disk when it says so: these must be too. */
function synchronize(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = openSync(join(entry.parentPath, entry.name), 'r');
    fsyncSync(file);
    closeSync(file);
  }
}

mkdirSync(output, { recursive: true });
const instance = await DuckDBInstance.create(':memory:', { threads, memory_limit: memory });
const connection = await instance.connect();
await (pipeline === 'light' ? light(connection) : typical(connection));
synchronize(output);
