// pseudonymize: HMAC-SHA256 (RFC 2104) of the value's UTF-8 text under the secret of a domain, as 64
// hexadecimal digits. The same value gives the same pseudonym wherever the domain is the same.
import { z } from 'zod';
import { suggest } from '../../workspace/index.ts';
import { type Column, treatOrigins } from '../plan/columns.ts';
import { call, cast, column } from '../plan/expressions.ts';
import type { Expression } from '../plan/relation.ts';
import { defineStep, replaceColumns, requireType } from './definition.ts';
import { columnNames } from './schema.ts';

const schema = z.strictObject({ columns: columnNames, domain: z.string().min(1) });

/** HMAC-SHA256 of text: `sha256(outer || unhex(sha256(inner || utf8(x))))`; missing stays missing. */
export function pseudonym(value: Expression, domain: string): Expression {
  const secret = (part: 'inner' | 'outer'): Expression => ({ kind: 'secret', name: `domain:${domain}`, part });
  const inner = call('sha256', call('concat', secret('inner'), call('utf8', value)));
  return call('sha256', call('concat', secret('outer'), call('unhex', inner)));
}

export const pseudonymize = defineStep(
  'pseudonymize',
  'replaces values by keyed hashes',
  schema,
  (options, context) => {
    const { domain } = options;
    if (!context.domains.includes(domain)) {
      context.fail(`there is no domain "${domain}" in the workspace`, {
        path: ['domain'],
        hint: suggest(domain, context.domains),
      });
    }
    const assign = new Map<string, Expression>();
    const changed = new Map<string, Partial<Column>>();
    for (const [i, name] of options.columns.entries()) {
      const from = context.column(name, ['columns', i]);
      requireType(
        context,
        from,
        ['string', 'integer'],
        ['columns', i],
        'declare it a string, so that its text is what is hashed',
      );
      assign.set(name, pseudonym(from.type === 'string' ? column(name) : cast(column(name), 'string'), domain));
      const treatment = `pseudonymize (domain ${domain})`;
      const origins = treatOrigins(from.origins, treatment, ['identifier', 'quasi-identifier', 'sensitive']);
      changed.set(name, { type: 'string', origins });
    }
    return { columns: replaceColumns(context.columns, changed), operation: { kind: 'project', assign } };
  },
);
