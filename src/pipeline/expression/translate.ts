// User SQL into our typed tree, by an allow-list over DuckDB's parse tree: whatever is not listed here
// is refused by name. What is printed later comes from our tree only.

import { suggest } from '../../workspace/index.ts';
import { PipelineError } from '../error.ts';
import type { ColumnType, Expression } from '../plan/relation.ts';
import { dateLiteral, translateConstant } from './constants.ts';
import { callableNames, FUNCTIONS, type FunctionName, functionBySqlName } from './functions.ts';
import { isNode, nodesOf, type ParseNode, type SqlParser } from './parser.ts';
import { commonType, isNumber, type ValueType } from './types.ts';

export interface TypedExpression {
  expression: Expression;
  type: ValueType;
}

/** The type of a column that the expression may read. @throws PipelineError for one that it may not. */
export type ColumnLookup = (name: string) => ColumnType;

const COMPARISONS: Record<string, FunctionName> = {
  COMPARE_EQUAL: 'equal',
  COMPARE_NOTEQUAL: 'not_equal',
  COMPARE_LESSTHAN: 'less',
  COMPARE_LESSTHANOREQUALTO: 'less_or_equal',
  COMPARE_GREATERTHAN: 'greater',
  COMPARE_GREATERTHANOREQUALTO: 'greater_or_equal',
  COMPARE_DISTINCT_FROM: 'distinct_from',
  COMPARE_NOT_DISTINCT_FROM: 'not_distinct',
};

const TYPES: Record<string, ColumnType> = {
  VARCHAR: 'string',
  BIGINT: 'integer',
  INTEGER: 'integer',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  DATE: 'date',
  TIMESTAMP: 'timestamp',
};

/** What the parse tree's classes are called in an error. */
const CONSTRUCTS: Record<string, string> = {
  WINDOW: 'a window function',
  SUBQUERY: 'a subquery',
  PARAMETER: 'a parameter',
  LAMBDA: 'a lambda function',
  STAR: 'a star',
  COLLATE: 'COLLATE',
  POSITIONAL_REFERENCE: 'a positional reference',
  DEFAULT: 'DEFAULT',
};

const DATE_PARTS = ['year', 'month', 'day', 'hour', 'minute', 'second'];
const PATTERN_FUNCTIONS: readonly FunctionName[] = ['regexp_matches', 'regexp_full_match'];

const refuse = (what: string, hint?: string): PipelineError =>
  new PipelineError('EXPRESSION', `${what} is not allowed in an expression`, { hint });

/**
 * The typed expression of one SQL expression.
 *
 * @throws PipelineError EXPRESSION naming the construct that is not allowed or does not type-check, and
 *   whatever `lookup` throws for a column.
 */
export async function translateSql(text: string, lookup: ColumnLookup, parser: SqlParser): Promise<TypedExpression> {
  const statements = await parser.parse(text);
  if (statements.length !== 1) throw refuse('more than one statement');
  const select = singleSelect(statements[0]);
  const patterns: string[] = [];
  const result = translateNode(select, { lookup, patterns });
  for (const pattern of patterns) {
    if (!(await parser.isRegularExpression(pattern))) {
      throw new PipelineError('EXPRESSION', 'a regular expression in it is not valid (RE2)');
    }
  }
  return result;
}

/** The only expression of `SELECT <expression>` and nothing else. */
function singleSelect(statement: ParseNode | undefined): ParseNode {
  const node = isNode(statement?.node) ? statement.node : {};
  if (node.type !== 'SELECT_NODE') throw refuse('a set operation (UNION, INTERSECT, EXCEPT)');
  const from = isNode(node.from_table) ? node.from_table : {};
  if (from.type !== 'EMPTY') throw refuse('FROM');
  if (nodesOf(node.modifiers).length > 0) throw refuse('DISTINCT, ORDER BY or LIMIT');
  const clauses = ['where_clause', 'having', 'qualify', 'sample'];
  const groups = [node.group_expressions, node.group_sets].some((list) => Array.isArray(list) && list.length > 0);
  const ctes = isNode(node.cte_map) ? nodesOf(node.cte_map.map) : [];
  if (groups || ctes.length > 0 || clauses.some((clause) => isNode(node[clause]))) {
    throw refuse('a clause of SELECT (WITH, WHERE, GROUP BY, HAVING, QUALIFY, SAMPLE)');
  }
  const list = nodesOf(node.select_list);
  if (list.length !== 1 || list[0] === undefined) throw refuse('more than one expression');
  return list[0];
}

