// What the policies are made from: the names of a workspace and who is granted what. Pure data.
import { AccessError } from './error.ts';
import type { PolicyDocument } from './types.ts';

export interface AccessModel {
  workspace: string;
  keys: Record<string, KeyModel>;
  /** `bucket` and `prefix` (a whole one, `box/`) are given for S3 stores. */
  stores: Record<string, { bucket?: string; prefix?: string }>;
  datasets: Record<string, DatasetModel>;
  pipelines: Record<string, PipelineModel>;
  roles: Record<string, RoleModel>;
  users: Record<string, { roles: string[] }>;
}

export interface KeyModel {
  use: 'seal' | 'drop-box';
  /** Of AWS KMS: key id, key ARN, `alias/…`, or alias ARN. */
  keyId?: string;
  region?: string;
}

export interface DatasetModel {
  store: string;
  key: string;
  kind: 'raw' | 'derived';
  /** Keys that also open what is sealed. */
  recovery: string[];
  dropBoxKey?: string;
}

export interface PipelineModel {
  source: string;
  output: string;
  quarantine?: string;
  /** `split`, `domain-patient`. */
  secrets: string[];
}

/** The short form, or a policy document that somebody wrote. */
export type RoleModel = { allow: Grant[] } | { policy: PolicyDocument };

export const DATASET_VERBS = ['list', 'read', 'write', 'delete', 'rename', 'approve', 'ingest'] as const;
export const PIPELINE_VERBS = ['run', 'edit'] as const;

export type DatasetVerb = (typeof DATASET_VERBS)[number];
export type PipelineVerb = (typeof PIPELINE_VERBS)[number];
/** What one may do: to a dataset, to a pipeline, to a key, to the audit log. */
export type Verb = DatasetVerb | PipelineVerb | 'manage' | 'audit';

/** One verb and its subject, as in `{ read: claims-raw }`; of the audit log, `{ audit: read }`. */
export type Grant = Partial<Record<Verb, string>>;

/** What `{ audit: … }` must say. */
export const AUDIT_SUBJECT = 'read';

/** Keys that no workspace declares: of the secrets, of S3's server-side encryption, of the audit log's bucket. */
export const SECRETS_KEY = 'glovebox-secrets';
export const STORAGE_KEY = 'storage';
export const AUDIT_KEY = 'audit';

/** The verb and the subject of a grant. @throws AccessError `REQUEST` where it does not have exactly one verb */
export function readGrant(grant: Grant): { verb: Verb; subject: string } {
  const [pair, second] = Object.entries(grant);
  const verb = ALL_VERBS.find((each) => each === pair?.[0]);
  if (pair === undefined || second !== undefined || verb === undefined) {
    throw new AccessError('REQUEST', `a grant has exactly one of ${ALL_VERBS.join(', ')}`);
  }
  return { verb, subject: pair[1] };
}

export const ALL_VERBS: readonly Verb[] = [...DATASET_VERBS, ...PIPELINE_VERBS, 'manage', 'audit'];

/** The entry `name` of a part of the model. @throws AccessError `REQUEST` where there is none */
export function find<Value>(entries: Record<string, Value>, kind: string, name: string): Value {
  const value = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (value !== undefined) return value;
  const names = Object.keys(entries);
  throw new AccessError('REQUEST', `the workspace has no ${kind} ${JSON.stringify(name)}`, {
    hint: names.length === 0 ? `it declares no ${kind}` : `it has ${names.join(', ')}`,
  });
}
