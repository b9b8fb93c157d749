// Interrupted uploads of a user, as they see them: with the size at which they go on.
import type { UploadInfo, Vault } from '../../vault/index.ts';
import type { UserMemory } from './desk.ts';
import { orUndefined } from './errors.ts';

/** The user's interrupted upload of that name; none where no role may open uploads: then none can go on. */
export async function findPartial(vault: Vault, dataset: string, path: string): Promise<UploadInfo | undefined> {
  return vault.allows('ingest', dataset) ? vault.findUpload(dataset, path) : undefined;
}

/**
 * The same, with the size that can be recovered. That reads all that came since the last interruption, so it is
 * remembered until something is added.
 */
export async function statPartial(
  vault: Vault,
  dataset: string,
  path: string,
  { recoverable }: UserMemory,
): Promise<UploadInfo | undefined> {
  const partial = await findPartial(vault, dataset, path);
  if (partial === undefined) return undefined;
  const key = `${partial.id} ${partial.modified} ${partial.size}`;
  const known = recoverable.get(key);
  if (known !== undefined) return { ...partial, size: known };
  const exact = await orUndefined(vault.statUpload(dataset, partial.id));
  if (exact !== undefined) recoverable.set(key, exact.size);
  return exact;
}
