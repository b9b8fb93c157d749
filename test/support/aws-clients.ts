// The AWS SDK's clients for an emulator on this machine.
import { Readable } from 'node:stream';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';

export interface Clients {
  s3: S3Client;
  kms: KMSClient;
  iam: IAMClient;
  sts: STSClient;
}

/** As IAM and STS give them out. */
export interface Credentials {
  AccessKeyId?: string | undefined;
  SecretAccessKey?: string | undefined;
  SessionToken?: string | undefined;
}

/** Clients that talk to `endpoint` only, as whom the credentials say, and try each call once. */
export function makeClients(endpoint: string, region: string, given: Credentials | undefined): Clients {
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken } = given ?? {};
  const credentials = {
    accessKeyId,
    secretAccessKey,
    ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
  };
  const settings = { endpoint, region, credentials, maxAttempts: 1 };
  const kms = new KMSClient(settings);
  kms.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      await errorAsJson(result.response);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'errorAsJson' },
  );
  return {
    s3: new S3Client({ ...settings, forcePathStyle: true }),
    kms,
    iam: new IAMClient(settings),
    sts: new STSClient(settings),
  };
}

/** KMS's protocol is JSON, but moto denies in XML, of which the SDK would only say that it is no JSON. */
async function errorAsJson(response: unknown): Promise<void> {
  if (!(response instanceof Object && 'body' in response && response.body instanceof Readable)) return;
  const body = Buffer.concat(await response.body.toArray());
  const [, code] = /^<\?xml.*<Code>(\w+)<\/Code>/s.exec(body.toString()) ?? [];
  response.body = Readable.from([code === undefined ? body : Buffer.from(JSON.stringify({ __type: code }))]);
}
