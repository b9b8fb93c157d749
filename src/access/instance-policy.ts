// The identity policy of the instance that the gateway and the runner are on: it has no data of its own.
import { type Call, call, objectCalls } from './calls.ts';
import type { AccessModel } from './model.ts';
import { auditBucket, roleArn } from './names.ts';
import { permissionOf, statementsOf } from './permission.ts';
import { DENY_PLAIN_HTTP } from './role-policy.ts';
import { fitting } from './size.ts';
import type { Target } from './target.ts';
import type { PolicyDocument } from './types.ts';

/**
 * What the instance does as itself: it assumes the caller's role for each session, and adds to the audit log, of which
 * it can read and replace nothing.
 *
 * @throws AccessError `REQUEST`, `LIMIT`
 */
export function instancePolicy(model: AccessModel, target: Target): PolicyDocument {
  const statements = statementsOf(instanceCalls(model, target).map(permissionOf));
  const document: PolicyDocument = { Version: '2012-10-17', Statement: [...statements, DENY_PLAIN_HTTP] };
  return fitting(target, document, 'role', "the instance's policy");
}

/** The calls of the instance as itself (Service Authorization Reference, AWS STS: `sts:AssumeRole` on a role). */
export function instanceCalls(model: AccessModel, target: Target): Call[] {
  return [
    ...Object.keys(model.roles).map((role) => call('sts:AssumeRole', roleArn(model, target, role))),
    ...objectCalls(model, target, 'PutObject', auditBucket(model, target), '*', { 's3:if-none-match': '*' }),
  ];
}
