// scale: standard scores, or the range of the training rows moved to 0…1. Missing values stay missing.
// As scikit-learn does (StandardScaler, MinMaxScaler): population standard deviation; a constant column
// is divided by 1.
import { z } from 'zod';
import { meanAndDeviation } from '../fit/moments.ts';
import { minimumAndRange } from '../fit/range.ts';
import type { Column } from '../plan/columns.ts';
import { call, cast, column, parameter } from '../plan/expressions.ts';
import type { Expression } from '../plan/relation.ts';
import { defineStep, type Fit, replaceColumns, requireType } from './definition.ts';
import { columnNames } from './schema.ts';

const schema = z.strictObject({ columns: columnNames, with: z.enum(['standard', 'min_max']) });

export const scale = defineStep('scale', 'standard scores, or a range of 0 to 1', schema, (options, context) => {
  const standard = options.with === 'standard';
  const assign = new Map<string, Expression>();
  const changed = new Map<string, Partial<Column>>();
  const fits: Fit[] = [];
  for (const [i, name] of options.columns.entries()) {
    const from = context.column(name, ['columns', i]);
    requireType(context, from, ['integer', 'double'], ['columns', i], 'encode text with one_hot instead');
    const shift = context.parameterName(name, standard ? 'mean' : 'min');
    const divisor = context.parameterName(name, standard ? 'std' : 'range');
    const value = from.type === 'double' ? column(name) : cast(column(name), 'double');
    assign.set(name, call('standardize', value, parameter(shift, 'double'), parameter(divisor, 'double')));
    changed.set(name, { type: 'double', altered: context.label });
    fits.push({ column: name, parameters: [shift, divisor], program: standard ? meanAndDeviation : minimumAndRange });
  }
  return { columns: replaceColumns(context.columns, changed), operation: { kind: 'project', assign }, fits };
});
