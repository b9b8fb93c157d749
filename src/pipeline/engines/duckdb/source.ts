// The SQL text of the raw rows: CSV read from FIFOs, every column text, by position of each object's
// own header, then by name.

export interface CsvDialect {
  delimiter: string;
  quote: string;
  escape: string;
  encoding: 'utf-8' | 'latin-1';
  malformed: 'fail' | 'drop';
}

/** Objects that follow one another and have the same header. */
export interface SourceGroup {
  header: string[];
  pipes: string[];
}

/** Bytes that DuckDB reads at once from a pipe: smaller than its default, so that parsing starts early. */
const BUFFER_BYTES = 8 * 2 ** 20;
const MAX_LINE_BYTES = 2 * 2 ** 20;

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const name = (value: string): string => `"${value.replaceAll('"', '""')}"`;

function readCsv(group: SourceGroup, dialect: CsvDialect): string {
  const columns = group.header.map((column) => `${text(column)}: 'VARCHAR'`).join(', ');
  const options = [
    'auto_detect = false',
    'header = false',
    'strict_mode = true',
    `delim = ${text(dialect.delimiter)}`,
    `quote = ${text(dialect.quote)}`,
    `escape = ${text(dialect.escape)}`,
    `encoding = ${text(dialect.encoding)}`,
    `columns = {${columns}}`,
    `max_line_size = ${MAX_LINE_BYTES}`,
    `buffer_size = ${BUFFER_BYTES}`,
    ...(dialect.malformed === 'drop' ? ['ignore_errors = true'] : []),
  ];
  return `read_csv([${group.pipes.map(text).join(', ')}], ${options.join(', ')})`;
}

/**
 * A parenthesized query that gives `columns` as text, and `rowColumn`, where asked for, counting from 1
 * over all objects in order (DuckDB keeps the order of files and rows: measured on 1.5.6).
 */
export function sourceSql(groups: SourceGroup[], dialect: CsvDialect, columns: string[], rowColumn?: string): string {
  const list = columns.length === 0 ? '1 AS "glovebox_none"' : columns.map(name).join(', ');
  const union = groups.map((group) => `SELECT ${list} FROM ${readCsv(group, dialect)}`).join(' UNION ALL ');
  return rowColumn === undefined
    ? `(${union})`
    : `(SELECT *, row_number() OVER () AS ${name(rowColumn)} FROM (${union}))`;
}
