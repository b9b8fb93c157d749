// DuckDB's own parser, as a service: text in, parse tree out. It runs in an empty database that may
// neither touch files nor be reconfigured, and never sees data.
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PipelineError } from '../error.ts';

/** A parse tree as `json_serialize_sql` gives it; not yet looked at. */
export type ParseNode = { readonly [key: string]: unknown };

export interface SqlParser {
  /**
   * The statements' parse trees of `SELECT <text>`, as DuckDB serializes them.
   *
   * @throws PipelineError EXPRESSION when it is no SQL; the message names the character, from 1.
   */
  parse(text: string): Promise<ParseNode[]>;
  /** Whether DuckDB takes `pattern` as a regular expression (RE2). */
  isRegularExpression(pattern: string): Promise<boolean>;
  /** Whether DuckDB takes `format` as a format of dates (strptime). */
  isDateFormat(format: string): Promise<boolean>;
  close(): void;
}

const MAX_CHARACTERS = 10_000;
const PREFIX = 'SELECT ';

/** Opens a parser; loads DuckDB into this process only when the first text comes. */
export function openSqlParser(): SqlParser {
  let opened: Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> | undefined;
  const connect = async (): Promise<DuckDBConnection> => {
    opened ??= open();
    return (await opened).connection;
  };
  return {
    async parse(text) {
      if (text.length > MAX_CHARACTERS) {
        throw new PipelineError('EXPRESSION', `the expression is longer than ${MAX_CHARACTERS} characters`);
      }
      if (text.includes('\0')) throw new PipelineError('EXPRESSION', 'the expression holds a NUL character');
      const json = await firstValue(await connect(), 'SELECT json_serialize_sql($1::VARCHAR)', PREFIX + text);
      return readStatements(typeof json === 'string' ? json : '', text);
    },
    async isRegularExpression(pattern) {
      return accepts(await connect(), "SELECT regexp_matches('', $1::VARCHAR)", pattern);
    },
    async isDateFormat(format) {
      return accepts(await connect(), "SELECT try_strptime('', [$1::VARCHAR])", format);
    },
    close() {
      void opened?.then(({ instance, connection }) => {
        connection.closeSync();
        instance.closeSync();
      });
      opened = undefined;
    },
  };
}

async function open(): Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> {
  const { DuckDBInstance: Instance } = await import('@duckdb/node-api');
  const instance = await Instance.create(':memory:', {
    threads: '1',
    enable_external_access: 'false',
    autoload_known_extensions: 'false',
    autoinstall_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run('SET lock_configuration = true');
  return { instance, connection };
}

async function firstValue(connection: DuckDBConnection, sql: string, text: string): Promise<unknown> {
  const statement = await connection.prepare(sql);
  try {
    statement.bindVarchar(1, text);
    return (await statement.runAndReadAll()).getRows()[0]?.[0];
  } finally {
    statement.destroySync();
  }
}

async function accepts(connection: DuckDBConnection, sql: string, text: string): Promise<boolean> {
  try {
    await firstValue(connection, sql, text);
    return true;
  } catch {
    return false;
  }
}

function readStatements(json: string, text: string): ParseNode[] {
  const answer: unknown = JSON.parse(json);
  if (!isNode(answer)) throw new PipelineError('ENGINE', 'the SQL parser gave an answer that is not understood');
  if (answer.error !== false) {
    const at = Number(answer.position);
    const where = Number.isInteger(at) ? ` at character ${Math.min(at - PREFIX.length, text.length) + 1}` : '';
    throw new PipelineError('EXPRESSION', `the expression is not valid SQL${where}`, {
      hint: 'it must be one SQL expression, such as "amount > 0 AND zip IS NOT NULL"',
    });
  }
  return nodesOf(answer.statements);
}

/** Whether a part of the parse tree is a node. */
export function isNode(value: unknown): value is ParseNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The nodes of a list in the parse tree; none when it is no list. */
export function nodesOf(value: unknown): ParseNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}
