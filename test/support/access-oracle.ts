// Asks iam-simulate, by its public API, how AWS would decide a pair. For tests and benchmarks only (AGPL).
import {
  anonymousPrincipal,
  type ConditionExplain,
  type EvaluationResult,
  runSimulation,
  type Simulation,
} from '@cloud-copilot/iam-simulate';
import type { Principal } from '../../src/access/index.ts';
import type { AccessPair } from './access-generators.ts';

export type Outcome = 'allowed' | 'explicit-deny' | 'implicit-deny';

export interface OracleAnswer {
  outcome: Outcome;
  /** Every condition of every statement that it looked at. */
  conditions: { operator: string; matches: boolean }[];
}

const OUTCOMES: Record<EvaluationResult, Outcome> = {
  Allowed: 'allowed',
  ExplicitlyDenied: 'explicit-deny',
  ImplicitlyDenied: 'implicit-deny',
};

// It drops encryption context pairs from a request, whatever their name, before it decides. A tag of the principal
// is a string as they are, so that conditions on it decide the same.
const ENCRYPTION_CONTEXT = /kms:EncryptionContext:([\w-]+):([\w-]+)/gi;
const renamed = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value).replace(ENCRYPTION_CONTEXT, 'aws:PrincipalTag/context-$1-$2'));

function oraclePrincipal(principal: Principal): Simulation['request']['principal'] {
  switch (principal.type) {
    case 'role':
      return principal.session ?? principal.arn;
    case 'service':
      return principal.name;
    case 'anonymous':
      return anonymousPrincipal;
    default:
      return principal.arn;
  }
}

/** The pair as iam-simulate takes it. */
export function toSimulation(pair: AccessPair): Simulation {
  const { identity, boundary, session, resource, request } = renamed(pair);
  return {
    identityPolicies: identity.map((policy, index) => ({ name: `identity-${index}`, policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(boundary ? { permissionBoundaryPolicies: [{ name: 'boundary', policy: boundary }] } : {}),
    ...(session ? { sessionPolicy: session } : {}),
    ...(resource ? { resourcePolicy: resource } : {}),
    request: {
      principal: oraclePrincipal(request.principal),
      action: request.action,
      resource: { resource: request.resource, accountId: request.resourceAccount },
      contextVariables: Object.fromEntries(
        Object.entries(request.context).map(([key, value]) => [key, typeof value === 'string' ? value : [...value]]),
      ),
    },
  };
}

/** @throws Error if it refuses the pair, or leaves out a part of the request: then the pair compares nothing. */
export async function askOracle(pair: AccessPair): Promise<OracleAnswer> {
  const answer = await runSimulation(toSimulation(pair), {});
  if (answer.resultType !== 'single') throw new Error(`iam-simulate did not decide: ${JSON.stringify(answer)}`);
  const { analysis, ignoredContextKeys = [] } = answer.result;
  if (ignoredContextKeys.length > 0) throw new Error(`iam-simulate ignored ${ignoredContextKeys.join(', ')}`);
  const parts = [
    analysis.identityAnalysis,
    analysis.permissionBoundaryAnalysis,
    analysis.sessionAnalysis,
    analysis.resourceAnalysis,
  ];
  const conditions = parts
    .flatMap((part) => (part ? [...part.allowStatements, ...part.denyStatements, ...part.unmatchedStatements] : []))
    .flatMap(({ explain }): ConditionExplain[] => explain.conditions ?? [])
    .map(({ operator, matches }) => ({ operator, matches }));
  return { outcome: OUTCOMES[answer.overallResult], conditions };
}
