// clip: moves values below a bound, or above one, to the bound. Missing values stay missing.
import { z } from 'zod';
import { toLiteral } from '../plan/expectations.ts';
import { call, column } from '../plan/expressions.ts';
import type { Expression } from '../plan/relation.ts';
import { defineStep, requireType } from './definition.ts';
import { columnNames, finite } from './schema.ts';

const schema = z.strictObject({ columns: columnNames, min: finite.optional(), max: finite.optional() });

export const clip = defineStep(
  'clip',
  'moves values beyond a bound to the bound',
  schema,
  ({ columns, min, max }, context) => {
    if (min === undefined && max === undefined) context.fail('"min" or "max" is needed');
    if (min !== undefined && max !== undefined && min > max)
      context.fail('"min" is greater than "max"', { path: ['min'] });
    const assign = new Map<string, Expression>();
    for (const [i, name] of columns.entries()) {
      const from = context.column(name, ['columns', i]);
      requireType(context, from, ['integer', 'double'], ['columns', i]);
      const bound = (value: number, key: string): Expression =>
        toLiteral(value, from.type) ?? context.fail(`"${name}" is ${from.type}, and the bound is not`, { path: [key] });
      const value = column(name);
      const branches: { when: Expression; value: Expression }[] = [];
      if (min !== undefined) {
        const low = bound(min, 'min');
        branches.push({ when: call('less', value, low), value: low });
      }
      if (max !== undefined) {
        const high = bound(max, 'max');
        branches.push({ when: call('greater', value, high), value: high });
      }
      assign.set(name, { kind: 'case', branches, otherwise: value });
    }
    return { columns: [...context.columns], operation: { kind: 'project', assign } };
  },
);
