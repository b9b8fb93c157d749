// The documents of a target: how they read, that IAM's grammar and AWS's limits take them, that they depend on nothing
// but what they are made from.
import { describe, expect, test } from 'vitest';
import { richModel, WRITTEN_POLICY } from '../../test/support/access-model.ts';
import { callsOf } from './calls.ts';
import { AccessError } from './error.ts';
import { policiesOf, type TargetPolicies } from './generate.ts';
import type { AccessModel, DatasetModel } from './model.ts';
import { parsePolicy } from './parse.ts';
import { rolePolicy } from './role-policy.ts';
import { SIZE_LIMITS, sizeOf } from './size.ts';
import { parseTarget, type Target } from './target.ts';
import { trustPolicy } from './trust-policy.ts';
import type { PolicyDocument, PolicyKind } from './types.ts';

const TARGETS = [
  ...['workspace', 'aws:123456789012:eu-west-1', 'aws-cn:123456789012:cn-north-1'],
  'aws-us-gov:123456789012:us-gov-west-1',
];

/** The workspace of examples/claims, with the roles of the design. */
const claims: AccessModel = {
  workspace: 'claims',
  keys: { raw: { use: 'seal' }, features: { use: 'seal' } },
  stores: { box: {} },
  datasets: {
    'claims-raw': { store: 'box', key: 'raw', kind: 'raw', recovery: [] },
    'claims-quarantine': { store: 'box', key: 'raw', kind: 'derived', recovery: [] },
    'claims-features': { store: 'box', key: 'features', kind: 'derived', recovery: [] },
  },
  pipelines: {
    claims: {
      source: 'claims-raw',
      output: 'claims-features',
      quarantine: 'claims-quarantine',
      secrets: ['split', 'domain-patient'],
    },
  },
  roles: { trainer: { allow: [{ read: 'claims-features' }] } },
  users: {},
};

/** Each document with its kind and AWS's limit. */
function documentsOf(policies: TargetPolicies): [PolicyDocument, PolicyKind, keyof typeof SIZE_LIMITS][] {
  return [
    ...Object.values(policies.roles).flatMap(
      ({ policy, trust }): ReturnType<typeof documentsOf> => [
        [policy, 'identity', 'managed'],
        [trust, 'resource', 'trust'],
      ],
    ),
    [policies.boundary, 'identity', 'managed'],
    [policies.instance.policy, 'identity', 'role'],
    ...Object.values(policies.keys).map(({ policy }): [PolicyDocument, PolicyKind, 'key'] => [
      policy,
      'resource',
      'key',
    ]),
    ...Object.values(policies.buckets).map(({ policy }): [PolicyDocument, PolicyKind, 'bucket'] => [
      policy,
      'resource',
      'bucket',
    ]),
  ];
}

describe.each(TARGETS)('of %s', (text) => {
  const target = parseTarget(text);

  test('all documents are in IAM’s grammar and within AWS’s limits', () => {
    const documents = documentsOf(policiesOf(richModel, target));
    expect(documents.length).toBeGreaterThan(30);
    for (const [document, kind, limit] of documents) {
      expect(parsePolicy(document, { kind, name: 'generated' }).document).toEqual(document);
      expect(sizeOf(document)).toBeLessThanOrEqual(SIZE_LIMITS[limit]);
    }
  });

  test('every ARN is of the partition', () => {
    const partition = text.startsWith('aws') ? text.split(':')[0] : 'aws';
    const { inbox: _, ...keys } = richModel.keys;
    const model = withoutInbox(richModel, keys);
    const arns = [...JSON.stringify(policiesOf(model, target)).matchAll(/arn:([^:]*):/g)].map(([, found]) => found);
    expect(new Set(arns)).toEqual(new Set([partition]));
  });

  test('the order of what they are made from does not matter', () => {
    const turned = <Value>(record: Record<string, Value>): Record<string, Value> =>
      Object.fromEntries(Object.entries(record).toReversed());
    const roles = Object.entries(richModel.roles).map(([name, role]): [string, typeof role] => [
      name,
      'allow' in role ? { allow: role.allow.toReversed() } : role,
    ]);
    const model: AccessModel = {
      workspace: richModel.workspace,
      keys: turned(richModel.keys),
      stores: turned(richModel.stores),
      datasets: turned(richModel.datasets),
      pipelines: turned(richModel.pipelines),
      roles: turned(Object.fromEntries(roles)),
      users: turned(richModel.users),
    };
    expect(JSON.stringify(policiesOf(model, target))).toBe(JSON.stringify(policiesOf(richModel, target)));
  });
});

/** `inbox` has the ARN of a key of another partition than some targets. */
function withoutInbox(model: AccessModel, keys: AccessModel['keys']): AccessModel {
  const datasets = Object.entries(model.datasets).map(([name, { dropBoxKey, ...dataset }]): [string, DatasetModel] => [
    name,
    dropBoxKey === undefined ? dataset : { ...dataset, dropBoxKey: 'spare' },
  ]);
  const { manager: _, ...roles } = model.roles;
  return { ...model, keys, datasets: Object.fromEntries(datasets), roles };
}

