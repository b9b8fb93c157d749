// What things are called in a target: buckets, roles, keys, sessions.
import { createHash } from 'node:crypto';
import { AccessError } from './error.ts';
import { type AccessModel, AUDIT_KEY, find, type KeyModel, SECRETS_KEY, STORAGE_KEY } from './model.ts';
import { localityOf, type Target } from './target.ts';

/** The roles' own names, which a workspace may not give away. */
const INSTANCE = 'instance';
const MAX_BUCKET_NAME = 63;
const MAX_ROLE_NAME = 64;

/** A bucket, and what its objects' keys begin with: empty, or ending as the workspace says. */
export interface Bucket {
  arn: string;
  prefix: string;
}

/** The bucket of a store. @throws AccessError `REQUEST` where it is unknown, or its name cannot be one */
export function storeBucket(model: AccessModel, target: Target, store: string): Bucket {
  const { bucket, prefix } = find(model.stores, 'store', store);
  const reserved = [bucketName(model, 'pipelines'), bucketName(model, 'audit')];
  const named = target.kind === 'aws' ? (bucket ?? bucketName(model, store)) : bucketName(model, store);
  if (reserved.includes(named)) {
    throw new AccessError('REQUEST', `the store ${store} would lie in ${named}, which is Glovebox's own bucket`, {
      hint: 'give the store another name or bucket',
    });
  }
  return { arn: bucketArn(target, named), prefix: target.kind === 'aws' ? (prefix ?? '') : '' };
}

/** The bucket of the pipelines' files. @throws AccessError `REQUEST` */
export function pipelinesBucket(model: AccessModel, target: Target): Bucket {
  return { arn: bucketArn(target, bucketName(model, 'pipelines')), prefix: '' };
}

/** The bucket of the audit log. @throws AccessError `REQUEST` */
export function auditBucket(model: AccessModel, target: Target): Bucket {
  return { arn: bucketArn(target, bucketName(model, 'audit')), prefix: '' };
}

function bucketName(model: AccessModel, part: string): string {
  return `${model.workspace}-${part}`;
}

function bucketArn(target: Target, name: string): string {
  if (target.kind === 'aws' && name.length > MAX_BUCKET_NAME) {
    throw new AccessError('REQUEST', `${name} is too long for the name of a bucket (${MAX_BUCKET_NAME} characters)`, {
      hint: 'give the store a bucket in glovebox.yaml, or the workspace a shorter name',
    });
  }
  return `arn:${localityOf(target).partition}:s3:::${name}`;
}

/** The ARN of a role. @throws AccessError `REQUEST` where it is unknown, or its name cannot be one */
export function roleArn(model: AccessModel, target: Target, role: string): string {
  find(model.roles, 'role', role);
  const name = target.kind === 'aws' ? `${model.workspace}-${role}` : role;
  if (name === instanceName(model)) {
    throw new AccessError('REQUEST', `the role ${role} would be called ${name}, which is the instance's own role`, {
      hint: 'give the role another name',
    });
  }
  return iamRole(target, name);
}

/** The ARN of the role of the instance that the gateway and the runner are on. @throws AccessError `REQUEST` */
export function instanceRoleArn(model: AccessModel, target: Target): string {
  return iamRole(target, instanceName(model));
}

function instanceName(model: AccessModel): string {
  return `${model.workspace}-${INSTANCE}`;
}

function iamRole(target: Target, name: string): string {
  if (target.kind === 'aws' && name.length > MAX_ROLE_NAME) {
    throw new AccessError('REQUEST', `${name} is too long for the name of an IAM role (${MAX_ROLE_NAME} characters)`, {
      hint: 'give the role or the workspace a shorter name',
    });
  }
  const { partition, account } = localityOf(target);
  return `arn:${partition}:iam::${account}:role/${name}`;
}

/** A KMS key as policies and requests name it. */
export interface KeyAddress {
  /** Its ARN; where only the alias is known, one with the alias in the id's place. */
  arn: string;
  /** Given where only it is known: `alias/…`. */
  alias?: string;
  aliasArn: string;
}

