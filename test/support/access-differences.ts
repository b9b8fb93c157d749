// Where we decide otherwise than iam-simulate, and AWS's documentation says that we are right. Each has a rewriting of
// a pair into some that mean the same by that documentation and that iam-simulate takes as we do, so that the rest of
// such a pair is compared all the same. The pages and an example of each are in test/interop/access-differences.json.
import type { PolicyDocument, PolicyStatement } from '../../src/access/index.ts';
import type { AccessPair } from './access-generators.ts';
import { askOracle, type Outcome } from './access-oracle.ts';
import { eachDocument, eachResourceStatement, eachStatement, eachTest, statementsOf } from './access-rewriting.ts';

/** As access-differences.json has them. */
export interface Difference {
  name: string;
  /** The page of AWS's documentation. */
  page: string;
  /** What the page says, in our words. */
  says: string;
  ours: Outcome;
  theirs: Outcome;
  /** A small pair that shows it. */
  pair: AccessPair;
}

/** Allowed if one of them is, and denied by a statement if all are. */
type Rewriting = (pair: AccessPair) => AccessPair[];

const ALLOW: PolicyStatement = { Effect: 'Allow', Action: '*', Resource: '*' };
const NEVER = 'arn:aws:never:::there is no such value';

/** The root user may do everything in its account. */
const rootUser: Rewriting = (pair) => {
  if (pair.request.principal.type !== 'root') return [pair];
  return [{ ...pair, identity: [{ Version: '2012-10-17', Statement: ALLOW }] }];
};

/** Without `"Version": "2012-10-17"`, `${…}` is a text like any other. */
const oldVersion: Rewriting = (pair) => [
  eachDocument(pair, (document) => {
    if (document.Version === '2012-10-17') return document;
    const text = JSON.stringify(document.Statement).replaceAll(`\${`, `\${$}{`);
    return { Version: '2012-10-17', Statement: JSON.parse(text) };
  }),
];

/** What the request brings for a key, whose name may be in any case. */
function valueIn({ request }: AccessPair, name: string): string | readonly string[] | undefined {
  return Object.entries(request.context).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

const VARIABLE = /\$\{([^}$*?,]+)\}/g;

function hasNoValue(text: unknown, pair: AccessPair): boolean {
  return [...String(text).matchAll(VARIABLE)].some(([, key = '']) => valueIn(pair, key) === undefined);
}

/** Nothing is like a variable without a value, so for what denies everything differs from it. */
const emptyVariable: Rewriting = (pair) => [
  eachTest(pair, ({ operator, value, effect }) => [
    operator,
    [value].flat().map((one) => (effect === 'Deny' && hasNoValue(one, pair) ? NEVER : one)),
  ]),
];

/** iam-simulate tells ARNs apart by their first parts, before it comes to such a variable; for us the test is not met. */
const emptyVariableInArn: Rewriting = (pair) => [
  eachTest(pair, ({ operator, key, value, effect }) => {
    const unknown =
      effect === 'Allow' && /ArnNot/.test(operator) && [value].flat().some((one) => hasNoValue(one, pair));
    return unknown && valueIn(pair, key) !== undefined ? ['Null', 'true'] : [operator, value];
  }),
];

/** NotResource with such a variable: a Deny is of all but the others, an Allow of nothing. */
const emptyVariableInNotResource: Rewriting = (pair) => [
  eachStatement(pair, ({ NotResource, ...statement }) => {
    const resources = [NotResource ?? []].flat();
    if (!resources.some((one) => hasNoValue(one, pair)))
      return [NotResource ? { ...statement, NotResource } : statement];
    const others = resources.filter((one) => !hasNoValue(one, pair));
    if (statement.Effect === 'Allow') return [];
    return [{ ...statement, ...(others.length > 0 ? { NotResource: others } : { Resource: '*' }) }];
  }),
];

/** To spare a principal, NotPrincipal must name all of it: the account, the user or role, and the session. */
const notPrincipal: Rewriting = (pair) => {
  const { principal } = pair.request;
  const whole: string[] = [];
  if ('arn' in principal) whole.push(principal.arn);
  if (principal.type === 'role' && principal.session) whole.push(principal.session);
  const account = whole[0]?.split(':')[4] ?? '';
  const rewritten = eachResourceStatement(pair, ({ NotPrincipal, ...statement }) => {
    if (NotPrincipal === undefined || NotPrincipal === '*') return NotPrincipal ? [] : [statement];
    const named = [NotPrincipal.AWS ?? []].flat();
    const namesAccount = named.includes(account) || named.includes(`arn:aws:iam::${account}:root`);
    const spared = namesAccount && whole.every((arn) => arn.endsWith(':root') || named.includes(arn)) && !pair.boundary;
    return spared ? [] : [{ ...statement, Principal: '*' }];
  });
  return [rewritten];
};

/** Whether a statement allows one of `names`, or everyone. */
function allows({ Effect, Principal }: PolicyStatement, names: string[]): boolean {
  if (Effect !== 'Allow' || Principal === undefined) return false;
  if (Principal === '*') return true;
  return [Principal.AWS ?? []].flat().some((named) => named === '*' || names.includes(named));
}

const denialsOf = (document: PolicyDocument): PolicyStatement[] =>
  statementsOf(document).filter(({ Effect }) => Effect === 'Deny');

/** The pair without what its resource allows `names` themselves, and the pair with that alone. */
function divide(pair: AccessPair, names: string[]): [AccessPair, AccessPair] {
  const without = eachResourceStatement(pair, (statement) => (allows(statement, names) ? [] : [statement]));
  const alone = eachResourceStatement(pair, (statement) =>
    statement.Effect === 'Deny' || allows(statement, names) ? [statement] : [],
  );
  const identity = pair.identity.flatMap((document) => {
    const denials = denialsOf(document);
    return denials.length === 0 ? [] : [{ ...document, Statement: denials }];
  });
  return [without, { ...alone, identity }];
}

