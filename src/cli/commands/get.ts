// glovebox get: opens an object, or a range of it, into a pipe or into a file that the user names.
import { formatAddress, parseAddress } from '../../vault/index.ts';
import { defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { formatBytes } from '../format.ts';
import { threads } from '../options.ts';
import { parseRange } from '../parse.ts';
import { withProgress } from '../progress.ts';
import { checkOutput, fillTarget, warnOfPlaintext } from '../target-file.ts';
import { openWorkspaceVault } from '../workspace.ts';

export const get = defineCommand({
  name: 'get',
  summary: 'open an object, or a range of it, into a pipe or a file',
  details:
    'Bytes are handed on only after they verified; an error means that what came before it is incomplete and must ' +
    'not be used. A file is written whole or not at all, with mode 0600: it is plaintext on your disk.',
  examples: [
    'glovebox get claims-features/train.parquet -o - | train',
    'glovebox get claims-raw/claims.csv -o /mnt/safe/claims.csv',
    'glovebox get claims-features/train.parquet --range -8 | xxd',
  ],
  arguments: { address: { description: 'DATASET[@VERSION]/PATH' } },
  options: {
    output: {
      short: 'o',
      value: 'FILE',
      description: 'where to: a file, or - for standard output',
      byDefault: 'a pipe',
    },
    range: {
      value: 'RANGE',
      description: 'START-END, START- or -LAST, counting bytes from 0, both ends in it; reads only the frames it needs',
      parse: parseRange,
    },
    threads,
  },
  async run(context, given, { output = '-', range, threads: count }) {
    const { ui, signal } = context;
    const address = parseAddress(given.address);
    const { dataset, path, version } = address;
    if (path === undefined)
      throw usage(`${given.address}: names no object`, `see what is there: glovebox ls ${dataset}`);
    checkOutput(output, ui, 'data');
    const vault = await openWorkspaceVault(context);
    const { info, length } = await fillTarget(output, { replace: true, signal }, (target) =>
      withProgress(ui, `opening ${path}`, (onBytes) =>
        vault.getInto(dataset, path, target, {
          ...(version === undefined ? {} : { version }),
          ...(range === undefined ? {} : { range }),
          signal,
          threads: count,
          onBytes,
        }),
      ),
    );
    if (output === '-') return;
    warnOfPlaintext(output, ui);
    const { size, sha256 } = info;
    const result = { address: formatAddress(address), file: output };
    if (range === undefined) {
      ui.result({ ...result, size, sha256 }, [`${output}  ${formatBytes(size)}  sha256:${sha256}`]);
    } else {
      ui.result({ ...result, size: length, of: size }, [`${output}  ${formatBytes(length)} of ${formatBytes(size)}`]);
    }
  },
});
