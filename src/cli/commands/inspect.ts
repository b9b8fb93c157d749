// glovebox inspect: what a sealed object says of itself, without any key.
import { KEY_NAMESPACE } from '../../keys/index.ts';
import { type Inspection, inspect as inspectMessage } from '../../seal/index.ts';
import { parseAddress } from '../../vault/index.ts';
import { defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { formatBytes, formatFields } from '../format.ts';
import { withSealedFile } from '../sealed-file.ts';
import { openWorkspaceVault } from '../workspace.ts';

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'show what a sealed object says of itself',
  details: 'Nothing that it shows is authenticated. With --file it needs neither a workspace nor a key.',
  arguments: { address: { description: 'DATASET[@VERSION]/PATH', optional: true } },
  options: { file: { value: 'PATH', description: 'a sealed file anywhere, instead of an address' } },
  async run(context, given, { file }) {
    if ((given.address === undefined) === (file === undefined)) {
      throw usage('name either an address or --file PATH', 'glovebox inspect DATASET/PATH');
    }
    let found: Inspection;
    if (file !== undefined) found = await withSealedFile(file, inspectMessage);
    else {
      const { dataset, path, version } = parseAddress(given.address ?? '');
      if (path === undefined)
        throw usage(`${given.address}: names no object`, `see what is there: glovebox ls ${dataset}`);
      found = await (await openWorkspaceVault(context)).inspect(dataset, path, version);
    }
    context.ui.result({ ...found, authenticated: false }, () => describe(found));
  },
});

function describe(found: Inspection): string[] {
  return formatFields([
    ['message id', found.messageId],
    ['version', String(found.version)],
    ['suite', found.suite],
    ['key commitment', found.committing ? 'yes' : 'no'],
    ['signed', found.signed ? 'yes' : 'no'],
    ['plaintext', formatBytes(found.plaintextSize)],
    ['sealed', formatBytes(found.sealedSize)],
    ['frame', found.frameLength === 0 ? 'not framed' : formatBytes(found.frameLength)],
    ['header', formatBytes(found.headerSize)],
    ...found.wrappedKeys.map((key): [string, string] => ['wrapped under', describeKey(key)]),
    ...Object.entries(found.context).map(([name, value]): [string, string] => ['context', `${name} = ${value}`]),
    ['authenticated', 'no: this is what the file says, and no key was used'],
  ]);
}

/** A wrapped key, with what its name is where that can be told: docs/format.md. */
function describeKey({ provider, info }: Inspection['wrappedKeys'][number]): string {
  const isOurs = provider === KEY_NAMESPACE;
  if (provider === 'aws-kms') return `${provider} ${info}  (the ARN of a KMS key)`;
  if (isOurs && /^[0-9a-f]{64}$/.test(info)) return `${provider} ${info}  (RSA: the SHA-256 of the public key)`;
  if (isOurs && /^[0-9a-f-]{36}\/\d+$/.test(info))
    return `${provider} ${info}  (a key of a workspace: its id and version)`;
  return `${provider} ${info}`;
}
