// encode: one column of 0 and 1 per category seen in training, `column_category`, in the order of the
// categories' UTF-8 bytes. A missing value is 0 in all of them.
import { z } from 'zod';
import { categories } from '../fit/categories.ts';
import { cast, column } from '../plan/expressions.ts';
import { defineStep, type Fit, type Group, replaceColumns, requireType } from './definition.ts';
import { columnNames } from './schema.ts';

const schema = z.strictObject({
  columns: columnNames,
  with: z.literal('one_hot'),
  unseen: z
    .enum(['zeros', 'error', 'other'])
    .default('zeros')
    .describe('what a category that training did not see becomes'),
  max_categories: z.int().min(1).max(10_000).default(1000).describe('more distinct values than this are an error'),
});

export const encode = defineStep('encode', 'one column of 0 and 1 per category', schema, (options, context) => {
  const group: Group[] = [];
  const fits: Fit[] = [];
  for (const [i, name] of options.columns.entries()) {
    const from = context.column(name, ['columns', i]);
    requireType(
      context,
      from,
      ['string', 'boolean', 'integer'],
      ['columns', i],
      'make bins of it first, with generalize',
    );
    const learned = context.parameterName(name, 'categories');
    group.push({
      name,
      value: from.type === 'string' ? column(name) : cast(column(name), 'string'),
      parameter: learned,
      other: options.unseen === 'other',
      ...(options.unseen === 'error' ? { check: context.addCheck({ kind: 'unseen', column: name }) } : {}),
    });
    fits.push({ column: name, parameters: [learned], program: categories(options.max_categories) });
  }
  const changed = new Map(
    options.columns.map((name) => [name, { type: 'tinyint', group: true, altered: context.label } as const]),
  );
  return {
    columns: replaceColumns(context.columns, changed),
    operation: { kind: 'project', assign: new Map(), group },
    fits,
  };
});
