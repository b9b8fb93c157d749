// Decides what a role may do: the calls that a question stands for, each by the role's policy and by that of the
// bucket or the key, as AWS would.
import {
  type AccessModel,
  type AccessRequest,
  type Call,
  callsOf,
  evaluate,
  explain,
  keyAddress,
  keyPolicy,
  type Policy,
  parsePolicy,
  policyOfBucket,
  rolePolicy,
  roleRequest,
  type Target,
  type Verb,
} from '../access/index.ts';

/** What is to be decided. */
export interface Question {
  verb: Verb;
  /** A dataset, a pipeline or a key; `read` for `audit`. */
  subject: string;
  /** Of an object. */
  name?: string;
  /** Only these of the verb's actions; what is not in the table of verbs is asked of the key as it is. */
  actions?: readonly string[];
  /** Of the secrets of a run, only this one. */
  secret?: string;
}

export interface Answer {
  allowed: boolean;
  /** One line: which statement denied it, or that none allowed it; or that all is allowed. */
  reason: string;
  /** What was asked of the policies. */
  calls: readonly Call[];
}

/** Who asks, beside the role. */
export interface Session {
  /** Its name. */
  name: string;
  context: AccessRequest['context'];
}

/** The workspace as a target: its ARNs have the shape of an account's. */
export const LOCAL: Target = { kind: 'workspace' };

/**
 * Decides for one role. The boundary is left out: it is for AWS, where others may attach policies to a role.
 *
 * @param keyArns ARNs of keys by alias, for policies that name them; by the alias alone where there is none
 * @throws AccessError for a role that there is not, or a policy that cannot be read
 */
export function decideFor(
  model: AccessModel,
  role: string,
  session: Session,
  keyArns: Readonly<Record<string, string>>,
): (question: Question) => Answer {
  const identity = [parsePolicy(rolePolicy(model, LOCAL, role), { kind: 'identity', name: `role ${role}` })];
  const policies = new Map<string, Policy>();
  const resourcePolicy = (name: string, make: () => unknown): Policy => {
    const known = policies.get(name) ?? parsePolicy(make(), { kind: 'resource', name });
    policies.set(name, known);
    return known;
  };
  const policyFor = (call: Call, key: string | undefined): Policy => {
    if (key !== undefined) {
      return resourcePolicy(`key ${key}`, () => keyPolicy(declaring(model, key, [call.action]), LOCAL, key));
    }
    const [arn = ''] = call.resource.split('/');
    return resourcePolicy(`bucket ${arn.split(':').at(-1)}`, () => policyOfBucket(LOCAL, { arn, prefix: '' }));
  };
  return (question) => {
    const calls = callsFor(model, question).map(({ call, key }) => ({
      key,
      call:
        key === undefined ? call : withArn(call, keyAddress(declaring(model, key), LOCAL, key).arn, own(keyArns, key)),
    }));
    const asked = calls.map(({ call }) => call);
    for (const { call, key } of calls) {
      const request = requestOf(model, role, call, session);
      const set = { identity, resource: policyFor(call, key) };
      if (!evaluate(set, request).allowed) return { allowed: false, reason: explain(set, request).line, calls: asked };
    }
    // What stands for no call at all was not understood.
    if (calls.length === 0) return { allowed: false, reason: 'it stands for no call that is known', calls: asked };
    const many = calls.length === 1 ? 'the call' : `all ${calls.length} calls`;
    return { allowed: true, reason: `the policy of the role ${role} allows ${many} that it takes`, calls: asked };
  };
}

/** The calls that a question stands for, and the key that each is about. */
export function callsFor(known: AccessModel, question: Question): { call: Call; key: string | undefined }[] {
  const { verb, subject, actions, secret, name } = question;
  const model = verb === 'run' ? withUses(known, subject, secret) : known;
  if (verb === 'manage') return managing(model, subject, actions).map((call) => ({ call, key: subject }));
  // Of a derived dataset nothing in the store has the name of an object: its records are those of versions.
  const named = model.datasets[subject]?.kind === 'raw' ? name : undefined;
  const calls = callsOf(model, LOCAL, verb, subject, named);
  return calls
    .filter(({ action }) => secret === undefined || action.startsWith('kms:'))
    .map((call) => ({ call, key: keyOf(model, call) }));
}

function managing(model: AccessModel, alias: string, actions: readonly string[] | undefined): Call[] {
  const calls = callsOf(declaring(model, alias, actions), LOCAL, 'manage', alias);
  const [first] = calls;
  if (actions === undefined || first === undefined) return calls;
  return actions.flatMap((action) => {
    const known = calls.filter((call) => call.action === action);
    return known.length > 0 ? known : [{ ...first, action }];
  });
}

/** A key may be there that glovebox.yaml does not declare: only a policy that a role was given whole can allow it. */
function declaring(model: AccessModel, alias: string, actions: readonly string[] = []): AccessModel {
  if (Object.hasOwn(model.keys, alias)) return model;
  const use = actions.includes('kms:GetPublicKey') ? 'drop-box' : 'seal';
  return { ...model, keys: { ...model.keys, [alias]: { use } } };
}

/**
 * As if the pipeline used this secret alone, where one is named. Whether the role may is decided by its policy, which
 * was made of what the pipelines use. One that is not known there uses nothing.
 */
function withUses(model: AccessModel, pipeline: string, secret: string | undefined): AccessModel {
  const uses = own(model.pipelines, pipeline) ?? { source: '', output: '', secrets: [] };
  const secrets = secret === undefined ? uses.secrets : [secret];
  return { ...model, pipelines: { ...model.pipelines, [pipeline]: { ...uses, secrets } } };
}

/** Names come from people: `constructor` is one like any other. */
function own<Value>(map: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

/** The key's name, from the alias that the call goes by. */
function keyOf(model: AccessModel, { action, context }: Call): string | undefined {
  const [alias] = [context['kms:ResourceAliases'] ?? []].flat();
  if (!action.startsWith('kms:') || alias === undefined) return undefined;
  return alias.slice(`alias/${model.workspace}-`.length);
}

function withArn(call: Call, placeholder: string, arn: string | undefined): Call {
  return arn === undefined || call.resource !== placeholder ? call : { ...call, resource: arn };
}

function requestOf(model: AccessModel, role: string, call: Call, session: Session): AccessRequest {
  const request = roleRequest(model, LOCAL, role, call, session.name);
  const now = new Date();
  const time = {
    'aws:CurrentTime': now.toISOString(),
    'aws:EpochTime': String(Math.floor(now.getTime() / 1000)),
  };
  return { ...request, context: { ...time, ...session.context, ...request.context } };
}
