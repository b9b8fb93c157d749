// The `expect` block: rules on the values of the source's columns.
import { z } from 'zod';
import { dateLiteral } from '../expression/constants.ts';
import { columnName, constant } from '../steps/schema.ts';
import { call, literal, not, text } from './expressions.ts';
import type { ColumnType, Expression, Literal } from './relation.ts';

const rule = { column: columnName, otherwise: z.enum(['fail', 'drop', 'quarantine']).default('fail') };

/** One rule: exactly one of `between`, `not`, `in`, `matches`. A missing value breaks `not: null` only. */
export const expectSchema = z
  .strictObject({
    ...rule,
    between: z.tuple([constant, constant]).optional().describe('lowest and highest value allowed'),
    not: z.null().optional().describe('null: a value must be there'),
    in: z.array(constant).min(1).max(1000).optional().describe('the values allowed'),
    matches: z.string().min(1).optional().describe('a regular expression (RE2) for the whole value'),
  })
  .superRefine((expectation, context) => {
    const kinds = expectationKinds(expectation);
    if (kinds.length !== 1) {
      context.addIssue({ code: 'custom', message: 'needs exactly one of between, not, in and matches' });
    }
  });

export type Expectation = z.output<typeof expectSchema>;

/** Which of the kinds of rule it is; one for a valid rule. */
export function expectationKinds(expectation: Partial<Expectation>): ('between' | 'not' | 'in' | 'matches')[] {
  return (['between', 'not', 'in', 'matches'] as const).filter((kind) => expectation[kind] !== undefined);
}

/**
 * The condition under which `value`, of the given type, breaks the rule; a sentence instead when the rule
 * does not fit the type.
 */
export function violation(expectation: Expectation, value: Expression, type: ColumnType): Expression | string {
  const missing = call('is_null', value);
  if (expectation.not === null) return missing;
  if (expectation.matches !== undefined) {
    if (type !== 'string') return `"matches" is for text, and the column is ${type}`;
    return not(call('regexp_full_match', value, text(expectation.matches)));
  }
  const values = (expectation.between ?? expectation.in ?? []).map((constantValue) => toLiteral(constantValue, type));
  const known = values.filter((each) => each !== undefined);
  if (known.length !== values.length) return `a value of the rule is not a ${type}`;
  const test = call(expectation.between === undefined ? 'in' : 'between', value, ...known);
  return not(test);
}

/** A constant of the pipeline file as a literal of the column's type; undefined when it is not one. */
export function toLiteral(value: string | number | boolean, type: ColumnType): Literal | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? text(value) : undefined;
    case 'integer':
    case 'tinyint':
      return typeof value === 'number' && Number.isSafeInteger(value) ? literal(value, type) : undefined;
    case 'double':
      return typeof value === 'number' && Number.isFinite(value) ? literal(value, type) : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? literal(value, type) : undefined;
    case 'date':
    case 'timestamp':
      return typeof value === 'string' ? dateLiteral(value, type) : undefined;
  }
}
