// derive: a new column, or new values for one, from an SQL expression over the others.
import { z } from 'zod';
import { mergeOrigins } from '../plan/columns.ts';
import { call, cast, literal, when } from '../plan/expressions.ts';
import { defineStep } from './definition.ts';
import { columnName } from './schema.ts';

const schema = z.strictObject({ column: columnName, as: z.string().min(1).describe('an SQL expression') });

/** The column carries the sensitivity of every column that it reads (taint). */
export const derive = defineStep(
  'derive',
  'a column computed by an SQL expression',
  schema,
  async (options, context) => {
    const { expression, type, reads } = await context.parse(options.as, ['as']);
    if (type === 'null') return context.fail('the expression is always missing', { code: 'EXPRESSION', path: ['as'] });
    const existing = context.columns.find((each) => each.name === options.column);
    if (existing === undefined) context.newName(options.column, ['column']);
    else context.column(options.column, ['column']);
    // A CASE of whole numbers and doubles, say, gets one type for all rows; infinities and NaN are missing.
    const typed = cast(expression, type);
    const value = type === 'double' ? when(call('is_finite', typed), typed, literal(null, 'double')) : typed;
    const derived = { name: options.column, type, origins: mergeOrigins(reads) };
    const columns =
      existing === undefined
        ? [...context.columns, derived]
        : context.columns.map((each) => (each.name === options.column ? derived : each));
    return { columns, operation: { kind: 'project', assign: new Map([[options.column, value]]) } };
  },
);
