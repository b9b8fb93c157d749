// glovebox get: opens an object into a pipe, or into a file that the user names.
import { formatAddress, type OpenedObject, parseAddress } from '../../vault/index.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { formatBytes } from '../format.ts';
import { writeStandardOutput } from '../standard-streams.ts';
import { writeTargetFile } from '../target-file.ts';
import { openWorkspaceVault } from '../workspace.ts';

export const get = defineCommand({
  name: 'get',
  summary: 'open an object into a pipe or a file',
  details:
    'Bytes are handed on only after they verified; an error means that what came before it is incomplete and must ' +
    'not be used. A file is written whole or not at all, with mode 0600: it is plaintext on your disk.',
  examples: [
    'glovebox get claims-features/train.parquet -o - | train',
    'glovebox get claims-raw/claims.csv -o /mnt/safe/claims.csv',
  ],
  arguments: { address: { description: 'DATASET[@VERSION]/PATH' } },
  options: {
    output: {
      short: 'o',
      value: 'FILE',
      description: 'where to: a file, or - for standard output',
      byDefault: 'a pipe',
    },
  },
  async run(context, given, { output = '-' }) {
    const { ui, signal } = context;
    const address = parseAddress(given.address);
    const { dataset, path, version } = address;
    if (path === undefined)
      throw usage(`${given.address}: names no object`, `see what is there: glovebox ls ${dataset}`);
    if (output === '-' && ui.resultsToTerminal) {
      throw usage('this would print data on the terminal', 'pipe it on, or name a file with -o FILE');
    }
    if (output === '-' && ui.json)
      throw usage('--json and data cannot share standard output', 'name a file with -o FILE');
    const vault = await openWorkspaceVault(context);
    const opened = await vault.get(dataset, path, { ...(version === undefined ? {} : { version }), signal });
    const chunks = watched(opened, context);
    if (output === '-') {
      await writeStandardOutput(chunks, signal);
      return;
    }
    await writeTargetFile(output, chunks);
    const { size, sha256 } = opened.info;
    ui.warn(`${output} is plaintext on your disk, readable by you (0600)`, 'remove it when you are done with it');
    ui.result({ address: formatAddress(address), file: output, size, sha256 }, [
      `${output}  ${formatBytes(size)}  sha256:${sha256}`,
    ]);
  },
});

/** The object's chunks, counted for the progress line. */
async function* watched({ info, chunks }: OpenedObject, { ui }: CommandContext): AsyncGenerator<Uint8Array> {
  const progress = ui.progress();
  const state = { label: `opening ${info.path}`, bytes: 0, totalBytes: info.size };
  try {
    for await (const chunk of chunks) {
      state.bytes += chunk.length;
      progress.update(state);
      yield chunk;
    }
  } finally {
    progress.close();
  }
}
