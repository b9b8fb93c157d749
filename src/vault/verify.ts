// Verifies stored objects: every tag, and what their records say of them. No plaintext is given out.
import { SealError, verify } from '../seal/index.ts';
import { StoreError } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { VaultError } from './error.ts';
import { type FileOptions, settingsOf } from './files.ts';
import { type ObjectInfo, openingOptions, openReader, statObject } from './objects.ts';
import type { VersionRecord } from './record.ts';
import { objectsOf, readVersion } from './versions.ts';

/** An object whose every frame verified, and that is the one its record names. */
export interface VerifiedObject {
  info: ObjectInfo;
  frames: number;
}

/** What verifying one of many came to; without a path it is the record of a whole version. */
export type Verification = { path?: string; version?: string } & (
  | { verified: VerifiedObject }
  | { error: SealError | VaultError | StoreError }
);

/** Verifies the object that `info` names (I2, I5). @throws VaultError `MISSING_OBJECT`; SealError as `verify` */
export async function verifyObject(
  dataset: OpenDataset,
  info: ObjectInfo,
  options: FileOptions,
): Promise<VerifiedObject> {
  const reader = await openReader(dataset, info);
  try {
    const expected = await openingOptions(dataset, info, options.signal);
    const { frames } = await verify(reader, expected, settingsOf(options, info.size));
    return { info, frames };
  } finally {
    await reader.close();
  }
}

/** What is to be verified of a dataset; all of it by default. */
export interface VerifyOptions extends FileOptions {
  version?: string;
  /** What the names begin with. */
  prefix?: string;
}

/**
 * Verifies the objects of a dataset one after the other: of a derived one all published versions, and that the
 * latest is there. One that is bad stops nothing.
 * @throws VaultError `NOT_FOUND` (the version); KeyError
 */
export async function* verifyAll(
  dataset: OpenDataset,
  { version, prefix = '', ...options }: VerifyOptions,
  isPublished: (dataset: string, version: string) => Promise<boolean>,
): AsyncGenerator<Verification> {
  if (dataset.config.kind === 'raw') {
    for await (const path of dataset.store.listEntries(dataset.name, 'names', prefix)) {
      yield* attempt({ path }, async () => verifyObject(dataset, await statObject(dataset, path), options));
    }
    return;
  }
  if (version !== undefined) {
    yield* verifyVersion(dataset, await readVersion(dataset, version, isPublished), prefix, options);
    return;
  }
  for await (const published of dataset.store.listEntries(dataset.name, 'versions')) {
    const found: VersionRecord[] = [];
    yield* attempt({ version: published }, async () => {
      found.push(await readVersion(dataset, published, isPublished));
      return undefined;
    });
    for (const record of found) yield* verifyVersion(dataset, record, prefix, options);
  }
  yield* attempt({ version: 'latest' }, async () => {
    await readVersion(dataset, undefined, isPublished);
    return undefined;
  });
}

async function* verifyVersion(
  dataset: OpenDataset,
  record: VersionRecord,
  prefix: string,
  options: FileOptions,
): AsyncGenerator<Verification> {
  const { version } = record;
  for (const info of objectsOf(record).filter(({ path }) => path.startsWith(prefix))) {
    yield* attempt({ version, path: info.path }, () => verifyObject(dataset, info, options));
  }
}

/** What `work` came to. Nothing for what was removed since it was listed, or is not published. */
async function* attempt(
  place: { path?: string; version?: string },
  work: () => Promise<VerifiedObject | undefined>,
): AsyncGenerator<Verification> {
  try {
    const verified = await work();
    if (verified) yield { ...place, verified };
  } catch (error) {
    if (error instanceof VaultError && error.code === 'NOT_FOUND') return;
    if (!isDamage(error)) throw error;
    yield { ...place, error };
  }
}

/** Whether the error says something of the object, and not of the caller, the keys or the machine. */
function isDamage(error: unknown): error is SealError | VaultError | StoreError {
  if (error instanceof SealError) return error.code !== 'ABORTED';
  if (error instanceof VaultError) return error.code === 'TAMPERED' || error.code === 'MISSING_OBJECT';
  return error instanceof StoreError && (error.code === 'IO' || error.code === 'UNSAFE');
}
