// The policy of a KMS key: who may use it, for what, and that administration is no use.
import { type Call, callsOf, storageCall } from './calls.ts';
import { instanceCalls } from './instance-policy.ts';
import { type AccessModel, AUDIT_KEY, readGrant, SECRETS_KEY, STORAGE_KEY } from './model.ts';
import { auditBucket, instanceRoleArn, keyAddress, keyUse, pipelinesBucket, roleArn, storeBucket } from './names.ts';
import { type Permission, permissionOf, statementsOf } from './permission.ts';
import { fitting } from './size.ts';
import { localityOf, type Target } from './target.ts';
import type { PolicyDocument, PolicyStatement } from './types.ts';

/**
 * What administrators may do: no cryptography, and no grants, through which they would get it. Whoever changes the
 * key's policy can still give it to themselves, which CloudTrail shows.
 */
const ADMINISTRATION = [
  ...['CancelKeyDeletion', 'CreateAlias', 'DeleteAlias', 'DescribeKey', 'DisableKey', 'EnableKey', 'GetKeyPolicy'],
  ...['GetKeyRotationStatus', 'ListGrants', 'ListKeyPolicies', 'ListKeyRotations', 'ListResourceTags', 'PutKeyPolicy'],
  ...['RevokeGrant', 'ScheduleKeyDeletion', 'TagResource', 'UntagResource', 'UpdateAlias', 'UpdateKeyDescription'],
];
/** KMS rotates symmetric keys only. */
const ROTATION = ['DisableKeyRotation', 'EnableKeyRotation', 'RotateKeyOnDemand'];
/** A public key is no secret. */
const PUBLIC = ['GetPublicKey'];

/**
 * The policy of a key that the workspace declares, or of one of Glovebox's own.
 *
 * Both statements name the account, which leaves the decision to the roles' policies as well, so that keys and roles
 * do not need each other to be made (AWS KMS Developer Guide, "Default key policy", account principal). Use is for
 * the roles that need it, told apart by `aws:PrincipalArn`, with the encryption contexts that they need it for. A
 * role whose policy somebody wrote may use it in this workspace for whatever that policy allows.
 *
 * @throws AccessError `REQUEST` where the key is unknown, `LIMIT`
 */
export function keyPolicy(model: AccessModel, target: Target, key: string): PolicyDocument {
  const { arn } = keyAddress(model, target, key);
  const use = keyUse(model, target, key);
  const byUse = use === 'seal' ? ROTATION : target.kind === 'aws' ? PUBLIC : [...PUBLIC, 'RotateKeyOnDemand'];
  const administration = [...ADMINISTRATION, ...byUse].map((action) => `kms:${action}`).sort();
  const permissions = usesOf(model, target, key)
    .filter(({ call }) => call.resource === arn && !administration.includes(call.action))
    .map(({ call, principal }) => permissionFor(call, principal));
  const { partition, account } = localityOf(target);
  const principal = { AWS: `arn:${partition}:iam::${account}:root` };
  const document: PolicyDocument = {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'Administration', Effect: 'Allow', Principal: principal, Action: administration, Resource: '*' },
      ...statementsOf(permissions).map((statement) => withPrincipal(statement, principal)),
    ],
  };
  return fitting(target, document, 'key', `the policy of the key ${key}`);
}

function withPrincipal(statement: PolicyStatement, principal: { AWS: string }): PolicyStatement {
  const { Effect, ...rest } = statement;
  return { Effect, Principal: principal, ...rest };
}

/** Of one role. In a key policy `*` is the key, so no alias is asked for. */
function permissionFor(call: Call, principal: string): Permission {
  const { Resource: _, 'ForAnyValue:StringEquals kms:ResourceAliases': _alias, ...permission } = permissionOf(call);
  return { ...permission, Resource: ['*'], 'ArnEquals aws:PrincipalArn': [principal] };
}

interface Use {
  call: Call;
  /** ARN of a role. */
  principal: string;
}

/** All calls that anybody makes in the workspace; of hand-written roles those that `key` is for. */
function usesOf(model: AccessModel, target: Target, key: string): Use[] {
  const roles = Object.entries(model.roles).flatMap(([role, declared]) => {
    const principal = roleArn(model, target, role);
    const calls =
      'policy' in declared
        ? anyUse(model, target, key)
        : declared.allow.flatMap((grant) => {
            const { verb, subject } = readGrant(grant);
            return callsOf(model, target, verb, subject);
          });
    return calls.map((call): Use => ({ call, principal }));
  });
  const instance = instanceCalls(model, target).map((call) => ({ call, principal: instanceRoleArn(model, target) }));
  return [...roles, ...instance];
}

/** What a key is for, without dataset. */
function anyUse(model: AccessModel, target: Target, key: string): Call[] {
  const { arn: resource } = keyAddress(model, target, key);
  if (target.kind === 'aws' && key === AUDIT_KEY) {
    return [storageCall(model, target, 'Decrypt', key, auditBucket(model, target).arn)];
  }
  if (target.kind === 'aws' && key === STORAGE_KEY) {
    const stores = Object.keys(model.stores).map((store) => storeBucket(model, target, store));
    const buckets = [...stores, pipelinesBucket(model, target)].map(({ arn }) => arn);
    return ['Decrypt', 'GenerateDataKey'].flatMap((action) =>
      buckets.map((bucket) => storageCall(model, target, action, key, bucket)),
    );
  }
  if (keyUse(model, target, key) === 'drop-box') {
    return [{ action: 'kms:Decrypt', resource, context: {} }];
  }
  const context = { 'kms:EncryptionContext:glovebox:workspace': model.workspace };
  const actions = key === SECRETS_KEY ? ['Decrypt', 'GenerateDataKey'] : ['Decrypt', 'Encrypt', 'GenerateDataKey'];
  return actions.map((action) => ({ action: `kms:${action}`, resource, context }));
}
