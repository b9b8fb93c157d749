// glovebox key public-key: the half of a drop-box key that suppliers get.
import { defineCommand } from '../command.ts';
import { parseCount } from '../parse.ts';
import { writeTargetFile } from '../target-file.ts';
import { openKeysOf } from './key.ts';

export const keyPublicKey = defineCommand({
  name: 'key public-key',
  summary: 'print the public key of a drop-box key',
  details:
    'Whoever has it can seal for the drop box and open nothing: glovebox seal FILE --to PUBLIC.pem. It is not secret, ' +
    'but a supplier must get the right one: hand it over in a way in which nobody can swap it.',
  examples: ['glovebox key public-key box -o box.pem'],
  arguments: { alias: { description: "the key's alias" } },
  options: {
    output: { short: 'o', value: 'FILE', description: 'the file to write', byDefault: 'standard output' },
    keyVersion: { value: 'N', description: 'which version', byDefault: 'the newest', parse: parseCount(1) },
  },
  async run(context, given, { output = '-', keyVersion }) {
    const { pem, keyNamespace, keyName } = await (await openKeysOf(context)).publicKey(given.alias, keyVersion);
    if (output === '-') {
      context.ui.result({ pem, keyNamespace, keyName }, pem.trimEnd().split('\n'));
      return;
    }
    async function* text(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(pem);
    }
    await writeTargetFile(output, text());
    context.ui.result({ file: output, keyNamespace, keyName }, [`${output}  ${keyName}`]);
  },
});