/**
 * A declared key, or one of Glovebox's own. In a workspace keys go by alias: their ids are made with them.
 * In IAM policies the `Resource` is a key ARN and never an alias (AWS KMS Developer Guide, "Specifying KMS keys in
 * IAM policy statements"); an alias goes into the condition `kms:ResourceAliases` ("Use aliases to control access").
 *
 * @throws AccessError `REQUEST` where it is unknown
 */
export function keyAddress(model: AccessModel, target: Target, key: string): KeyAddress {
  const { partition, account, region: home } = localityOf(target);
  const { keyId, region = home } = isOwnKey(model, target, key) ? {} : find(model.keys, 'key', key);
  const place = `arn:${partition}:kms:${target.kind === 'aws' ? region : home}:${account}`;
  const byAlias = (alias: string, at = place): KeyAddress => ({
    arn: `${at}:key/${alias.slice('alias/'.length)}`,
    alias,
    aliasArn: `${at}:${alias}`,
  });
  const own = `alias/${model.workspace}-${key}`;
  if (target.kind === 'workspace' || keyId === undefined) return byAlias(own);
  const [, at, resource = keyId] = /^(arn:[^:]+:kms:[^:]+:\d{12}):(.+)$/.exec(keyId) ?? [];
  if (resource.startsWith('alias/')) return byAlias(resource, at);
  const arn = `${at ?? place}:key/${resource.replace(/^key\//, '')}`;
  return { arn, aliasArn: `${at ?? place}:${own}` };
}

/**
 * Whether `key` is one of Glovebox's own in the target, and not declared. That of the secrets may be declared: it is
 * used as it is then. @throws AccessError `REQUEST` where one of S3's is declared
 */
function isOwnKey(model: AccessModel, target: Target, key: string): boolean {
  if (!ownKeys(target).includes(key)) return false;
  if (!Object.hasOwn(model.keys, key)) return true;
  if (key === SECRETS_KEY) return false;
  throw new AccessError('REQUEST', `the key ${key} is declared, but Glovebox has one of its own of that name`, {
    hint: 'give the key another name',
  });
}

/** Glovebox's own keys: of the secrets, and in AWS those that S3 encrypts with. */
export function ownKeys(target: Target): string[] {
  return target.kind === 'aws' ? [SECRETS_KEY, STORAGE_KEY, AUDIT_KEY] : [SECRETS_KEY];
}

/** The names of all keys that a workspace has in the target, declared or Glovebox's own, sorted. */
export function keysOf(model: AccessModel, target: Target): string[] {
  return [...new Set([...Object.keys(model.keys), ...ownKeys(target)])].sort();
}

/** What a key is for. @throws AccessError `REQUEST` where it is unknown */
export function keyUse(model: AccessModel, target: Target, key: string): KeyModel['use'] {
  return isOwnKey(model, target, key) ? 'seal' : find(model.keys, 'key', key).use;
}

/** For `sessionName`: the runner of whoever sits at the machine. No user can be called that. */
export const LOCAL_RUNNER = '+local';

const MAX_SESSION_NAME = 64;
const MAX_USER_PART = 40;
const DIGEST_LENGTH = 16;

/**
 * The name of a session that a user's role is assumed with: `<user>@<part>`, at most 64 characters of `[\w+=,.@-]`
 * (AWS STS API Reference, "AssumeRole", RoleSessionName). What does not fit of the part is cut, and a long user
 * name ends in a digest, so that no two users' sessions are alike.
 */
export function sessionName(user: string, part: string): string {
  return `${sessionPrefix(user)}${part.replaceAll(/[^\w+=,.@-]/g, '-')}`.slice(0, MAX_SESSION_NAME);
}

/** What the names of all sessions of a user begin with, and of no other's. */
export function sessionPrefix(user: string): string {
  if (user.length < MAX_USER_PART) return `${user}@`;
  const digest = createHash('sha256').update(user).digest('hex').slice(0, DIGEST_LENGTH);
  return `${user.slice(0, MAX_USER_PART - DIGEST_LENGTH - 2)}=${digest}@`;
}

/** The ARN of a session of a role (IAM User Guide, "IAM identifiers"). @throws AccessError `REQUEST` */
export function sessionArn(model: AccessModel, target: Target, role: string, session: string): string {
  const name = roleArn(model, target, role).replace(/^.*:role\//, '');
  const { partition, account } = localityOf(target);
  return `arn:${partition}:sts::${account}:assumed-role/${name}/${session}`;
}
