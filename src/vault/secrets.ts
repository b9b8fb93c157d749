// Secrets of pseudonym domains and of the split: random, sealed in the workspace, independent of the
// datasets' keys, so that pseudonyms join across datasets and survive rotation.
import { SECRETS_KEY } from '../access/index.ts';
import type { KeyProvider } from '../keys/index.ts';
import { KeyError } from '../keys/index.ts';
import type { Store } from '../store/index.ts';
import { readOrMakeSecret } from './dataset.ts';

const SECRET_BYTES = 32;
const PLACE = 'secrets';

/**
 * The current secret of `name` (`split`, or `domain-<name>`): 32 bytes, the same for every run.
 * @throws SealError when it does not verify; KeyError
 */
export async function readSecret(workspace: string, name: string, store: Store, keys: KeyProvider): Promise<Buffer> {
  // The local key that wraps them is made when it is first needed.
  const keyring = await keys.keyring(SECRETS_KEY, 'seal').catch(async (error: unknown) => {
    if (!(error instanceof KeyError) || error.code !== 'NOT_FOUND') throw error;
    await keys.create(SECRETS_KEY).catch((second: unknown) => {
      if (!(second instanceof KeyError) || second.code !== 'EXISTS') throw second;
    });
    return keys.keyring(SECRETS_KEY, 'seal');
  });
  // The version is part of the name: a rotated domain gets a second secret beside the first.
  const context = { 'glovebox:workspace': workspace, 'glovebox:secret': `${name}/1` };
  const both = async () => keyring;
  const place = { store, dataset: PLACE, openingKeyring: both, sealingKeyring: both, context };
  return readOrMakeSecret(place, `${name}.1`, SECRET_BYTES);
}
