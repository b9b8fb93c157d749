// Calls that are tried against policies: those of the table of verbs, and near misses of each: another action,
// another resource, another, a further or no value of a condition key, plain HTTP.
import { type Call, callsOf } from '../../src/access/calls.ts';
import { instanceCalls } from '../../src/access/instance-policy.ts';
import type { AccessModel } from '../../src/access/model.ts';
import { readGrant } from '../../src/access/model.ts';
import { allGrants } from '../../src/access/subjects.ts';
import type { Target } from '../../src/access/target.ts';

/** Actions of the services beside those that are granted: what a wildcard would bring along. */
const FOREIGN_ACTIONS = [
  ...[
    's3:GetObjectVersion',
    's3:PutObjectAcl',
    's3:PutBucketPolicy',
    's3:DeleteObjectVersion',
    's3:ListBucketVersions',
  ],
  ...['kms:CreateGrant', 'kms:PutKeyPolicy', 'kms:ReEncryptFrom', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:Sign'],
  ...['sts:AssumeRoleWithSAML', 'sts:TagSession', 'sts:SetSourceIdentity', 'iam:PassRole'],
];

/** All calls that any verb means, and those of the instance. */
export function universe(model: AccessModel, target: Target): Call[] {
  const granted = allGrants(model, target).flatMap(({ verb, subject }) => callsOf(model, target, verb, subject));
  return unique([...granted, ...instanceCalls(model, target)]);
}

/** The calls that a role is granted. */
export function grantedTo(model: AccessModel, target: Target, role: string): Call[] {
  const declared = model.roles[role];
  if (declared === undefined || 'policy' in declared) return [];
  return unique(
    declared.allow.flatMap((grant) => {
      const { verb, subject } = readGrant(grant);
      return callsOf(model, target, verb, subject);
    }),
  );
}

/** The calls `base`, and each of them changed in one thing; `all` says what else there is. */
export function probesAround(base: readonly Call[], all: readonly Call[]): Call[] {
  const actions = [...new Set([...all.map(({ action }) => action), ...FOREIGN_ACTIONS])];
  const resources = [...new Set(all.map(({ resource }) => resource))];
  const values = new Map<string, Set<string>>();
  for (const { context } of all) {
    for (const [key, value] of Object.entries(context)) {
      const known = values.get(key) ?? new Set();
      for (const each of [value].flat()) known.add(each);
      values.set(key, known);
    }
  }
  const changed = base.flatMap((call) => {
    const others = [...near(call.resource), ...resources.filter((resource) => isAlike(resource, call.resource))];
    return [
      ...actions.map((action) => ({ ...call, action })),
      ...others.map((resource) => ({ ...call, resource })),
      ...Object.keys(call.context).flatMap((key) => otherContexts(call, key, [...(values.get(key) ?? [])])),
      overHttp(call),
    ];
  });
  return unique([...base, ...all, ...changed]);
}

export function overHttp(call: Call): Call {
  return { ...call, context: { ...call.context, 'aws:SecureTransport': 'false' } };
}

/** The call without a key of its context, and with other values of it. */
function otherContexts(call: Call, key: string, known: string[]): Call[] {
  const { [key]: value = '', ...rest } = call.context;
  const others = [...known, '', ...[value].flat().flatMap(besides)];
  const changed = others.map((other) => ({ ...rest, [key]: typeof value === 'string' ? other : [other] }));
  const more =
    typeof value === 'string'
      ? []
      : [
          { ...rest, [key]: [] },
          { ...rest, [key]: ['alias/x', ...value] },
        ];
  return [rest, ...changed, ...more].map((context) => ({ ...call, context }));
}

/** What is written almost like `text`. */
function besides(text: string): string[] {
  if (text === 'true' || text === 'false') return ['true', 'false'];
  return [`${text}-2`, text.slice(0, -1), text.toUpperCase(), ...around(text)];
}

/** What is inside a path, and at each of its levels something beside it. */
function around(path: string): string[] {
  const stem = path.replace(/\*$/, '');
  const slashes = [...stem.matchAll(/\//g)].map(({ index }) => index);
  return [
    `${stem}a/b.csv`,
    ...slashes.flatMap((index) => [
      stem.slice(0, index + 1),
      `${stem.slice(0, index)}-2${stem.slice(index)}x`,
      `${stem.slice(0, index + 1)}elsewhere`,
    ]),
    ...(path.endsWith('*') ? [] : [`${stem}-2`]),
  ];
}

/** A resource, what is inside it, beside it and around it, and the same elsewhere. */
function near(resource: string): string[] {
  if (!resource.startsWith('arn:')) return [resource];
  const [arn, partition, service, region, account, ...rest] = resource.split(':');
  const path = rest.join(':');
  const at = (where: string | undefined, whose: string | undefined, what: string) =>
    [arn, partition, service, where, whose, what].join(':');
  return [
    resource,
    ...around(path).map((other) => at(region, account, other)),
    ...(region === '' ? [] : [at('us-east-1', account, path)]),
    ...(account === '' ? [] : [at(region, '999999999999', path)]),
  ];
}

/** Only kinds of resources that are mixed up in earnest: of the same service, or `*`. */
function isAlike(a: string, b: string): boolean {
  return a.split(':')[2] === b.split(':')[2];
}

/** Whether one of `granted` is for `asked`: what a policy made from them has to say, said without policies. */
export function isCovered(granted: readonly Call[], asked: Call): boolean {
  return granted.some(({ action, resource, context }) => {
    if (action !== asked.action) return false;
    // A key that goes by its alias is any key of its place that has this alias.
    const place = Object.hasOwn(context, 'kms:ResourceAliases') ? resource.replace(/:key\/.*/, ':key/*') : resource;
    if (!begins(place, asked.resource)) return false;
    return Object.entries(context).every(([key, wanted]) => {
      const given = asked.context[key];
      if (key === 'aws:SecureTransport') return true;
      if (given === undefined) return false;
      if (typeof wanted !== 'string') return [given].flat().some((each) => wanted.includes(each));
      return typeof given === 'string' && begins(wanted, given);
    });
  });
}

function begins(wanted: string, given: string): boolean {
  return wanted.endsWith('*') ? given.startsWith(wanted.slice(0, -1)) : given === wanted;
}

export function unique(calls: readonly Call[]): Call[] {
  return [...new Map(calls.map((call) => [JSON.stringify(call), call])).values()];
}
