// generalize: makes a value say less: the year of a date, the first characters of a text, a bin of a number.
import { z } from 'zod';
import { type Column, treatOrigins } from '../plan/columns.ts';
import { call, cast, column, literal, text } from '../plan/expressions.ts';
import type { Expression } from '../plan/relation.ts';
import { defineStep, replaceColumns, requireType } from './definition.ts';
import { columnName, finite } from './schema.ts';

const schema = z
  .strictObject({
    column: columnName,
    to: z.literal('year').optional().describe('the calendar year of a date'),
    prefix: z.int().min(1).max(1000).optional().describe('the first characters of a text'),
    bins: z.array(finite).min(1).max(1000).optional().describe('the edges of bins, ascending'),
  })
  .refine((options) => [options.to, options.prefix, options.bins].filter((each) => each !== undefined).length === 1, {
    error: 'needs exactly one of to, prefix and bins',
  })
  .refine(({ bins = [] }) => bins.every((edge, i) => i === 0 || edge > (bins[i - 1] ?? edge)), {
    path: ['bins'],
    error: 'must be in ascending order',
  });

/** The bin of a number as text: `(-inf, a)`, `[a, b)`, … `[z, inf)`. */
function binOf(value: Expression, edges: readonly number[]): Expression {
  const labels = edges.map((edge, i) => (i === 0 ? `(-inf, ${edge})` : `[${edges[i - 1]}, ${edge})`));
  const branches = edges.map((edge, i) => ({
    when: call('less', value, literal(edge, 'double')),
    value: text(labels[i] ?? ''),
  }));
  const last = edges[edges.length - 1] ?? 0;
  branches.unshift({ when: call('is_null', value), value: literal(null, 'string') });
  return { kind: 'case', branches, otherwise: text(`[${last}, inf)`) };
}

export const generalize = defineStep('generalize', 'makes a value say less', schema, (options, context) => {
  const from = context.column(options.column, ['column']);
  const value = column(from.name);
  let changed: Partial<Column>;
  let expression: Expression;
  if (options.to === 'year') {
    requireType(context, from, ['date', 'timestamp'], ['column']);
    expression = call('year', value);
    changed = { type: 'integer', origins: treatOrigins(from.origins, 'generalize to year', ['quasi-identifier']) };
  } else if (options.prefix !== undefined) {
    requireType(context, from, ['string'], ['column']);
    expression = call('prefix', value, literal(options.prefix, 'integer'));
    changed = {
      origins: treatOrigins(from.origins, `generalize to a prefix of ${options.prefix}`, ['quasi-identifier']),
    };
  } else {
    requireType(context, from, ['integer', 'double'], ['column']);
    expression = binOf(from.type === 'double' ? value : cast(value, 'double'), options.bins ?? []);
    changed = { type: 'string', origins: treatOrigins(from.origins, 'generalize to bins', ['quasi-identifier']) };
  }
  return {
    columns: replaceColumns(context.columns, new Map([[from.name, changed]])),
    operation: { kind: 'project', assign: new Map([[from.name, expression]]) },
  };
});
