// glovebox seal: seals a file, or standard input, for the holders of keys. Needs no workspace.
import { type SealedSummary, type SealOptions, sealFile, sealStream } from '../../seal/index.ts';
import { defineCommand } from '../command.ts';
import { formatBytes } from '../format.ts';
import { sealingKeyring } from '../key-files.ts';
import { contextOf, threads } from '../options.ts';
import { parseFrameLength, parsePair } from '../parse.ts';
import { counted, type OnBytes, withProgress } from '../progress.ts';
import { openSourceFile, openStandardInput, type SourceFile } from '../source-file.ts';
import { checkOutput, fillTarget, type Target } from '../target-file.ts';

export const seal = defineCommand({
  name: 'seal',
  summary: 'seal a file, or standard input, for the holders of keys',
  details:
    'Needs no workspace. Each of the keys alone opens what comes of it: with glovebox open, or with any AWS ' +
    'Encryption SDK. The file itself stays. A public key says nothing about who sealed: anyone may have it.',
  examples: [
    'glovebox seal claims.csv --to box.pem',
    'produce | glovebox seal --to box.pem --to recovery.pem > claims.csv.sealed',
  ],
  arguments: { file: { description: 'the file; standard input by default, or with -', optional: true } },
  options: {
    to: { value: 'FILE', description: 'seal for the holder of the private key to this public key (PEM)', many: true },
    key: { value: 'FILE', description: 'seal under this exported key (JSON)', many: true },
    output: {
      short: 'o',
      value: 'FILE',
      description: 'where to: a file, or - for standard output',
      byDefault: 'FILE.sealed, or standard output',
    },
    context: {
      value: 'NAME=VALUE',
      description: 'bind this to it: not secret, and needed nowhere to open it',
      parse: parsePair,
      many: true,
    },
    frameLength: {
      value: 'SIZE',
      description: 'plaintext bytes in a frame, which is what opening a range reads at least',
      byDefault: '256KiB',
      parse: parseFrameLength,
    },
    threads,
    force: { short: 'f', description: 'replace a file of that name' },
  },
  async run(context, given, { to, key, output: wanted, context: pairs, frameLength, threads: count, force }) {
    const { ui, signal } = context;
    const name = given.file === '-' ? undefined : given.file;
    const output = wanted ?? (name === undefined ? '-' : `${name}.sealed`);
    checkOutput(output, ui, 'sealed bytes');
    const options: SealOptions = {
      keyring: await sealingKeyring(to, key),
      context: contextOf(pairs),
      ...(frameLength === undefined ? {} : { frameLength }),
      signal,
    };
    const source = name === undefined ? openStandardInput(signal, true) : await openSourceFile(name, true);
    const sealed = await fillTarget(output, { replace: force, signal }, (target) =>
      withProgress(ui, `sealing ${name ?? 'standard input'}`, (onBytes) =>
        sealInto(target, source, options, { threads: count, onBytes }),
      ),
    );
    if (output === '-') return;
    const { messageId, plaintextSize, sealedSize } = sealed;
    ui.result({ file: output, messageId, size: plaintextSize, sealedSize }, [`${output}  ${formatBytes(sealedSize)}`]);
  },
});

/** From file to file in parallel, else in order. Nothing is the content of an empty file: it is sealed too. */
async function sealInto(
  target: Target,
  source: SourceFile,
  options: SealOptions,
  { threads: count, onBytes }: { threads: number | undefined; onBytes: OnBytes },
): Promise<Omit<SealedSummary, 'sha256'>> {
  const { size } = source;
  if (source.open === undefined || size === 0 || target.descriptor === undefined) {
    const sealing = await sealStream(counted(source.chunks, onBytes, size), options);
    await target.write(sealing.chunks);
    return sealing.summary;
  }
  const file = await source.open();
  try {
    const settings = {
      ...(count === undefined ? {} : { threads: count }),
      onProgress: ({ read }: { read: number }) => onBytes(read, size),
    };
    const sealed = await sealFile(file, options, { descriptor: target.descriptor }, settings).catch(
      async (error: unknown) => {
        await file.confirm(); // a file that became shorter is one that changed
        throw error;
      },
    );
    await file.confirm();
    return sealed;
  } finally {
    await file.close();
  }
}
