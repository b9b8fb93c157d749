// Pairs of policies and a request, close to each other: small alphabets, so that a policy often just matches
// its request or just misses it. Only what AWS would accept, and only condition keys that the action has.
import fc from 'fast-check';
import type { AccessRequest, PolicyDocument, PolicyStatement, Principal } from '../../src/access/index.ts';
import {
  ACCOUNT,
  type ConditionKey,
  isNegated,
  OPERATORS,
  OTHER_ACCOUNT,
  type ValueKind,
  WANTED,
  WORLDS,
  type World,
} from './access-alphabets.ts';

/** Documents as they are written, and one request that they are to decide. */
export interface AccessPair {
  identity: PolicyDocument[];
  boundary?: PolicyDocument;
  session?: PolicyDocument;
  resource?: PolicyDocument;
  request: AccessRequest;
}

type Condition = NonNullable<PolicyStatement['Condition']>;
type Place = 'identity' | 'resource' | 'trust';

const weighted = <T>(...choices: [number, fc.Arbitrary<T>][]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));

const roleArn = (account: string, role = 'trainer'): string => `arn:aws:iam::${account}:role/${role}`;
const userArn = (account: string): string => `arn:aws:iam::${account}:user/bob`;
const rootArn = (account: string): string => `arn:aws:iam::${account}:root`;
const sessionArn = (account: string, role = 'trainer'): string => `arn:aws:sts::${account}:assumed-role/${role}/alice`;
const ACCOUNTS = fc.constantFrom(ACCOUNT, OTHER_ACCOUNT);
const SERVICES = ['ec2.amazonaws.com', 'logging.s3.amazonaws.com'];

const aSession = (account: string, role = 'trainer'): Principal => ({
  type: 'role',
  arn: roleArn(account, role),
  session: sessionArn(account, role),
});

const principals: fc.Arbitrary<Principal> = weighted<Principal>(
  [12, fc.constant(aSession(ACCOUNT))],
  [4, fc.constantFrom(aSession(ACCOUNT, 'auditor'), aSession(OTHER_ACCOUNT))],
  [4, ACCOUNTS.map((account): Principal => ({ type: 'role', arn: roleArn(account) }))],
  [4, ACCOUNTS.map((account): Principal => ({ type: 'user', arn: userArn(account) }))],
  [1, ACCOUNTS.map((account): Principal => ({ type: 'root', arn: rootArn(account) }))],
  [1, fc.constantFrom(...SERVICES).map((name): Principal => ({ type: 'service', name }))],
  [1, fc.constant<Principal>({ type: 'anonymous' })],
);

