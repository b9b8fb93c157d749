// IAM's decision (IAM User Guide, "Policy evaluation for requests within a single account" and "Cross-account policy
// evaluation logic"): an explicit deny wins; otherwise what must allow, must allow; by default nothing is allowed.
import type { Policy } from './parse.ts';
import { isLeftOut, type Naming, namingOf } from './principals.ts';
import { ask, type Question } from './request.ts';
import { type CompiledStatement, findStatement } from './statement.ts';
import type { AccessRequest, PolicyPlace } from './types.ts';

/** The policies that apply to a request. */
export interface PolicySet {
  /** Of the user or role. Together: what one allows is allowed. */
  identity: readonly Policy[];
  /** The permissions boundary. Without one, nothing is limited. */
  boundary?: Policy;
  /** Of the session. Together, like identity policies. Undefined: nothing is limited. */
  session?: readonly Policy[];
  /** Of the resource: a bucket policy, a key policy, a role's trust policy. */
  resource?: Policy;
}

/** Why a request is not allowed: a statement denies it, or what must allow it does not. */
export type DecisionReason =
  | 'allowed'
  | 'explicit-deny'
  | 'no-identity-allow'
  | 'no-boundary-allow'
  | 'no-session-allow'
  | 'no-resource-allow';

export interface StatementRef {
  place: PolicyPlace;
  /** The policy's name. */
  policy: string;
  /** From 0. */
  index: number;
  sid?: string;
}

export interface Decision {
  allowed: boolean;
  reason: DecisionReason;
  /** What denied it, or what allowed it: of the identity policies, else of the resource's. */
  statement?: StatementRef;
}

/**
 * Whether `request` is allowed by `policies`.
 *
 * In one account, the identity policies or the resource's policy must allow it, and what the identity policies allow
 * is limited by the boundary and the session policies; so is what a resource's policy gives to a role by its ARN, but
 * not what it gives to the user, the session or everyone. Across accounts both must allow it. Keys and trust policies
 * are never passed over: naming the account there leaves it to the identity policies. The root user may do everything
 * in its account, but for keys and roles, that no policy denies. A service, and a request without a signature, have
 * only the resource's policy.
 *
 * @throws AccessError `REQUEST` | `LIMIT` for a request that makes no sense or is too large
 */
export function evaluate(policies: PolicySet, request: AccessRequest): Decision {
  return decide(policies, ask(request, policies.boundary !== undefined));
}

/** The same for a request that is already checked. */
export function decide(policies: PolicySet, question: Question): Decision {
  const denied = findDeny(policies, question);
  if (denied !== undefined) return denied;
  const given = givenByResource(policies.resource, question);
  if (isOnlyForResource(question)) return given === undefined ? NO_RESOURCE : allowedBy(given.ref);
  if (!isSameAccount(question) || hasOwnGate(question)) {
    if (given === undefined) return NO_RESOURCE;
    if (!isSameAccount(question) || given.naming === 'account') return byIdentity(policies, question);
    // "If a permissions boundary is set for the user, then it must allow the sts:AssumeRole action" (IAM User Guide,
    // "Update a role trust policy"), also for a user whom the trust policy names.
    return question.action.startsWith('sts:')
      ? limited(policies, question, given.ref)
      : withinLimits(policies, question, given);
  }
  if (given === undefined || given.naming === 'account') return byIdentity(policies, question);
  return withinLimits(policies, question, given);
}

const NO_IDENTITY: Decision = Object.freeze({ allowed: false, reason: 'no-identity-allow' });
const NO_BOUNDARY: Decision = Object.freeze({ allowed: false, reason: 'no-boundary-allow' });
const NO_SESSION: Decision = Object.freeze({ allowed: false, reason: 'no-session-allow' });
const NO_RESOURCE: Decision = Object.freeze({ allowed: false, reason: 'no-resource-allow' });
const ROOT_ALLOWED: Decision = Object.freeze({ allowed: true, reason: 'allowed' });

interface Given {
  naming: Naming;
  ref: StatementRef;
}

/** Neither a service nor an anonymous caller has policies of its own. */
export function isOnlyForResource({ account }: Question): boolean {
  return account === undefined;
}

export function isSameAccount({ account, request }: Question): boolean {
  return account === request.resourceAccount;
}

