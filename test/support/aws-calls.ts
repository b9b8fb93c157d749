// Calls as src/access names them, made with the AWS SDK: one way for each action.
import { PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetPublicKeyCommand,
  PutKeyPolicyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import type { Call } from '../../src/access/calls.ts';
import type { Clients } from './aws-clients.ts';

/** What the calls work on. */
export interface Account {
  /** May do everything. */
  administrator: Clients;
  /** Ids of its keys, by ARN and by alias. */
  keys: ReadonlyMap<string, string>;
  /** What was encrypted so that it can be decrypted, by key and context. */
  ciphertexts: Map<string, Uint8Array | undefined>;
}

type Step = (clients: Clients, call: Call, account: Account) => Promise<unknown>;

interface Way {
  call: Step;
  /** As the administrator, before, where the call would otherwise fail for another reason than permission. */
  before?: Step;
  /** As the administrator, after `before` or a call that was allowed: all is as it was. */
  after?: Step;
}

const EVERYTHING = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
});
const FOR_EVERYBODY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::*' }],
});

const putCommand = (call: Call) => new PutObjectCommand({ ...objectOf(call), Body: 'sealed' });
const putObject: Step = ({ s3 }, call) => s3.send(putCommand(call));
const deleteObject: Step = ({ s3 }, call) => s3.send(new DeleteObjectCommand(objectOf(call)));
const enableKey: Step = ({ kms }, call, account) => kms.send(new EnableKeyCommand(keyOf(call, account)));
const disableKey: Step = ({ kms }, call, account) => kms.send(new DisableKeyCommand(keyOf(call, account)));
const schedule: Step = ({ kms }, call, account) =>
  kms.send(new ScheduleKeyDeletionCommand({ ...keyOf(call, account), PendingWindowInDays: 7 }));
