// The one table of verbs: which calls of S3 and KMS a verb means. Policies, local decisions, the matrix, the tests
// and the documentation are made from it.
//
// Sources: Service Authorization Reference, "Actions, resources, and condition keys" for Amazon S3 and for AWS KMS;
// AWS KMS Developer Guide, "AWS KMS permissions" and "AWS KMS condition keys"; Amazon S3 User Guide, "Reducing the
// cost of SSE-KMS with Amazon S3 Bucket Keys" (the encryption context is then the bucket's ARN).
import { AccessError } from './error.ts';
import {
  type AccessModel,
  ALL_VERBS,
  AUDIT_KEY,
  AUDIT_SUBJECT,
  type DatasetModel,
  type DatasetVerb,
  find,
  SECRETS_KEY,
  STORAGE_KEY,
  type Verb,
} from './model.ts';
import {
  auditBucket,
  type Bucket,
  type KeyAddress,
  keyAddress,
  keyUse,
  pipelinesBucket,
  storeBucket,
} from './names.ts';
import { localityOf, type Target } from './target.ts';

/** One call as AWS would see it. */
export interface Call {
  /** `s3:GetObject`. */
  action: string;
  /** An ARN; one that ends in `*` means all that begin so; `*` where the action has no resource. */
  resource: string;
  /** By condition key. A value that ends in `*` means all that begin so. */
  context: Readonly<Record<string, string | readonly string[]>>;
}

/** Places of a dataset in its store; one that ends in `/` holds many. */
type Place =
  | 'objects/'
  | 'names/'
  | 'versions/'
  | 'heads/latest'
  | 'keys/record-key'
  | 'uploads/'
  | 'segments/'
  | 'deliveries/';

/**
 * `new`: only where there is none yet, so that nothing is overwritten; `part`: of an upload in parts, of which only
 * the last call can say that.
 */
type Put = 'new' | 'part';

type KmsAction = 'Decrypt' | 'Encrypt' | 'GenerateDataKey' | 'GetPublicKey';

/** What a verb needs: an action on a place, a listing of one, or a use of a key for a purpose. */
type Need =
  | { s3: 'GetObject' | 'PutObject' | 'DeleteObject' | 'AbortMultipartUpload'; place: Place; how?: Put }
  | { list: Place }
  | { kms: KmsAction; of: 'dataset' | 'recovery'; purpose?: 'record-key' | 'upload' }
  | { kms: KmsAction; of: 'drop-box' };

const get = (...places: Place[]): Need[] => places.map((place) => ({ s3: 'GetObject', place }));
const put = (...places: Place[]): Need[] => places.map((place) => ({ s3: 'PutObject', place }));
const putNew = (...places: Place[]): Need[] => places.map((place) => ({ s3: 'PutObject', place, how: 'new' }));
const remove = (...places: Place[]): Need[] => places.map((place) => ({ s3: 'DeleteObject', place }));
const list = (...places: Place[]): Need[] => places.map((place) => ({ list: place }));

/** Records are sealed under the record key, and that under the dataset's key with a purpose of its own (I5). */
const OPEN_RECORDS: Need[] = [...get('keys/record-key'), { kms: 'Decrypt', of: 'dataset', purpose: 'record-key' }];

/** Seals objects and records. What was sealed as an object cannot be opened with this, nor overwritten. */
const SEAL: Need[] = [
  ...putNew('objects/', 'keys/record-key'),
  { s3: 'PutObject', place: 'objects/', how: 'part' },
  { s3: 'AbortMultipartUpload', place: 'objects/' },
  ...OPEN_RECORDS,
  { kms: 'GenerateDataKey', of: 'dataset' },
  { kms: 'Encrypt', of: 'recovery' },
];

/** Uploads are sealed piece by piece; whoever writes one need not be able to open what is there of it. */
const UPLOADS: Need[] = [
  ...list('uploads/', 'segments/'),
  ...get('uploads/'),
  ...put('uploads/', 'segments/'),
  ...remove('uploads/', 'segments/'),
];

