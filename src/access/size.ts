// How large AWS takes a document.
import { AccessError } from './error.ts';
import type { Target } from './target.ts';
import type { PolicyDocument } from './types.ts';

/** Characters, without whitespace between the tokens. */
export const SIZE_LIMITS = {
  /** IAM User Guide, "IAM and AWS STS quotas": the inline policies of a role, together. */
  role: 10_240,
  /** The same: a managed policy, which a permissions boundary has to be. */
  managed: 6144,
  /** The same: role trust policies, the default quota. */
  trust: 2048,
  /** AWS KMS Developer Guide, "Resource quotas": key policy document size, 32 KB. */
  key: 32_768,
  /** Amazon S3 User Guide, "Bucket policies": 20 KB. */
  bucket: 20_480,
};

/** `document`, where AWS takes it. A workspace has no limits. @throws AccessError `LIMIT` */
export function fitting(
  target: Target,
  document: PolicyDocument,
  kind: keyof typeof SIZE_LIMITS,
  what: string,
): PolicyDocument {
  const size = sizeOf(document);
  if (target.kind !== 'aws' || size <= SIZE_LIMITS[kind]) return document;
  const limit = SIZE_LIMITS[kind].toLocaleString('en-US');
  throw new AccessError('LIMIT', `${what} has ${size.toLocaleString('en-US')} characters, and AWS takes ${limit}`, {
    hint: 'split it: fewer datasets, keys or users to a role, or datasets that share a key',
  });
}

/** Characters of a document as AWS counts them. */
export function sizeOf(document: PolicyDocument): number {
  return JSON.stringify(document).length;
}
