// The shape of IAM policy documents (IAM User Guide, "Grammar of the IAM JSON policy language"), as a
// role may hold them: identity policies, so without a principal. What they mean is access/'s business.
import { z } from 'zod';

const oneOrMore = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const conditionValue = z.union([z.string(), z.number(), z.boolean()]);
const conditionValues = z.union([conditionValue, z.array(conditionValue)]);

const statementSchema = z
  .strictObject({
    Sid: z
      .string()
      .regex(/^[A-Za-z0-9]*$/, 'must be letters and digits')
      .optional()
      .describe('a name for the statement'),
    Effect: z.enum(['Allow', 'Deny']).describe('whether the statement allows or denies'),
    Action: oneOrMore.optional().describe('actions, such as s3:GetObject; * and ? stand for any'),
    NotAction: oneOrMore.optional().describe('all actions but these'),
    Resource: oneOrMore.optional().describe('ARNs; * and ? stand for any'),
    NotResource: oneOrMore.optional().describe('all resources but these'),
    Condition: z
      .record(z.string(), z.record(z.string(), conditionValues))
      .optional()
      .describe('operator, then condition key, then values'),
  })
  .refine((one) => (one.Action === undefined) !== (one.NotAction === undefined), {
    error: 'must have either "Action" or "NotAction"',
  })
  .refine((one) => (one.Resource === undefined) !== (one.NotResource === undefined), {
    error: 'must have either "Resource" or "NotResource"',
  });

export const policySchema = z.strictObject({
  Version: z.enum(['2012-10-17', '2008-10-17']).optional().describe("the policy language's version"),
  Id: z.string().optional().describe('a name for the policy'),
  Statement: z.union([statementSchema, z.array(statementSchema).min(1)]).describe('one statement or a list'),
});

export type PolicyDocument = z.infer<typeof policySchema>;
