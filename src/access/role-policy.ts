// The identity policy of a role, and what every generated identity policy says besides.
import { callsOf } from './calls.ts';
import { type AccessModel, find, readGrant } from './model.ts';
import { permissionOf, statementsOf } from './permission.ts';
import { fitting } from './size.ts';
import type { Target } from './target.ts';
import type { PolicyDocument, PolicyStatement } from './types.ts';

/** IAM User Guide, "AWS global condition context keys", aws:SecureTransport. */
export const DENY_PLAIN_HTTP: PolicyStatement = {
  Sid: 'DenyPlainHttp',
  Effect: 'Deny',
  Action: '*',
  Resource: '*',
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};

/**
 * The policy of a role: what its grants mean and no more; or the document that somebody wrote, as it is.
 * @throws AccessError `REQUEST` where the role is unknown, or grants what there is not; `LIMIT`
 */
export function rolePolicy(model: AccessModel, target: Target, role: string): PolicyDocument {
  const declared = find(model.roles, 'role', role);
  if ('policy' in declared) return fitting(target, declared.policy, 'role', `the policy of ${role}`);
  const calls = declared.allow.flatMap((grant) => {
    const { verb, subject } = readGrant(grant);
    return callsOf(model, target, verb, subject);
  });
  const statements = statementsOf(calls.map(permissionOf));
  const document: PolicyDocument = { Version: '2012-10-17', Statement: [...statements, DENY_PLAIN_HTTP] };
  return fitting(target, document, 'role', `the policy of ${role}`);
}