/** A list, or its only value by itself: both are allowed. */
const oneOrMany = <T>(values: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T | T[]> =>
  weighted<T | T[]>([2, values], [1, fc.uniqueArray(values, { minLength: 1, maxLength })]);

const namedPrincipals = weighted<string>(
  [8, fc.constantFrom(roleArn(ACCOUNT), sessionArn(ACCOUNT), ACCOUNT, rootArn(ACCOUNT))],
  [2, fc.constantFrom(userArn(ACCOUNT))],
  [2, fc.constantFrom(roleArn(OTHER_ACCOUNT), sessionArn(OTHER_ACCOUNT), OTHER_ACCOUNT, rootArn(OTHER_ACCOUNT))],
  [1, fc.constantFrom(roleArn(ACCOUNT, 'auditor'), sessionArn(ACCOUNT, 'auditor'), userArn(OTHER_ACCOUNT))],
);

const principalElements = weighted<NonNullable<PolicyStatement['Principal']>>(
  [6, oneOrMany(namedPrincipals, 3).map((AWS) => ({ AWS }))],
  [1, fc.constantFrom<NonNullable<PolicyStatement['Principal']>>('*', { AWS: '*' })],
  [1, fc.constantFrom(...SERVICES).map((Service) => ({ Service }))],
  [1, fc.record({ AWS: namedPrincipals, Service: fc.constantFrom(...SERVICES) })],
);

const KINDS = Object.keys(OPERATORS) as ValueKind[];
const NUMBER_LIKE: ValueKind[] = ['numeric', 'date', 'ip'];

/** A test of a key: usually with an operator of the key's own kind, plain, with IfExists, or of a set. */
function tests(key: ConditionKey): fc.Arbitrary<Condition> {
  const sets = fc.constantFrom('ForAnyValue:', 'ForAllValues:');
  const prefix = key.many ? sets : weighted<string>([3, fc.constant('')], [1, sets]);
  const ending = weighted<string>([3, fc.constant('')], [1, fc.constant('IfExists')]);
  const values = (wanted: ConditionKey['wanted']) => oneOrMany(fc.constantFrom(...wanted), 3);
  // Names of keys are the same in any case.
  const names = weighted<string>([9, fc.constant(key.key)], [1, fc.constant(key.key.toLowerCase())]);
  const withOne = (operators: string[], wanted: ConditionKey['wanted']): fc.Arbitrary<Condition> =>
    fc
      .tuple(prefix, fc.constantFrom(...operators), ending, values(wanted), names)
      .map(([set, operator, ifExists, value, name]) => ({ [`${set}${operator}${ifExists}`]: { [name]: value } }));
  // What the negation of an operator makes of a value of another kind, AWS does not say. Dates and addresses begin
  // with a number, and iam-simulate takes them for it.
  const isOther = (kind: ValueKind): boolean =>
    kind !== key.kind && !(NUMBER_LIKE.includes(kind) && NUMBER_LIKE.includes(key.kind));
  const others = KINDS.filter(isOther).map((kind) =>
    withOne(
      OPERATORS[kind].filter((operator) => kind === 'string' || !isNegated(operator)),
      WANTED[kind],
    ),
  );
  const isNull = fc.constantFrom('true', 'false', true).map((value) => ({ Null: { [key.key]: value } }));
  return weighted([22, withOne(OPERATORS[key.kind], key.wanted)], [1, fc.oneof(...others)], [2, isNull]);
}

function conditions(keys: ConditionKey[]): fc.Arbitrary<Condition> {
  return fc.array(fc.oneof(...keys.map(tests)), { minLength: 1, maxLength: 2 }).map(merge);
}

/** One Condition element of several; the first wins where others test the same key with the same operator. */
function merge(parts: Condition[]): Condition {
  const merged: Condition = {};
  for (const [operator, test] of parts.flatMap((part) => Object.entries(part))) {
    const others = merged[operator] ?? {};
    const [name = ''] = Object.keys(test);
    const isThere = Object.keys(others).some((other) => other.toLowerCase() === name.toLowerCase());
    if (!isThere) merged[operator] = { ...others, ...test };
  }
  return merged;
}

/** The principal's part of a statement. A trust policy cannot have NotPrincipal. */
function whom(place: Place): fc.Arbitrary<Pick<PolicyStatement, 'Principal' | 'NotPrincipal'>> {
  const principal = principalElements.map((Principal) => ({ Principal }));
  const whole = fc.constant<string[]>([ACCOUNT, roleArn(ACCOUNT), sessionArn(ACCOUNT), userArn(ACCOUNT)]);
  const spared = weighted<string | string[]>([1, whole], [1, oneOrMany(namedPrincipals, 3)]);
  const notPrincipal = spared.map((AWS) => ({ NotPrincipal: { AWS } }));
  if (place === 'identity') return fc.constant({});
  return place === 'trust'
    ? principal
    : weighted<Pick<PolicyStatement, 'Principal' | 'NotPrincipal'>>([9, principal], [1, notPrincipal]);
}

function statements(world: World, place: Place): fc.Arbitrary<PolicyStatement> {
  const [own = '*'] = world.actions;
  const actions = oneOrMany(weighted([1, fc.constantFrom('*', own)], [2, fc.constantFrom(...world.actions)]), 3);
  const resources = oneOrMany(fc.constantFrom(...world.resources), 3);
  const what = weighted<object>(
    [9, actions.map((Action) => ({ Action }))],
    [1, actions.map((NotAction) => ({ NotAction }))],
  );
  const where = weighted<object>(
    [5, fc.constant({ Resource: '*' })],
    [5, resources.map((Resource) => ({ Resource }))],
    [1, resources.map((NotResource) => ({ NotResource }))],
  );
  const when = weighted<object>([1, fc.constant({})], [1, conditions(world.keys).map((Condition) => ({ Condition }))]);
  const effect = weighted([6, fc.constant('Allow' as const)], [1, fc.constant('Deny' as const)]);
  return fc
    .tuple(effect, whom(place), what, place === 'trust' ? fc.constant({}) : where, when)
    .map(([Effect, principal, action, resource, condition]) => ({
      // AWS knows NotPrincipal with Deny only.
      Effect: 'NotPrincipal' in principal ? 'Deny' : Effect,
      ...principal,
      ...action,
      ...resource,
      ...condition,
    }));
}

function documents(world: World, place: Place): fc.Arbitrary<PolicyDocument> {
  const versions = weighted<Pick<PolicyDocument, 'Version'>>(
    [14, fc.constant({ Version: '2012-10-17' })],
    [1, fc.constantFrom<Pick<PolicyDocument, 'Version'>>({ Version: '2008-10-17' }, {})],
  );
  return fc
    .tuple(versions, fc.array(statements(world, place), { minLength: 1, maxLength: 4 }))
    .map(([version, list]) => ({ ...version, Statement: list.length === 1 && list[0] ? list[0] : list }));
}

/** Each key is there half the time. */
function contexts(keys: ConditionKey[]): fc.Arbitrary<[string, string | string[]][]> {
  const each = keys.map(({ key, many, values }) => {
    const one = fc.constantFrom(...values);
    const several: fc.Arbitrary<string[]> = fc.uniqueArray(one, { minLength: 1, maxLength: 3 });
    const value: fc.Arbitrary<string | string[]> = many ? several : one;
    return fc.option(fc.tuple(fc.constant(key), value), { freq: 2, nil: undefined });
  });
  return fc.tuple(...each).map((entries) => entries.filter((entry) => entry !== undefined));
}

function pairs(world: World): fc.Arbitrary<AccessPair> {
  const place = world.resourcePolicy === 'trust' ? 'trust' : 'resource';
  const identity = documents(world, 'identity');
  const limit = weighted<PolicyDocument | undefined>([4, fc.constant(undefined)], [1, identity]);
  const resource = documents(world, place);
  // A key has a policy almost always, a role always.
  const freq = world.resourcePolicy === 'always' ? 12 : 2;
  return fc
    .record({
      identity: weighted(
        [3, fc.array(identity, { minLength: 1, maxLength: 2 })],
        [1, fc.constant<PolicyDocument[]>([])],
      ),
      boundary: limit,
      session: limit,
      resource: world.resourcePolicy === 'trust' ? resource : fc.option(resource, { nil: undefined, freq }),
      principal: principals,
      call: fc.constantFrom(...world.calls),
      context: contexts(world.keys),
    })
    .map(({ principal, call, context, ...policies }) => {
      const isKnown = ({ only }: ConditionKey): boolean => only === undefined || only.includes(call.action);
      const known = new Set(world.keys.filter(isKnown).map(({ key }) => key));
      const entries = context.filter(([key]) => known.has(key));
      return assemble(policies, { principal, ...call, context: Object.fromEntries(entries) });
    });
}

/** Leaves out the policies that a principal of its type cannot have. */
function assemble(
  {
    identity,
    boundary,
    session,
    resource,
  }: { [Part in 'boundary' | 'session' | 'resource']: PolicyDocument | undefined } & { identity: PolicyDocument[] },
  request: AccessRequest,
): AccessPair {
  const { principal } = request;
  const named = principal.type === 'role' || principal.type === 'user';
  const inSession = principal.type === 'role' && principal.session !== undefined;
  return {
    identity: named ? identity : [],
    ...(named && boundary ? { boundary } : {}),
    ...(inSession && session ? { session } : {}),
    ...(resource && request.resource !== '*' ? { resource } : {}),
    request,
  };
}

/** Half of them about S3, the others about KMS keys and about roles to assume. */
export const accessPairs: fc.Arbitrary<AccessPair> = weighted(
  ...WORLDS.map((world, index): [number, fc.Arbitrary<AccessPair>] => [index === 0 ? 2 : 1, pairs(world)]),
);
