// glovebox drop-box: deliveries that others sealed with a public key: taken in, listed, accepted, refused.
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { isErrnoError } from '../../lib/index.ts';
import { type Delivery, parseAddress, type Vault, VaultError } from '../../vault/index.ts';
import { readAtMost } from '../bounded-read.ts';
import { type Command, defineCommand } from '../command.ts';
import { CliError, usage } from '../error.ts';
import { formatBytes, formatTable, formatTime } from '../format.ts';
import { withProgress } from '../progress.ts';
import { openSourceFile } from '../source-file.ts';
import { openWorkspaceVault } from '../workspace.ts';

/** More than any signature takes: what is longer is refused by its form. */
const MOST_SIGNATURE_BYTES = 64 * 1024;
/** Of an id, in tables; also the least that stands for it in an address. */
const SHORT_ID = 12;
const address = { description: 'DATASET/NAME, or DATASET/ID' };

const add = defineCommand({
  name: 'drop-box add',
  summary: 'take in a file that was sealed for a drop box',
  details:
    'The supplier sealed it with the public key: glovebox seal FILE --to PUBLIC.pem. It waits as it is, unopened, ' +
    'until it is accepted. Where the dataset names signers, one of them must have signed it: ' +
    'ssh-keygen -Y sign -n glovebox -f KEY FILE.sealed. The same bytes are never taken twice.',
  examples: ['glovebox drop-box add claims.csv.sealed claims-raw', 'glovebox drop-box accept claims-raw/claims.csv'],
  arguments: {
    file: { description: 'the sealed file' },
    address: { description: 'DATASET[/NAME], or DATASET/FOLDER/; by default the name of the file without .sealed' },
  },
  options: {
    signature: { value: 'FILE', description: 'its signature', byDefault: 'FILE.sig, where it is there' },
  },
  async run(context, given, { signature }) {
    const { ui, signal } = context;
    const { dataset, path = '', version } = parseAddress(given.address);
    if (version !== undefined)
      throw usage(`${given.address}: a version cannot be written to`, 'only runs make versions');
    const own = basename(given.file).replace(/(?<=.)\.sealed$/, '');
    const name = path === '' || path.endsWith('/') ? `${path}${own}` : path;
    const source = await openSourceFile(given.file, false);
    const signed = await readSignature(signature ?? `${given.file}.sig`, signature !== undefined);
    const vault = await openWorkspaceVault(context);
    const delivery = await withProgress(ui, `taking in ${name}`, (onBytes) =>
      vault.receive(dataset, name, source.chunks, {
        ...(signed === undefined ? {} : { signature: signed }),
        signal,
        onBytes: (bytes) => onBytes(bytes, source.size),
      }),
    );
    ui.result({ dataset, ...delivery }, [
      `${dataset}/${name}  ${formatBytes(delivery.size)}  ${describeSignature(delivery)}  ${delivery.id}`,
    ]);
    ui.note(`it waits, unopened: glovebox drop-box accept ${dataset}/${name}`);
  },
});

const ls = defineCommand({
  name: 'drop-box ls',
  summary: 'list the deliveries to a dataset',
  details: 'Those that wait, and whose signature they have. A signature is checked again when a delivery is accepted.',
  arguments: { dataset: { description: 'a raw dataset' } },
  options: { all: { description: 'the accepted and rejected ones too' } },
  async run(context, given, { all }) {
    const vault = await openWorkspaceVault(context);
    const found = (await vault.deliveries(given.dataset)).filter((delivery) => all || isOpen(delivery));
    context.ui.result({ dataset: given.dataset, deliveries: found }, () =>
      formatTable(
        ['NAME', 'STATE', 'SIZE', 'ARRIVED', 'SIGNATURE', 'ID'],
        found.map((delivery) => [
          delivery.name,
          delivery.state,
          formatBytes(delivery.size),
          formatTime(delivery.time),
          describeSignature(delivery),
          delivery.id.slice(0, SHORT_ID),
        ]),
      ),
    );
    if (found.length === 0) context.ui.note(`no delivery ${all ? 'ever came to' : 'waits in'} ${given.dataset}`);
  },
});

