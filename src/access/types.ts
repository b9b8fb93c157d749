// The words of access/: policy documents as IAM writes them, requests, decisions.

/** A policy document as JSON (IAM User Guide, "Grammar of the IAM JSON policy language"). */
export interface PolicyDocument {
  Version?: '2012-10-17' | '2008-10-17';
  Id?: string;
  Statement: PolicyStatement | PolicyStatement[];
}

export interface PolicyStatement {
  Sid?: string;
  Effect: 'Allow' | 'Deny';
  Principal?: PolicyPrincipal;
  NotPrincipal?: PolicyPrincipal;
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
  /** Operator, condition key, values. */
  Condition?: Record<string, Record<string, ConditionValue | ConditionValue[]>>;
}

export type PolicyPrincipal = '*' | Record<string, string | string[]>;
export type ConditionValue = string | number | boolean;

/** `identity`: without principals (also boundaries and session policies); `resource`: with them. */
export type PolicyKind = 'identity' | 'resource';

/** Who asks. Accounts are taken from the ARNs. */
export type Principal =
  | {
      type: 'role';
      /** `arn:aws:iam::ACCOUNT:role/NAME`. */
      arn: string;
      /** Of a session of the role: `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`. */
      session?: string;
    }
  | { type: 'user'; arn: string }
  | { type: 'root'; arn: string }
  | { type: 'service'; name: string }
  | { type: 'anonymous' };

/** One call of one API, as a policy sees it. */
export interface AccessRequest {
  principal: Principal;
  /** `s3:GetObject`. */
  action: string;
  /** An ARN; `*` where the action has no resource. */
  resource: string;
  /** The account that owns the resource: S3's ARNs do not say it. */
  resourceAccount: string;
  /** By condition key, in any case. A list is a multivalued key. A key that is not there is missing. */
  context: Readonly<Record<string, string | readonly string[]>>;
}

/** Where in the evaluation a statement, or the lack of one, stands. */
export type PolicyPlace = 'identity' | 'boundary' | 'session' | 'resource';
