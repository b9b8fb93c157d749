// The permissions boundary of all roles of a workspace: what none of them gets beyond, whoever wrote its policy.
import { type Call, callsOf } from './calls.ts';
import type { AccessModel } from './model.ts';
import { type Bucket, pipelinesBucket, storeBucket } from './names.ts';
import { permissionOf, statementsOf } from './permission.ts';
import { DENY_PLAIN_HTTP } from './role-policy.ts';
import { fitting } from './size.ts';
import { allGrants } from './subjects.ts';
import type { Target } from './target.ts';
import type { PolicyDocument } from './types.ts';

/**
 * The boundary: the calls of all verbs on all that the workspace has, but without its datasets told apart, so that
 * it stays small, and as it is when one comes or goes (IAM User Guide, "Permissions boundaries for IAM entities").
 *
 * @throws AccessError `REQUEST`, `LIMIT`
 */
export function boundaryPolicy(model: AccessModel, target: Target): PolicyDocument {
  const buckets = [
    ...Object.keys(model.stores).map((store) => storeBucket(model, target, store)),
    pipelinesBucket(model, target),
  ];
  const calls = allGrants(model, target).flatMap(({ verb, subject }) => callsOf(model, target, verb, subject));
  const statements = statementsOf(calls.map((call) => permissionOf(withoutDataset(call, buckets))));
  const document: PolicyDocument = { Version: '2012-10-17', Statement: [...statements, DENY_PLAIN_HTTP] };
  return fitting(target, document, 'managed', 'the permissions boundary');
}

const OF_DATASET =
  /^(s3:(prefix|if-none-match|ObjectCreationOperation)|kms:EncryptionContext:glovebox:(dataset|purpose|upload|secret))$/;

/** The same call on any object of its store, or with any encryption context of the workspace. */
function withoutDataset({ action, resource, context }: Call, buckets: Bucket[]): Call {
  const kept = Object.fromEntries(Object.entries(context).filter(([key]) => !OF_DATASET.test(key)));
  const prefix = context['s3:prefix'];
  if (typeof prefix === 'string') {
    const listed = buckets.find((bucket) => bucket.arn === resource && prefix.startsWith(bucket.prefix));
    const under = listed?.prefix ? { 's3:prefix': `${listed.prefix}*` } : {};
    return { action, resource, context: { ...kept, ...under } };
  }
  const holding = buckets.find(({ arn, prefix: root }) => resource.startsWith(`${arn}/${root}`));
  return { action, resource: holding === undefined ? resource : `${holding.arn}/${holding.prefix}*`, context: kept };
}