const accept = defineCommand({
  name: 'drop-box accept',
  summary: 'open a delivery and seal it anew as an object of the dataset',
  details:
    'Its bytes are compared with those that arrived, the signature is checked against the signers, and what is in ' +
    "it is sealed under the dataset's own key. All of that happens, or the delivery waits on.",
  arguments: { address },
  options: { force: { short: 'f', description: 'replace an object of that name' } },
  async run(context, given, { force }) {
    const { ui, signal } = context;
    const { dataset, text } = parseDelivery(given.address);
    const vault = await openWorkspaceVault(context);
    const { id, name } = await findDelivery(vault, dataset, text);
    const { info, signer } = await withProgress(ui, `accepting ${name}`, (onBytes) =>
      vault.accept(dataset, id, { replace: force, signal, onBytes }),
    );
    const { size, sha256 } = info;
    ui.result({ address: `${dataset}/${name}`, id, size, sha256, ...(signer === undefined ? {} : { signer }) }, [
      `${dataset}/${name}  ${formatBytes(size)}  sha256:${sha256}`,
    ]);
    if (vault.workspace.datasets[dataset]?.dropBox?.signers === undefined) {
      ui.warn(
        `no signature was asked for: anyone with the public key may have made ${name}`,
        `name who signs in glovebox.yaml: ${dataset}: { …, dropBox: { key: …, signers: [USER] } }`,
      );
    }
  },
});

const reject = defineCommand({
  name: 'drop-box reject',
  summary: 'refuse a delivery: its bytes go',
  details: 'It was not opened. That it was here stays on record, so that the same bytes are not taken again.',
  arguments: { address },
  options: {},
  async run(context, given) {
    const { dataset, text } = parseDelivery(given.address);
    const vault = await openWorkspaceVault(context);
    const rejected = await vault.reject(dataset, (await findDelivery(vault, dataset, text)).id);
    context.ui.result({ dataset, ...rejected }, [`rejected ${dataset}/${rejected.name}`]);
  },
});

/** The commands on deliveries. */
export const dropBoxCommands: Command[] = [add, ls, accept, reject];

function parseDelivery(given: string): { dataset: string; text: string } {
  const { dataset, path, version } = parseAddress(given);
  if (path !== undefined && version === undefined) return { dataset, text: path };
  throw usage(`${given}: names no delivery`, `see what waits: glovebox drop-box ls ${dataset}`);
}

/** The delivery that waits under a name, or has this id; else one that was decided, for the vault to say so. */
async function findDelivery(vault: Vault, dataset: string, text: string): Promise<Delivery> {
  const isId = /^[0-9a-f]{12,64}$/.test(text);
  const found = (await vault.deliveries(dataset)).filter(
    ({ id, name }) => name === text || (isId && id.startsWith(text)),
  );
  const [first, ...more] = found.some(isOpen) ? found.filter(isOpen) : found.slice(-1);
  if (first === undefined) {
    throw new VaultError('NOT_FOUND', `no delivery ${text} waits in ${dataset}`, {
      hint: `see what waits: glovebox drop-box ls ${dataset}`,
    });
  }
  if (more.length === 0) return first;
  const ids = [first, ...more].map(({ id }) => `${dataset}/${id.slice(0, SHORT_ID)}`);
  throw usage(
    `${more.length + 1} deliveries named ${text} wait in ${dataset}`,
    `name one by its id: ${ids.join(', ')}`,
  );
}

function isOpen({ state }: Delivery): boolean {
  return state === 'waiting' || state === 'accepting';
}

function describeSignature({ signature, signer }: Delivery): string {
  if (signature === 'none') return 'not signed';
  return signer === undefined ? 'by nobody known' : `by ${signer}`;
}

/** The signature file; undefined where it is not there, unless it was named. @throws CliError `FILE` */
async function readSignature(path: string, isNamed: boolean): Promise<Uint8Array | undefined> {
  try {
    const handle = await open(path, 'r');
    try {
      return await readAtMost(handle, MOST_SIGNATURE_BYTES);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!isErrnoError(error)) throw error;
    if (!isNamed && error.code === 'ENOENT') return undefined;
    throw new CliError('FILE', `${path}: the signature cannot be read (${error.code})`, {
      hint: 'check the path; nothing was stored',
      cause: error,
    });
  }
}
