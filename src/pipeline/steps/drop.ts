// drop: takes columns out.
import { defineStep } from './definition.ts';
import { columnNames } from './schema.ts';

export const drop = defineStep('drop', 'takes the named columns out', columnNames, (names, context) => {
  for (const [i, name] of names.entries()) context.columnOrGroup(name, [i]);
  const columns = context.columns.filter((column) => !names.includes(column.name));
  if (columns.length === 0) context.fail('no column would be left');
  return { columns, operation: { kind: 'project', assign: new Map() } };
});
