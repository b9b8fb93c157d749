// Least privilege, both ways: the generated documents allow what is granted and nothing else, and no element of
// theirs can be dropped or widened without a call here that tells.
//
// Documents protect the same thing more than once (the role's policy, the boundary and the key's policy all ask for
// the encryption context), which would hide a mutant of one behind another. So each document is also tried alone,
// with everything else open: the others allow everything, and it alone decides.
import { describe, expect, test } from 'vitest';
import { administrationOf, byS3, leftToWritten, withinBoundary } from '../../test/support/access-expectations.ts';
import { richModel as model } from '../../test/support/access-model.ts';
import { grantedTo, isCovered, overHttp, probesAround, unique, universe } from '../../test/support/access-probes.ts';
import { mutantsOf } from '../../test/support/policy-mutants.ts';
import { type Call, call } from './calls.ts';
import { evaluate, type PolicySet } from './evaluate.ts';
import { policiesOf } from './generate.ts';
import { instanceRoleArn, keyAddress, LOCAL_RUNNER, roleArn, sessionName } from './names.ts';
import { type Policy, parsePolicy } from './parse.ts';
import { requestAs, roleRequest } from './role-request.ts';
import { localityOf, parseTarget } from './target.ts';
import type { AccessRequest, PolicyDocument, PolicyKind } from './types.ts';

/** A request, the policies around the one that is tried, and what must come of it. */
interface Probe {
  request: AccessRequest;
  set(policy: Policy | undefined): PolicySet;
  allowed: boolean;
}

interface Trial {
  name: string;
  kind: PolicyKind;
  document: PolicyDocument;
  probes: Probe[];
}

function makePolicy(document: PolicyDocument, kind: PolicyKind, name: string): Policy | undefined {
  const hasStatements = [document.Statement].flat().length > 0;
  return hasStatements ? parsePolicy(document, { kind, name }) : undefined;
}

