// glovebox gateway authorized-keys: whom OpenSSH's server lets in, by glovebox.yaml.
import { userInfo } from 'node:os';
import { authorizedKeyLines } from '../../gateway/index.ts';
import { defineCommand } from '../command.ts';
import { openWorkspace } from '../workspace.ts';

export const gatewayAuthorizedKeys = defineCommand({
  name: 'gateway authorized-keys',
  summary: "print the keys that OpenSSH's server lets in, as lines of authorized_keys",
  details:
    "For sshd's AuthorizedKeysCommand: docs/gateway.md has the configuration. An account with the name of a user is " +
    "for the keys of that user; any other account is for those of all. Certificates come as their authority's line. " +
    "Each line lets in, and lets nothing run: what is run is sshd's to say.",
  examples: ['glovebox -C /srv/claims gateway authorized-keys --account glovebox'],
  usage: 'gateway authorized-keys [options] [TYPE KEY]',
  arguments: {
    type: { description: "the type of the key that the client offers: sshd's %t", optional: true },
    key: {
      description: "the key or certificate itself: sshd's %k; only the line that it needs is printed",
      optional: true,
    },
  },
  options: {
    account: { value: 'NAME', description: "the account to get into: sshd's %u", byDefault: 'this one' },
  },
  async run(context, { key }, { account = userInfo().username }) {
    const lines = authorizedKeyLines(await openWorkspace(context), account, key);
    context.ui.result({ lines }, lines);
  },
});
