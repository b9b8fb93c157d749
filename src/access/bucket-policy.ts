// The policy of a bucket: nothing without TLS. It allows nothing: that is what roles do.
import type { AccessModel } from './model.ts';
import { type Bucket, storeBucket } from './names.ts';
import { fitting } from './size.ts';
import type { Target } from './target.ts';
import type { PolicyDocument } from './types.ts';

/** The bucket policy of a store. @throws AccessError `REQUEST` where it is unknown */
export function bucketPolicy(model: AccessModel, target: Target, store: string): PolicyDocument {
  return policyOfBucket(target, storeBucket(model, target, store));
}

/** Amazon S3 User Guide, "Security best practices for Amazon S3": enforce encryption of data in transit. */
export function policyOfBucket(target: Target, { arn }: Bucket): PolicyDocument {
  const document: PolicyDocument = {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'DenyPlainHttp',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [arn, `${arn}/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ],
  };
  return fitting(target, document, 'bucket', `the policy of ${arn}`);
}