const open = parsePolicy(
  { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
  { kind: 'identity', name: 'open' },
);

/** The first probe that comes out otherwise than it must. `first` are tried before the others. */
function findFailure({ kind, name, probes }: Trial, document: PolicyDocument, first: Set<Probe>): Probe | undefined {
  const policy = makePolicy(document, kind, name);
  const fails = ({ request, set, allowed }: Probe) => evaluate(set(policy), request).allowed !== allowed;
  for (const probe of first) if (fails(probe)) return probe;
  return probes.find(fails);
}

function withoutTransport({ context: { 'aws:SecureTransport': _, ...context }, ...rest }: Call): Call {
  return { ...rest, context };
}

const say = (probe: Probe | undefined): string =>
  probe === undefined
    ? ''
    : `${probe.allowed ? 'must be allowed' : 'must be denied'}: ${JSON.stringify(probe.request)}`;

/** What was tried, for the last line of the tests. */
const counts = { documents: 0, probes: 0, dropped: 0, widened: 0 };

describe.each(['workspace', 'aws:123456789012:eu-west-1'])('of %s', (text) => {
  const target = parseTarget(text);
  const policies = policiesOf(model, target);
  const all = universe(model, target);
  const { account, partition } = localityOf(target);
  const openResource = parsePolicy(
    {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { AWS: `arn:${partition}:iam::${account}:root` }, Action: '*', Resource: '*' },
      ],
    },
    { kind: 'resource', name: 'open' },
  );
  const generated = Object.keys(model.roles).filter((role) => role !== 'written');
  const withGate = ({ action }: Call) => /^(kms|sts):/.test(action);
  const overTls = ({ context }: Call) => context['aws:SecureTransport'] !== 'false';

  /** For a policy of an identity, which has all that resources can give. */
  function identityProbes(granted: readonly Call[], ask: (call: Call) => AccessRequest): Probe[] {
    const around = (policy: Policy | undefined, asked: Call, ...others: Policy[]): PolicySet => ({
      identity: [...(policy === undefined ? [] : [policy]), ...others],
      ...(withGate(asked) ? { resource: openResource } : {}),
    });
    return [
      ...probesAround(granted, all).map((asked): Probe => {
        const allowed = overTls(asked) && isCovered(granted, asked);
        return { request: ask(asked), set: (policy) => around(policy, asked), allowed };
      }),
      // Whatever else it may get: nothing without TLS.
      ...[...all, ...all.map(overHttp), ...all.map(withoutTransport)].map((asked): Probe => {
        return { request: ask(asked), set: (policy) => around(policy, asked, open), allowed: overTls(asked) };
      }),
    ];
  }

  function roleTrial(role: string): Trial {
    const granted = grantedTo(model, target, role);
    const probes = identityProbes(granted, (asked) => roleRequest(model, target, role, asked));
    const document = policies.roles[role]?.policy;
    if (document === undefined) throw new Error(role);
    return { name: `role ${role}`, kind: 'identity', document, probes };
  }

  function boundaryTrial(): Trial {
    const within = withinBoundary(target);
    const probes = probesAround(all, all).map((asked): Probe => {
      const resource = withGate(asked) ? { resource: openResource } : {};
      return {
        request: roleRequest(model, target, 'written', asked),
        set: (policy) => ({ identity: [open], ...(policy === undefined ? {} : { boundary: policy }), ...resource }),
        allowed: overTls(asked) && isCovered(within, asked),
      };
    });
    return { name: 'boundary', kind: 'identity', document: policies.boundary, probes };
  }

  function instanceTrial(): Trial {
    const arn = instanceRoleArn(model, target);
    const granted = [
      ...Object.keys(model.roles).map((role) => call('sts:AssumeRole', roleArn(model, target, role))),
      call('s3:PutObject', `arn:${partition}:s3:::claims-audit/*`, { 's3:if-none-match': '*' }),
      ...byS3(target, ['GenerateDataKey'], 'audit', 'claims-audit'),
    ];
    const probes = identityProbes(granted, (asked) => requestAs(target, { type: 'role', arn }, arn, asked));
    return { name: 'instance', kind: 'identity', document: policies.instance.policy, probes };
  }

  /** Everybody has all permissions but the key's. */
  function keyTrial(key: string): Trial {
    const { arn: resource } = keyAddress(model, target, key);
    const ofKey = (calls: readonly Call[]) => calls.filter((each) => each.resource === resource).map(onKey);
    // A key's policy is asked for its key alone, whatever its aliases.
    const onKey = ({ action, context: { 'kms:ResourceAliases': _, ...context } }: Call) => ({
      action,
      resource,
      context,
    });
    const administration = administrationOf(target, key).map((action) => call(action, resource));
    const ofRoles = [
      ...generated.map((role) => ({ arn: roleArn(model, target, role), uses: ofKey(grantedTo(model, target, role)) })),
      { arn: roleArn(model, target, 'written'), uses: leftToWritten(target, key).map(onKey) },
      {
        arn: instanceRoleArn(model, target),
        uses: key === 'audit' ? byS3(target, ['GenerateDataKey'], key, 'claims-audit').map(onKey) : [],
      },
    ];
    const actors: { arn: string; uses: Call[]; isForeign?: boolean }[] = [
      ...ofRoles,
      ...ofRoles.map(({ arn }) => ({ arn: `${arn}-2`, uses: [] })),
      { arn: `arn:${partition}:iam::${account}:role/admin`, uses: [] },
      { arn: roleArn(model, target, 'supplier').replace(account, '999999999999'), uses: [], isForeign: true },
    ];
    const base = unique([...ofKey(all), ...ofRoles.flatMap(({ uses }) => uses), ...administration]);
    const probes = actors.flatMap(({ arn, uses, isForeign = false }) => {
      const around = probesAround(uses, uses.length === 0 ? [] : all).filter(({ action }) => action.startsWith('kms:'));
      return unique([...base, ...around.map(onKey)].filter(overTls)).flatMap((asked): Probe[] => {
        const request = requestAs(target, { type: 'role', arn }, arn, asked);
        const { 'aws:PrincipalArn': _, ...unnamed } = request.context;
        const allowed = !isForeign && isCovered([...uses, ...administration], asked);
        const set = (policy: Policy | undefined, ...identity: Policy[]): PolicySet =>
          policy === undefined ? { identity } : { identity, resource: policy };
        return [
          { request, set: (policy) => set(policy, open), allowed },
          // The key's policy gives nothing by itself: the role's policy must allow it too.
          { request, set: (policy) => set(policy), allowed: false },
          {
            request: { ...request, context: unnamed },
            set: (policy) => set(policy, open),
            allowed: !isForeign && isCovered(administration, asked),
          },
        ];
      });
    });
    const document = policies.keys[key]?.policy;
    if (document === undefined) throw new Error(key);
    return { name: `key ${key}`, kind: 'resource', document, probes };
  }

  function bucketTrial(name: string): Trial {
    const arn = `arn:${partition}:s3:::${name}`;
    const isInside = (resource: string) => resource === arn || resource.startsWith(`${arn}/`);
    const calls = all.filter(({ action }) => action.startsWith('s3:'));
    const probes = probesAround([...calls, call('s3:ListBucket', arn)], calls)
      .filter(({ action }) => action.startsWith('s3:'))
      .map((asked): Probe => {
        return {
          request: roleRequest(model, target, 'written', asked),
          set: (policy) => ({ identity: [open], ...(policy === undefined ? {} : { resource: policy }) }),
          allowed: overTls(asked) || !isInside(asked.resource),
        };
      });
    const document = policies.buckets[name]?.policy;
    if (document === undefined) throw new Error(name);
    return { name: `bucket ${name}`, kind: 'resource', document, probes };
  }

  /** Everybody may assume every role, but for what the role trusts. */
  function trustTrial(role: string): Trial {
    const arn = roleArn(model, target, role);
    const instance = instanceRoleArn(model, target);
    const mayAssume = new Set(
      [LOCAL_RUNNER, ...Object.keys(model.users).filter((user) => model.users[user]?.roles.includes(role))].map(
        (user) => sessionName(user, 'a1'),
      ),
    );
    const users = [LOCAL_RUNNER, ...Object.keys(model.users), 'nobody', 'local'];
    const sessions = users.flatMap((user) => {
      const name = sessionName(user, 'a1');
      const [who = ''] = name.split('@');
      return [name, who, `${who}-2@a1`, `${who}x`, name.toUpperCase(), name.slice(1)];
    });
    const actors = [
      instance,
      `${instance}-2`,
      roleArn(model, target, 'supplier'),
      `arn:${partition}:iam::${account}:role/x`,
    ];
    const actions = ['sts:AssumeRole', 'sts:AssumeRoleWithSAML', 'sts:TagSession', 'sts:SetSourceIdentity'];
    const probes = actors.flatMap((actor) =>
      actions.flatMap((action) =>
        [undefined, ...sessions].map((session): Probe => {
          const context: Record<string, string> = session === undefined ? {} : { 'sts:RoleSessionName': session };
          return {
            request: requestAs(target, { type: 'role', arn: actor }, actor, call(action, arn, context)),
            set: (policy) => ({ identity: [open], ...(policy === undefined ? {} : { resource: policy }) }),
            allowed:
              actor === instance && action === 'sts:AssumeRole' && session !== undefined && mayAssume.has(session),
          };
        }),
      ),
    );
    const document = policies.roles[role]?.trust;
    if (document === undefined) throw new Error(role);
    return { name: `trust of ${role}`, kind: 'resource', document, probes };
  }

  const trials: [name: string, make: () => Trial][] = [
    ...generated.map((role): [string, () => Trial] => [`the policy of the role ${role}`, () => roleTrial(role)]),
    ['the boundary', boundaryTrial],
    ["the instance's policy", instanceTrial],
    ...Object.keys(policies.keys).map((key): [string, () => Trial] => [
      `the policy of the key ${key}`,
      () => keyTrial(key),
    ]),
    ...Object.keys(policies.buckets).map((name): [string, () => Trial] => [
      `the policy of the bucket ${name}`,
      () => bucketTrial(name),
    ]),
    ...Object.keys(model.roles).map((role): [string, () => Trial] => [
      `whom the role ${role} trusts`,
      () => trustTrial(role),
    ]),
  ];

  test.each(trials)('%s: what it must, nothing else, and no element to spare', (_, make) => {
    const trial = make();
    expect(say(findFailure(trial, trial.document, new Set()))).toBe('');
    expect(trial.probes.some(({ allowed }) => !allowed)).toBe(true);
    const mutants = mutantsOf(trial.document);
    const telling = new Set<Probe>();
    const survivors = mutants.filter(({ document }) => {
      const probe = findFailure(trial, document, telling);
      if (probe !== undefined) telling.add(probe);
      return probe === undefined;
    });
    expect(survivors.map(({ kind, change }) => `${kind} ${change}`)).toEqual([]);
    counts.documents += 1;
    counts.probes += trial.probes.length;
    for (const { kind } of mutants) counts[kind] += 1;
  });
});

test('there were documents, probes and mutants enough to tell', () => {
  process.stdout.write(`least privilege: ${JSON.stringify(counts)}\n`);
  expect(counts.documents).toBe(80);
  expect(counts.dropped).toBeGreaterThan(1000);
  expect(counts.widened).toBeGreaterThan(4000);
});
