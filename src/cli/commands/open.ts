// glovebox open: opens a sealed file, or what comes through a pipe, with keys from files. Needs no workspace.
import { type OpenOptions, openChunks, openFile, openStream } from '../../seal/index.ts';
import { defineCommand } from '../command.ts';
import { formatBytes } from '../format.ts';
import { openingKeyring } from '../key-files.ts';
import { allowNonCommitting, contextOf, expectedContext, openingKeys, threads } from '../options.ts';
import { counted, type OnBytes, withProgress } from '../progress.ts';
import { type SealedInput, withSealedFile, withSealedInput } from '../sealed-file.ts';
import { checkOutput, fillTarget, type Target, warnOfPlaintext } from '../target-file.ts';

export const open = defineCommand({
  name: 'open',
  summary: 'open a sealed file, or standard input, with keys from files',
  details:
    'Needs no workspace. Bytes are handed on only after they verified; an error means that what came before it is ' +
    'incomplete and must not be used. A file knows its end before the first byte is handed on; a pipe does not. ' +
    'What is written to a file is plaintext on your disk. An encrypted private key asks for its passphrase.',
  examples: [
    'glovebox open claims.csv.sealed --key private.pem | train',
    'receive | glovebox open --key exported.json -o claims.csv',
  ],
  arguments: { file: { description: 'the sealed file; standard input by default, or with -', optional: true } },
  options: {
    key: openingKeys,
    output: {
      short: 'o',
      value: 'FILE',
      description: 'where to: a file, or - for standard output',
      byDefault: 'a pipe',
    },
    context: expectedContext,
    allowNonCommitting,
    threads,
    force: { short: 'f', description: 'replace a file of that name' },
  },
  async run(context, given, { key, output = '-', context: pairs, allowNonCommitting: allow, threads: count, force }) {
    const { ui, signal } = context;
    const name = given.file === '-' ? undefined : given.file;
    checkOutput(output, ui, 'data');
    const options: OpenOptions = {
      keyring: await openingKeyring(key, signal),
      context: contextOf(pairs),
      allowNonCommitting: allow,
      signal,
    };
    const opened = await fillTarget(output, { replace: force, signal }, (target) =>
      withProgress(ui, `opening ${name ?? 'standard input'}`, (onBytes) => {
        const work = (input: SealedInput) => openInto(target, input, options, { threads: count, onBytes });
        return name === undefined ? withSealedInput(signal, work) : withSealedFile(name, (source) => work({ source }));
      }),
    );
    if (output === '-') return;
    warnOfPlaintext(output, ui);
    ui.result({ file: output, ...opened }, [`${output}  ${formatBytes(opened.size)}`]);
  },
});

/** From file to file in parallel, else in order. */
async function openInto(
  target: Target,
  input: SealedInput,
  options: OpenOptions,
  { threads: count, onBytes }: { threads: number | undefined; onBytes: OnBytes },
): Promise<{ messageId: string; size: number }> {
  if ('source' in input && target.descriptor !== undefined) {
    const opened = await openFile(
      input.source,
      options,
      { descriptor: target.descriptor },
      {
        ...(count === undefined ? {} : { threads: count }),
        onProgress: ({ read }) => onBytes(read),
      },
    );
    return { messageId: opened.messageId, size: opened.plaintextSize };
  }
  if ('source' in input) {
    const { messageId, plaintextSize: size, chunks } = await openStream(input.source, options);
    await target.write(counted(chunks, onBytes, size));
    return { messageId, size };
  }
  let size = 0;
  const { messageId, chunks } = await openChunks(input.pipe, options);
  const note: OnBytes = (bytes) => {
    size = bytes;
    onBytes(bytes);
  };
  await target.write(counted(chunks, note));
  return { messageId, size };
}
