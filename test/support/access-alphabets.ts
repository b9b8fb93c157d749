// The small alphabets of access-generators.ts: actions, resources, condition keys and values, and operators.

export const ACCOUNT = '111111111111';
export const OTHER_ACCOUNT = '222222222222';

export type ValueKind = 'string' | 'numeric' | 'date' | 'bool' | 'binary' | 'ip' | 'arn';

/** A condition key of AWS, what requests may bring for it and what policies may ask for. */
export interface ConditionKey {
  key: string;
  kind: ValueKind;
  /** Requests carry a list. */
  many?: boolean;
  /** The only actions whose requests carry it; else all of its world. */
  only?: string[];
  values: string[];
  wanted: (string | number | boolean)[];
}

export interface Call {
  action: string;
  resource: string;
  resourceAccount: string;
}

/** One service's calls, and patterns near them. */
export interface World {
  calls: Call[];
  actions: string[];
  resources: string[];
  keys: ConditionKey[];
  /** The trust policy of a role has no Resource element. */
  resourcePolicy: 'some' | 'always' | 'trust';
}

/** The operators for values of a kind, without IfExists and sets. */
export const OPERATORS: Record<ValueKind, string[]> = {
  string: [
    'StringEquals',
    'StringNotEquals',
    'StringEqualsIgnoreCase',
    'StringNotEqualsIgnoreCase',
    'StringLike',
    'StringNotLike',
  ],
  numeric: [
    'NumericEquals',
    'NumericNotEquals',
    'NumericLessThan',
    'NumericLessThanEquals',
    'NumericGreaterThan',
    'NumericGreaterThanEquals',
  ],
  date: [
    'DateEquals',
    'DateNotEquals',
    'DateLessThan',
    'DateLessThanEquals',
    'DateGreaterThan',
    'DateGreaterThanEquals',
  ],
  bool: ['Bool'],
  binary: ['BinaryEquals'],
  ip: ['IpAddress', 'NotIpAddress'],
  arn: ['ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike'],
};

/** A policy variable, with its default if there is one. */
const variable = (text: string): string => `\${${text}}`;

const NUMBERS = ['0', '299', '300', '301', '300.5', '-1', '1000'];
const DATES = ['2026-01-01T00:00:00Z', '2026-06-30T12:00:00Z', '2026-06-30T12:00:01Z', '2027-01-01T00:00:00+01:00'];
const ADDRESSES = ['10.1.2.3', '10.200.0.1', '203.0.113.9', '2001:db8::1', '2001:DB8:0:0:1::', '2001:db9::1'];
const NETWORKS = ['10.0.0.0/8', '10.1.2.3', '10.1.2.0/30', '0.0.0.0/0', '2001:db8::/32', '2001:db8::1/128', '::/0'];
const ARNS = [
  `arn:aws:iam::${ACCOUNT}:role/trainer`,
  `arn:aws:iam::${ACCOUNT}:user/team/bob`,
  `arn:aws:iam::${OTHER_ACCOUNT}:role/trainer`,
  `arn:aws:sns:eu-west-1:${ACCOUNT}:topic:part`,
];
const ARN_PATTERNS = [
  ...ARNS,
  `arn:aws:iam::${ACCOUNT}:*`,
  'arn:aws:iam::*:role/*',
  'arn:aws:iam::*:role/train?r',
  'arn:*:iam::*:user/*bob',
  'arn:aws:*:*:*:*',
  `arn:aws:sns:eu-*:${ACCOUNT}:topic:*`,
  `arn:aws:iam::${ACCOUNT}:role/${variable('aws:username')}`,
];
const BYTES = ['QUJD', 'QUJE', 'AA=='];
const WORDS = ['claims', 'Claims', 'ops', 'alice', 'a*b'];
const WORD_PATTERNS = [
  ...WORDS,
  'cl*',
  '?laims',
  '*',
  'CLAIMS',
  `a${variable('*')}b`,
  variable('aws:username'),
  variable("aws:username, 'ops'"),
  `${variable('aws:PrincipalTag/team')}*`,
  `o${variable('aws:PrincipalTag/none')}`,
];

/** Met where a value differs. */
export const isNegated = (operator: string): boolean => operator.includes('Not');

/** What a policy may ask for with an operator of each kind, whatever the key. */
export const WANTED: Record<ValueKind, ConditionKey['wanted']> = {
  string: WORD_PATTERNS,
  numeric: NUMBERS,
  date: DATES,
  bool: ['true', 'false'],
  binary: BYTES,
  ip: NETWORKS,
  arn: ARN_PATTERNS,
};

