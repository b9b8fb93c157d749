// A trainer's role of ten statements, the policies of its bucket and key, and requests that it may and may not make.
import type { AccessRequest, PolicyDocument } from '../../src/access/index.ts';
import type { AccessPair } from '../../test/support/access-generators.ts';

const ACCOUNT = '111111111111';
const BUCKET = 'arn:aws:s3:::claims-main';
const KEYS = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/*`;
const KEY = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/11111111-aaaa-bbbb-cccc-000000000001`;
const ALIAS = 'alias/claims-main';
const WORKSPACE = 'kms:EncryptionContext:glovebox:workspace';
const DATASET = 'kms:EncryptionContext:glovebox:dataset';
const PURPOSE = 'kms:EncryptionContext:glovebox:purpose';
const SECRET = 'kms:EncryptionContext:glovebox:secret';

const objects = (...places: string[]): string[] => places.map((place) => `${BUCKET}/${place}/*`);
const withKey = (context: Record<string, string>): Record<string, Record<string, string>> => ({
  'ForAnyValue:StringEquals': { 'kms:ResourceAliases': ALIAS },
  StringEquals: { [WORKSPACE]: 'claims', ...context },
});

/** As `access policy` makes them: an S3 prefix for each place, KMS by encryption context, no call without TLS. */
const rolePolicy: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Tls',
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    {
      Sid: 'List',
      Effect: 'Allow',
      Action: 's3:ListBucket',
      Resource: BUCKET,
      Condition: { StringLike: { 's3:prefix': ['claims-raw/names/*', 'claims-features/versions/*'] } },
    },
    {
      Sid: 'ReadRaw',
      Effect: 'Allow',
      Action: 's3:GetObject',
      Resource: objects('claims-raw/objects', 'claims-raw/names', 'claims-raw/keys'),
    },
    {
      Sid: 'OpenRaw',
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: KEYS,
      Condition: withKey({ [DATASET]: 'claims-raw' }),
    },
    {
      Sid: 'ReadFeatures',
      Effect: 'Allow',
      Action: 's3:GetObject',
      Resource: objects('claims-features/versions', 'claims-features/heads', 'claims-features/keys'),
    },
    {
      Sid: 'OpenFeatures',
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: KEYS,
      Condition: withKey({ [DATASET]: 'claims-features', [PURPOSE]: 'record-key' }),
    },
    {
      Sid: 'WriteFeatures',
      Effect: 'Allow',
      Action: 's3:PutObject',
      Resource: objects('claims-features/objects', 'claims-features/versions', 'claims-features/heads'),
    },
    {
      Sid: 'SealFeatures',
      Effect: 'Allow',
      Action: 'kms:GenerateDataKey',
      Resource: KEYS,
      Condition: withKey({ [DATASET]: 'claims-features' }),
    },
    { Sid: 'Run', Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::claims-pipelines/train.yaml' },
    {
      Sid: 'Secrets',
      Effect: 'Allow',
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: KEYS,
      Condition: { StringEquals: { [WORKSPACE]: 'claims' }, StringLike: { [SECRET]: 'domain-patient/*' } },
    },
  ],
};

const keyPolicy: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' }],
};

function request(action: string, resource: string, context: AccessRequest['context']): AccessRequest {
  return {
    principal: {
      type: 'role',
      arn: `arn:aws:iam::${ACCOUNT}:role/claims-trainer`,
      session: `arn:aws:sts::${ACCOUNT}:assumed-role/claims-trainer/alice`,
    },
    action,
    resource,
    resourceAccount: ACCOUNT,
    context: { 'aws:SecureTransport': 'true', ...context },
  };
}

const object = (action: string, key: string, context: AccessRequest['context'] = {}): AccessRequest =>
  request(action, `${BUCKET}/${key}`, context);
const list = (prefix: string): AccessRequest => request('s3:ListBucket', BUCKET, { 's3:prefix': prefix });
const use = (action: string, context: Record<string, string>): AccessRequest =>
  request(action, KEY, { 'kms:ResourceAliases': [ALIAS], [WORKSPACE]: 'claims', ...context });
const pair = (more: Pick<AccessPair, 'request' | 'resource'>): AccessPair => ({ identity: [rolePolicy], ...more });

const s3: [boolean, AccessRequest][] = [
  [true, list('claims-raw/names/2026/')],
  [false, list('claims-other/names/')],
  [true, object('s3:GetObject', 'claims-raw/objects/000000000000000000000000000000000000000000000000000000000000002a')],
  [true, object('s3:PutObject', 'claims-features/versions/2026-11-25T02-05-34Z')],
  [true, request('s3:GetObject', 'arn:aws:s3:::claims-pipelines/train.yaml', {})],
  [false, object('s3:PutObject', 'claims-raw/names/claims.csv')],
  [false, object('s3:GetObject', 'claims-features/objects/2a')],
  [false, object('s3:GetObject', 'claims-raw/names/claims.csv', { 'aws:SecureTransport': 'false' })],
];

const kms: [boolean, AccessRequest][] = [
  [true, use('kms:Decrypt', { [DATASET]: 'claims-raw' })],
  [true, use('kms:GenerateDataKey', { [DATASET]: 'claims-features' })],
  [true, use('kms:Decrypt', { [SECRET]: 'domain-patient/1' })],
  [false, use('kms:Decrypt', { [DATASET]: 'claims-features' })],
];

/** Each with what is to be decided. */
export interface Question {
  allowed: boolean;
  pair: AccessPair;
}

/** Without resource policies. */
export const s3Questions: Question[] = s3.map(([allowed, call]) => ({ allowed, pair: pair({ request: call }) }));

/** With the key's policy, without which no call of KMS is allowed. */
export const kmsQuestions: Question[] = kms.map(([allowed, call]) => ({
  allowed,
  pair: pair({ resource: keyPolicy, request: call }),
}));
