// What the verbs mean, where a mistake would be silent; names of things in a target.
import { describe, expect, test } from 'vitest';
import { KEY_ID, richModel as model } from '../../test/support/access-model.ts';
import { type Call, callsOf } from './calls.ts';
import { AccessError } from './error.ts';
import type { AccessModel, Grant, Verb } from './model.ts';
import { readGrant } from './model.ts';
import { keyAddress, LOCAL_RUNNER, roleArn, sessionArn, sessionName, sessionPrefix, storeBucket } from './names.ts';
import { permissionOf, statementsOf } from './permission.ts';
import { rolePolicy } from './role-policy.ts';
import { allGrants, verbsOf } from './subjects.ts';
import { parseTarget } from './target.ts';

const local = parseTarget('workspace');
const aws = parseTarget('aws:123456789012:eu-west-1');

const brief = (calls: Call[]) => calls.map(({ action, resource }) => `${action} ${resource}`);
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    return error instanceof AccessError ? error.code : String(error);
  }
  return undefined;
};

describe('calls', () => {
  test('a name goes into the ARN of its record, and of nothing else', () => {
    const calls = callsOf(model, local, 'write', 'claims-plain', '2025/a b*.csv');
    const named = calls.filter(({ resource }) => resource.includes('2025'));
    expect(brief(named)).toEqual(['s3:PutObject arn:aws:s3:::claims-box/claims-plain/names/2025/a b*.csv']);
    const whole = brief(callsOf(model, local, 'write', 'claims-plain'));
    expect(whole).toContain('s3:PutObject arn:aws:s3:::claims-box/claims-plain/names/*');
  });

  test('a listing of one name asks for its prefix', () => {
    const [listing] = callsOf(model, aws, 'list', 'claims-raw', 'a.csv');
    expect(listing).toEqual({
      action: 's3:ListBucket',
      resource: 'arn:aws:s3:::acme-claims',
      context: { 's3:prefix': 'box/claims-raw/names/a.csv', 'aws:SecureTransport': 'true' },
    });
  });

  test('a writer opens records alone; unfinished uploads are opened by whoever takes them in; neither opens objects', () => {
    const contextsOf = (verb: 'write' | 'ingest') =>
      callsOf(model, local, verb, 'claims-raw')
        .filter(({ action }) => action === 'kms:Decrypt')
        .map(({ context }) => Object.entries(context).filter(([key]) => /glovebox:(purpose|upload)/.test(key)));
    const records = [['kms:EncryptionContext:glovebox:purpose', 'record-key']];
    expect(contextsOf('write')).toEqual([records]);
    expect(contextsOf('ingest')).toEqual([records, [['kms:EncryptionContext:glovebox:upload', '*']]]);
    const gets = callsOf(model, local, 'write', 'claims-raw').filter(({ action }) => action === 's3:GetObject');
    expect(brief(gets).filter((text) => /objects|names/.test(text))).toEqual([]);
  });

  test('nothing that is written once can be written over', () => {
    for (const { subject, verb } of allGrants(model, aws)) {
      const puts = callsOf(model, aws, verb, subject).filter(
        ({ action, resource }) => action === 's3:PutObject' && /\/(objects|versions)\/|\/record-key$/.test(resource),
      );
      for (const { context } of puts) {
        expect(context['s3:if-none-match'] ?? context['s3:ObjectCreationOperation']).toMatch(/^(\*|false)$/);
      }
    }
  });

  test('whoever manages a key cannot use it', () => {
    for (const key of Object.keys(model.keys)) {
      const actions = callsOf(model, aws, 'manage', key).map(({ action }) => action);
      for (const use of ['Decrypt', 'Encrypt', 'GenerateDataKey', 'CreateGrant', 'PutKeyPolicy']) {
        expect(actions).not.toContain(`kms:${use}`);
      }
    }
  });

  test('a version of a quarantine is read with the records of the output, and not with its data', () => {
    const output = brief(callsOf(model, local, 'read', 'claims-quarantine')).filter((text) =>
      text.includes('claims-features/'),
    );
    expect(output).toEqual([
      's3:GetObject arn:aws:s3:::claims-lake/claims-features/versions/*',
      's3:GetObject arn:aws:s3:::claims-lake/claims-features/keys/record-key',
    ]);
  });

  test('S3 has keys of its own in AWS, and none in a workspace', () => {
    const byS3 = (calls: Call[]) => calls.filter(({ context }) => context['kms:ViaService'] !== undefined);
    expect(byS3(callsOf(model, local, 'read', 'claims-raw'))).toEqual([]);
    expect(byS3(callsOf(model, aws, 'audit', 'read'))).toEqual([
      {
        action: 'kms:Decrypt',
        resource: 'arn:aws:kms:eu-west-1:123456789012:key/claims-audit',
        context: {
          'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::claims-audit',
          'kms:ViaService': 's3.eu-west-1.amazonaws.com',
          'kms:ResourceAliases': ['alias/claims-audit'],
          'aws:SecureTransport': 'true',
        },
      },
    ]);
  });

  test('what there is not is refused', () => {
    const refused: [Verb, string][] = [
      ['read', 'nothing'],
      ['read', '__proto__'],
      ['read', 'constructor'],
      ['rename', 'claims-features'],
      ['approve', 'claims-plain'],
      ['run', 'nothing'],
      ['manage', 'storage-2'],
      ['audit', 'write'],
    ];
    for (const [verb, subject] of refused)
      expect([verb, codeOf(() => callsOf(model, aws, verb, subject))]).toEqual([verb, 'REQUEST']);
    expect(codeOf(() => rolePolicy(model, aws, 'toString'))).toBe('REQUEST');
    const grants: Grant[] = [{}, { read: 'a', write: 'b' }, JSON.parse('{"own":"a"}')];
    for (const grant of grants) expect(codeOf(() => readGrant(grant))).toBe('REQUEST');
  });

  test('a subject has the verbs of its kind', () => {
    expect(verbsOf(model, 'dataset', 'claims-raw')).toEqual([
      'list',
      'read',
      'write',
      'delete',
      'rename',
      'approve',
      'ingest',
    ]);
    expect(verbsOf(model, 'dataset', 'claims-plain')).toEqual(['list', 'read', 'write', 'delete', 'rename', 'ingest']);
    expect(verbsOf(model, 'dataset', 'claims-features')).toEqual(['list', 'read', 'write', 'delete']);
  });
});