const cancel: Step = ({ kms }, call, account) => kms.send(new CancelKeyDeletionCommand(keyOf(call, account)));
const restoreKey: Step = async (clients, call, account) => {
  await cancel(clients, call, account);
  await enableKey(clients, call, account);
};
const createAlias: Step = ({ kms }, call, account) => {
  const alias = call.resource.replace(/^.*:alias\//, 'alias/');
  return kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: account.keys.get(alias) }));
};
const deleteAlias: Step = ({ kms }, { resource }) =>
  kms.send(new DeleteAliasCommand({ AliasName: resource.replace(/^.*:alias\//, 'alias/') }));

/** By action; what no verb of Glovebox means is here too, to see that nobody may. */
const ways: Record<string, Way> = {
  's3:GetObject': { call: ({ s3 }, call) => s3.send(new GetObjectCommand(objectOf(call))) },
  's3:PutObject': { call: putAsAsked, before: makeRoom, after: putObject },
  's3:DeleteObject': { call: deleteObject, after: putObject },
  's3:ListBucket': {
    call: ({ s3 }, { resource, context }) =>
      s3.send(new ListObjectsV2Command({ Bucket: bucketOf(resource), Prefix: String(context['s3:prefix'] ?? '') })),
  },
  's3:AbortMultipartUpload': {
    call: async ({ s3 }, call, { administrator }) => {
      const { UploadId } = await administrator.s3.send(new CreateMultipartUploadCommand(objectOf(call)));
      return s3.send(new AbortMultipartUploadCommand({ ...objectOf(call), UploadId }));
    },
  },
  's3:PutObjectAcl': {
    call: ({ s3 }, call) => s3.send(new PutObjectAclCommand({ ...objectOf(call), ACL: 'public-read' })),
  },
  's3:PutBucketPolicy': {
    call: ({ s3 }, { resource }) =>
      s3.send(new PutBucketPolicyCommand({ Bucket: bucketOf(resource), Policy: FOR_EVERYBODY })),
  },
  's3:DeleteBucket': {
    call: ({ s3 }, { resource }) => s3.send(new DeleteBucketCommand({ Bucket: bucketOf(resource) })),
  },
  'kms:Decrypt': {
    call: async ({ kms }, call, account) => {
      const use = { ...keyOf(call, account), ...contextOf(call) };
      return kms.send(new DecryptCommand({ ...use, CiphertextBlob: await ciphertextFor(use, account) }));
    },
  },
  'kms:Encrypt': {
    call: ({ kms }, call, account) =>
      kms.send(
        new EncryptCommand({ ...keyOf(call, account), ...contextOf(call), Plaintext: Buffer.from('a data key') }),
      ),
  },
  'kms:GenerateDataKey': {
    call: ({ kms }, call, account) =>
      kms.send(new GenerateDataKeyCommand({ ...keyOf(call, account), ...contextOf(call), KeySpec: 'AES_256' })),
  },
  'kms:GetPublicKey': { call: ({ kms }, call, account) => kms.send(new GetPublicKeyCommand(keyOf(call, account))) },
  'kms:DescribeKey': { call: ({ kms }, call, account) => kms.send(new DescribeKeyCommand(keyOf(call, account))) },
  'kms:EnableKey': { call: enableKey },
  'kms:DisableKey': { call: disableKey, after: enableKey },
  'kms:RotateKeyOnDemand': {
    call: ({ kms }, call, account) => kms.send(new RotateKeyOnDemandCommand(keyOf(call, account))),
  },
  'kms:ScheduleKeyDeletion': { call: schedule, after: restoreKey },
  'kms:CancelKeyDeletion': { call: cancel, before: schedule, after: restoreKey },
  'kms:CreateKey': { call: ({ kms }) => kms.send(new CreateKeyCommand({})) },
  'kms:CreateAlias': {
    call: createAlias,
    before: deleteAlias,
    after: async (clients, call, account) => {
      await deleteAlias(clients, call, account).catch(() => undefined);
      await createAlias(clients, call, account);
    },
  },
  'kms:PutKeyPolicy': {
    call: ({ kms }, call, account) =>
      kms.send(new PutKeyPolicyCommand({ ...keyOf(call, account), Policy: EVERYTHING, PolicyName: 'default' })),
  },
  'kms:CreateGrant': {
    call: ({ kms }, call, account) =>
      kms.send(
        new CreateGrantCommand({
          ...keyOf(call, account),
          GranteePrincipal: 'arn:aws:iam::123456789012:root',
          Operations: ['Decrypt'],
        }),
      ),
  },
  'iam:PutRolePolicy': {
    call: ({ iam }, { resource }) =>
      iam.send(
        new PutRolePolicyCommand({
          RoleName: resource.replace(/^.*:role\//, ''),
          PolicyName: 'more',
          PolicyDocument: EVERYTHING,
        }),
      ),
  },
  'sts:AssumeRole': {
    call: ({ sts }, { resource }) =>
      sts.send(new AssumeRoleCommand({ RoleArn: resource, RoleSessionName: 'someone-else' })),
  },
};

async function ciphertextFor(use: { KeyId: string }, account: Account): Promise<Uint8Array | undefined> {
  const name = JSON.stringify(use);
  const found = account.ciphertexts.get(name);
  if (found !== undefined) return found;
  const command = new EncryptCommand({ ...use, Plaintext: Buffer.from('a data key') });
  const { CiphertextBlob } = await account.administrator.kms.send(command);
  account.ciphertexts.set(name, CiphertextBlob);
  return CiphertextBlob;
}

/** For a call that may only put what is not there. */
async function makeRoom(clients: Clients, call: Call, account: Account): Promise<void> {
  if (call.context['s3:if-none-match'] !== undefined) await deleteObject(clients, call, account);
}

/** Whole, whole where there is none yet, or in parts, as the conditions tell apart; of the parts, the beginning. */
async function putAsAsked({ s3 }: Clients, call: Call, { administrator }: Account): Promise<void> {
  const object = objectOf(call);
  if (call.context['s3:ObjectCreationOperation'] === 'false') {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(object));
    await administrator.s3.send(new AbortMultipartUploadCommand({ ...object, UploadId }));
    return;
  }
  const condition = call.context['s3:if-none-match'] === undefined ? {} : { IfNoneMatch: '*' };
  await s3.send(new PutObjectCommand({ ...object, Body: 'sealed', ...condition }));
}

/** Puts the object there that the call is about, so that it can be read and listed. */
export async function prepareFor(call: Call, { administrator }: Account): Promise<void> {
  if (/^s3:(Get|Delete)Object$/.test(call.action)) await administrator.s3.send(putCommand(call));
}

/**
 * Makes the call as `caller`, with real objects, keys and ciphertexts.
 *
 * @returns `allowed`, `denied`, or what else went wrong.
 */
export async function tryCall(caller: Clients, call: Call, account: Account): Promise<string> {
  const way = ways[call.action];
  if (way === undefined) throw new Error(`nobody said how to call ${call.action}`);
  const { administrator } = account;
  await way.before?.(administrator, call, account);
  const end = await way.call(caller, call, account).then(
    () => 'allowed',
    ({ name, message }: Error) => (name === 'AccessDenied' ? 'denied' : `${name}: ${message}`),
  );
  if (way.before !== undefined || end === 'allowed') await way.after?.(administrator, call, account);
  return end;
}

function bucketOf(resource: string): string {
  return resource.replace(/^arn:aws:s3:::/, '');
}

function objectOf({ resource }: Call): { Bucket: string; Key: string } {
  const [, Bucket = '', Key = ''] = /^arn:aws:s3:::([^/]+)\/(.+)$/.exec(resource) ?? [];
  return { Bucket, Key };
}

/** A key that the call knows by its alias only is looked up, as whoever uses it must. */
function keyOf({ resource, context }: Call, { keys }: Account): { KeyId: string } {
  const alias = context['kms:ResourceAliases']?.[0];
  const KeyId = keys.get(alias ?? resource);
  if (KeyId === undefined) throw new Error(`the account has no key ${alias ?? resource}`);
  return { KeyId };
}

/** Drop-box keys have none, and are told by that: they are RSA keys. */
function contextOf({ context }: Call) {
  const pairs = Object.entries(context).flatMap(([key, value]) => {
    const [, name] = /^kms:EncryptionContext:(.+)$/.exec(key) ?? [];
    return name === undefined ? [] : [[name, String(value)]];
  });
  if (pairs.length === 0) return { EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const };
  return { EncryptionContext: Object.fromEntries(pairs) as Record<string, string> };
}