const GLOBAL_KEYS: ConditionKey[] = [
  { key: 'aws:PrincipalTag/team', kind: 'string', values: WORDS, wanted: WORD_PATTERNS },
  {
    key: 'aws:username',
    kind: 'string',
    values: ['alice', 'ops'],
    wanted: ['alice', 'Alice', 'a*', variable('aws:PrincipalTag/team')],
  },
  { key: 'aws:TagKeys', kind: 'string', many: true, values: WORDS, wanted: WORD_PATTERNS },
  { key: 'aws:MultiFactorAuthAge', kind: 'numeric', values: NUMBERS, wanted: [...NUMBERS, 300, 1000, '300.0'] },
  {
    key: 'aws:CurrentTime',
    kind: 'date',
    values: DATES,
    wanted: [...DATES, '2026-06-30T14:00:00+02:00', '2026-01-01', '1767225600'],
  },
  {
    key: 'aws:EpochTime',
    kind: 'date',
    values: ['1767225600', '1782820800'],
    wanted: ['1767225600', '1782820800', 1_782_820_801],
  },
  {
    key: 'aws:SecureTransport',
    kind: 'bool',
    values: ['true', 'false'],
    wanted: ['true', 'false', true, false, 'True'],
  },
  { key: 'aws:SourceIp', kind: 'ip', values: ADDRESSES, wanted: NETWORKS },
  { key: 'aws:SourceArn', kind: 'arn', values: ARNS, wanted: ARN_PATTERNS },
  { key: 'aws:PrincipalTag/seal', kind: 'binary', values: BYTES, wanted: BYTES },
  // AWS has no multivalued keys but of strings; the operators do not look at what a key's type is.
  { key: 'aws:CalledVia', kind: 'numeric', many: true, values: NUMBERS, wanted: [...NUMBERS, 300, '300.0'] },
  { key: 'aws:SourceOrgPaths', kind: 'date', many: true, values: DATES, wanted: DATES },
  { key: 'aws:PrincipalServiceNamesList', kind: 'ip', many: true, values: ADDRESSES, wanted: NETWORKS },
  { key: 'aws:PrincipalOrgPaths', kind: 'arn', many: true, values: ARNS, wanted: ARN_PATTERNS },
  { key: 'aws:ResourceOrgPaths', kind: 'bool', many: true, values: ['true', 'false'], wanted: ['true', 'false', true] },
  { key: 'aws:VpceOrgPaths', kind: 'binary', many: true, values: BYTES, wanted: BYTES },
];

const OBJECTS = ['claims-main/raw/a.csv', 'claims-main/alice/b:c', 'claims-other/raw/a.csv'];
const objectCalls = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'].flatMap((action) =>
  OBJECTS.map((object) => ({ action, resource: `arn:aws:s3:::${object}`, resourceAccount: ACCOUNT })),
);
const PREFIXES = ['raw/', 'raw/a', 'alice/', ''];

const s3: World = {
  calls: [
    ...objectCalls,
    { action: 's3:GetObject', resource: 'arn:aws:s3:::claims-main/raw/a.csv', resourceAccount: OTHER_ACCOUNT },
    { action: 's3:PutObject', resource: 'arn:aws:s3:::claims-main/alice/b:c', resourceAccount: OTHER_ACCOUNT },
    { action: 's3:ListBucket', resource: 'arn:aws:s3:::claims-main', resourceAccount: ACCOUNT },
    { action: 's3:ListBucket', resource: 'arn:aws:s3:::claims-main', resourceAccount: OTHER_ACCOUNT },
    { action: 's3:ListBucket', resource: 'arn:aws:s3:::claims-other', resourceAccount: ACCOUNT },
    { action: 's3:ListAllMyBuckets', resource: '*', resourceAccount: ACCOUNT },
  ],
  actions: [
    's3:*',
    's3:GetObject',
    '*',
    's3:Get*',
    's3:PutObject',
    'S3:getobject',
    's3:?etObject',
    's3:*Object',
    's3:List*',
    'kms:*',
  ],
  resources: [
    '*',
    'arn:aws:s3:::*',
    'arn:aws:s3:::claims-main',
    'arn:aws:s3:::claims-main/*',
    'arn:aws:s3:::claims-*',
    'arn:aws:s3:::*/raw/*',
    'arn:aws:s3:::claims-main/raw/?.csv',
    `arn:aws:s3:::claims-main/${variable('aws:username')}/*`,
    `arn:aws:s3:::claims-main/${variable("aws:PrincipalTag/team, 'raw'")}/*`,
    'arn:*:s3:::claims-main/*',
    'arn:aws:s3:*:*:claims-main/*',
    'arn:aws:s3:::CLAIMS-MAIN/*',
    'arn:aws:s3:::claims-main/alice/b:*',
    'arn:aws:kms:*:*:key/*',
  ],
  keys: [
    ...GLOBAL_KEYS,
    {
      key: 's3:prefix',
      kind: 'string',
      only: ['s3:ListBucket'],
      values: PREFIXES,
      wanted: [...PREFIXES, 'raw/*', '*', `${variable('aws:username')}/*`],
    },
    {
      key: 's3:max-keys',
      kind: 'numeric',
      only: ['s3:ListBucket'],
      values: ['10', '1000'],
      wanted: ['10', 10, '1000', 100],
    },
  ],
  resourcePolicy: 'some',
};

