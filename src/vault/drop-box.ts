// A dataset's drop box: the key that deliveries are sealed for, and who may have signed them.
import { KEY_NAMESPACE, type KeyProvider } from '../keys/index.ts';
import { inspect, SealError, type SealedSource } from '../seal/index.ts';
import type { Workspace } from '../workspace/index.ts';
import type { Digests } from './checked-source.ts';
import type { OpenDataset } from './dataset.ts';
import { VaultError } from './error.ts';
import { parseSshKey } from './ssh-key.ts';
import { type SshSignature, verifySshSignature } from './ssh-signature.ts';

/** What the vault holds of one drop box. */
export interface DropBox {
  dataset: OpenDataset;
  keys: KeyProvider;
  /** Alias of the drop-box key. */
  key: string;
  /** The users one of whom must have signed; undefined: nobody is asked for. */
  signers: string[] | undefined;
  /** Users and their SSH keys (`type base64 comment`), whose signatures are told by name. */
  users: { name: string; sshKeys: string[] }[];
}

/** The drop box of a dataset. @throws VaultError `KIND` where it takes no deliveries */
export function openDropBox(dataset: OpenDataset, users: Workspace['users'], keys: KeyProvider): DropBox {
  const { dropBox } = dataset.config;
  if (dropBox === undefined) {
    throw new VaultError('KIND', `the dataset ${dataset.name} takes no deliveries`, {
      hint: 'give it a "dropBox" in glovebox.yaml; see docs/drop-box.md',
    });
  }
  const { key, signers } = dropBox;
  const known = Object.entries(users).map(([name, { sshKeys = [] }]) => ({ name, sshKeys }));
  const asked = signers === undefined ? known : known.filter(({ name }) => signers.includes(name));
  return { dataset, keys, key, signers, users: asked };
}

/**
 * Holds a delivery to the form that a drop box takes, without opening it: a whole framed message with key
 * commitment that is wrapped for a version of the drop box's key.
 *
 * @throws VaultError `DELIVERY`; KeyError
 */
export async function checkDelivery({ keys, key, dataset }: DropBox, source: SealedSource): Promise<void> {
  const { versions } = await keys.describe(key);
  const ours = await Promise.all(versions.map(async ({ version }) => (await keys.publicKey(key, version)).keyName));
  const { committing, frameLength, wrappedKeys } = await inspect(source).catch((cause: unknown) => {
    if (!(cause instanceof SealError) || cause.code === 'IO') throw cause;
    throw unfit(`this is not a whole sealed message (${cause.code})`, key, cause);
  });
  if (!committing || frameLength === 0) throw unfit('this message is sealed without key commitment', key);
  if (wrappedKeys.some(({ provider, info }) => provider === KEY_NAMESPACE && ours.includes(info))) return;
  throw unfit(`this message is not sealed for the drop box of ${dataset.name}`, key);
}

/**
 * The user whose signature it is, of those that the drop box knows; undefined where it is nobody's, or does
 * not verify.
 *
 * @throws VaultError `SIGNATURE` where it is not in a form that can be checked
 */
export function findSigner({ users }: DropBox, signature: SshSignature, digests: Digests): string | undefined {
  for (const { name, sshKeys } of users) {
    const line = sshKeys.find((text) => Buffer.from(text.split(' ')[1] ?? '', 'base64').equals(signature.publicKey));
    if (line === undefined) continue;
    return verifySshSignature(signature, parseSshKey(line), digests[signature.hash]) ? name : undefined;
  }
  return undefined;
}

/**
 * Who signed a delivery named `name`; undefined where nobody did whom the drop box knows, and nobody is asked for.
 * @throws VaultError `SIGNATURE` where one of the signers must have signed and none did
 */
export function requireSigner(
  box: DropBox,
  name: string,
  signature: SshSignature | undefined,
  digests: Digests,
): string | undefined {
  const signer = signature === undefined ? undefined : findSigner(box, signature, digests);
  if (signer !== undefined || box.signers === undefined) return signer;
  const by = box.signers.join(' or ');
  if (signature === undefined) {
    throw new VaultError('SIGNATURE', `${name} is not signed, and ${box.dataset.name} asks for a signature by ${by}`, {
      hint: 'the supplier signs it with: ssh-keygen -Y sign -n glovebox -f KEY FILE',
    });
  }
  throw new VaultError('SIGNATURE', `the signature of ${name} is not one by ${by} over these bytes`, {
    hint: 'somebody else made it, or the file was altered: ask the supplier; do not use the data',
  });
}

function unfit(message: string, key: string, cause?: unknown): VaultError {
  return new VaultError('DELIVERY', message, {
    hint: `the supplier seals it with the public key: glovebox key public-key ${key}`,
    cause,
  });
}