/** What a resource allows a session of its own account, or everyone, no session policy limits. */
const grantToSession: Rewriting = (pair) => {
  const { principal, resourceAccount, action } = pair.request;
  if (principal.type !== 'role' || !principal.session || !pair.session || !pair.resource) return [pair];
  if (!principal.session.includes(`:${resourceAccount}:`) || action.startsWith('sts:')) return [pair];
  const [without, alone] = divide(pair, [principal.session]);
  return [without, { ...alone, session: { ...pair.session, Statement: [...denialsOf(pair.session), ALLOW] } }];
};

/** What a trust policy allows a user or role of its own account, the boundary and the session policy limit. */
const limitedTrust: Rewriting = (pair) => {
  const { principal, resourceAccount, action } = pair.request;
  if (principal.type !== 'role' && principal.type !== 'user') return [pair];
  if (!action.startsWith('sts:') || !pair.resource || !principal.arn.includes(`:${resourceAccount}:`)) return [pair];
  const names = principal.type === 'role' && principal.session ? [principal.arn, principal.session] : [principal.arn];
  const [without, alone] = divide(pair, names);
  const delegated = eachResourceStatement(alone, (statement) => [
    allows(statement, names) ? { ...statement, Principal: { AWS: resourceAccount } } : statement,
  ]);
  const identity = [...alone.identity, { Version: '2012-10-17' as const, Statement: ALLOW }];
  return [without, { ...delegated, identity }];
};

/** With IfExists a test of a missing key is true, of a set too. */
const missingFromSet: Rewriting = (pair) => [
  eachTest(pair, ({ operator, key, value }) =>
    /^ForAnyValue:.*IfExists$/.test(operator) && valueIn(pair, key) === undefined ? undefined : [operator, value],
  ),
];

/** An empty text is an empty set: ForAllValues is true of it, and ForAnyValue is not. */
const emptySet: Rewriting = (pair) => [
  eachTest(pair, ({ operator, key, value }) => {
    if (valueIn(pair, key) !== '') return [operator, value];
    if (operator.startsWith('ForAllValues:')) return undefined;
    return operator.startsWith('ForAnyValue:') ? ['Null', 'true'] : [operator, value];
  }),
];

/** `${*}` is the character itself, also where `*` is no wildcard. */
const character: Rewriting = (pair) => [
  eachTest(pair, ({ operator, value }) => [
    operator,
    /String(Not)?Equals/.test(operator) ? [value].flat().map((one) => String(one).replaceAll(`\${*}`, '*')) : value,
  ]),
];

const eachNetwork = (pair: AccessPair, rewrite: (network: string) => string[]): AccessPair[] => [
  eachTest(pair, ({ operator, value }) => [
    operator,
    operator.includes('IpAddress') ? [value].flat().flatMap((network) => rewrite(String(network))) : value,
  ]),
];

/** An address without a prefix is a range of one address. */
const singleAddress: Rewriting = (pair) =>
  eachNetwork(pair, (network) => {
    if (network.includes('/')) return [network];
    return [`${network}/${network.includes(':') ? 128 : 32}`];
  });

/** A prefix of 0 covers every IPv4 address. */
const everyAddress: Rewriting = (pair) =>
  eachNetwork(pair, (network) => (network === '0.0.0.0/0' ? ['0.0.0.0/1', '128.0.0.0/1'] : [network]));

const SECONDS = /^\d{10}$/;
const asDate = (text: string): string => (SECONDS.test(text) ? new Date(Number(text) * 1000).toISOString() : text);

/** Seconds since 1970 are a date like one that is written out. */
const secondsAsDate: Rewriting = (pair) => {
  const context = Object.entries(pair.request.context).map(([key, value]) => [
    key,
    typeof value === 'string' ? asDate(value) : value,
  ]);
  const request = { ...pair.request, context: Object.fromEntries(context) };
  return [
    eachTest({ ...pair, request }, ({ operator, value }) => [
      operator,
      operator.includes('Date') ? [value].flat().map((one) => asDate(String(one))) : value,
    ]),
  ];
};

export const REWRITINGS: Record<string, Rewriting> = {
  'root user': rootUser,
  'variables in an old version': oldVersion,
  'variable without a value': emptyVariable,
  'variable without a value in an ARN': emptyVariableInArn,
  'variable without a value in NotResource': emptyVariableInNotResource,
  'whom NotPrincipal spares': notPrincipal,
  'a grant to a session that has a session policy': grantToSession,
  'a trust policy and a boundary': limitedTrust,
  'ForAnyValue with IfExists': missingFromSet,
  'an empty text as a set': emptySet,
  'a character as a variable': character,
  'seconds as a date': secondsAsDate,
  'an address without a prefix': singleAddress,
  'every IPv4 address': everyAddress,
};

/** The pair with every known difference rewritten. */
export function rewriteAll(pair: AccessPair): AccessPair[] {
  return Object.values(REWRITINGS).reduce((pairs, rewriting) => pairs.flatMap(rewriting), [pair]);
}

/** What iam-simulate says of pairs of which one must be allowed. */
export async function askOfAny(pairs: AccessPair[]): Promise<Outcome> {
  const outcomes = await Promise.all(pairs.map(async (pair) => (await askOracle(pair)).outcome));
  if (outcomes.every((outcome) => outcome === 'explicit-deny')) return 'explicit-deny';
  return outcomes.includes('allowed') ? 'allowed' : 'implicit-deny';
}
