// An engine for tests of the planner: DuckDB in this process over a table of text columns.
import { createHmac } from 'node:crypto';
import { type DuckDBConnection, DuckDBInstance, DuckDBListValue, type DuckDBValue } from '@duckdb/node-api';
import type { AggregateValue, Engine, Scalar } from '../../src/pipeline/engines/types.ts';
import { printExpression, printRelation, quoteName, secretTableName } from '../../src/pipeline/plan/printer.ts';
import { type Relation, ROW_COLUMN } from '../../src/pipeline/plan/relation.ts';

export type Row = Record<string, string | null>;

export interface TableEngine extends Engine {
  /** The rows of a relation, each an object of values (dates as text). */
  rows(relation: Relation): Promise<Record<string, Scalar>[]>;
  /** How often `aggregate` and `materialize` were called. */
  passes: number;
  connection: DuckDBConnection;
  close(): void;
}

/** The secret under a name, the same in every test. */
export const testSecret = (name: string): Buffer => createHmac('sha256', 'glovebox test').update(name).digest();

const pad = (key: Buffer, byte: number): string =>
  Buffer.from(Array.from({ length: 64 }, (_, i) => (key[i] ?? 0) ^ byte)).toString('hex');

export async function openTableEngine(
  columns: string[],
  rows: Row[],
  options: { threads?: number } = {},
): Promise<TableEngine> {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(options.threads ?? 1) });
  const connection = await instance.connect();
  await connection.run(
    `CREATE TABLE raw (${[...columns.map((name) => `${quoteName(name)} VARCHAR`), `${quoteName(ROW_COLUMN)} BIGINT`].join(', ')})`,
  );
  const appender = await connection.createAppender('raw');
  for (const [i, row] of rows.entries()) {
    for (const name of columns) {
      const value = row[name];
      if (value === null || value === undefined) appender.appendNull();
      else appender.appendVarchar(value);
    }
    appender.appendBigInt(BigInt(i + 1));
    appender.endRow();
  }
  appender.closeSync();
  for (const name of ['split', 'domain:patient', 'domain:other']) {
    const key = testSecret(name);
    const table = quoteName(secretTableName(name));
    await connection.run(`CREATE TEMP TABLE ${table} ("key" VARCHAR, "inner" BLOB, "outer" BLOB)`);
    await connection.run(
      `INSERT INTO ${table} VALUES ('${key.toString('hex')}', unhex('${pad(key, 0x36)}'), unhex('${pad(key, 0x5c)}'))`,
    );
  }
  const sqlOf = (relation: Relation): string => printRelation(relation, { source: 'raw' });
  const query = async (sql: string): Promise<Record<string, Scalar>[]> => {
    const reader = await connection.runAndReadAll(sql);
    return reader
      .getRowObjects()
      .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, scalar(value)])));
  };
  const engine: TableEngine = {
    passes: 0,
    connection,
    async aggregate(input, outputs) {
      engine.passes += 1;
      const list = outputs.map(({ name, expression }) => `${printExpression(expression)} AS ${quoteName(name)}`);
      const reader = await connection.runAndReadAll(`SELECT ${list.join(', ')} FROM (${sqlOf(input)})`);
      const row = reader.getRowObjects()[0] ?? {};
      return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, aggregateValue(value)]));
    },
    async materialize(table, input) {
      engine.passes += 1;
      await connection.run(`CREATE TEMP TABLE ${quoteName(table)} AS ${sqlOf(input)}`);
    },
    rows: (relation) => query(sqlOf(relation)),
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
  return engine;
}

function aggregateValue(value: DuckDBValue): AggregateValue {
  return value instanceof DuckDBListValue ? value.items.map(scalar) : scalar(value);
}

function scalar(value: DuckDBValue): Scalar {
  if (value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return value as Scalar;
  return String(value);
}