interface Scope {
  lookup: ColumnLookup;
  /** Regular expressions met on the way. */
  patterns: string[];
}

function translateNode(node: ParseNode, scope: Scope): TypedExpression {
  if (typeof node.alias === 'string' && node.alias !== '')
    throw refuse('AS', 'the step says what the column is called');
  const down = (child: unknown): TypedExpression => translateNode(isNode(child) ? child : {}, scope);
  switch (node.class) {
    case 'CONSTANT':
      return translateConstant(node);
    case 'COLUMN_REF': {
      const names = Array.isArray(node.column_names) ? node.column_names.map(String) : [];
      if (names.length !== 1) throw refuse('a qualified name', 'name the column alone');
      const name = names[0] ?? '';
      return { expression: { kind: 'column', name }, type: scope.lookup(name) };
    }
    case 'COMPARISON': {
      const name = COMPARISONS[String(node.type)];
      if (name === undefined) throw refuse(`the comparison ${String(node.type)}`);
      return apply(name, [down(node.left), down(node.right)]);
    }
    case 'BETWEEN':
      return apply('between', [down(node.input), down(node.lower), down(node.upper)]);
    case 'CONJUNCTION':
      return apply(node.type === 'CONJUNCTION_OR' ? 'or' : 'and', nodesOf(node.children).map(down));
    case 'CASE':
      return translateCase(node, down);
    case 'CAST':
      return translateCast(node, down(node.child));
    case 'OPERATOR':
      return translateOperator(node, nodesOf(node.children).map(down));
    case 'FUNCTION':
      return translateFunction(node, down, scope);
    default:
      throw refuse(CONSTRUCTS[String(node.class)] ?? `the construct ${String(node.class)}`);
  }
}

function translateFunction(node: ParseNode, down: (child: unknown) => TypedExpression, scope: Scope): TypedExpression {
  const sqlName = String(node.function_name);
  if (isNode(node.filter)) throw refuse('FILTER');
  const orders = isNode(node.order_bys) ? nodesOf(node.order_bys.orders) : [];
  if (node.distinct === true || orders.length > 0 || node.export_state === true) throw refuse('an aggregate function');
  const qualified = ![undefined, '', 'main'].includes(String(node.schema ?? '')) || String(node.catalog ?? '') !== '';
  if (qualified) throw refuse('a qualified function name or a method call');
  const children = nodesOf(node.children);
  const negated = sqlName === '!~~' ? 'like' : sqlName === '!~~*' ? 'ilike' : undefined;
  if (negated !== undefined) return apply('not', [apply(negated, children.map(down))]);
  let name = functionBySqlName(sqlName);
  if (name === 'subtract' && children.length === 1) name = 'negate';
  if (sqlName === 'date_part') return translateDatePart(children, down);
  if (name === undefined) {
    throw refuse(`the function ${sqlName}`, suggest(sqlName, callableNames()));
  }
  const args = children.map(down);
  if (PATTERN_FUNCTIONS.includes(name)) {
    const pattern = args[1]?.expression;
    if (pattern?.kind !== 'literal' || typeof pattern.value !== 'string') {
      throw refuse('a regular expression that is not a constant');
    }
    scope.patterns.push(pattern.value);
  }
  if (name === 'date_diff') {
    const part = args[0]?.expression;
    if (part?.kind !== 'literal' || !DATE_PARTS.includes(String(part.value))) {
      throw refuse('a date part other than a constant', `one of ${DATE_PARTS.map((each) => `'${each}'`).join(', ')}`);
    }
  }
  return apply(name, args);
}

/** EXTRACT(part FROM x). */
function translateDatePart(children: ParseNode[], down: (child: unknown) => TypedExpression): TypedExpression {
  const [part, input] = children.map(down);
  const value = part?.expression.kind === 'literal' ? String(part.expression.value) : '';
  const name = functionBySqlName(value);
  if (!DATE_PARTS.includes(value) || name === undefined || input === undefined) {
    throw refuse('this part of a date', 'one of year, month, day, hour, minute');
  }
  return apply(name, [input]);
}