/**
 * "IAM role trust policies and KMS key policies are exceptions to this logic, because they must explicitly allow
 * access for principals." Aliases, and KMS actions without a resource, have no key policy.
 */
export function hasOwnGate({ action, resource }: Question): boolean {
  if (action.startsWith('kms:')) return isResource(resource, ':key/');
  return action.startsWith('sts:') && isResource(resource, ':role/');
}

/** Whether the last part of an ARN starts with `kind`. */
function isResource(arn: string, kind: string): boolean {
  let colon = -1;
  for (let colons = 0; colons < 5; colons++) {
    colon = arn.indexOf(':', colon + 1);
    if (colon < 0) return false;
  }
  return arn.startsWith(kind, colon);
}

function byIdentity(policies: PolicySet, question: Question): Decision {
  if (question.request.principal.type === 'root') return limited(policies, question, ROOT_ALLOWED);
  const ref = findAllow(policies.identity, 'identity', question);
  return ref === undefined ? NO_IDENTITY : limited(policies, question, ref);
}

/** What a resource's policy gives directly is not limited; what it gives to a role is. */
function withinLimits(policies: PolicySet, question: Question, { naming, ref }: Given): Decision {
  return naming === 'direct' ? allowedBy(ref) : limited(policies, question, ref);
}

function limited(policies: PolicySet, question: Question, by: StatementRef | Decision): Decision {
  const { boundary, session } = policies;
  if (boundary !== undefined && findAllow([boundary], 'boundary', question) === undefined) return NO_BOUNDARY;
  if (session !== undefined && findAllow(session, 'session', question) === undefined) return NO_SESSION;
  return 'allowed' in by ? by : allowedBy(by);
}

function allowedBy(statement: StatementRef): Decision {
  return { allowed: true, reason: 'allowed', statement };
}

function findDeny({ identity, boundary, session, resource }: PolicySet, question: Question): Decision | undefined {
  return (
    denyOf(identity, 'identity', question) ??
    (boundary && denyOf([boundary], 'boundary', question)) ??
    (session && denyOf(session, 'session', question)) ??
    (resource && denyOf([resource], 'resource', question))
  );
}

function denyOf(policies: readonly Policy[], place: PolicyPlace, question: Question): Decision | undefined {
  for (const policy of policies) {
    const statement = findStatement(policy.denies, question, isAddressedTo);
    if (statement === undefined) continue;
    return { allowed: false, reason: 'explicit-deny', statement: refOf(policy, place, statement) };
  }
  return undefined;
}

/** Whether a statement that denies is about who asks. */
export function isAddressedTo({ principals }: CompiledStatement, question: Question): boolean {
  if (principals === undefined) return true;
  return principals.negated ? !isLeftOut(principals, question) : namingOf(principals, question) !== undefined;
}

function findAllow(policies: readonly Policy[], place: PolicyPlace, question: Question): StatementRef | undefined {
  for (const policy of policies) {
    const statement = findStatement(policy.allows, question, isForHolder);
    if (statement !== undefined) return refOf(policy, place, statement);
  }
  return undefined;
}

/** What names no principal is for whoever has the policy. */
function isForHolder({ principals }: CompiledStatement): boolean {
  return principals === undefined;
}

const NAMINGS = ['direct', 'role', 'account'] as const;

/** What the resource's policy gives, by the statement that names who asks most directly. */
function givenByResource(policy: Policy | undefined, question: Question): Given | undefined {
  if (policy === undefined) return undefined;
  for (const naming of NAMINGS) {
    const statement = findStatement(policy.allows, question, NAMED[naming]);
    if (statement !== undefined) return { naming, ref: refOf(policy, 'resource', statement) };
  }
  return undefined;
}

const NAMED = { direct: named('direct'), role: named('role'), account: named('account') };

function named(naming: Naming) {
  return ({ principals }: CompiledStatement, question: Question): boolean =>
    principals !== undefined && namingOf(principals, question) === naming;
}

/** The name of a statement of `policy`, which stands at `place`. */
export function refOf(policy: Policy, place: PolicyPlace, { index, sid }: CompiledStatement): StatementRef {
  return sid === undefined ? { place, policy: policy.name, index } : { place, policy: policy.name, index, sid };
}
