// The schema of glovebox.yaml. Its descriptions become the editor's help and the reference documentation.
import { z } from 'zod';
import { CLASSIFICATIONS } from './classification.ts';
import { gatewaySchema, sizeText } from './gateway-schema.ts';
import { keyOfMap, nameSchema } from './names.ts';
import { policySchema } from './policy-schema.ts';
import { parseSize } from './size.ts';
import { sshPublicKey } from './ssh-key-schema.ts';

const keySchema = z.discriminatedUnion('provider', [
  z.strictObject({
    provider: z.literal('local').describe('the embedded key store of this machine'),
    use: z
      .literal('drop-box')
      .optional()
      .describe('drop-box: a key pair; whoever has the public key can seal for it, only this workspace opens'),
  }),
  z.strictObject({
    provider: z.literal('aws-kms').describe('a customer managed key of AWS KMS (not in this version)'),
    keyId: z.string().min(1).describe('key id, ARN, or alias/…'),
    region: z.string().min(1).optional().describe('AWS region'),
  }),
]);

const storeSchema = z.discriminatedUnion('provider', [
  z.strictObject({
    provider: z.literal('dir').describe('a directory'),
    path: z.string().min(1).describe('the directory, from the workspace if relative'),
  }),
  z.strictObject({
    provider: z.literal('s3').describe('an S3 bucket (not in this version)'),
    bucket: z.string().min(1).describe('name of the bucket'),
    prefix: z.string().optional().describe("what the objects' names begin with"),
    region: z.string().min(1).optional().describe('AWS region'),
  }),
]);

/** The format takes 16 wrapped keys; few are ever of use. */
const MAX_RECOVERY_KEYS = 8;

const dropBoxSchema = z.strictObject({
  key: nameSchema.describe('a key of use: drop-box; it serves this dataset alone'),
  signers: z
    .array(nameSchema)
    .min(1, 'must name at least one user')
    .optional()
    .describe('users one of whom must have signed a delivery; without this nobody is asked for'),
});

const datasetSchema = z.strictObject({
  store: nameSchema.describe('the store that it lies in'),
  key: nameSchema.describe('the key that it is sealed under'),
  kind: z.enum(['raw', 'derived']).describe('raw: receives uploads; derived: written by runs, version by version'),
  classification: z.enum(CLASSIFICATIONS).describe('how sensitive it is, on an ordered scale'),
  dropBox: dropBoxSchema
    .optional()
    .describe('takes deliveries that were sealed with a public key; of raw datasets only'),
  quota: sizeText.optional().describe('plaintext bytes that it may hold by uploads'),
  recovery: z
    .array(nameSchema)
    .max(MAX_RECOVERY_KEYS, `may name up to ${MAX_RECOVERY_KEYS} keys`)
    .optional()
    .describe('further keys, each of which alone opens what is sealed from now on'),
});

const VERBS = [
  'read',
  'write',
  'list',
  'delete',
  'rename',
  'approve',
  'ingest',
  'run',
  'edit',
  'manage',
  'audit',
] as const;

const grantSchema = z
  .strictObject({
    read: nameSchema.optional().describe('may open the objects of this dataset, and see their names'),
    write: nameSchema.optional().describe('may add objects to this dataset; this does not let it read them'),
    list: nameSchema.optional().describe("may see the names of this dataset's objects"),
    delete: nameSchema.optional().describe('may remove objects of this dataset'),
    rename: nameSchema.optional().describe('may give objects of this dataset other names'),
    approve: nameSchema.optional().describe("may accept and reject deliveries to this dataset's drop box"),
    ingest: nameSchema
      .optional()
      .describe("may open interrupted uploads to this dataset, to go on with them: the gateway's own role"),
    run: nameSchema.optional().describe('may run this pipeline; what it reads and writes takes grants of their own'),
    edit: nameSchema.optional().describe('may change the file of this pipeline'),
    manage: nameSchema.optional().describe('may make, rotate, disable and delete this key; not use it'),
    audit: z.literal('read').optional().describe('may read the audit log'),
  })
  .refine((grant) => Object.keys(grant).length === 1, { error: `must have exactly one of ${VERBS.join(', ')}` });

const roleSchema = z
  .strictObject({
    allow: z.array(grantSchema).optional().describe('what the role may do, in short form'),
    policy: policySchema.optional().describe('what the role may do, as an IAM policy document'),
  })
  .refine((role) => (role.allow === undefined) !== (role.policy === undefined), {
    error: 'must have either "allow" or "policy"',
  });

const userSchema = z.strictObject({
  roles: z.array(nameSchema).min(1, 'must name at least one role').describe('the roles that the user may assume'),
  sshKeys: z.array(sshPublicKey).optional().describe('SSH public keys, as in authorized_keys, without options'),
  principals: z
    .array(z.string().min(1).max(256))
    .min(1)
    .optional()
    .describe('what certificates for this user name; its own name where nothing is said'),
  quota: sizeText.optional().describe('plaintext bytes that the user may have in a dataset'),
});

const engineSchema = z.strictObject({
  memory: z
    .string()
    .refine((text) => parseSize(text) !== undefined, { error: 'must be an amount of memory such as 512MB or 1GiB' })
    .optional()
    .describe("the engine's limit, such as 1GB (10^9) or 512MiB (2^20 each)"),
  threads: z.int().min(1).max(1024).optional().describe('threads that the engine may use'),
});

const named = <T extends z.ZodType>(value: T) => z.record(keyOfMap, value);

export const workspaceSchema = z
  .strictObject({
    workspace: nameSchema.describe("the workspace's name; bound to every sealed object"),
    keys: named(keySchema).describe('KMS keys, or their embedded counterparts, by alias'),
    stores: named(storeSchema).describe('where sealed objects lie'),
    datasets: named(datasetSchema).describe('named collections of objects: the unit of access control'),
    domains: named(z.strictObject({}))
      .optional()
      .describe('pseudonym domains: within one, the same value has the same pseudonym in every dataset'),
    roles: named(roleSchema).optional().describe('what may be done'),
    users: named(userSchema).optional().describe('who may assume which role'),
    pipelines: z.string().min(1).optional().describe('folder of the pipelines, inside the workspace; pipelines/'),
    engine: engineSchema.optional().describe('limits of the engine'),
    gateway: gatewaySchema.optional().describe('the SFTP server: glovebox serve'),
  })
  .meta({ title: 'glovebox.yaml', description: 'A Glovebox workspace' });

export type WorkspaceDocument = z.infer<typeof workspaceSchema>;
export type KeyConfig = z.infer<typeof keySchema>;
export type StoreConfig = z.infer<typeof storeSchema>;
export type DatasetConfig = z.infer<typeof datasetSchema>;
export type RoleConfig = z.infer<typeof roleSchema>;
export type GrantConfig = z.infer<typeof grantSchema>;
export type UserConfig = z.infer<typeof userSchema>;

/** The JSON Schema (draft 2020-12) of glovebox.yaml, for editors. */
export function workspaceJsonSchema(): object {
  return z.toJSONSchema(workspaceSchema, { io: 'input' });
}
