// glovebox access policy, access policies: the IAM documents, for this workspace or for an AWS account.
import { policiesOf, rolePolicy } from '../../access/index.ts';
import { defineCommand } from '../command.ts';
import { target } from '../options.ts';
import { openModel, openWorkspace } from '../workspace.ts';

export const accessPolicy = defineCommand({
  name: 'access policy',
  summary: "print a role's IAM policy document",
  details:
    'What glovebox.yaml grants, in the language of IAM: the same document decides here and goes to AWS. Without ' +
    '--target it names the ARNs of this workspace.',
  examples: [
    'glovebox access policy trainer',
    'glovebox access policy trainer --target aws:111122223333:eu-west-1 > trainer.json',
  ],
  arguments: { role: { description: 'a role of glovebox.yaml' } },
  options: { target },
  async run(context, given, options) {
    const model = await openModel(await openWorkspace(context));
    const document = rolePolicy(model, options.target ?? { kind: 'workspace' }, given.role);
    context.ui.result(document, JSON.stringify(document, null, 2).split('\n'));
  },
});

export const accessPolicies = defineCommand({
  name: 'access policies',
  summary: 'print every document of a target: roles, trust, boundary, keys, buckets',
  details: 'One JSON object. Each document in it is complete: what a deployment creates is in docs/access.md.',
  examples: ['glovebox access policies --target aws:111122223333:eu-west-1 > policies.json'],
  arguments: {},
  options: { target },
  async run(context, _given, options) {
    const model = await openModel(await openWorkspace(context));
    const documents = policiesOf(model, options.target ?? { kind: 'workspace' });
    context.ui.result(documents, JSON.stringify(documents, null, 2).split('\n'));
  },
});
