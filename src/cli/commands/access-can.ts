// glovebox access can: whether a role may do something, and why.
import { AUDIT_SUBJECT } from '../../access/index.ts';
import { parseAddress } from '../../vault/index.ts';
import { questionsOf } from '../access-questions.ts';
import { defineCommand } from '../command.ts';
import { CliError, usage } from '../error.ts';
import { parseVerb } from '../parse.ts';
import { openGateOf, openWorkspace } from '../workspace.ts';

export const accessCan = defineCommand({
  name: 'access can',
  summary: 'say whether a role may do something, and why',
  details:
    'Decides as the command itself would, by the policy of the role (--role), and records nothing. Ends with exit ' +
    'code 0 where it is allowed and 3 where it is not. For `run` it also asks for what the pipeline reads and writes.',
  examples: [
    'glovebox access can --role trainer read claims-raw',
    'glovebox access can --role preprocess run claims',
    'glovebox access can --role supplier write claims-raw/2026/claims.csv',
  ],
  usage: 'VERB SUBJECT',
  arguments: {
    verb: { description: 'read, write, list, delete, rename, approve, run, edit, manage or audit' },
    subject: { description: 'DATASET[/NAME], a pipeline, or a key; none for audit', optional: true },
  },
  options: {},
  async run(context, given) {
    const verb = parseVerb(given.verb);
    const { ui, role } = context;
    const workspace = await openWorkspace(context);
    if (role === undefined && Object.keys(workspace.roles).length > 0) {
      throw usage('no role was named', `--role ${Object.keys(workspace.roles).join('|')}`);
    }
    if (given.subject === undefined && verb !== 'audit')
      throw usage('the subject is missing', `access can ${verb} SUBJECT`);
    const { dataset: subject, path: name } = parseAddress(given.subject ?? AUDIT_SUBJECT);
    const { gate, pipelines } = await openGateOf(context, workspace);
    const who = role === undefined ? 'whoever holds the root key' : `the role ${role}`;
    const reasons: string[] = [];
    for (const question of questionsOf(pipelines, { verb, subject, ...(name === undefined ? {} : { name }) })) {
      const { allowed, reason } = gate.ask(question);
      const what = `${question.verb} ${question.subject}${question.name === undefined ? '' : `/${question.name}`}`;
      if (!allowed) throw new CliError('DENIED', `${who} may not ${what}`, { hint: reason });
      reasons.push(`${what}: ${reason}`);
    }
    ui.result({ allowed: true, role: role ?? null, verb, subject, ...(name === undefined ? {} : { name }), reasons }, [
      `allowed: ${who} may ${verb} ${given.subject ?? ''}`.trimEnd(),
      ...reasons.map((reason) => `  ${reason}`),
    ]);
  },
});
