// glovebox access simulate: decides on one request by policies that lie in files.
import { explain, type Policy, type PolicyKind, type PolicySet, parsePolicyText } from '../../access/index.ts';
import { defineCommand } from '../command.ts';
import { CliError, usage } from '../error.ts';
import { parseContextKey, parsePrincipal } from '../parse.ts';
import { readPolicyFile } from '../policy-file.ts';

const file = (description: string) => ({ value: 'FILE', description }) as const;

export const accessSimulate = defineCommand({
  name: 'access simulate',
  summary: 'decide on a request by policies in files, as IAM would',
  details:
    'Needs no workspace and no AWS account. Identity policies are those of the caller; the others limit or add to ' +
    'them. Ends with exit code 0 where the request is allowed and 3 where it is not, and says which statement decided.',
  examples: [
    'glovebox access simulate --policy trainer.json --action s3:GetObject --resource arn:aws:s3:::claims-box/x',
    'glovebox access simulate --policy p.json --action s3:ListBucket --resource arn:aws:s3:::b --context s3:prefix=in/',
  ],
  arguments: {},
  options: {
    policy: { ...file('an identity policy of the caller (JSON)'), many: true },
    boundary: file("the caller's permissions boundary"),
    sessionPolicy: { ...file('a session policy'), many: true },
    resourcePolicy: file('the policy of the bucket, the key or the role that is asked for'),
    action: { value: 'ACTION', description: 'such as s3:GetObject' },
    resource: { value: 'ARN', description: 'what is asked for; * where the action has no resource' },
    resourceAccount: {
      value: 'ACCOUNT',
      description: 'who owns the resource',
      byDefault: "the ARN's, else the caller's",
    },
    principal: {
      value: 'ARN',
      description: 'who asks: a role, a session of a role, a user, the root of an account, or a service',
      byDefault: 'a role of the account 000000000000',
      parse: parsePrincipal,
    },
    context: {
      value: 'KEY=VALUE',
      description: 'a condition key of the request; twice the same makes it multivalued',
      parse: parseContextKey,
      many: true,
    },
  },
  async run({ ui }, _given, options) {
    const { action, resource } = options;
    if (action === undefined || resource === undefined) {
      throw usage('--action and --resource are needed', 'see: glovebox access simulate --help');
    }
    const policies = await readPolicies(options);
    const principal = options.principal ?? { type: 'role', arn: 'arn:aws:iam::000000000000:role/simulated' };
    const account = /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/;
    const own = 'arn' in principal ? account.exec(principal.arn)?.[1] : undefined;
    const resourceAccount = options.resourceAccount ?? account.exec(resource)?.[1] ?? own ?? '000000000000';
    const request = { principal, action, resource, resourceAccount, context: gather(options.context) };
    const { decision, line, statements } = explain(policies, request);
    if (!decision.allowed) throw new CliError('DENIED', `${action} on ${resource}: denied`, { hint: line });
    ui.result({ ...decision, explanation: line, statements }, [line]);
  },
});

interface Files {
  policy: string[];
  boundary: string | undefined;
  sessionPolicy: string[];
  resourcePolicy: string | undefined;
}

async function readPolicies({ policy, boundary, sessionPolicy, resourcePolicy }: Files): Promise<PolicySet> {
  const read = async (path: string, kind: PolicyKind): Promise<Policy> =>
    parsePolicyText(await readPolicyFile(path), { kind, name: path });
  const all = async (paths: string[]): Promise<Policy[]> => {
    const found: Policy[] = [];
    for (const path of paths) found.push(await read(path, 'identity'));
    return found;
  };
  return {
    identity: await all(policy),
    ...(boundary === undefined ? {} : { boundary: await read(boundary, 'identity') }),
    ...(sessionPolicy.length === 0 ? {} : { session: await all(sessionPolicy) }),
    ...(resourcePolicy === undefined ? {} : { resource: await read(resourcePolicy, 'resource') }),
  };
}

function gather(pairs: [key: string, value: string][]): Record<string, string | string[]> {
  const context: Record<string, string | string[]> = Object.create(null);
  for (const [key, value] of pairs) {
    const before = context[key];
    context[key] = before === undefined ? value : [before, value].flat();
  }
  return context;
}
