// Changes a pair's documents piece by piece; the pair itself stays as it is.
import type { PolicyDocument, PolicyStatement } from '../../src/access/index.ts';
import type { AccessPair } from './access-generators.ts';

type Condition = NonNullable<PolicyStatement['Condition']>;
type Values = Condition[string][string];

/** One operator, key and value of a Condition. */
export interface Test {
  operator: string;
  key: string;
  value: Values;
  effect: 'Allow' | 'Deny';
}

export const statementsOf = ({ Statement }: PolicyDocument): PolicyStatement[] => [Statement].flat();

/** A document without statements is left out. */
function withStatements(document: PolicyDocument, statements: PolicyStatement[]): PolicyDocument[] {
  return statements.length === 0 ? [] : [{ ...document, Statement: statements }];
}

export function eachDocument(pair: AccessPair, rewrite: (document: PolicyDocument) => PolicyDocument): AccessPair {
  return {
    ...pair,
    identity: pair.identity.map(rewrite),
    ...(pair.boundary ? { boundary: rewrite(pair.boundary) } : {}),
    ...(pair.session ? { session: rewrite(pair.session) } : {}),
    ...(pair.resource ? { resource: rewrite(pair.resource) } : {}),
  };
}

const NOTHING: PolicyStatement = { Effect: 'Allow', Action: 'never:Happens', Resource: '*' };

/** A boundary or session policy of which nothing is left still limits. */
export function eachStatement(
  pair: AccessPair,
  rewrite: (statement: PolicyStatement) => PolicyStatement[],
): AccessPair {
  const limit = (document: PolicyDocument): PolicyDocument => {
    const statements = statementsOf(document).flatMap(rewrite);
    return { ...document, Statement: statements.length === 0 ? NOTHING : statements };
  };
  return {
    ...eachResourceStatement(pair, rewrite),
    identity: pair.identity.flatMap((document) => withStatements(document, statementsOf(document).flatMap(rewrite))),
    ...(pair.boundary ? { boundary: limit(pair.boundary) } : {}),
    ...(pair.session ? { session: limit(pair.session) } : {}),
  };
}

export function eachResourceStatement(
  pair: AccessPair,
  rewrite: (statement: PolicyStatement) => PolicyStatement[],
): AccessPair {
  if (!pair.resource) return pair;
  const { resource, ...others } = pair;
  const [document] = withStatements(resource, statementsOf(resource).flatMap(rewrite));
  // A trust policy cannot be missing: one of which nothing is left allows nobody.
  return document || !pair.request.action.startsWith('sts:')
    ? { ...others, ...(document ? { resource: document } : {}) }
    : {
        ...others,
        resource: {
          ...resource,
          Statement: { Effect: 'Allow', Principal: { Service: 'never.amazonaws.com' }, Action: 'sts:AssumeRole' },
        },
      };
}

/** Tests that `rewrite` gives nothing for are left out. */
export function eachTest(pair: AccessPair, rewrite: (test: Test) => [string, Values] | undefined): AccessPair {
  return eachStatement(pair, ({ Condition, ...statement }) => {
    const condition: Condition = {};
    for (const [operator, tests] of Object.entries(Condition ?? {})) {
      for (const [key, value] of Object.entries(tests)) {
        const test = rewrite({ operator, key, value, effect: statement.Effect });
        if (test) condition[test[0]] = { ...condition[test[0]], [key]: test[1] };
      }
    }
    return [Object.keys(condition).length === 0 ? statement : { ...statement, Condition: condition }];
  });
}
