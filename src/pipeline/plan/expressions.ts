// Small builders for expressions, and walks over them.
import type { FunctionName } from '../expression/functions.ts';
import type { ColumnType, Expression, Literal } from './relation.ts';

export const column = (name: string): Expression => ({ kind: 'column', name });

/** A constant of the given type; the value must already be of it (dates as ISO 8601 text). */
export const literal = (value: Literal['value'], type: ColumnType): Literal => ({ kind: 'literal', value, type });
export const text = (value: string): Literal => literal(value, 'string');
export const TRUE = literal(true, 'boolean');
export const FALSE = literal(false, 'boolean');

export const call = (name: FunctionName, ...args: Expression[]): Expression => ({ kind: 'call', function: name, args });
export const cast = (input: Expression, to: ColumnType): Expression => ({ kind: 'cast', input, to });
export const isNull = (input: Expression): Expression => call('is_null', input);
export const not = (input: Expression): Expression => call('not', input);
export const parameter = (name: string, type: ColumnType): Expression => ({ kind: 'parameter', name, type });

/** `then` where `when` is true, else `otherwise`. */
export function when(condition: Expression, value: Expression, otherwise: Expression): Expression {
  return { kind: 'case', branches: [{ when: condition, value }], otherwise };
}

/** True when all are; true for none. */
export function all(conditions: Expression[]): Expression {
  const [first] = conditions;
  return first === undefined ? TRUE : conditions.length === 1 ? first : call('and', ...conditions);
}

/** True when one is; false for none. */
export function any(conditions: Expression[]): Expression {
  const [first] = conditions;
  return first === undefined ? FALSE : conditions.length === 1 ? first : call('or', ...conditions);
}

/** The expressions directly under `expression`. */
export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'cast':
    case 'in_table':
      return [expression.input];
    case 'call':
      return expression.args;
    case 'case':
      return [...expression.branches.flatMap((branch) => [branch.when, branch.value]), expression.otherwise];
    case 'aggregate':
      return expression.filter === undefined ? expression.args : [...expression.args, expression.filter];
    default:
      return [];
  }
}

/** The tree with each node replaced, from the leaves up. */
export function mapExpression(expression: Expression, change: (node: Expression) => Expression): Expression {
  const down = (child: Expression): Expression => mapExpression(child, change);
  switch (expression.kind) {
    case 'cast':
    case 'in_table':
      return change({ ...expression, input: down(expression.input) });
    case 'call':
      return change({ ...expression, args: expression.args.map(down) });
    case 'case':
      return change({
        ...expression,
        branches: expression.branches.map((branch) => ({ when: down(branch.when), value: down(branch.value) })),
        otherwise: down(expression.otherwise),
      });
    case 'aggregate':
      return change({
        ...expression,
        args: expression.args.map(down),
        ...(expression.filter === undefined ? {} : { filter: down(expression.filter) }),
      });
    default:
      return change(expression);
  }
}

/** Calls `visit` on every node of the tree. */
export function visitExpression(expression: Expression, visit: (node: Expression) => void): void {
  visit(expression);
  for (const child of childrenOf(expression)) visitExpression(child, visit);
}

/** The names of the columns that the expression reads. */
export function columnsOf(expression: Expression): Set<string> {
  const names = new Set<string>();
  visitExpression(expression, (node) => {
    if (node.kind === 'column') names.add(node.name);
  });
  return names;
}

/** The names of the fitted parameters that the expression reads. */
export function parametersOf(expression: Expression): Set<string> {
  const names = new Set<string>();
  visitExpression(expression, (node) => {
    if (node.kind === 'parameter') names.add(node.name);
  });
  return names;
}
