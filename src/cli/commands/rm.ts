// glovebox rm: removes names from a raw dataset.
import { parseAddress } from '../../vault/index.ts';
import { defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { openWorkspaceVault } from '../workspace.ts';

export const rm = defineCommand({
  name: 'rm',
  summary: 'remove objects from a raw dataset',
  details: 'The name goes at once. The sealed bytes go when they are collected: see gc.',
  arguments: { addresses: { description: 'DATASET/PATH', many: true } },
  options: {},
  async run(context, given) {
    const places = given.addresses.map((text) => {
      const { dataset, path, version } = parseAddress(text);
      if (version !== undefined)
        throw usage(`${text}: a version does not change`, 'only objects of raw datasets can be removed');
      if (path === undefined) throw usage(`${text}: names no object`, `see what is there: glovebox ls ${dataset}`);
      return { dataset, path };
    });
    const vault = await openWorkspaceVault(context);
    // All of them are looked up first: a mistake in the last leaves nothing half done.
    for (const { dataset, path } of places) await vault.stat(dataset, path);
    for (const { dataset, path } of places) await vault.remove(dataset, path);
    context.ui.result(
      { removed: given.addresses },
      given.addresses.map((address) => `removed ${address}`),
    );
  },
});
