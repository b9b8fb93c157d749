// rename: gives columns other names.
import { z } from 'zod';
import { column } from '../plan/expressions.ts';
import { defineStep } from './definition.ts';
import { columnName } from './schema.ts';

const schema = z.record(columnName, columnName);

export const rename = defineStep('rename', 'gives columns other names, {old: new}', schema, (names, context) => {
  const renamed = new Map(Object.entries(names));
  for (const [from, to] of renamed) {
    context.column(from, [from]);
    // Two columns may swap their names.
    if (!renamed.has(to)) context.newName(to, [from]);
  }
  if (new Set(renamed.values()).size !== renamed.size) context.fail('two columns would get the same name');
  const columns = context.columns.map((each) => ({ ...each, name: renamed.get(each.name) ?? each.name }));
  return {
    columns,
    operation: { kind: 'project', assign: new Map([...renamed].map(([from, to]) => [to, column(from)])) },
  };
});
