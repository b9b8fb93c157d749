// glovebox key: the life of a key. Keys are named by alias.
import type { KeyDescription } from '../../keys/index.ts';
import type { ManagedKeys } from '../../vault/index.ts';
import { type Command, type CommandContext, defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { formatFields, formatTable, formatTime } from '../format.ts';
import { parseCount } from '../parse.ts';
import { openManagedKeys, openWorkspace, useOf } from '../workspace.ts';

const DEFAULT_WAIT_DAYS = 30;
const alias = { description: "the key's alias, as in glovebox.yaml" };

/** A command that changes one key and tells what it is then. */
function change(
  name: string,
  summary: string,
  details: string,
  act: (keys: ManagedKeys, alias: string) => Promise<KeyDescription>,
): Command {
  return defineCommand({
    name: `key ${name}`,
    summary,
    details,
    arguments: { alias },
    options: {},
    async run(context, given) {
      const keys = await openKeysOf(context);
      show(context, await act(keys, given.alias));
    },
  });
}

const keyCreate = defineCommand({
  name: 'key create',
  summary: 'make a key',
  details:
    'It can be used by any dataset of glovebox.yaml that names it. A drop-box key is a pair: others seal with its ' +
    'public key, and only this workspace opens. A key that glovebox.yaml declares is made as it says there.',
  arguments: { alias },
  options: { dropBox: { description: 'a drop-box key: an RSA pair of 4096 bits' } },
  async run(context, given, { dropBox }) {
    const workspace = await openWorkspace(context);
    const declared = useOf(workspace, given.alias);
    if (dropBox && declared === 'seal') {
      throw usage(
        `glovebox.yaml declares the key ${given.alias} without a use: it is to seal datasets`,
        `leave --drop-box out, or declare it so: ${given.alias}: { provider: local, use: drop-box }`,
      );
    }
    const keys = await openManagedKeys(context, workspace);
    show(context, await keys.create(given.alias, dropBox ? 'drop-box' : declared));
  },
});

const keyLs = defineCommand({
  name: 'key ls',
  summary: 'list the keys',
  arguments: {},
  options: {},
  async run(context) {
    const workspace = await openWorkspace(context);
    const keys = await (await openManagedKeys(context, workspace)).list();
    const missing = Object.keys(workspace.keys).filter((name) => !keys.some((key) => key.alias === name));
    context.ui.result({ keys, missing }, () =>
      formatTable(
        ['KEY', 'STATE', 'VERSION', 'USE', 'CREATED', 'DELETION'],
        keys.map((key) => [
          key.alias,
          key.state,
          String(key.currentVersion),
          key.use ?? 'seal',
          formatTime(key.created),
          key.deletionDate === undefined ? '' : formatTime(key.deletionDate),
        ]),
      ),
    );
    for (const name of missing)
      context.ui.warn(`glovebox.yaml names the key ${name}, which is not there`, `glovebox key create ${name}`);
  },
});

const keyScheduleDeletion = defineCommand({
  name: 'key schedule-deletion',
  summary: 'destroy a key after a waiting period',
  details:
    'The key is unusable at once and destroyed when the period is over; until then it can be brought back with ' +
    'cancel-deletion. Afterwards nobody can read what was sealed under it, from any copy: that is crypto-shredding.',
  arguments: { alias },
  options: {
    days: {
      value: 'DAYS',
      description: 'the waiting period: 7 to 30',
      byDefault: String(DEFAULT_WAIT_DAYS),
      parse: parseCount(1),
    },
  },
  async run(context, given, { days = DEFAULT_WAIT_DAYS }) {
    const keys = await openKeysOf(context);
    const key = await keys.scheduleDeletion(given.alias, days);
    show(context, key);
    context.ui.warn(
      `everything sealed under ${key.alias} is lost for good after ${formatTime(key.deletionDate ?? '')}`,
      `until then: glovebox key cancel-deletion ${key.alias}`,
    );
  },
});

/** The commands on one key at a time. */
export const keyCommands: Command[] = [
  keyCreate,
  keyLs,
  change('describe', 'show a key', 'Its state, versions and ARN; never its material.', (keys, name) =>
    keys.describe(name),
  ),
  change(
    'rotate',
    'give a key a new version',
    'New objects are sealed under the new version. Old ones stay readable; they are not sealed anew.',
    (keys, name) => keys.rotate(name),
  ),
  change(
    'disable',
    'make a key unusable until it is enabled',
    'Nothing sealed under it can be read meanwhile.',
    (keys, name) => keys.disable(name),
  ),
  change('enable', 'make a disabled key usable again', 'Also after cancel-deletion.', (keys, name) =>
    keys.enable(name),
  ),
  keyScheduleDeletion,
  change('cancel-deletion', 'call a deletion off', 'The key comes back disabled, as in KMS.', (keys, name) =>
    keys.cancelDeletion(name),
  ),
];

/** The key store of the workspace that the command works in. */
export async function openKeysOf(context: CommandContext): Promise<ManagedKeys> {
  return openManagedKeys(context, await openWorkspace(context));
}

function show(context: CommandContext, key: KeyDescription): void {
  context.ui.result(key, () =>
    formatFields([
      ['key', key.alias],
      ['arn', key.arn],
      ...(key.use === undefined ? [] : [['use', key.use] satisfies [string, string]]),
      ['state', key.state],
      ...(key.deletionDate === undefined
        ? []
        : [['deletion', formatTime(key.deletionDate)] satisfies [string, string]]),
      ['created', formatTime(key.created)],
      ...key.versions.map(({ version, created }): [string, string] => [
        `version ${version}`,
        `${formatTime(created)}${version === key.currentVersion ? '  in use for new objects' : ''}`,
      ]),
    ]),
  );
}
