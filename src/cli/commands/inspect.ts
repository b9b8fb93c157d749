// glovebox inspect: what a sealed object says of itself, without any key.
import { open } from 'node:fs/promises';
import { isErrnoError } from '../../lib/index.ts';
import { type Inspection, inspect as inspectMessage } from '../../seal/index.ts';
import { parseAddress } from '../../vault/index.ts';
import { defineCommand } from '../command.ts';
import { CliError, usage } from '../error.ts';
import { formatBytes, formatFields } from '../format.ts';
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
    if (file !== undefined) found = await inspectFile(file);
    else {
      const { dataset, path, version } = parseAddress(given.address ?? '');
      if (path === undefined)
        throw usage(`${given.address}: names no object`, `see what is there: glovebox ls ${dataset}`);
      found = await (await openWorkspaceVault(context)).inspect(dataset, path, version);
    }
    context.ui.result({ ...found, authenticated: false }, () => describe(found));
  },
});

async function inspectFile(path: string): Promise<Inspection> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (!isErrnoError(error)) throw error;
    throw new CliError('FILE', `${path}: cannot be read (${error.code})`, { hint: 'check the path', cause: error });
  });
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new CliError('FILE', `${path}: is not a file`);
    return await inspectMessage({
      size: status.size,
      descriptor: handle.fd,
      read: async (buffer, offset) => (await handle.read(buffer, 0, buffer.length, offset)).bytesRead,
    });
  } finally {
    await handle.close();
  }
}

function describe(found: Inspection): string[] {
  return formatFields([
    ['message id', found.messageId],
    ['suite', found.suite],
    ['key commitment', found.committing ? 'yes' : 'no'],
    ['plaintext', formatBytes(found.plaintextSize)],
    ['sealed', formatBytes(found.sealedSize)],
    ['frame', formatBytes(found.frameLength)],
    ['header', formatBytes(found.headerSize)],
    ...found.wrappedKeys.map(({ provider, info }): [string, string] => ['wrapped under', `${provider} ${info}`]),
    ...Object.entries(found.context).map(([name, value]): [string, string] => ['context', `${name} = ${value}`]),
    ['authenticated', 'no: this is what the file says, and no key was used'],
  ]);
}
