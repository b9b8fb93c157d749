// Statements are joined and left out without allowing more or less than the calls they come from, whatever a role is
// granted.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { richModel as model } from '../../test/support/access-model.ts';
import { isCovered, overHttp, probesAround, universe } from '../../test/support/access-probes.ts';
import { callsOf } from './calls.ts';
import { evaluate } from './evaluate.ts';
import type { AccessModel } from './model.ts';
import { parsePolicy } from './parse.ts';
import { rolePolicy } from './role-policy.ts';
import { roleRequest } from './role-request.ts';
import { allGrants } from './subjects.ts';
import { parseTarget } from './target.ts';

const openKeys = (account: string) =>
  parsePolicy(
    { Statement: { Effect: 'Allow', Principal: { AWS: account }, Action: '*', Resource: '*' } },
    { kind: 'resource', name: 'open' },
  );

test.each([
  { text: 'workspace', account: '000000000000', maxLength: 30 },
  // As many as AWS's limit surely has room for.
  { text: 'aws:123456789012:eu-west-1', account: '123456789012', maxLength: 4 },
])('a role with any grants may do just what they mean, in $text', ({ text, account, maxLength }) => {
  const target = parseTarget(text);
  const all = universe(model, target);
  const probes = [...probesAround(all, []), ...all.map(overHttp)].filter(({ action }) => !action.startsWith('sts:'));
  const resource = openKeys(account);
  fc.assert(
    fc.property(
      fc.subarray(allGrants(model, target), { maxLength }),
      fc.array(fc.constantFrom(...probes), { minLength: 300, maxLength: 300 }),
      (grants, picked) => {
        const declared: AccessModel = {
          ...model,
          roles: { some: { allow: grants.map(({ verb, subject }) => ({ [verb]: subject })) } },
        };
        const policy = parsePolicy(rolePolicy(declared, target, 'some'), { kind: 'identity', name: 'some' });
        const granted = grants.flatMap(({ verb, subject }) => callsOf(model, target, verb, subject));
        const asked = [...granted, ...picked];
        const wrong = asked.filter((call) => {
          const set = { identity: [policy], ...(call.action.startsWith('kms:') ? { resource } : {}) };
          const expected = call.context['aws:SecureTransport'] !== 'false' && isCovered(granted, call);
          return evaluate(set, roleRequest(declared, target, 'some', call)).allowed !== expected;
        });
        expect(wrong).toEqual([]);
      },
    ),
    { seed: 4, numRuns: 300 },
  );
});
