// An AWS account of an emulator with what Glovebox's policies are about: buckets, keys, roles, an administrator.
import {
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import type { PolicyDocument } from '../../src/access/types.ts';
import { type Clients, makeClients } from './aws-clients.ts';

/** A user that may do everything, once the emulator asks. */
export async function makeAdministrator(clients: Clients, endpoint: string, region: string): Promise<Clients> {
  const UserName = 'administrator';
  await clients.iam.send(new CreateUserCommand({ UserName }));
  await clients.iam.send(
    new PutUserPolicyCommand({
      UserName,
      PolicyName: 'everything',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
      }),
    }),
  );
  const { AccessKey } = await clients.iam.send(new CreateAccessKeyCommand({ UserName }));
  return makeClients(endpoint, region, AccessKey);
}

/** A key, with an alias if one is given. */
export async function makeKey(
  { kms }: Clients,
  use: 'seal' | 'drop-box',
  alias?: string,
): Promise<{ id: string; arn: string }> {
  const { KeyMetadata } = await kms.send(
    new CreateKeyCommand({ KeySpec: use === 'seal' ? 'SYMMETRIC_DEFAULT' : 'RSA_2048' }),
  );
  const { KeyId: id = '', Arn: arn = '' } = KeyMetadata ?? {};
  if (alias !== undefined) await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: id }));
  return { id, arn };
}

export async function makeBucket({ s3 }: Clients, bucket: string): Promise<void> {
  const place = { LocationConstraint: 'eu-west-1' as const };
  await s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: place }));
}

/** A managed policy; IAM refuses a document that is not one. @returns its ARN */
export async function makePolicy({ iam }: Clients, name: string, document: PolicyDocument): Promise<string> {
  const { Policy } = await iam.send(
    new CreatePolicyCommand({ PolicyName: name, PolicyDocument: JSON.stringify(document) }),
  );
  return Policy?.Arn ?? '';
}

/** A role without policies, within a boundary. IAM refuses what is no trust policy. */
export async function makeRole(
  { iam }: Clients,
  arn: string,
  trust: PolicyDocument,
  boundary: string | undefined,
): Promise<void> {
  await iam.send(
    new CreateRoleCommand({
      RoleName: nameOf(arn),
      AssumeRolePolicyDocument: JSON.stringify(trust),
      PermissionsBoundary: boundary,
    }),
  );
}

/** Gives the role this policy, instead of what it had. */
export async function putRolePolicy({ iam }: Clients, arn: string, document: PolicyDocument): Promise<void> {
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: nameOf(arn),
      PolicyName: 'generated',
      PolicyDocument: JSON.stringify(document),
    }),
  );
}

/** A session of the role. */
export async function assumeRole(
  { sts }: Clients,
  arn: string,
  session: string,
  endpoint: string,
  region: string,
): Promise<Clients> {
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: session }));
  return makeClients(endpoint, region, Credentials);
}

function nameOf(arn: string): string {
  return arn.replace(/^.*:role\//, '');
}
