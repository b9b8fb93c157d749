// The generated policies in an AWS emulator that decides (moto), and the calls made with the AWS SDK: each role makes
// all calls of the table of verbs, and others that are nobody's. Those that it is granted succeed, the rest is denied.
//
// What moto 5.2.5 checks is the signature and the identity policies of the session's role, against the call's action
// and, for S3, the bucket or object (moto/iam/access_control.py, `check_action_permitted`). It takes the conditions of
// identity policies as met (`_check_conditions`). It asks about KMS with the resource `*` (moto/core/responses.py,
// `call_action`), which no key's ARN covers. It asks no boundary, no session policy and no key policy, of a bucket's
// policy only denials, and cannot match a trust policy that names a role. Its S3 asks nothing of KMS. So for moto
//   - statements about KMS get the resource `*`,
//   - denials with a condition (no plain HTTP) are left out, as it would deny everything,
//   - what S3 may ask of KMS (`kms:ViaService`) is left out, as nobody asks it here,
// and a call should be allowed when the role is granted one with this action and, for S3, on this resource. Conditions,
// keys, boundary, trust and key policies are proved in src/access, on our evaluator.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type AccessModel,
  type Call,
  callsOf,
  keyAddress,
  keysOf,
  type PolicyDocument,
  type PolicyStatement,
  parseTarget,
  policiesOf,
  readGrant,
  sessionName,
  type TargetPolicies,
} from '../../src/access/index.ts';
import { callMatrix, isAsked, modelWith, roles } from '../support/access-matrix.ts';
import {
  assumeRole,
  makeAdministrator,
  makeBucket,
  makeKey,
  makePolicy,
  makeRole,
  putRolePolicy,
} from '../support/aws-account.ts';
import { type Account, prepareFor, tryCall } from '../support/aws-calls.ts';
import { type Clients, makeClients } from '../support/aws-clients.ts';
import { type Moto, missingMoto, startMoto } from '../support/moto.ts';

const REGION = 'eu-west-1';
/** The account is moto's own. */
const target = parseTarget(`aws:123456789012:${REGION}`);
/** Not a role of the workspace: what the gateway and the runner do as themselves. */
const INSTANCE = 'the instance';

interface Actor {
  arn: string;
  policy: PolicyDocument;
  session: Clients;
  /** As in the table of verbs. */
  granted: Call[];
}

let moto: Moto;
let account: Account;
let model: AccessModel;
let policies: TargetPolicies;
let matrix: Call[];
const actors = new Map<string, Actor>();

