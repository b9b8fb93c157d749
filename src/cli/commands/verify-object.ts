// glovebox verify-object: checks every tag of an object, of all objects of a dataset, or of a sealed file.
import { verify } from '../../seal/index.ts';
import { type Address, formatAddress, parseAddress, type Vault, type VerifiedObject } from '../../vault/index.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { CliError, usage } from '../error.ts';
import { explainError } from '../exit.ts';
import { formatBytes, formatFields, formatMany } from '../format.ts';
import { openingKeyring } from '../key-files.ts';
import { allowNonCommitting, contextOf, expectedContext, openingKeys, threads } from '../options.ts';
import { withProgress } from '../progress.ts';
import { withSealedFile } from '../sealed-file.ts';
import { openWorkspaceVault } from '../workspace.ts';

interface Settings {
  threads?: number;
}

export const verifyObject = defineCommand({
  name: 'verify-object',
  summary: 'check every byte of an object, of a dataset, or of a sealed file',
  details:
    'Verifies every tag, and that each object is the one that its record names; gives no plaintext out. Of a dataset ' +
    'it checks all objects (of a derived one, all versions), says which are bad, and ends with 4 if any is. With ' +
    '--file it needs no workspace.',
  examples: [
    'glovebox verify-object claims-raw/claims.csv',
    'glovebox verify-object claims-features',
    'glovebox verify-object --file claims.csv.sealed --key private.pem',
  ],
  arguments: { address: { description: 'DATASET[@VERSION][/PATH], or DATASET[@VERSION]/FOLDER/', optional: true } },
  options: {
    file: { value: 'PATH', description: 'a sealed file anywhere, instead of an address' },
    key: { ...openingKeys, description: `with --file: ${openingKeys.description}` },
    context: { ...expectedContext, description: `with --file: ${expectedContext.description}` },
    allowNonCommitting: { description: `with --file: ${allowNonCommitting.description}` },
    threads,
  },
  async run(context, given, { file, key, context: pairs, allowNonCommitting: allow, threads: count }) {
    const settings: Settings = count === undefined ? {} : { threads: count };
    if ((given.address === undefined) === (file === undefined)) {
      throw usage('name either an address or --file PATH', 'glovebox verify-object DATASET[/PATH]');
    }
    if (file !== undefined) {
      const keyring = await openingKeyring(key, context.signal);
      const options = { keyring, context: contextOf(pairs), allowNonCommitting: allow, signal: context.signal };
      const verified = await withSealedFile(file, (source) =>
        withProgress(context.ui, `verifying ${file}`, (onBytes) =>
          verify(source, options, { ...settings, onProgress: ({ read }) => onBytes(read) }),
        ),
      );
      const { messageId, plaintextSize: size, frames } = verified;
      show(context, { file, messageId, size, frames });
      return;
    }
    if (key.length + pairs.length > 0 || allow) {
      throw usage(
        '--key, --context and --allow-non-committing go with --file',
        'an address has its keys in the workspace',
      );
    }
    const address = parseAddress(given.address ?? '');
    const vault = await openWorkspaceVault(context);
    if (address.path === undefined || address.path.endsWith('/')) await verifyMany(vault, address, context, settings);
    else await verifyOne(vault, address, address.path, context, settings);
  },
});

async function verifyOne(
  vault: Vault,
  address: Address,
  path: string,
  context: CommandContext,
  settings: Settings,
): Promise<void> {
  const { dataset, version } = address;
  const { info, frames } = await withProgress(context.ui, `verifying ${path}`, (onBytes) =>
    vault.verify(dataset, path, {
      ...settings,
      ...(version === undefined ? {} : { version }),
      signal: context.signal,
      onBytes,
    }),
  );
  const { messageId, size } = info;
  show(context, { address: formatAddress(address), messageId, size, frames });
}

function show(
  { ui }: CommandContext,
  verified: ({ address: string } | { file: string }) & { messageId: string; size: number; frames: number },
): void {
  const { messageId, size, frames } = verified;
  ui.result({ ...verified, verified: true }, () =>
    formatFields([
      'file' in verified ? ['file', verified.file] : ['object', verified.address],
      ['message id', messageId],
      ['plaintext', formatBytes(size)],
      ['frames', frames === 0 ? 'checked by the official client' : String(frames)],
      ['verified', 'yes'],
    ]),
  );
}

async function verifyMany(vault: Vault, address: Address, context: CommandContext, settings: Settings): Promise<void> {
  const { ui, signal } = context;
  const { dataset, version, path: prefix } = address;
  const good: (VerifiedObject & { address: string })[] = [];
  const bad: { address: string; code: string; message: string }[] = [];
  const all = formatAddress(address);
  await withProgress(ui, `verifying ${all}`, async (onBytes) => {
    const found = vault.verifyAll(dataset, {
      ...settings,
      ...(version === undefined ? {} : { version }),
      ...(prefix === undefined ? {} : { prefix }),
      signal,
      onBytes,
    });
    for await (const { path, version: of, ...outcome } of found) {
      const at = formatAddress({
        dataset,
        ...(of === undefined ? {} : { version: of }),
        ...(path === undefined ? {} : { path }),
      });
      if ('error' in outcome) {
        const { code, message } = explainError(outcome.error);
        bad.push({ address: at, code, message });
        ui.tell(`bad       ${at}  ${code}: ${message}`);
      } else {
        good.push({ address: at, ...outcome.verified });
        const { info, frames } = outcome.verified;
        ui.tell(`verified  ${at}  ${formatBytes(info.size)}  ${formatMany(frames, 'frame')}`);
      }
    }
  });
  const bytes = good.reduce((sum, { info }) => sum + info.size, 0);
  const objects = good.map(({ address: at, info, frames }) => ({ address: at, size: info.size, frames }));
  ui.result({ address: all, verified: objects, bad }, [`${formatMany(good.length, 'object')}, ${formatBytes(bytes)}`]);
  if (bad.length === 0 && good.length === 0) ui.note(`nothing is in ${all}`);
  if (bad.length === 0) return;
  throw new CliError(
    'BAD_OBJECTS',
    `${bad.length} of ${formatMany(good.length + bad.length, 'object')} of ${all} ${bad.length === 1 ? 'does' : 'do'} not verify`,
    {
      hint: 'put them again, or restore the store from a copy',
    },
  );
}