describe('statements', () => {
  test('permissions are joined where that allows nothing new, and what another covers is left out', () => {
    const call = (action: string, resource: string, context = {}): Call => ({ action, resource, context });
    const statements = statementsOf(
      [
        call('s3:GetObject', 'arn:aws:s3:::b/x/*'),
        call('s3:GetObject', 'arn:aws:s3:::b/x/a'),
        call('s3:PutObject', 'arn:aws:s3:::b/x/*'),
        call('s3:GetObject', 'arn:aws:s3:::b/y/*'),
        call('kms:Decrypt', 'arn:k', { 'kms:EncryptionContext:a': '1' }),
        call('kms:Decrypt', 'arn:k', { 'kms:EncryptionContext:a': '1', 'kms:EncryptionContext:b': '2' }),
        call('kms:Decrypt', 'arn:k', { 'kms:EncryptionContext:a': '3' }),
      ].map(permissionOf),
    );
    expect(statements).toEqual([
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: 'arn:k',
        Condition: { StringEquals: { 'kms:EncryptionContext:a': ['1', '3'] } },
      },
      { Effect: 'Allow', Action: 's3:GetObject', Resource: ['arn:aws:s3:::b/x/*', 'arn:aws:s3:::b/y/*'] },
      { Effect: 'Allow', Action: 's3:PutObject', Resource: 'arn:aws:s3:::b/x/*' },
    ]);
  });

  test('what is a wildcard or a variable in a policy stands for itself', () => {
    const variable = ['$', '{aws:x}'].join('');
    const prefix = `a*?${variable}/`;
    const odd: AccessModel = { ...model, stores: { ...model.stores, box: { bucket: 'acme', prefix } } };
    const special = (character: string) => ['$', `{${character}}`].join('');
    const expected = `a${special('*')}${special('?')}${special('$')}{aws:x}/claims-plain/names/*`;
    const [listing] = callsOf(odd, aws, 'list', 'claims-plain');
    expect(listing === undefined ? undefined : permissionOf(listing)).toEqual({
      Action: ['s3:ListBucket'],
      Resource: ['arn:aws:s3:::acme'],
      'StringLike s3:prefix': [expected],
    });
  });
});