const KEY = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/11111111-aaaa-bbbb-cccc-000000000001`;
const OTHER_KEY = `arn:aws:kms:eu-west-1:${OTHER_ACCOUNT}:key/11111111-aaaa-bbbb-cccc-000000000002`;
const CRYPTOGRAPHY = ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:Encrypt'];
const DATASETS = ['claims-raw', 'claims-features'];
const ALIASES = ['alias/claims-main', 'alias/claims-recovery'];

const kms: World = {
  calls: [
    ...CRYPTOGRAPHY.map((action) => ({ action, resource: KEY, resourceAccount: ACCOUNT })),
    { action: 'kms:Decrypt', resource: OTHER_KEY, resourceAccount: OTHER_ACCOUNT },
    { action: 'kms:DescribeKey', resource: KEY, resourceAccount: ACCOUNT },
    { action: 'kms:CreateKey', resource: '*', resourceAccount: ACCOUNT },
  ],
  actions: ['kms:*', 'kms:Decrypt', '*', 'kms:GenerateDataKey*', 'kms:De*', 'KMS:encrypt', 'kms:*crypt', 's3:*'],
  resources: [
    '*',
    KEY,
    OTHER_KEY,
    'arn:aws:kms:*:*:key/*',
    `arn:aws:kms:eu-west-1:${ACCOUNT}:*`,
    'arn:aws:kms:eu-west-?:*:key/*-000000000001',
    'arn:aws:kms:us-*:*:key/*',
    'arn:aws:s3:::*',
  ],
  keys: [
    ...GLOBAL_KEYS,
    {
      key: 'kms:EncryptionContext:glovebox:dataset',
      kind: 'string',
      only: CRYPTOGRAPHY,
      values: DATASETS,
      wanted: [...DATASETS, 'claims-*'],
    },
    {
      key: 'kms:ResourceAliases',
      kind: 'string',
      many: true,
      only: CRYPTOGRAPHY,
      values: ALIASES,
      wanted: [...ALIASES, 'alias/*'],
    },
    {
      key: 'kms:ViaService',
      kind: 'string',
      only: CRYPTOGRAPHY,
      values: ['s3.eu-west-1.amazonaws.com'],
      wanted: ['s3.eu-west-1.amazonaws.com', 's3.*'],
    },
  ],
  resourcePolicy: 'always',
};

const ROLE = `arn:aws:iam::${ACCOUNT}:role/claims-runner`;
const OTHER_ROLE = `arn:aws:iam::${OTHER_ACCOUNT}:role/claims-runner`;

const sts: World = {
  calls: [
    { action: 'sts:AssumeRole', resource: ROLE, resourceAccount: ACCOUNT },
    { action: 'sts:TagSession', resource: ROLE, resourceAccount: ACCOUNT },
    { action: 'sts:AssumeRole', resource: OTHER_ROLE, resourceAccount: OTHER_ACCOUNT },
  ],
  actions: ['sts:*', 'sts:AssumeRole', '*', 'sts:Assume*', 'STS:assumerole', 'sts:TagSession', 's3:*'],
  resources: [
    '*',
    ROLE,
    OTHER_ROLE,
    'arn:aws:iam::*:role/*',
    `arn:aws:iam::${ACCOUNT}:role/claims-${variable('aws:username')}`,
    'arn:aws:iam::*:user/*',
  ],
  keys: [
    ...GLOBAL_KEYS,
    { key: 'sts:ExternalId', kind: 'string', only: ['sts:AssumeRole'], values: ['42'], wanted: ['42', '4?'] },
    {
      key: 'sts:RoleSessionName',
      kind: 'string',
      only: ['sts:AssumeRole'],
      values: ['alice'],
      wanted: ['alice', variable('aws:username')],
    },
  ],
  resourcePolicy: 'trust',
};

/** By service; S3 first. */
export const WORLDS: World[] = [s3, kms, sts];