test('in China S3 calls KMS under a name of its own', () => {
  const calls = callsOf(richModel, parseTarget('aws-cn:123456789012:cn-north-1'), 'read', 'claims-raw');
  const services = calls.flatMap(({ context }) => context['kms:ViaService'] ?? []);
  expect(services).toEqual(['s3.cn-north-1.amazonaws.com.cn']);
});

test('a role whose policy somebody wrote has that policy', () => {
  for (const text of TARGETS) expect(rolePolicy(richModel, parseTarget(text), 'written')).toBe(WRITTEN_POLICY);
});

test('the trainer of examples/claims, in the workspace', () => {
  expect(rolePolicy(claims, parseTarget('workspace'), 'trainer')).toMatchInlineSnapshot(`
    {
      "Statement": [
        {
          "Action": "kms:Decrypt",
          "Condition": {
            "ForAnyValue:StringEquals": {
              "kms:ResourceAliases": "alias/claims-features",
            },
            "StringEquals": {
              "kms:EncryptionContext:glovebox:dataset": "claims-features",
              "kms:EncryptionContext:glovebox:workspace": "claims",
            },
          },
          "Effect": "Allow",
          "Resource": "arn:aws:kms:local:000000000000:key/*",
        },
        {
          "Action": "s3:GetObject",
          "Effect": "Allow",
          "Resource": [
            "arn:aws:s3:::claims-box/claims-features/heads/latest",
            "arn:aws:s3:::claims-box/claims-features/keys/record-key",
            "arn:aws:s3:::claims-box/claims-features/objects/*",
            "arn:aws:s3:::claims-box/claims-features/versions/*",
          ],
        },
        {
          "Action": "s3:ListBucket",
          "Condition": {
            "StringLike": {
              "s3:prefix": "claims-features/versions/*",
            },
          },
          "Effect": "Allow",
          "Resource": "arn:aws:s3:::claims-box",
        },
        {
          "Action": "*",
          "Condition": {
            "Bool": {
              "aws:SecureTransport": "false",
            },
          },
          "Effect": "Deny",
          "Resource": "*",
          "Sid": "DenyPlainHttp",
        },
      ],
      "Version": "2012-10-17",
    }
  `);
});

test('whom the supplier trusts', () => {
  expect(trustPolicy(richModel, parseTarget('aws:123456789012:eu-west-1'), 'sender')).toMatchInlineSnapshot(`
    {
      "Statement": [
        {
          "Action": "sts:AssumeRole",
          "Condition": {
            "StringLike": {
              "sts:RoleSessionName": [
                "+local@*",
                "acme@*",
              ],
            },
          },
          "Effect": "Allow",
          "Principal": {
            "AWS": "arn:aws:iam::123456789012:role/claims-instance",
          },
        },
      ],
      "Version": "2012-10-17",
    }
  `);
});

/** Twelve datasets; each with a key of its own by ARN, or all with one. */
function large(keys: 'one' | 'many'): AccessModel {
  const names = Array.from({ length: 12 }, (_, index) => `claims-of-region-${index}`);
  const keyOf = (name: string) => (keys === 'one' ? 'raw' : name);
  const keyNames = keys === 'one' ? ['raw'] : names;
  return {
    ...claims,
    keys: Object.fromEntries(
      keyNames.map((name, index) => [
        name,
        { use: 'seal' as const, keyId: `${String(index).padStart(8, '0')}-12ab-34cd-56ef-1234567890ab` },
      ]),
    ),
    datasets: Object.fromEntries(
      names.map((name) => [name, { store: 'box', key: keyOf(name), kind: 'raw' as const, recovery: [] }]),
    ),
    pipelines: {},
    roles: {
      analyst: { allow: names.map((name) => ({ read: name })) },
      supplier: { allow: names.map((name) => ({ write: name })) },
    },
    users: Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`user-${index}`, { roles: ['analyst'] }])),
  };
}

test('a role that reads twelve datasets fits, as a managed policy where they share a key, inline where not', () => {
  const target: Target = parseTarget('aws:123456789012:eu-west-1');
  const sizes = (['one', 'many'] as const).map((keys) => sizeOf(rolePolicy(large(keys), target, 'analyst')));
  expect(sizes).toMatchInlineSnapshot(`
    [
      3542,
      6345,
    ]
  `);
  expect(sizeOf(trustPolicy(large('one'), target, 'analyst'))).toBeLessThanOrEqual(SIZE_LIMITS.trust);
  const { roles: _, ...rest } = large('many');
  expect(Object.keys(policiesOf({ ...rest, roles: {} }, target).keys)).toHaveLength(15);
});

test('what AWS would not take is refused with its size, and holds in a workspace', () => {
  const model = large('many');
  const everything = Object.keys(model.datasets).flatMap((name) => [{ read: name }, { write: name }, { delete: name }]);
  const greedy: AccessModel = { ...model, roles: { greedy: { allow: everything } } };
  const target = parseTarget('aws:123456789012:eu-west-1');
  const refused = () => rolePolicy(greedy, target, 'greedy');
  expect(refused).toThrow(AccessError);
  expect(refused).toThrow(expect.objectContaining({ code: 'LIMIT' }));
  expect(sizeOf(rolePolicy(greedy, parseTarget('workspace'), 'greedy'))).toBeGreaterThan(SIZE_LIMITS.role);
});