const RAW_LIST = [...list('names/'), ...get('names/'), ...OPEN_RECORDS];

/**
 * Opens what there is of an upload, under its own context (I5), to go on with it or to finish it; removes those that
 * expired. The names say which uploads became objects before a crash, and how much there is of whom.
 */
const OPEN_UPLOADS: Need[] = [
  ...RAW_LIST,
  ...list('uploads/', 'segments/'),
  ...get('uploads/', 'segments/'),
  ...remove('uploads/', 'segments/'),
  { kms: 'Decrypt', of: 'dataset', purpose: 'upload' },
];

const OPEN_OBJECTS: Need[] = [...get('objects/'), { kms: 'Decrypt', of: 'dataset' }];

const RAW_WRITE = [...SEAL, ...put('names/'), ...UPLOADS];
const DERIVED_LIST = [...list('versions/'), ...get('versions/', 'heads/latest'), ...OPEN_RECORDS];

/** Collection lists what is there, reads all records to see what they name, and removes the rest. */
const RAW_COLLECT: Need[] = [
  ...list('objects/', 'uploads/', 'segments/'),
  ...get('uploads/'),
  ...remove('objects/', 'uploads/', 'segments/'),
];

/** Verbs that a dataset of the kind does not have are not here. */
const RAW: Partial<Record<DatasetVerb, Need[]>> = {
  list: RAW_LIST,
  read: [...RAW_LIST, ...OPEN_OBJECTS],
  write: RAW_WRITE,
  delete: [...RAW_LIST, ...remove('names/'), ...RAW_COLLECT],
  rename: [...get('names/'), ...put('names/'), ...remove('names/'), ...OPEN_RECORDS],
  ingest: OPEN_UPLOADS,
};

const DERIVED: Partial<Record<DatasetVerb, Need[]>> = {
  list: DERIVED_LIST,
  read: [...DERIVED_LIST, ...OPEN_OBJECTS],
  write: [...SEAL, ...putNew('versions/'), ...put('heads/latest'), ...get('heads/latest')],
  delete: [...DERIVED_LIST, ...list('objects/'), ...remove('objects/')],
};

/**
 * What they need besides, where the dataset has a drop box. Deliveries lie under `objects/`, sealed for the drop
 * box's key, an RSA key, which has no encryption context.
 */
const DROP_BOX: Partial<Record<DatasetVerb, Need[]>> = {
  list: [...list('deliveries/'), ...get('deliveries/')],
  read: [...list('deliveries/'), ...get('deliveries/')],
  write: [...putNew('deliveries/'), { kms: 'GetPublicKey', of: 'drop-box' }],
  delete: [...list('deliveries/'), ...get('deliveries/')],
  approve: [
    ...RAW_LIST,
    ...RAW_WRITE,
    ...list('deliveries/'),
    ...get('deliveries/', 'objects/'),
    ...put('deliveries/'),
    ...remove('objects/'),
    { kms: 'GetPublicKey', of: 'drop-box' },
    { kms: 'Decrypt', of: 'drop-box' },
  ],
};

/** Key management is no cryptography: whoever manages a key cannot use it. */
const MANAGE = ['DescribeKey', 'EnableKey', 'DisableKey', 'ScheduleKeyDeletion', 'CancelKeyDeletion'];
/** KMS rotates symmetric keys only (AWS KMS API Reference, "RotateKeyOnDemand"); the embedded key store all. */
const ROTATE = 'RotateKeyOnDemand';
const PUBLIC = 'GetPublicKey';

/**
 * The calls that `verb` on `subject` means, each once: each must be allowed.
 *
 * @param name of the object, for a raw dataset, or of the version, for a derived one: then its record's ARN names
 *   that. Without it the calls are for the whole dataset, `…/names/*` literally, which a policy for a part of the
 *   names does not cover.
 * @throws AccessError `REQUEST` where the subject is unknown or has no such verb
 */
