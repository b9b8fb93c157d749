// A call of a role's as the evaluation takes it.
import type { Call } from './calls.ts';
import type { AccessModel } from './model.ts';
import { roleArn, sessionArn } from './names.ts';
import { localityOf, type Target } from './target.ts';
import type { AccessRequest, Principal } from './types.ts';

/**
 * The request that `role` makes with a call, in a session where one is named. `aws:PrincipalArn` is the role's ARN,
 * also in a session (IAM User Guide, "AWS global condition context keys").
 *
 * @throws AccessError `REQUEST` where the role is unknown
 */
export function roleRequest(
  model: AccessModel,
  target: Target,
  role: string,
  call: Call,
  session?: string,
): AccessRequest {
  const arn = roleArn(model, target, role);
  const of = session === undefined ? {} : { session: sessionArn(model, target, role, session) };
  return requestAs(target, { type: 'role', arn, ...of }, arn, call);
}

/** The request that a principal of the target's account makes with a call; `arn` is its `aws:PrincipalArn`. */
export function requestAs(target: Target, principal: Principal, arn: string, call: Call): AccessRequest {
  const { account } = localityOf(target);
  const [, , , , owner] = call.resource.split(':');
  return {
    principal,
    action: call.action,
    resource: call.resource,
    // S3's ARNs do not say whose the bucket is: it is the target's.
    resourceAccount: owner || account,
    context: { ...call.context, 'aws:PrincipalArn': arn, 'aws:PrincipalAccount': account },
  };
}
