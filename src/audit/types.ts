// What is recorded of a decision: a CloudTrail record, as far as its fields fit (AWS CloudTrail User Guide,
// "CloudTrail record contents").
import { z } from 'zod';

/** Also checks what is read back; fields that a later version adds pass. */
export const recordSchema = z.looseObject({
  eventVersion: z.string(),
  eventID: z.uuid(),
  /** ISO 8601, UTC. */
  eventTime: z.iso.datetime(),
  eventSource: z.literal('glovebox'),
  /** What was to be done: `read`, `write`, `manage` … */
  eventName: z.string(),
  awsRegion: z.literal('local'),
  userIdentity: z.looseObject({
    /** `Root`: no role was named. */
    type: z.enum(['AssumedRole', 'Root']),
    arn: z.string(),
    accountId: z.string(),
    /** Who the operating system, or the gateway, says it is. */
    userName: z.string(),
  }),
  /** Names only: of a dataset and an object, of a pipeline, of a key. */
  requestParameters: z.record(z.string(), z.string()),
  resources: z.array(z.looseObject({ ARN: z.string() })),
  /** Present where it was denied, and then the reason in words. */
  errorCode: z.literal('AccessDenied').optional(),
  errorMessage: z.string().optional(),
});

export type AuditRecord = z.infer<typeof recordSchema>;
