// filter: keeps the rows for which a condition is true.
import { z } from 'zod';
import { defineStep } from './definition.ts';

const schema = z.strictObject({ where: z.string().min(1).describe('an SQL expression; rows where it is true stay') });

export const filter = defineStep(
  'filter',
  'keeps the rows for which a condition is true',
  schema,
  async (options, context) => {
    const { expression, type, reads } = await context.parse(options.where, ['where']);
    if (type !== 'boolean') {
      context.fail(`the condition is ${type}, not a truth value`, { code: 'EXPRESSION', path: ['where'] });
    }
    context.noteUse(reads, 'filter');
    return { columns: [...context.columns], operation: { kind: 'filter', where: expression } };
  },
);
