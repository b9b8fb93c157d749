// cast: gives columns another type. A value that does not convert stops the run.
import { z } from 'zod';
import { all, call, cast as castTo, column, isNull, literal, not, when } from '../plan/expressions.ts';
import type { ColumnType, Expression } from '../plan/relation.ts';
import { defineStep, replaceColumns } from './definition.ts';
import { columnNames, typeName } from './schema.ts';

const schema = z.strictObject({ columns: columnNames, to: typeName });

const FROM: Record<ColumnType, readonly ColumnType[]> = {
  string: ['string', 'integer', 'double', 'boolean', 'date', 'timestamp', 'tinyint'],
  integer: ['string', 'integer', 'double', 'boolean'],
  double: ['string', 'integer', 'double', 'boolean'],
  boolean: ['string', 'integer', 'boolean'],
  date: ['string', 'date', 'timestamp'],
  timestamp: ['string', 'date', 'timestamp'],
  tinyint: [],
};

export const cast = defineStep('cast', 'gives columns another type', schema, ({ columns, to }, context) => {
  const assign = new Map<string, Expression>();
  const checks: { check: number; violated: Expression }[] = [];
  for (const [i, name] of columns.entries()) {
    const from = context.column(name, ['columns', i]);
    if (!FROM[to].includes(from.type)) {
      context.fail(`"${name}" is ${from.type}; there is no conversion to ${to}`, { path: ['columns', i] });
    }
    const value = column(name);
    const converted = castTo(value, to);
    const finite = when(call('is_finite', converted), converted, literal(null, 'double'));
    assign.set(name, to === 'double' ? finite : converted);
    if (to === 'string' || from.type === to) continue;
    checks.push({
      check: context.addCheck({ kind: 'cast', column: name }),
      violated: all([not(isNull(value)), isNull(converted)]),
    });
  }
  const changed = new Map(columns.map((name) => [name, { type: to }]));
  return { columns: replaceColumns(context.columns, changed), operation: { kind: 'project', assign, checks } };
});
