// glovebox key backup, restore, export: key material that leaves the key store, each time said aloud.
import { readFile } from 'node:fs/promises';
import { type ExportedKey, initLocalKeys } from '../../keys/index.ts';
import { isErrnoError } from '../../lib/index.ts';
import { type Command, type CommandContext, defineCommand } from '../command.ts';
import { CliError, usage } from '../error.ts';
import { parseCount } from '../parse.ts';
import { readPassphrase } from '../prompt.ts';
import { writeTargetFile } from '../target-file.ts';
import { keysDirectory, openManagedKeys, openWorkspace } from '../workspace.ts';
import { openKeysOf } from './key.ts';

const output = { short: 'o', value: 'FILE', description: 'the file to write (0600)' } as const;

const backup = defineCommand({
  name: 'key backup',
  summary: 'write all keys into a file, under a passphrase',
  details:
    'The passphrase alone opens the file: keep it apart from the passphrase. It holds the keys as they are now, ' +
    'without those that are made later.',
  arguments: {},
  options: { output },
  async run(context, _given, options) {
    const file = needFile(options.output);
    const keys = await openKeysOf(context);
    const { length } = await keys.list();
    const bytes = await keys.backup(await askForBackup(context, true));
    await writeTargetFile(file, once(bytes));
    context.ui.result({ file, keys: length }, [`${file}  ${length} keys`]);
    context.ui.note('the passphrase opens this file without the root key: keep the two apart');
  },
});

const restore = defineCommand({
  name: 'key restore',
  summary: 'bring back the keys of a backup',
  details:
    'All of them or none: a key that is here already is an error. Where the workspace has no key store (it was ' +
    'lost, or its root key was), a new one is made.',
  arguments: { file: { description: 'the backup' } },
  options: {},
  async run(context, given) {
    const bytes = await readFile(given.file).catch((error: unknown) => {
      if (!isErrnoError(error)) throw error;
      throw new CliError('FILE', `${given.file}: cannot be read (${error.code})`, {
        hint: 'check the path',
        cause: error,
      });
    });
    const workspace = await openWorkspace(context);
    const passphrase = await askForBackup(context, false);
    await initIfMissing(keysDirectory(workspace.directory));
    const restored = await (await openManagedKeys(context, workspace)).restore(bytes, passphrase);
    const names = restored.map((key) => key.alias);
    context.ui.result({ restored: names }, [`restored ${names.join(', ')}`]);
  },
});

const exportKey = defineCommand({
  name: 'key export',
  summary: 'write a key in the clear, for another AWS Encryption SDK',
  details:
    'Writes JSON: name space, name and material (base64) of a raw AES keyring (AES256_GCM_IV12_TAG16_NO_PADDING); of ' +
    'a drop-box key its private key (PEM). Whoever has it opens everything that was sealed under this version.',
  arguments: { alias: { description: "the key's alias" } },
  options: {
    output,
    keyVersion: { value: 'N', description: 'which version', byDefault: 'the newest', parse: parseCount(1) },
  },
  async run(context, given, options) {
    const file = needFile(options.output);
    const exported = await (await openKeysOf(context)).exportKey(given.alias, options.keyVersion);
    const { keyName } = exported;
    const text = exported.use === 'drop-box' ? exported.keyMaterial : rawKeyText(exported);
    try {
      await writeTargetFile(file, once(text));
    } finally {
      exported.keyMaterial.fill(0);
      text.fill(0);
    }
    context.ui.result({ file, keyName }, [`${file}  ${keyName}`]);
    context.ui.warn(
      `${file} holds the key ${given.alias} in the clear: whoever reads it can read everything sealed under it`,
      'move it where it is needed and remove it; no audit log sees its use',
    );
  },
});

/** What a raw AES keyring of any Encryption SDK is made of, as JSON. */
function rawKeyText({ keyNamespace, keyName, keyMaterial }: ExportedKey): Uint8Array {
  const wrappingSuite = 'AES256_GCM_IV12_TAG16_NO_PADDING';
  const material = Buffer.from(keyMaterial).toString('base64');
  return Buffer.from(`${JSON.stringify({ keyNamespace, keyName, wrappingSuite, keyMaterial: material })}\n`);
}

/** The commands that take key material out, or back in. */
export const keyCopyCommands: Command[] = [backup, restore, exportKey];

function askForBackup({ signal }: CommandContext, isNew: boolean): Promise<string> {
  const what = isNew ? 'a passphrase for the backup' : 'passphrase of the backup';
  return readPassphrase({ what, variable: 'GLOVEBOX_BACKUP_PASSPHRASE_FILE', isNew, signal });
}

/** Leaves a key store that exists as it is, also one that this root key does not open. */
async function initIfMissing(directory: string): Promise<void> {
  try {
    await readFile(`${directory}/keys.json`);
  } catch (error) {
    if (!isErrnoError(error, 'ENOENT')) throw error;
    await initLocalKeys({ directory });
  }
}

/** Key material is never printed. */
function needFile(file: string | undefined): string {
  if (file === undefined || file === '-') throw usage('name the file to write', '-o FILE');
  return file;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(bytes); // a copy: what is written is wiped
}
