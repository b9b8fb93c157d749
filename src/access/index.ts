// The door of access/: IAM policy documents, evaluated, explained and generated.
export { boundaryPolicy } from './boundary.ts';
export { bucketPolicy, policyOfBucket } from './bucket-policy.ts';
export { type Call, callsOf } from './calls.ts';
export { AccessError, type AccessErrorCode } from './error.ts';
export { type Decision, type DecisionReason, evaluate, type PolicySet, type StatementRef } from './evaluate.ts';
export { type ConditionFinding, type Explanation, explain, type StatementFinding } from './explain.ts';
export { policiesOf, type TargetPolicies } from './generate.ts';
export { instancePolicy } from './instance-policy.ts';
export { keyPolicy } from './key-policy.ts';
export { MOST_CHARACTERS } from './limits.ts';
export {
  type AccessModel,
  ALL_VERBS,
  AUDIT_SUBJECT,
  type DatasetModel,
  type Grant,
  type KeyModel,
  type PipelineModel,
  type RoleModel,
  readGrant,
  SECRETS_KEY,
  type Verb,
} from './model.ts';
export {
  instanceRoleArn,
  type KeyAddress,
  keyAddress,
  keysOf,
  LOCAL_RUNNER,
  roleArn,
  sessionArn,
  sessionName,
} from './names.ts';
export { type ParseOptions, type Policy, parsePolicy, parsePolicyText } from './parse.ts';
export { rolePolicy } from './role-policy.ts';
export { requestAs, roleRequest } from './role-request.ts';
export { allGrants, type SubjectKind, verbsOf } from './subjects.ts';
export { parseTarget, type Target } from './target.ts';
export { trustPolicy } from './trust-policy.ts';
export type {
  AccessRequest,
  ConditionValue,
  PolicyDocument,
  PolicyKind,
  PolicyPlace,
  PolicyPrincipal,
  PolicyStatement,
  Principal,
} from './types.ts';