export function callsOf(model: AccessModel, target: Target, verb: Verb, subject: string, name?: string): Call[] {
  return unique(expand(model, target, verb, subject, name));
}

function expand(model: AccessModel, target: Target, verb: Verb, subject: string, name: string | undefined): Call[] {
  if (verb === 'audit') {
    if (subject !== AUDIT_SUBJECT) throw noVerb(verb, 'audit log', subject);
    const bucket = auditBucket(model, target);
    return [call('s3:ListBucket', bucket.arn), ...objectCalls(model, target, 'GetObject', bucket, '*')];
  }
  if (verb === 'manage') return manageCalls(model, target, subject);
  if (verb === 'run' || verb === 'edit') return pipelineCalls(model, target, verb, subject);
  return datasetCalls(model, target, verb, subject, name);
}

function datasetCalls(
  model: AccessModel,
  target: Target,
  verb: DatasetVerb,
  subject: string,
  name: string | undefined,
): Call[] {
  const dataset = find(model.datasets, 'dataset', subject);
  const needs = needsOf(dataset, verb);
  if (needs.length === 0) throw noVerb(verb, `${dataset.kind} dataset`, subject);
  const calls = needs.flatMap((need) => needCalls(model, target, subject, need, name));
  if (verb !== 'list' && verb !== 'read') return calls;
  // A version of a quarantine counts only with the version of the output that it was written with.
  const outputs = Object.values(model.pipelines).filter(({ quarantine }) => quarantine === subject);
  const companion = [...get('versions/'), ...OPEN_RECORDS];
  return [
    ...calls,
    ...outputs.flatMap(({ output }) => companion.flatMap((need) => needCalls(model, target, output, need, undefined))),
  ];
}

/** Whether a dataset has the verb: by its kind, and whether it has a drop box. */
export function hasVerb(dataset: DatasetModel, verb: DatasetVerb): boolean {
  return needsOf(dataset, verb).length > 0;
}

function needsOf(dataset: DatasetModel, verb: DatasetVerb): Need[] {
  const needs = (dataset.kind === 'raw' ? RAW : DERIVED)[verb] ?? [];
  return dataset.dropBoxKey === undefined ? needs : [...needs, ...(DROP_BOX[verb] ?? [])];
}

function needCalls(model: AccessModel, target: Target, subject: string, need: Need, name: string | undefined): Call[] {
  const dataset = find(model.datasets, 'dataset', subject);
  if ('kms' in need) {
    const { kms } = need;
    if (need.of === 'drop-box') {
      return dataset.dropBoxKey === undefined ? [] : [keyCall(kms, keyAddress(model, target, dataset.dropBoxKey))];
    }
    const context: Record<string, string> = { workspace: model.workspace, dataset: subject };
    if (need.purpose === 'record-key') context.purpose = 'record-key';
    if (need.purpose === 'upload') context.upload = '*';
    const keys = need.of === 'dataset' ? [dataset.key] : dataset.recovery;
    return keys.map((key) => keyCall(kms, keyAddress(model, target, key), gloveboxContext(context)));
  }
  const bucket = storeBucket(model, target, dataset.store);
  const place = 'list' in need ? need.list : need.place;
  const named = name !== undefined && (place === 'names/' || place === 'versions/') ? name : '*';
  const path = `${bucket.prefix}${subject}/${place}${place.endsWith('/') ? named : ''}`;
  if ('list' in need) return [call('s3:ListBucket', bucket.arn, { 's3:prefix': path })];
  return objectCalls(model, target, need.s3, bucket, path, need.how === undefined ? {} : PUT[need.how]);
}

/** Amazon S3 User Guide, "Enforce conditional writes on Amazon S3 buckets": its header, or a call that takes none. */
const PUT: Record<Put, Call['context']> = {
  new: { 's3:if-none-match': '*' },
  part: { 's3:ObjectCreationOperation': 'false' },
};

