// What the documents for the workspace of access-model.ts must allow, written by hand: as calls, where a call stands
// for all that it covers (`isCovered`).
import { type Call, call } from '../../src/access/calls.ts';
import type { Target } from '../../src/access/target.ts';
import { KEY_ID } from './access-model.ts';

/** The account and region that the targets of the tests name. */
const AWS = 'arn:aws:kms:eu-west-1:123456789012';
const LOCAL = 'arn:aws:kms:local:000000000000';

const OF_WORKSPACE = { 'kms:EncryptionContext:glovebox:workspace': 'claims' };

function keys(target: Target): Record<string, { arn: string; aliasArn: string; alias?: string }> {
  const home = target.kind === 'aws' ? AWS : LOCAL;
  const byAlias = (alias: string) => ({ arn: `${home}:key/*`, aliasArn: `${home}:${alias}`, alias });
  const local = {
    raw: byAlias('alias/claims-raw'),
    features: byAlias('alias/claims-features'),
    backup: byAlias('alias/claims-backup'),
    inbox: byAlias('alias/claims-inbox'),
    spare: byAlias('alias/claims-spare'),
    'glovebox-secrets': byAlias('alias/claims-glovebox-secrets'),
  };
  if (target.kind === 'workspace') return local;
  return {
    ...local,
    features: { arn: `${AWS}:key/${KEY_ID}`, aliasArn: '' },
    backup: byAlias('alias/offsite/backup'),
    inbox: { arn: 'arn:aws:kms:eu-central-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef', aliasArn: '' },
    storage: byAlias('alias/claims-storage'),
    audit: byAlias('alias/claims-audit'),
  };
}

function use(target: Target, key: string, actions: string[], context: Record<string, string> = {}): Call[] {
  const { arn = '', alias } = keys(target)[key] ?? {};
  const named = alias === undefined ? context : { ...context, 'kms:ResourceAliases': [alias] };
  return actions.map((action) => call(`kms:${action}`, arn, named));
}

/** What S3 asks of a key for a bucket. */
export function byS3(target: Target, actions: string[], key: string, bucket: string): Call[] {
  if (target.kind === 'workspace') return [];
  const context = {
    'kms:EncryptionContext:aws:s3:arn': `arn:aws:s3:::${bucket}`,
    'kms:ViaService': 's3.eu-west-1.amazonaws.com',
  };
  return use(target, key, actions, context);
}

const MANAGE = ['CancelKeyDeletion', 'DescribeKey', 'DisableKey', 'EnableKey', 'ScheduleKeyDeletion'];

/** The permissions boundary. */
export function withinBoundary(target: Target): Call[] {
  const isAws = target.kind === 'aws';
  const objects = (place: string, ...actions: string[]) =>
    actions.map((action) => call(`s3:${action}`, `arn:aws:s3:::${place}*`));
  const all = ['GetObject', 'PutObject', 'DeleteObject'];
  const box = isAws ? 'acme-claims' : 'claims-box';
  const ownKeys = isAws ? ['glovebox-secrets', 'storage', 'audit'] : ['glovebox-secrets'];
  const aliases = Object.values(keys(target)).flatMap(({ alias, aliasArn }) => (alias === undefined ? [] : [aliasArn]));
  return [
    ...objects(isAws ? 'acme-claims/box/' : 'claims-box/', ...all, 'AbortMultipartUpload'),
    ...objects('claims-lake/', ...all, 'AbortMultipartUpload'),
    ...objects('claims-pipelines/', ...all),
    ...objects('claims-audit/', 'GetObject'),
    call('s3:ListBucket', `arn:aws:s3:::${box}`, isAws ? { 's3:prefix': 'box/*' } : {}),
    call('s3:ListBucket', 'arn:aws:s3:::claims-lake'),
    call('s3:ListBucket', 'arn:aws:s3:::claims-audit'),
    ...['raw', 'features', 'glovebox-secrets'].flatMap((key) =>
      use(target, key, ['Decrypt', 'GenerateDataKey'], OF_WORKSPACE),
    ),
    ...['backup', 'features'].flatMap((key) => use(target, key, ['Encrypt'], OF_WORKSPACE)),
    ...['inbox', 'spare'].flatMap((key) =>
      use(target, key, ['Decrypt', 'GetPublicKey', ...MANAGE, ...(isAws ? [] : ['RotateKeyOnDemand'])]),
    ),
    ...[box, 'claims-lake', 'claims-pipelines'].flatMap((bucket) =>
      byS3(target, ['Decrypt', 'GenerateDataKey'], 'storage', bucket),
    ),
    ...byS3(target, ['Decrypt'], 'audit', 'claims-audit'),
    ...['raw', 'features', 'backup', ...ownKeys].flatMap((key) => use(target, key, [...MANAGE, 'RotateKeyOnDemand'])),
    ...[...aliases, `${isAws ? AWS : LOCAL}:key/*`].map((resource) => call('kms:CreateAlias', resource)),
    call('kms:CreateKey', '*'),
  ];
}

/** What administrators may do to a key. */
export function administrationOf(target: Target, key: string): string[] {
  const actions = [
    ...['CancelKeyDeletion', 'ScheduleKeyDeletion', 'EnableKey', 'DisableKey', 'DescribeKey', 'UpdateKeyDescription'],
    ...['CreateAlias', 'UpdateAlias', 'DeleteAlias', 'TagResource', 'UntagResource', 'ListResourceTags'],
    ...['GetKeyPolicy', 'PutKeyPolicy', 'ListKeyPolicies', 'ListGrants', 'RevokeGrant'],
    ...['GetKeyRotationStatus', 'ListKeyRotations'],
    ...(['inbox', 'spare'].includes(key)
      ? ['GetPublicKey', ...(target.kind === 'aws' ? [] : ['RotateKeyOnDemand'])]
      : ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand']),
  ];
  return actions.map((action) => `kms:${action}`);
}

/** What a key's policy leaves to a role whose policy somebody wrote: any use in this workspace. */
export function leftToWritten(target: Target, key: string): Call[] {
  const any = (...actions: string[]) => actions.map((action) => call(`kms:${action}`, 'key', OF_WORKSPACE));
  if (['inbox', 'spare'].includes(key)) return [call('kms:Decrypt', 'key')];
  if (key === 'glovebox-secrets') return any('Decrypt', 'GenerateDataKey');
  if (key === 'audit') return byS3(target, ['Decrypt'], key, 'claims-audit');
  if (key !== 'storage') return any('Decrypt', 'Encrypt', 'GenerateDataKey');
  return ['acme-claims', 'claims-lake', 'claims-pipelines'].flatMap((bucket) =>
    byS3(target, ['Decrypt', 'GenerateDataKey'], key, bucket),
  );
}
