// impute: fills missing values with what the training rows say, or with a constant.
import { z } from 'zod';
import { mostFrequent } from '../fit/categories.ts';
import { mean } from '../fit/moments.ts';
import { median } from '../fit/quantile.ts';
import type { Column } from '../plan/columns.ts';
import { toLiteral } from '../plan/expectations.ts';
import { call, cast, column, parameter } from '../plan/expressions.ts';
import type { Expression } from '../plan/relation.ts';
import { defineStep, type Fit, replaceColumns, requireType } from './definition.ts';
import { columnNames, constant } from './schema.ts';

const schema = z.strictObject({
  columns: columnNames,
  with: z.enum(['mean', 'median', 'most_frequent', 'constant']),
  value: constant.optional().describe('the constant'),
});

/** Mean and median make the column a double; the most frequent value and a constant keep its type. */
export const impute = defineStep('impute', 'fills missing values', schema, (options, context) => {
  if ((options.with === 'constant') !== (options.value !== undefined)) {
    context.fail('"value" goes with "with: constant", and only with it', { path: ['with'] });
  }
  const assign = new Map<string, Expression>();
  const changed = new Map<string, Partial<Column>>();
  const fits: Fit[] = [];
  for (const [i, name] of options.columns.entries()) {
    const path = ['columns', i];
    const from = context.column(name, path);
    if (options.with === 'constant') {
      const value = options.value === undefined ? undefined : toLiteral(options.value, from.type);
      if (value === undefined)
        return context.fail(`the constant is not a ${from.type}, which "${name}" is`, { path: ['value'] });
      assign.set(name, call('coalesce', column(name), value));
      changed.set(name, { altered: context.label });
      continue;
    }
    const numeric = options.with !== 'most_frequent';
    if (numeric)
      requireType(context, from, ['integer', 'double'], path, 'text can be filled with most_frequent or a constant');
    const type = numeric ? 'double' : from.type;
    const learned = context.parameterName(name, options.with);
    const value = numeric && from.type !== 'double' ? cast(column(name), 'double') : column(name);
    assign.set(name, call('coalesce', value, parameter(learned, type)));
    changed.set(name, { type, altered: context.label });
    const program = options.with === 'mean' ? mean : options.with === 'median' ? median : mostFrequent;
    fits.push({ column: name, parameters: [learned], program });
  }
  return { columns: replaceColumns(context.columns, changed), operation: { kind: 'project', assign }, fits };
});