describe('names', () => {
  test('session names fit AWS, begin with the user, and are no two users alike', () => {
    const users = [
      'a',
      'ann',
      'ann-marie',
      'x'.repeat(39),
      'x'.repeat(40),
      `${'x'.repeat(62)}a`,
      `${'x'.repeat(62)}b`,
      LOCAL_RUNNER,
    ];
    const prefixes = users.map(sessionPrefix);
    for (const [index, user] of users.entries()) {
      const name = sessionName(user, 'sftp/é 1:'.repeat(9));
      expect(name).toMatch(/^[\w+=,.@-]{2,64}$/);
      expect(name.length).toBeLessThanOrEqual(64);
      const fitting = prefixes.filter((prefix) => name.startsWith(prefix));
      expect(fitting).toEqual([prefixes[index]]);
    }
    expect(sessionName('ann', 'run-1')).toBe('ann@run-1');
  });

  test('ARNs of a workspace and of AWS', () => {
    expect(roleArn(model, local, 'trainer')).toBe('arn:aws:iam::000000000000:role/trainer');
    expect(roleArn(model, aws, 'trainer')).toBe('arn:aws:iam::123456789012:role/claims-trainer');
    expect(sessionArn(model, aws, 'trainer', 'ann@1')).toBe(
      'arn:aws:sts::123456789012:assumed-role/claims-trainer/ann@1',
    );
    expect(storeBucket(model, local, 'box')).toEqual({ arn: 'arn:aws:s3:::claims-box', prefix: '' });
    expect(storeBucket(model, aws, 'box')).toEqual({ arn: 'arn:aws:s3:::acme-claims', prefix: 'box/' });
  });

  test('a key goes by ARN, id, alias, or an alias of its own', () => {
    const home = 'arn:aws:kms:eu-west-1:123456789012';
    expect(keyAddress(model, aws, 'features')).toEqual({
      arn: `${home}:key/${KEY_ID}`,
      aliasArn: `${home}:alias/claims-features`,
    });
    expect(keyAddress(model, aws, 'inbox').arn).toBe(
      'arn:aws:kms:eu-central-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef',
    );
    expect(keyAddress(model, aws, 'backup').alias).toBe('alias/offsite/backup');
    const byArn = {
      ...model,
      keys: { k: { use: 'seal' as const, keyId: 'arn:aws:kms:us-east-1:111122223333:alias/k' } },
    };
    expect(keyAddress(byArn, aws, 'k')).toEqual({
      arn: 'arn:aws:kms:us-east-1:111122223333:key/k',
      alias: 'alias/k',
      aliasArn: 'arn:aws:kms:us-east-1:111122223333:alias/k',
    });
    const elsewhere = { ...model, keys: { k: { use: 'seal' as const, keyId: KEY_ID, region: 'us-east-2' } } };
    expect(keyAddress(elsewhere, aws, 'k').arn).toBe(`arn:aws:kms:us-east-2:123456789012:key/${KEY_ID}`);
    expect(keyAddress(model, local, 'features').alias).toBe('alias/claims-features');
  });

  test('names that are taken, or too long for AWS, are refused', () => {
    const long = 'x'.repeat(60);
    const roles = (name: string): AccessModel => ({ ...model, roles: { [name]: { allow: [] } } });
    expect(codeOf(() => roleArn(roles('instance'), aws, 'instance'))).toBe('REQUEST');
    expect(codeOf(() => roleArn(roles('instance'), local, 'instance'))).toBe(undefined);
    expect(codeOf(() => roleArn(roles('claims-instance'), local, 'claims-instance'))).toBe('REQUEST');
    expect(codeOf(() => roleArn(roles(long), aws, long))).toBe('REQUEST');
    const stores = (name: string, bucket?: string): AccessModel => ({
      ...model,
      stores: { [name]: bucket === undefined ? {} : { bucket } },
    });
    expect(codeOf(() => storeBucket(stores('audit'), local, 'audit'))).toBe('REQUEST');
    expect(codeOf(() => storeBucket(stores('audit', 'acme'), aws, 'audit'))).toBe(undefined);
    expect(codeOf(() => storeBucket(stores('box', 'claims-pipelines'), aws, 'box'))).toBe('REQUEST');
    expect(codeOf(() => storeBucket(stores(long), aws, long))).toBe('REQUEST');
    const keys = {
      ...model,
      keys: { storage: { use: 'seal' as const }, 'glovebox-secrets': { use: 'seal' as const } },
    };
    expect(codeOf(() => keyAddress(keys, aws, 'storage'))).toBe('REQUEST');
    expect(codeOf(() => keyAddress(keys, local, 'storage'))).toBe(undefined);
    expect(keyAddress(keys, aws, 'glovebox-secrets').alias).toBe('alias/claims-glovebox-secrets');
  });

  test('targets', () => {
    expect(parseTarget('aws-cn:123456789012:cn-north-1')).toEqual({
      kind: 'aws',
      partition: 'aws-cn',
      account: '123456789012',
      region: 'cn-north-1',
    });
    expect(parseTarget('aws-us-gov:123456789012:us-gov-west-1').kind).toBe('aws');
    const refused = [
      '',
      'aws',
      'aws:1:eu-west-1',
      'aws:123456789012',
      'aws:123456789012:cn-north-1',
      'AWS:123456789012:eu-west-1',
    ];
    for (const text of [...refused, 'aws-cn:123456789012:eu-west-1', 'aws:123456789012:eu-west-1:x', 'workspace ']) {
      expect([text, codeOf(() => parseTarget(text))]).toEqual([text, 'REQUEST']);
    }
  });
});
