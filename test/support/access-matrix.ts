// A workspace with a role for each kind of work, and the calls that each role is to be tried with.
import { type AccessModel, allGrants, type Call, callsOf, type Grant, type Target } from '../../src/access/index.ts';

/** An object, a version, an upload: one of many. */
const ONE = '7f3a';
const AUDIT_LOG = 'arn:aws:s3:::claims-audit/';

export const roles: Record<string, Grant[]> = {
  supplier: [{ write: 'claims-raw' }],
  preprocess: [{ read: 'claims-raw' }, { write: 'claims-features' }, { write: 'claims-quarantine' }, { run: 'claims' }],
  trainer: [{ read: 'claims-features' }],
  reviewer: [{ list: 'claims-raw' }, { read: 'claims-quarantine' }],
  approver: [{ approve: 'claims-raw' }],
  cleaner: [{ delete: 'claims-raw' }, { rename: 'claims-raw' }, { delete: 'claims-features' }],
  keeper: [{ manage: 'raw' }, { manage: 'inbox' }],
  editor: [{ edit: 'claims' }],
  auditor: [{ audit: 'read' }],
  stranger: [],
};

/** @param featuresKey ARN; the other keys go by their aliases */
export function modelWith(featuresKey: string): AccessModel {
  return {
    workspace: 'claims',
    keys: {
      raw: { use: 'seal' },
      features: { use: 'seal', keyId: featuresKey },
      backup: { use: 'seal' },
      inbox: { use: 'drop-box' },
    },
    stores: { box: {}, features: { bucket: 'acme-claims', prefix: 'glovebox/' } },
    datasets: {
      'claims-raw': { store: 'box', key: 'raw', kind: 'raw', recovery: ['backup'], dropBoxKey: 'inbox' },
      'claims-quarantine': { store: 'box', key: 'raw', kind: 'derived', recovery: [] },
      'claims-features': { store: 'features', key: 'features', kind: 'derived', recovery: [] },
      // Nobody's, and named so that a policy for `claims-raw*` would reach it.
      'claims-raw-2024': { store: 'box', key: 'raw', kind: 'raw', recovery: [] },
    },
    pipelines: {
      claims: {
        source: 'claims-raw',
        output: 'claims-features',
        quarantine: 'claims-quarantine',
        secrets: ['split', 'domain-patient'],
      },
      'claims-2024': { source: 'claims-raw-2024', output: 'claims-features', secrets: ['split'] },
    },
    roles: Object.fromEntries(Object.entries(roles).map(([role, allow]) => [role, { allow }])),
    users: { acme: { roles: Object.keys(roles) } },
  };
}

/** Each call once: of the table of verbs, and others. @param key ARN of any key */
export function callMatrix(model: AccessModel, target: Target, key: string): Call[] {
  const calls = allGrants(model, target).flatMap(({ verb, subject }) => callsOf(model, target, verb, subject));
  const table = calls.filter(isAsked).map(oneOf);
  return [...new Map([...table, ...callsBeside(table, key)].map((call) => [JSON.stringify(call), call])).values()];
}

/** Neighbours of what is granted, and what no verb means, though it would help to get at the data. */
function callsBeside(table: Call[], key: string): Call[] {
  const onObjects = table.filter(({ action }) => /^s3:(Get|Put|Delete)Object$/.test(action));
  const neighbours = onObjects.flatMap((call) => [
    { ...call, resource: call.resource.replace(/(?<=\/)[^/]+\/[^/]+$/, `other/${ONE}`) },
    ...(call.resource.endsWith(ONE) ? [] : [{ ...call, resource: `${call.resource}-2` }]),
  ]);
  const objects = [...new Set(onObjects.map(({ resource }) => resource))];
  const buckets = [...new Set(objects.map((resource) => resource.replace(/\/.*$/, '')))];
  const ofRoles = Object.keys(roles).map((role) => `arn:aws:iam::123456789012:role/claims-${role}`);
  const resources: Record<string, string[]> = {
    's3:PutObject': [`${AUDIT_LOG}${ONE}`],
    's3:DeleteObject': [`${AUDIT_LOG}${ONE}`],
    's3:PutObjectAcl': objects,
    's3:PutBucketPolicy': buckets,
    's3:DeleteBucket': buckets,
    'kms:PutKeyPolicy': [key],
    'kms:CreateGrant': [key],
    'iam:PutRolePolicy': ofRoles,
    'sts:AssumeRole': ofRoles,
  };
  const others = Object.entries(resources).flatMap(([action, all]) =>
    all.map((resource) => ({ action, resource, context: {} })),
  );
  return [...neighbours, ...others];
}

/** Not what S3 asks of KMS; and of the two permissions that `CreateAlias` needs, the alias's alone. */
export function isAsked({ action, resource, context }: Call): boolean {
  return context['kms:ViaService'] === undefined && !(action === 'kms:CreateAlias' && resource.endsWith(':key/*'));
}

/** One of those that its `*` stands for. */
function oneOf({ action, resource, context }: Call): Call {
  const values = Object.entries(context).map(([key, value]) => [
    key,
    typeof value === 'string' ? value.replace(/(?<=.)\*$/, key === 's3:prefix' ? '' : ONE) : value,
  ]);
  return { action, resource: resource.replace(/(?<=.)\*$/, ONE), context: Object.fromEntries(values) };
}
