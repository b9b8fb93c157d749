// Where policies are to hold: in this workspace, or in an AWS account and region.
import { AccessError } from './error.ts';

export type Target = { kind: 'workspace' } | { kind: 'aws'; partition: string; account: string; region: string };

/** The parts of a target's ARNs. A workspace has the shape of an account of its own. */
export interface Locality {
  partition: string;
  account: string;
  region: string;
}

const WORKSPACE: Locality = { partition: 'aws', account: '000000000000', region: 'local' };

/**
 * The target that `text` names: `workspace`, `aws:123456789012:eu-west-1`, and so with the other partitions
 * (`aws-cn`, `aws-us-gov`; IAM User Guide, "Identify AWS resources with Amazon Resource Names").
 *
 * @throws AccessError `REQUEST`
 */
export function parseTarget(text: string): Target {
  if (text === 'workspace') return { kind: 'workspace' };
  const match = /^(aws(?:-[a-z]+){0,2}):(\d{12}):([a-z]{2,}(?:-[a-z]+)+-\d+)$/.exec(text);
  const [, partition, account, region] = match ?? [];
  if (partition === undefined || account === undefined || region === undefined || !fits(partition, region)) {
    throw new AccessError('REQUEST', `${JSON.stringify(text)} is not a target`, {
      hint: 'say workspace, or aws:ACCOUNT:REGION (12 digits, such as aws:123456789012:eu-west-1); aws-cn, aws-us-gov',
    });
  }
  return { kind: 'aws', partition, account, region };
}

/** A region of China or GovCloud is in its own partition, and none else is. */
function fits(partition: string, region: string): boolean {
  const expected = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : undefined;
  return expected === undefined ? !['aws-cn', 'aws-us-gov'].includes(partition) : partition === expected;
}

/** Partition, account and region in the target's ARNs. */
export function localityOf(target: Target): Locality {
  return target.kind === 'aws' ? target : WORKSPACE;
}
