// The principals of a resource policy's statement (IAM User Guide, "AWS JSON policy elements: Principal" and
// "… NotPrincipal").
import type { Question } from './request.ts';
import type { PolicyPrincipal } from './types.ts';

export interface Principals {
  /** `NotPrincipal`. */
  negated: boolean;
  everyone: boolean;
  /** Accounts named by their twelve digits. */
  accounts: ReadonlySet<string>;
  /** What the ARNs of an account start with (`arn:aws:`, by partition), of accounts named by their root's ARN. */
  roots: ReadonlyMap<string, readonly string[]>;
  /** Of users, roles and sessions. */
  arns: ReadonlySet<string>;
  services: ReadonlySet<string>;
}

/**
 * How a statement names who asks. `direct`: the user, the session or everyone, and then nothing else need allow it in
 * the same account; `role`: the session's role; `account`: it leaves it to the account's policies.
 */
export type Naming = 'direct' | 'role' | 'account';

export const PRINCIPAL_KINDS = ['AWS', 'Service', 'Federated', 'CanonicalUser'] as const;

/** What is wrong with `text` as a principal of this kind; undefined if nothing is. */
export function faultOfPrincipal(kind: string, text: string): string | undefined {
  if (kind === 'AWS') return AWS_PRINCIPAL.test(text) ? undefined : 'is no account, ARN of a principal, or "*"';
  if (text.includes('*') || text.includes('?')) return 'has a wildcard: only {"AWS": "*"} may';
  return undefined;
}

/** "You cannot use a wildcard to match part of a principal name or ARN." The last form is what is left of a deleted one. */
const AWS_PRINCIPAL =
  /^(?:\*|\d{12}|arn:[a-z-]+:(?:iam::\d{12}:(?:root|(?:user|role)\/[^*?\s]+)|sts::\d{12}:(?:assumed-role|federated-user)\/[^*?\s]+)|A[A-Z0-9]{15,}(?::[^*?\s]+)?)$/;

export function compilePrincipals(element: PolicyPrincipal, negated: boolean): Principals {
  const list = (kind: string): string[] => (element === '*' ? [] : [element[kind] ?? []].flat());
  const aws = list('AWS');
  const roots = new Map<string, string[]>();
  for (const text of aws) {
    const [, prefix, account = ''] = /^(arn:[^:]+:)iam::(\d{12}):root$/.exec(text) ?? [];
    if (prefix !== undefined) roots.set(account, [...(roots.get(account) ?? []), prefix]);
  }
  return {
    negated,
    everyone: element === '*' || aws.includes('*'),
    accounts: new Set(aws.filter((text) => /^\d{12}$/.test(text))),
    roots,
    arns: new Set(aws.filter((text) => text.startsWith('arn:'))),
    services: new Set(list('Service')),
  };
}

/** How `principals` name who asks; undefined if they do not. */
export function namingOf(principals: Principals, question: Question): Naming | undefined {
  const { principal } = question.request;
  if (principals.everyone) return 'direct';
  if (principal.type === 'anonymous') return undefined;
  if (principal.type === 'service') return principals.services.has(principal.name) ? 'direct' : undefined;
  if (principal.type === 'role' && principal.session !== undefined && principals.arns.has(principal.session)) {
    return 'direct';
  }
  if (principals.arns.has(principal.arn)) return principal.type === 'role' ? 'role' : 'direct';
  return namesAccount(principals, question) ? 'account' : undefined;
}

function namesAccount({ accounts, roots }: Principals, { request, account }: Question): boolean {
  if (account === undefined) return false;
  if (accounts.has(account)) return true;
  const { principal } = request;
  return 'arn' in principal && (roots.get(account)?.some((prefix) => principal.arn.startsWith(prefix)) ?? false);
}

/**
 * Whether a `NotPrincipal` leaves out who asks, so that its statement does not apply. It must name each of them: the
 * account, the user or role, and the session; and it leaves out no one who has a permissions boundary.
 */
export function isLeftOut(principals: Principals, question: Question): boolean {
  const { principal } = question.request;
  if (principals.everyone) return true;
  if (principal.type === 'anonymous') return false;
  if (principal.type === 'service') return principals.services.has(principal.name);
  if (!namesAccount(principals, question)) return false;
  if (principal.type === 'root') return true;
  if (question.hasBoundary || !principals.arns.has(principal.arn)) return false;
  return principal.type === 'user' || principal.session === undefined || principals.arns.has(principal.session);
}
