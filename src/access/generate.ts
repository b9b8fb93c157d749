// All policies of a target, for printing and for the deployment.
import { boundaryPolicy } from './boundary.ts';
import { policyOfBucket } from './bucket-policy.ts';
import { instancePolicy } from './instance-policy.ts';
import { keyPolicy } from './key-policy.ts';
import type { AccessModel } from './model.ts';
import { auditBucket, instanceRoleArn, keyAddress, keysOf, pipelinesBucket, roleArn, storeBucket } from './names.ts';
import { rolePolicy } from './role-policy.ts';
import type { Target } from './target.ts';
import { trustPolicy } from './trust-policy.ts';
import type { PolicyDocument } from './types.ts';

/** What a target needs, each document with the ARN of what it is attached to. */
export interface TargetPolicies {
  roles: Record<string, { arn: string; policy: PolicyDocument; trust: PolicyDocument }>;
  /** Of every role. */
  boundary: PolicyDocument;
  instance: { arn: string; policy: PolicyDocument };
  /** A key whose ARN is not known goes by its alias. */
  keys: Record<string, { arn?: string; alias?: string; policy: PolicyDocument }>;
  /** By bucket name. */
  buckets: Record<string, { arn: string; policy: PolicyDocument }>;
}

/**
 * All policies of a target, names sorted.
 * @throws AccessError `REQUEST` where the workspace cannot be there, `LIMIT` where AWS does not take one
 */
export function policiesOf(model: AccessModel, target: Target): TargetPolicies {
  const buckets = [
    ...Object.keys(model.stores).map((store) => storeBucket(model, target, store)),
    ...[pipelinesBucket(model, target), auditBucket(model, target)],
  ];
  return {
    roles: byName(Object.keys(model.roles), (role) => ({
      arn: roleArn(model, target, role),
      policy: rolePolicy(model, target, role),
      trust: trustPolicy(model, target, role),
    })),
    boundary: boundaryPolicy(model, target),
    instance: { arn: instanceRoleArn(model, target), policy: instancePolicy(model, target) },
    keys: byName(keysOf(model, target), (key) => {
      const { arn, alias } = keyAddress(model, target, key);
      return { ...(alias === undefined ? { arn } : { alias }), policy: keyPolicy(model, target, key) };
    }),
    buckets: Object.fromEntries(
      buckets
        .map(({ arn }) => arn)
        .sort()
        .map((arn) => [arn.replace(/^.*:/, ''), { arn, policy: policyOfBucket(target, { arn, prefix: '' }) }]),
    ),
  };
}

function byName<Value>(names: string[], make: (name: string) => Value): Record<string, Value> {
  return Object.fromEntries(names.sort().map((name) => [name, make(name)]));
}