beforeAll(async () => {
  if (missingMoto() !== undefined) return;
  moto = await startMoto();
  const anybody = makeClients(moto.endpoint, REGION, { AccessKeyId: 'nobody', SecretAccessKey: 'nobody' });
  const features = await makeKey(anybody, 'seal');
  model = modelWith(features.arn);
  policies = policiesOf(model, target);
  const keys = new Map([[features.arn, features.id]]);
  for (const key of keysOf(model, target)) {
    const { alias } = keyAddress(model, target, key);
    if (alias === undefined) continue;
    const { id } = await makeKey(anybody, model.keys[key]?.use ?? 'seal', alias);
    keys.set(alias, id);
  }
  for (const bucket of Object.keys(policies.buckets)) await makeBucket(anybody, bucket);
  account = { keys, ciphertexts: new Map(), administrator: await makeAdministrator(anybody, moto.endpoint, REGION) };

  const boundary = await makePolicy(anybody, 'boundary', policies.boundary);
  const trustOfInstance = {
    Version: '2012-10-17' as const,
    Statement: [{ Effect: 'Allow' as const, Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  const addActor = async (name: string, arn: string, policy: PolicyDocument, granted: Call[]) => {
    // As it is, to see that IAM's grammar takes it; then as moto can read it.
    await makePolicy(anybody, name.replace(' ', '-'), policy);
    const seen = forMoto(policy);
    if (seen.Statement.length > 0) await putRolePolicy(anybody, arn, seen);
    const session = await assumeRole(anybody, arn, sessionName('acme', name), moto.endpoint, REGION);
    actors.set(name, { arn, policy, session, granted: granted.filter(isAsked) });
  };
  for (const [role, { arn, policy, trust }] of Object.entries(policies.roles)) {
    await makeRole(anybody, arn, trust, boundary);
    const granted = (roles[role] ?? []).map(readGrant);
    await addActor(
      role,
      arn,
      policy,
      granted.flatMap(({ verb, subject }) => callsOf(model, target, verb, subject)),
    );
  }
  const { arn, policy } = policies.instance;
  await makeRole(anybody, arn, trustOfInstance, undefined);
  const log = { action: 's3:PutObject', resource: 'arn:aws:s3:::claims-audit/*', context: {} };
  await addActor(INSTANCE, arn, policy, [log]);

  matrix = callMatrix(model, target, features.arn);
  for (const call of matrix) await prepareFor(call, account);
  await moto.authorize();
});
afterAll(() => moto?.stop());
beforeEach((context) => {
  const reason = missingMoto();
  if (reason !== undefined) context.skip(reason);
});

describe('each call is allowed when it is granted, and otherwise denied, as far as moto checks it', () => {
  test.each([...Object.keys(roles), INSTANCE])('%s', async (name) => {
    const actor = actorOf(name);
    // The instance may assume all roles, but moto does not see that their trust policies name it.
    const calls = name === INSTANCE ? matrix.filter(({ action }) => action !== 'sts:AssumeRole') : matrix;
    expect(await surprises(actor, calls)).toEqual([]);
    const allowed = calls.filter((call) => isGranted(actor, call)).length;
    expect(allowed > 0).toBe(name !== 'stranger');
    expect(calls.length - allowed).toBeGreaterThan(100);
  });
});

describe('a policy that is not the generated one is found out', () => {
  const changes: Record<string, Change> = {
    'an action dropped': {
      role: 'trainer',
      service: 's3:',
      from: '"s3:GetObject"',
      to: '"s3:GetObjectTorrent"',
      wrong: (actor, call) => call.action === 's3:GetObject' && isGranted(actor, call),
      end: 'denied',
    },
    'an action of KMS dropped': {
      role: 'trainer',
      service: 'kms:',
      from: '"kms:Decrypt"',
      to: '"kms:Verify"',
      wrong: (_, call) => call.action === 'kms:Decrypt',
      end: 'denied',
    },
    'a resource dropped': {
      role: 'trainer',
      service: 's3:',
      from: '/claims-features/objects/*"',
      to: '/claims-features/object/*"',
      wrong: (_, call) => call.action === 's3:GetObject' && call.resource.includes('/claims-features/objects/'),
      end: 'denied',
    },
    'a resource widened': {
      role: 'supplier',
      service: 's3:',
      from: '/claims-raw/names/*"',
      to: '/claims-raw*"',
      wrong: (actor, call) =>
        call.action === 's3:PutObject' && call.resource.includes('/claims-raw') && !isGranted(actor, call),
      end: 'allowed',
    },
    'an action widened': {
      role: 'supplier',
      service: 's3:',
      from: '"s3:PutObject"',
      to: '"s3:*Object"',
      wrong: (actor, call) =>
        /^s3:(Get|Delete)Object$/.test(call.action) &&
        isGranted(actor, { ...call, action: 's3:PutObject' }) &&
        !isGranted(actor, call),
      end: 'allowed',
    },
    'an action of KMS widened': {
      role: 'trainer',
      service: 'kms:',
      from: '"kms:Decrypt"',
      to: '"kms:*"',
      wrong: (actor, call) => call.action.startsWith('kms:') && !isGranted(actor, call),
      end: 'allowed',
    },
  };
  test.each(Object.entries(changes))('%s', async (_, { role, service, from, to, wrong, end }) => {
    const actor = actorOf(role);
    const changed = JSON.stringify(forMoto(actor.policy)).replaceAll(from, to);
    await using _original = await withPolicy(actor, JSON.parse(changed));
    // What has changed is about one service.
    const calls = matrix.filter(({ action }) => action.startsWith(service));
    const expected = calls.filter((call) => wrong(actor, call));
    expect(expected).not.toEqual([]);
    expect(await surprises(actor, calls)).toEqual(expected.map((call) => describeEnd(call, end)));
  });
});

describe('moto would not take the policies as they are', () => {
  test('a denial with a condition denies everything', async () => {
    const actor = actorOf('trainer');
    await using _original = await withPolicy(actor, actor.policy);
    const calls = matrix.filter((call) => isGranted(actor, call));
    expect(await surprises(actor, calls)).toEqual(calls.map((call) => describeEnd(call, 'denied')));
  });

  test('a statement about a key allows nothing', async () => {
    const actor = actorOf('trainer');
    const allowing = statementsOf(actor.policy).filter(({ Effect }) => Effect === 'Allow');
    await using _original = await withPolicy(actor, { ...actor.policy, Statement: allowing });
    const calls = matrix.filter((call) => isGranted(actor, call));
    const onKeys = calls.filter(({ action }) => action.startsWith('kms:'));
    expect(await surprises(actor, calls)).toEqual(onKeys.map((call) => describeEnd(call, 'denied')));
  });
});

interface Change {
  role: string;
  service: 's3:' | 'kms:';
  /** In the text of the policy. */
  from: string;
  to: string;
  /** The calls that then end otherwise than they should. */
  wrong: (actor: Actor, call: Call) => boolean;
  end: 'allowed' | 'denied';
}

function actorOf(name: string): Actor {
  const actor = actors.get(name);
  if (actor === undefined) throw new Error(`there is no ${name}`);
  return actor;
}

/** Gives the actor another policy until it is disposed of. */
async function withPolicy({ arn, policy }: Actor, other: PolicyDocument): Promise<AsyncDisposable> {
  await putRolePolicy(account.administrator, arn, other);
  return { [Symbol.asyncDispose]: () => putRolePolicy(account.administrator, arn, forMoto(policy)) };
}

/** Makes the calls as the actor. @returns those that end otherwise than they should, and how. */
async function surprises(actor: Actor, calls: Call[]): Promise<string[]> {
  const found: string[] = [];
  for (const call of calls) {
    const end = await tryCall(actor.session, call, account);
    if (end !== (isGranted(actor, call) ? 'allowed' : 'denied')) found.push(describeEnd(call, end));
  }
  return found;
}

function describeEnd({ action, resource, context }: Call, end: string): string {
  return `${action} ${resource} ${JSON.stringify(context)}: ${end}`;
}

/** Whether moto should allow it: see above. */
function isGranted({ granted }: Actor, { action, resource }: Call): boolean {
  const covers = (many: string) => (many.endsWith('*') ? resource.startsWith(many.slice(0, -1)) : many === resource);
  return granted.some((call) => call.action === action && (action.startsWith('kms:') || covers(call.resource)));
}

/** The policy as moto can read it: see above. */
function forMoto(policy: PolicyDocument): PolicyDocument & { Statement: PolicyStatement[] } {
  const seen = statementsOf(policy).filter(
    ({ Effect, Condition = {} }) =>
      (Effect === 'Allow' || Object.keys(Condition).length === 0) &&
      !Object.values(Condition).some((keys) => 'kms:ViaService' in keys),
  );
  const isAboutKeys = ({ Action = [] }: PolicyStatement) =>
    [Action].flat().every((action) => action.startsWith('kms:'));
  const Statement = seen.map((statement) => (isAboutKeys(statement) ? { ...statement, Resource: '*' } : statement));
  return { ...policy, Statement };
}

function statementsOf({ Statement }: PolicyDocument): PolicyStatement[] {
  return [Statement].flat();
}
