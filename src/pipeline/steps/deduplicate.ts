// deduplicate: keeps the first row of each group. Missing values belong to one group.
import { z } from 'zod';
import { column } from '../plan/expressions.ts';
import type { OrderTerm } from '../plan/relation.ts';
import { defineStep } from './definition.ts';
import { columnName, columnNames } from './schema.ts';

const term = z.union([columnName, z.strictObject({ column: columnName, order: z.enum(['ascending', 'descending']) })]);
const schema = z.strictObject({
  by: columnNames.describe('rows that agree in these columns are one group'),
  order_by: z
    .array(term)
    .min(1)
    .optional()
    .describe('which row of a group is first; by object name and row when not given'),
});

export const deduplicate = defineStep(
  'deduplicate',
  'keeps the first row of each group',
  schema,
  (options, context) => {
    const by = options.by.map((name, i) => context.column(name, ['by', i]));
    const orderBy: OrderTerm[] = (options.order_by ?? []).map((each, i) => {
      const name = typeof each === 'string' ? each : each.column;
      context.column(name, ['order_by', i]);
      return { expression: column(name), descending: typeof each !== 'string' && each.order === 'descending' };
    });
    context.noteUse(by, 'deduplicate');
    return {
      columns: [...context.columns],
      operation: {
        kind: 'deduplicate',
        by: by.map((each) => column(each.name)),
        orderBy,
        table: `glovebox_duplicates_${context.index + 1}`,
      },
    };
  },
);
