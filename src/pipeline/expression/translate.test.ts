import { afterAll, describe, expect, it } from 'vitest';
import { PipelineError } from '../error.ts';
import { printExpression } from '../plan/printer.ts';
import type { ColumnType } from '../plan/relation.ts';
import { openSqlParser } from './parser.ts';
import { translateSql } from './translate.ts';

const COLUMNS: Record<string, ColumnType> = {
  amount: 'double',
  visits: 'integer',
  zip: 'string',
  born: 'date',
  seen: 'timestamp',
  flag: 'boolean',
  'a "quoted" name': 'string',
};

const parser = openSqlParser();
afterAll(() => parser.close());

const lookup = (name: string): ColumnType => {
  const type = COLUMNS[name];
  if (type === undefined) throw new PipelineError('SPEC', `no column ${name}`);
  return type;
};
const translate = (sql: string) => translateSql(sql, lookup, parser);
const failure = async (sql: string): Promise<PipelineError> => {
  const error = await translate(sql).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PipelineError)) throw new Error(`${sql} was taken`);
  return error;
};

describe('SQL that is taken', () => {
  it.each([
    ['amount + 1 * -visits', 'double'],
    ['visits // 2 + visits % 3', 'integer'],
    ['visits / 2', 'double'],
    ['amount > 0 AND (zip IS NOT NULL OR NOT flag)', 'boolean'],
    ['amount BETWEEN 1 AND 2.5', 'boolean'],
    ["zip NOT IN ('1', '2')", 'boolean'],
    ["zip LIKE '12%' AND zip NOT ILIKE 'a_'", 'boolean'],
    ['CASE WHEN amount > 1 THEN 1 WHEN flag THEN 2.5 END', 'double'],
    ["CASE zip WHEN '1' THEN 'a' ELSE zip END", 'string'],
    ["coalesce(nullif(zip, ''), 'none') || '!'", 'string'],
    ['round(ln(abs(amount) + 1), 2)', 'double'],
    ['greatest(visits, 3)', 'integer'],
    ['substr(upper(trim(zip)), 1, 3)', 'string'],
    ["regexp_matches(zip, '^[0-9]+$')", 'boolean'],
    ['year(born) - extract(year FROM seen)', 'integer'],
    ["date_diff('day', born, DATE '2025-06-30')", 'integer'],
    ["born >= '2000-01-01'", 'boolean'],
    ["seen < TIMESTAMP '2000-01-01 10:00:00'", 'boolean'],
    ['TRY_CAST(zip AS integer)', 'integer'],
    ['CAST(visits AS varchar)', 'string'],
    ['visits::double', 'double'],
    ['flag IS TRUE', 'boolean'],
    ['TRUE', 'boolean'],
    ['amount IS DISTINCT FROM 1e3', 'boolean'],
    ['length("a ""quoted"" name")', 'integer'],
    ['1 /* a comment */ + -- another\n 2', 'integer'],
  ])('%s is %s', async (sql, type) => {
    const result = await translate(sql);
    expect(result.type).toBe(type);
    // What is printed from the tree parses again, to the same type.
    expect(printExpression(result.expression).length).toBeGreaterThan(0);
  });

  it('quotes identifiers and text', async () => {
    const { expression } = await translate(`"a ""quoted"" name" = 'it''s; DROP TABLE x --'`);
    expect(printExpression(expression)).toBe(`("a ""quoted"" name" = 'it''s; DROP TABLE x --')`);
  });

  it('makes decimals doubles, exactly rounded', async () => {
    const { expression } = await translate('0.1');
    expect(expression).toEqual({ kind: 'literal', value: 0.1, type: 'double' });
  });
});

describe('SQL that is refused, by name', () => {
  it.each([
    ['sum(amount)', 'the function sum'],
    ['count(*)', 'the function count_star'],
    ['sum(amount) OVER ()', 'a window function'],
    ['row_number() OVER ()', 'a window function'],
    ['(SELECT 1)', 'a subquery'],
    ['EXISTS (SELECT 1)', 'a subquery'],
    ['amount IN (SELECT 1)', 'a subquery'],
    ['$1', 'a parameter'],
    ['?', 'a parameter'],
    ['$key', 'a parameter'],
    ['list_transform([1], x -> x + 1)', 'the function list_transform'],
    ['zip -> zip', 'a lambda function'],
    ['random()', 'the function random'],
    ['now()', 'the function now'],
    ["getvariable('x')", 'the function getvariable'],
    ['current_query()', 'the function current_query'],
    ["current_setting('threads')", 'the function current_setting'],
    ["read_text('/etc/passwd')", 'the function read_text'],
    ["nextval('s')", 'the function nextval'],
    ["error('x')", 'the function error'],
    ["write_log('x')", 'the function write_log'],
    ['sha256(zip)', 'the function sha256'],
    ['*', 'a star'],
    ['COLUMNS(*)', 'a star'],
    ['zip COLLATE nocase', 'COLLATE'],
    ['#1', 'a positional reference'],
    ['t.zip', 'a qualified name'],
    ['zip.lower()', 'a qualified function name'],
    ['system.main.lower(zip)', 'a qualified function name'],
    ['lower(DISTINCT zip)', 'an aggregate function'],
    ['lower(zip) FILTER (WHERE flag)', 'FILTER'],
    ['amount AS x', 'AS'],
    ['amount, zip', 'more than one expression'],
    ['1 FROM secrets', 'FROM'],
    ["1 FROM read_csv('/etc/passwd')", 'FROM'],
    ['1 WHERE flag', 'a clause of SELECT'],
    ['1 ORDER BY 1', 'DISTINCT, ORDER BY or LIMIT'],
    ['DISTINCT zip', 'DISTINCT, ORDER BY or LIMIT'],
    ['1 UNION SELECT 2', 'a set operation'],
    ['1; SELECT 2', 'more than one statement'],
    ['1; DROP TABLE raw', 'not valid SQL'],
    ["1) FROM read_csv('/etc/passwd') --", 'not valid SQL'],
    ['', 'not valid SQL'],
    ['amount +', 'not valid SQL'],
    ['[1, 2]', 'the function list_value'],
    ["{'a': 1}", 'the function struct_pack'],
    ['zip[1]', 'the operator ARRAY_EXTRACT'],
    ['CAST(zip AS double)', 'CAST from string to double'],
    ['CAST(amount AS decimal(10, 2))', 'the type DECIMAL'],
    ['regexp_matches(zip, zip)', 'a regular expression that is not a constant'],
    ["regexp_matches(zip, '(')", 'a regular expression in it is not valid'],
    ['date_diff(zip, born, born)', 'a date part'],
    ['123456789012345678901234567890', 'a constant of type'],
    ['9007199254740993', 'a whole number beyond 2^53'],
    ["amount > 'x'", '"greater" does not take (double, string)'],
    ['zip + 1', '"add" does not take (string, integer)'],
    ['flag AND zip', '"and" does not take (boolean, string)'],
    ['CASE WHEN flag THEN 1 ELSE zip END', 'different types'],
  ])('%s', async (sql, says) => {
    const error = await failure(sql);
    expect(error.code).toBe('EXPRESSION');
    expect(error.message).toContain(says);
  });

  it('a column that does not exist, whatever engines mean by its name', async () => {
    for (const sql of ['nothing', 'current_date', 'rowid', 'user', '"glovebox_row"']) {
      expect((await failure(sql)).message).toContain('no column');
    }
  });

  it('shows no text of the expression in a message about syntax', async () => {
    expect((await failure("amount ++* 'SECRET-CANARY'")).message).not.toContain('CANARY');
  });
});
