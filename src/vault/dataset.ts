// One dataset, open: its store, its keyring, its encryption context and its record key.
import { randomBytes } from 'node:crypto';
import type { KeyringNode } from '@aws-crypto/material-management-node';
import { combineKeyrings, type KeyProvider } from '../keys/index.ts';
import { type EncryptionContext, openStream, type SealedSource, sealStream } from '../seal/index.ts';
import type { EntryKind, Store } from '../store/index.ts';
import type { DatasetConfig } from '../workspace/index.ts';
import { isStoreError, VaultError } from './error.ts';
import { openRecord, type RecordOf, sealRecord, tampered } from './record.ts';

const RECORD_KEY = 'record-key';
const RECORD_KEY_BYTES = 32;

/** What the vault holds of one dataset while it is open. */
export interface OpenDataset {
  name: string;
  config: DatasetConfig;
  store: Store;
  /** Bound to every object (I5). */
  context: EncryptionContext;
  /** Opens with the dataset's key; its recovery keys may be disabled, or away. @throws KeyError */
  openingKeyring(): Promise<KeyringNode>;
  /** Seals for the dataset's key and for each of its recovery keys: all must be usable. @throws KeyError */
  sealingKeyring(): Promise<KeyringNode>;
  /** The record's content and etag; undefined where there is none. @throws VaultError `TAMPERED` */
  readRecord<Kind extends keyof RecordOf>(
    kind: Kind,
    name: string,
  ): Promise<{ record: RecordOf[Kind]; etag: string } | undefined>;
  /**
   * Writes a record where it belongs, or at `place`; `expected` as in the store.
   * @returns its etag. @throws VaultError `CONFLICT`
   */
  writeRecord(record: RecordOf[keyof RecordOf], options?: WriteOptions): Promise<string>;
}

interface WriteOptions {
  expected?: string | null;
  place?: string;
}

const ENTRY_KINDS: Record<keyof RecordOf, EntryKind> = {
  name: 'names',
  version: 'versions',
  head: 'heads',
  upload: 'uploads',
  delivery: 'deliveries',
};

/** Opens `name`; nothing is read before it is needed. */
export function openDataset(
  workspace: string,
  name: string,
  config: DatasetConfig,
  store: Store,
  keys: KeyProvider,
): OpenDataset {
  const context = { 'glovebox:workspace': workspace, 'glovebox:dataset': name };
  const openingKeyring = once(() => keys.keyring(config.key, 'seal'));
  const sealingKeyring = once(async () => {
    const { recovery = [] } = config;
    const others = await Promise.all(recovery.map((alias) => keys.keyring(alias, 'seal')));
    return combineKeyrings(await openingKeyring(), others);
  });
  const recordKey = once(async () => {
    const place = { store, dataset: name, context: { ...context, 'glovebox:purpose': RECORD_KEY } };
    return readOrMakeSecret({ ...place, openingKeyring, sealingKeyring }, RECORD_KEY, RECORD_KEY_BYTES);
  });
  return {
    name,
    config,
    store,
    context,
    openingKeyring,
    sealingKeyring,
    async readRecord(kind, entryName) {
      const entry = await store.getEntry(name, ENTRY_KINDS[kind], entryName);
      if (entry === undefined) return undefined;
      const place = `${name}/${entryName}`;
      const record = await openRecord(entry.bytes, await recordKey(), kind, place);
      if (record.dataset !== name || !belongsTo(record, entryName)) throw tampered(place);
      return { record, etag: entry.etag };
    },
    async writeRecord(record, { expected, place } = {}) {
      const entryName = place ?? entryNameOf(record);
      const bytes = await sealRecord(record, await recordKey());
      try {
        return await store.putEntry(name, ENTRY_KINDS[record.kind], entryName, bytes, expected);
      } catch (error) {
        if (!isStoreError(error, 'CONFLICT')) throw error;
        throw new VaultError('CONFLICT', `${name}/${entryName} was changed by somebody else at the same time`, {
          hint: 'look at what is there now and try again',
          cause: error,
        });
      }
    },
  };
}

function entryNameOf(record: RecordOf[keyof RecordOf]): string {
  if (record.kind === 'version') return record.version;
  return record.kind === 'upload' || record.kind === 'delivery' ? record.id : record.name;
}

function belongsTo(record: RecordOf[keyof RecordOf], entryName: string): boolean {
  return entryNameOf(record) === entryName || (record.kind === 'name' && record.formerly === entryName);
}

interface SecretPlace {
  store: Store;
  dataset: string;
  openingKeyring(): Promise<KeyringNode>;
  sealingKeyring(): Promise<KeyringNode>;
  context: EncryptionContext;
}

/**
 * A random secret that is sealed in the store: read, or made by whoever comes first.
 * @throws SealError when it does not verify.
 */
export async function readOrMakeSecret(place: SecretPlace, name: string, length: number): Promise<Buffer> {
  const { store, dataset, context } = place;
  const present = await store.getEntry(dataset, 'keys', name);
  if (present !== undefined) return openSmall(present.bytes, await place.openingKeyring(), context, length);
  const secret = randomBytes(length);
  const sealed = await sealSmall(secret, await place.sealingKeyring(), context);
  try {
    await store.putEntry(dataset, 'keys', name, sealed, null);
    return secret;
  } catch (error) {
    if (!isStoreError(error, 'CONFLICT')) throw error;
    const other = await store.getEntry(dataset, 'keys', name);
    if (other === undefined) throw error;
    return openSmall(other.bytes, await place.openingKeyring(), context, length);
  }
}

async function sealSmall(plaintext: Uint8Array, keyring: KeyringNode, context: EncryptionContext): Promise<Buffer> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(plaintext); // a copy: sealing wipes what it takes
  }
  const { chunks } = await sealStream(source(), { keyring, context });
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

async function openSmall(
  sealed: Uint8Array,
  keyring: KeyringNode,
  context: EncryptionContext,
  length: number,
): Promise<Buffer> {
  const source: SealedSource = {
    size: sealed.length,
    read: async (buffer, offset) => {
      const part = sealed.subarray(offset, offset + buffer.length);
      buffer.set(part);
      return part.length;
    },
  };
  const { chunks } = await openStream(source, { keyring, context, plaintextSize: length });
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

/** Runs `make` at the first call and remembers what came of it; a failure is not remembered. */
function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined;
  return () => {
    value ??= make().catch((error: unknown) => {
      value = undefined;
      throw error;
    });
    return value;
  };
}
