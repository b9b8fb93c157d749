// Prints relations and expressions as DuckDB SQL. Identifiers and constants are always quoted; no text
// of a user passes through any other way.
import { printCall } from './print-function.ts';
import { type ColumnType, type Expression, type Literal, type Relation, ROW_COLUMN } from './relation.ts';

export interface PrintOptions {
  /** A parenthesized query that gives the raw text columns, and `glovebox_row` where the relation asks for it. */
  source: string;
}

const TYPES: Record<ColumnType, string> = {
  string: 'VARCHAR',
  integer: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  tinyint: 'TINYINT',
};

/** DuckDB's name of a type. */
export const columnTypeSql = (type: ColumnType): string => TYPES[type];

/** A quoted identifier. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A quoted string constant; NUL, which SQL text cannot hold, is put in by its code. */
export function quoteText(value: string): string {
  const parts = value.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  return parts.length === 1 ? (parts[0] ?? "''") : `(${parts.join(' || chr(0) || ')})`;
}

/** The table in which the engine keeps a secret: one row, `key` as text, `inner` and `outer` as BLOB. */
export const secretTableName = (secret: string): string => `glovebox_secret:${secret}`;

function printLiteral({ value, type }: Literal): string {
  if (value === null) return `CAST(NULL AS ${TYPES[type]})`;
  if (type === 'boolean') return value === true ? 'true' : 'false';
  if (type === 'string') return quoteText(String(value));
  // JavaScript prints the shortest text that gives the same double back; DuckDB rounds it correctly.
  const written = Object.is(value, -0) ? '-0' : String(value);
  return `CAST(${quoteText(written)} AS ${TYPES[type]})`;
}

function printCast(input: string, to: ColumnType, formats: readonly string[] | undefined): string {
  if (formats === undefined) return `TRY_CAST(${input} AS ${TYPES[to]})`;
  const parsed = `try_strptime(${input}, [${formats.map(quoteText).join(', ')}])`;
  return to === 'date' ? `CAST(${parsed} AS DATE)` : parsed;
}

function printAggregate(expression: Expression & { kind: 'aggregate' }): string {
  const [argument = '*', second] = expression.args.map(printExpression);
  const filter = expression.filter === undefined ? '' : ` FILTER (WHERE ${printExpression(expression.filter)})`;
  switch (expression.function) {
    case 'smallest':
      return `min(${argument}, ${second})${filter}`;
    case 'approx_quantile':
      return `approx_quantile(${argument}, CAST(${second} AS FLOAT))${filter}`;
    case 'distinct':
      return `map_keys(histogram(${argument})${filter})`;
    case 'count_distinct':
      return `CAST(cardinality(histogram(${argument})${filter}) AS BIGINT)`;
    case 'mode': {
      const entries = `map_entries(histogram(${argument})${filter})`;
      const ranked = `list_transform(${entries}, lambda e: {'n': -CAST(e.value AS BIGINT), 'k': e.key})`;
      return `list_sort(${ranked})[1].k`;
    }
    default:
      return `${expression.function}(${argument})${filter}`;
  }
}

/** The DuckDB text of an expression. A fitted parameter is printed as `:name`, for people only. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'column':
      return quoteName(expression.name);
    case 'literal':
      return printLiteral(expression);
    case 'parameter':
      return `:${expression.name}`;
    case 'cast':
      return printCast(printExpression(expression.input), expression.to, expression.formats);
    case 'call':
      return printCall(expression.function, expression.args.map(printExpression));
    case 'case': {
      const branches = expression.branches.map(
        (branch) => `WHEN ${printExpression(branch.when)} THEN ${printExpression(branch.value)}`,
      );
      return `CASE ${branches.join(' ')} ELSE ${printExpression(expression.otherwise)} END`;
    }
    case 'secret':
      return `(SELECT ${quoteName(expression.part)} FROM ${quoteName(secretTableName(expression.name))})`;
    case 'in_table':
      return `(${printExpression(expression.input)} IN (SELECT ${quoteName(ROW_COLUMN)} FROM ${quoteName(expression.table)}))`;
    case 'fail':
      return `error('glovebox:${expression.check}')`;
    case 'aggregate':
      return printAggregate(expression);
  }
}

/**
 * The DuckDB query of a relation. The text of the raw rows comes from the engine (`options.source`);
 * the relation holds no parameters any more when it is to be run.
 */
export function printRelation(relation: Relation, options: PrintOptions): string {
  switch (relation.kind) {
    case 'source': {
      const names = relation.rowNumber ? [...relation.columns, ROW_COLUMN] : relation.columns;
      const list = names.length === 0 ? '1 AS "glovebox_none"' : names.map(quoteName).join(', ');
      const limit = relation.limit === undefined ? '' : ` LIMIT ${relation.limit}`;
      return `SELECT ${list} FROM ${options.source}${limit}`;
    }
    case 'project': {
      const list = relation.columns.map(({ name, expression }) => {
        const printed = printExpression(expression);
        return expression.kind === 'column' && expression.name === name ? printed : `${printed} AS ${quoteName(name)}`;
      });
      return `SELECT ${list.join(', ')} FROM (${printRelation(relation.input, options)})`;
    }
    case 'filter':
      return `SELECT * FROM (${printRelation(relation.input, options)}) WHERE ${printExpression(relation.where)}`;
    case 'duplicates': {
      const row = quoteName(ROW_COLUMN);
      const order = relation.orderBy.map(
        (term) => `${printExpression(term.expression)} ${term.descending ? 'DESC' : 'ASC'} NULLS LAST, `,
      );
      const group = relation.by.map(printExpression).join(', ');
      const rank = `row_number() OVER (PARTITION BY ${group} ORDER BY ${order.join('')}${row})`;
      const ranked = `SELECT ${row}, ${rank} AS "glovebox_rank" FROM (${printRelation(relation.input, options)})`;
      return `SELECT ${row} FROM (${ranked}) WHERE "glovebox_rank" > 1`;
    }
  }
}
