// select: keeps the named columns, in this order.

import { defineStep } from './definition.ts';
import { columnNames } from './schema.ts';

export const select = defineStep('select', 'keeps the named columns, in this order', columnNames, (names, context) => ({
  columns: names.map((name, i) => context.columnOrGroup(name, [i])),
  operation: { kind: 'project', assign: new Map() },
}));