function translateOperator(node: ParseNode, args: TypedExpression[]): TypedExpression {
  switch (node.type) {
    case 'OPERATOR_NOT':
      return apply('not', args);
    case 'OPERATOR_IS_NULL':
      return apply('is_null', args);
    case 'OPERATOR_IS_NOT_NULL':
      return apply('not', [apply('is_null', args)]);
    case 'OPERATOR_COALESCE':
      return apply('coalesce', args);
    case 'COMPARE_IN':
      return apply('in', args);
    case 'COMPARE_NOT_IN':
      return apply('not', [apply('in', args)]);
    default:
      throw refuse(`the operator ${String(node.type)}`);
  }
}

function translateCase(node: ParseNode, down: (child: unknown) => TypedExpression): TypedExpression {
  const checks = nodesOf(node.case_checks).map((check) => ({
    when: down(check.when_expr),
    value: down(check.then_expr),
  }));
  const otherwise = down(node.else_expr);
  if (checks.some(({ when }) => when.type !== 'boolean' && when.type !== 'null')) {
    throw new PipelineError('EXPRESSION', 'a condition of CASE is not a truth value');
  }
  const type = commonType([...checks.map(({ value }) => value.type), otherwise.type]);
  if (type === undefined) throw new PipelineError('EXPRESSION', 'the branches of CASE have different types');
  const branches = checks.map(({ when, value }) => ({ when: when.expression, value: value.expression }));
  return { expression: { kind: 'case', branches, otherwise: otherwise.expression }, type };
}

/** Conversions that cannot fail under CAST; any under TRY_CAST. */
function translateCast(node: ParseNode, input: TypedExpression): TypedExpression {
  const id = isNode(node.cast_type) ? String(node.cast_type.id) : '';
  const to = TYPES[id];
  if (to === undefined) {
    throw refuse(`the type ${id}`, 'types are varchar, bigint, double, boolean, date and timestamp');
  }
  const { expression, type } = input;
  if (expression.kind === 'literal' && typeof expression.value === 'string') {
    // TRUE, FALSE and DATE '…' come as casts of constants.
    if (to === 'boolean' && /^[tf]$/.test(expression.value)) {
      return { expression: { kind: 'literal', value: expression.value === 't', type: to }, type: to };
    }
    const date = to === 'date' || to === 'timestamp' ? dateLiteral(expression.value, to) : undefined;
    if (date !== undefined) return { expression: date, type: to };
  }
  const safe =
    type === to ||
    type === 'null' ||
    to === 'string' ||
    (to === 'double' && isNumber(type)) ||
    (type === 'date' && to === 'timestamp') ||
    (type === 'timestamp' && to === 'date') ||
    (type === 'boolean' && to === 'integer');
  if (!safe && node.try_cast !== true) {
    throw refuse(
      `CAST from ${type} to ${to}, which can fail,`,
      'write TRY_CAST (missing where it fails), or use the step cast',
    );
  }
  const possible = safe || type === 'string' || (isNumber(type) && (isNumber(to) || to === 'boolean'));
  if (!possible) throw new PipelineError('EXPRESSION', `there is no conversion from ${type} to ${to}`);
  return { expression: { kind: 'cast', input: expression, to }, type: to };
}

/** The call, when the argument types fit; text constants beside dates are read as dates. */
function apply(name: FunctionName, args: TypedExpression[]): TypedExpression {
  const temporal = args.find((arg) => arg.type === 'date' || arg.type === 'timestamp')?.type;
  const adapted = args.map((arg, i): TypedExpression => {
    const { expression } = arg;
    if (name === 'date_diff' && i === 0) return arg;
    if ((temporal !== 'date' && temporal !== 'timestamp') || arg.type !== 'string') return arg;
    if (expression.kind !== 'literal' || typeof expression.value !== 'string') return arg;
    const date = dateLiteral(expression.value, temporal);
    return date === undefined ? arg : { expression: date, type: temporal };
  });
  const type = FUNCTIONS[name].type(adapted.map((arg) => arg.type));
  if (type === undefined) {
    const types = args.map((arg) => arg.type).join(', ');
    throw new PipelineError('EXPRESSION', `"${name}" does not take (${types})`, { hint: FUNCTIONS[name].meaning });
  }
  return { expression: { kind: 'call', function: name, args: adapted.map((arg) => arg.expression) }, type };
}