function pipelineCalls(model: AccessModel, target: Target, verb: 'run' | 'edit', subject: string): Call[] {
  const { secrets } = find(model.pipelines, 'pipeline', subject);
  const bucket = pipelinesBucket(model, target);
  const file = (action: 'GetObject' | 'PutObject' | 'DeleteObject') =>
    objectCalls(model, target, action, bucket, `${subject}.yaml`);
  if (verb === 'edit') return [...file('GetObject'), ...file('PutObject'), ...file('DeleteObject')];
  const key = keyAddress(model, target, SECRETS_KEY);
  return [
    ...file('GetObject'),
    ...secrets.flatMap((secret) => {
      const context = gloveboxContext({ workspace: model.workspace, secret: `${secret}/1` });
      // Made by whoever needs it first.
      return [keyCall('Decrypt', key, context), keyCall('GenerateDataKey', key, context)];
    }),
  ];
}

function manageCalls(model: AccessModel, target: Target, subject: string): Call[] {
  const key = keyAddress(model, target, subject);
  const use = keyUse(model, target, subject);
  const byUse = use === 'seal' ? [ROTATE] : target.kind === 'aws' ? [PUBLIC] : [PUBLIC, ROTATE];
  const calls = [...MANAGE, ...byUse].map((action) => keyCall(action, key));
  // One whose ARN the workspace knows is there already.
  if (key.alias === undefined) return calls;
  // A key that was just made has no alias yet, so that none can be asked for.
  const anyKey = key.arn.replace(/:key\/.*$/, ':key/*');
  const creation = [call('kms:CreateKey', '*'), call('kms:CreateAlias', key.aliasArn), call('kms:CreateAlias', anyKey)];
  return [...calls, ...creation];
}

/**
 * An action on an object; in AWS with what S3 asks of KMS for it, on the caller's behalf. Uploads in parts need
 * `kms:Decrypt` as well (Amazon S3 User Guide, "Multipart upload API and permissions"): whoever may begin one may also
 * read the record key from the same bucket.
 */
export function objectCalls(
  model: AccessModel,
  target: Target,
  action: string,
  bucket: Bucket,
  path: string,
  context: Call['context'] = {},
): Call[] {
  const calls = [call(`s3:${action}`, `${bucket.arn}/${path}`, context)];
  if (target.kind !== 'aws') return calls;
  const key = bucket.arn === auditBucket(model, target).arn ? AUDIT_KEY : STORAGE_KEY;
  const used = action === 'GetObject' ? 'Decrypt' : action === 'PutObject' ? 'GenerateDataKey' : undefined;
  return used === undefined ? calls : [...calls, storageCall(model, target, used, key, bucket.arn)];
}

/** A use of a key by S3 for the objects of a bucket. @throws AccessError `REQUEST` */
export function storageCall(model: AccessModel, target: Target, action: string, key: string, bucket: string): Call {
  const { partition, region } = localityOf(target);
  return keyCall(action, keyAddress(model, target, key), {
    'kms:EncryptionContext:aws:s3:arn': bucket,
    'kms:ViaService': `s3.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`,
  });
}

function keyCall(action: string, { arn, alias }: KeyAddress, context: Call['context'] = {}): Call {
  return call(`kms:${action}`, arn, alias === undefined ? context : { ...context, 'kms:ResourceAliases': [alias] });
}

/** One call over TLS. */
export function call(action: string, resource: string, context: Call['context'] = {}): Call {
  return { action, resource, context: { ...context, 'aws:SecureTransport': 'true' } };
}

function gloveboxContext(pairs: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(pairs).map(([key, value]) => [`kms:EncryptionContext:glovebox:${key}`, value]),
  );
}

function unique(calls: Call[]): Call[] {
  return [...new Map(calls.map((each) => [JSON.stringify(each), each])).values()];
}

function noVerb(verb: Verb, kind: string, subject: string): AccessError {
  const known = ALL_VERBS.includes(verb);
  const message = known ? `the ${kind} ${subject} has no ${verb}` : `there is no verb ${JSON.stringify(verb)}`;
  return new AccessError('REQUEST', message, { hint: `the verbs are ${ALL_VERBS.join(', ')}` });
}
