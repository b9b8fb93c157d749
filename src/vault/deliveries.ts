// Deliveries: sealed by anyone with a drop box's public key, kept as they came until somebody accepts or
// rejects them. Its record stays for good, so that the same bytes are never taken twice.
import { createHash } from 'node:crypto';
import { SealError } from '../seal/index.ts';
import { checkEntryName, type ObjectReader } from '../store/index.ts';
import type { Digests } from './checked-source.ts';
import { checkDelivery, type DropBox, findSigner, requireSigner } from './drop-box.ts';
import { isStoreError, VaultError } from './error.ts';
import type { DeliveryRecord } from './record.ts';
import { parseSshSignature } from './ssh-signature.ts';

/** A delivery as it is told. */
export interface Delivery {
  /** SHA-256 of the sealed bytes, lower-case hex. */
  id: string;
  /** The name that the object will have. */
  name: string;
  /** Sealed bytes. */
  size: number;
  time: string;
  /** Who took it in. */
  writer: string;
  /** `accepting`: accepted and sealed anew, but for the last step; accepting it again finishes it. */
  state: DeliveryRecord['state'];
  /** `unknown`: of nobody that the drop box knows, or it does not verify. */
  signature: 'none' | 'unknown' | 'verified';
  /** The user whose signature it is. */
  signer?: string;
  /** Who accepted or rejected it, and when; and the message id of the object that was made of it. */
  decided?: { by: string; time: string; messageId?: string };
}

export interface ReceiveOptions {
  /** Who takes it in. */
  writer: string;
  /** A signature file (OpenSSH's PROTOCOL.sshsig) over the sealed bytes. */
  signature?: Uint8Array | undefined;
  signal?: AbortSignal | undefined;
  /** Called with the sealed bytes so far. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Takes a delivery in, as it is: whole and signed as asked for, or not at all (I3). Nothing is opened.
 *
 * @throws VaultError `DELIVERY`, `SIGNATURE`, `EXISTS` where these bytes were taken before; KeyError; StoreError
 */
export async function receiveDelivery(
  box: DropBox,
  name: string,
  source: AsyncIterable<Uint8Array>,
  { writer: by, signature: file, signal, onBytes }: ReceiveOptions,
): Promise<Delivery> {
  const { dataset } = box;
  checkEntryName(name);
  const signature = file === undefined ? undefined : parseSshSignature(file);
  await box.keys.publicKey(box.key); // a key that cannot be used takes nothing in
  const hashes = { sha256: createHash('sha256'), sha512: createHash('sha512') };
  let size = 0;
  const writer = await dataset.store.createObject(dataset.name);
  let digests: Digests;
  let id: string;
  try {
    for await (const chunk of source) {
      if (signal?.aborted) throw new SealError('ABORTED', 'stopped before the end');
      size += chunk.byteLength;
      hashes.sha256.update(chunk);
      hashes.sha512.update(chunk);
      await writer.write(chunk);
      onBytes?.(size);
    }
    digests = { sha256: hashes.sha256.digest(), sha512: hashes.sha512.digest() };
    id = digests.sha256.toString('hex');
    requireSigner(box, name, signature, digests);
    if ((await dataset.readRecord('delivery', id)) !== undefined) throw taken(name);
    // What a killed process left under this id has no record, and may be old enough to be collected any moment.
    await dataset.store.removeObject(dataset.name, id);
    await writer.commit(id).catch(raced('CONFLICT', name));
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await checkStored(box, id, name);
  const record: DeliveryRecord = {
    kind: 'delivery',
    dataset: dataset.name,
    id,
    sha512: digests.sha512.toString('hex'),
    name,
    size,
    time: new Date().toISOString(),
    writer: by,
    ...(file === undefined ? {} : { signature: Buffer.from(file).toString('base64') }),
    state: 'waiting',
  };
  await dataset.writeRecord(record, { expected: null }).catch((error: unknown) => {
    throw error instanceof VaultError && error.code === 'CONFLICT' ? taken(name) : error;
  });
  return describeDelivery(box, record);
}

async function checkStored(box: DropBox, id: string, named: string): Promise<void> {
  const { store, name } = box.dataset;
  const reader = await store.openObject(name, id).catch(raced('NOT_FOUND', named));
  try {
    await checkDelivery(box, reader);
  } catch (error) {
    await store.removeObject(name, id);
    throw error;
  } finally {
    await reader.close();
  }
}

/** All deliveries that there ever were, oldest first. @throws VaultError `TAMPERED` */
export async function listDeliveries(box: DropBox): Promise<Delivery[]> {
  const { dataset } = box;
  const found: Delivery[] = [];
  for await (const id of dataset.store.listEntries(dataset.name, 'deliveries')) {
    const record = (await dataset.readRecord('delivery', id))?.record;
    if (record !== undefined) found.push(describeDelivery(box, record));
  }
  return found.sort((a, b) => (a.time === b.time ? 0 : a.time < b.time ? -1 : 1));
}

/**
 * Refuses a waiting delivery: its bytes go, its record stays.
 * @throws VaultError `NOT_FOUND`, `DELIVERY` where it is decided already, `CONFLICT`
 */
export async function rejectDelivery(box: DropBox, id: string, by: string): Promise<Delivery> {
  const { dataset } = box;
  const { record, etag } = await readDelivery(box, id);
  if (record.state !== 'waiting') throw decided(record);
  const rejected: DeliveryRecord = { ...record, state: 'rejected', decision: { by, time: new Date().toISOString() } };
  await dataset.writeRecord(rejected, { expected: etag });
  await dataset.store.removeObject(dataset.name, id);
  return describeDelivery(box, rejected);
}

/** @throws VaultError `NOT_FOUND`, `TAMPERED` */
export async function readDelivery(box: DropBox, id: string): Promise<{ record: DeliveryRecord; etag: string }> {
  const { dataset } = box;
  const found = await dataset.readRecord('delivery', id);
  if (found !== undefined) return found;
  throw new VaultError('NOT_FOUND', `there is no delivery ${id} in ${dataset.name}`, {
    hint: `see what is there: glovebox drop-box ls ${dataset.name}`,
  });
}

/** The stored bytes of a waiting delivery. @throws VaultError `MISSING_OBJECT` */
export async function openDelivery({ dataset }: DropBox, { id, name }: DeliveryRecord): Promise<ObjectReader> {
  try {
    return await dataset.store.openObject(dataset.name, id);
  } catch (error) {
    if (!isStoreError(error, 'NOT_FOUND')) throw error;
    throw new VaultError('MISSING_OBJECT', `the bytes of the delivery ${name} are not in the store`, {
      hint: 'they were removed behind our back: reject it, and ask the supplier to seal it again',
      cause: error,
    });
  }
}

/** The ids of objects that nothing but this record names. */
export function objectsOfDelivery(record: DeliveryRecord | undefined): string[] {
  if (record?.state === 'waiting') return [record.id];
  // Its bytes too: the name may turn out to be taken, and then it waits again.
  if (record?.state === 'accepting') return [record.id, record.decision?.object?.messageId ?? record.id];
  return [];
}

/** The error for a delivery that waits no more. */
export function decided({ name, state }: DeliveryRecord): VaultError {
  if (state === 'accepting') {
    return new VaultError('DELIVERY', `the delivery ${name} is being accepted`, {
      hint: 'where that was stopped, accept it again: it is finished then',
    });
  }
  return new VaultError('DELIVERY', `the delivery ${name} was ${state} before`, {
    hint: 'to have it again, ask the supplier to seal it again',
  });
}

/** What a record tells, and whose signature it has. */
export function describeDelivery(box: DropBox, record: DeliveryRecord): Delivery {
  const { id, name, size, time, writer, state, decision } = record;
  const signer = decision?.signer ?? signerOf(box, record);
  const signature = record.signature === undefined ? 'none' : signer === undefined ? 'unknown' : 'verified';
  const object = decision?.object;
  return {
    ...{ id, name, size, time, writer, state, signature },
    ...(signer === undefined ? {} : { signer }),
    ...(decision === undefined
      ? {}
      : {
          decided: {
            by: decision.by,
            time: decision.time,
            ...(object === undefined ? {} : { messageId: object.messageId }),
          },
        }),
  };
}

/** By the digests that were taken when it came in: nothing is read for it. */
function signerOf(box: DropBox, { id, sha512, signature }: DeliveryRecord): string | undefined {
  if (signature === undefined) return undefined;
  const digests = { sha256: Buffer.from(id, 'hex'), sha512: Buffer.from(sha512, 'hex') };
  try {
    return findSigner(box, parseSshSignature(Buffer.from(signature, 'base64')), digests);
  } catch (error) {
    if (error instanceof VaultError && error.code === 'SIGNATURE') return undefined;
    throw error;
  }
}

/** Of several processes that bring the same bytes at one moment, one is the first. */
function raced(code: 'CONFLICT' | 'NOT_FOUND', name: string): (error: unknown) => never {
  return (error) => {
    if (!isStoreError(error, code)) throw error;
    throw new VaultError('CONFLICT', `the same bytes as ${name} are being taken in by somebody else at this moment`, {
      hint: 'look at what is there now and try again',
      cause: error,
    });
  };
}

function taken(name: string): VaultError {
  return new VaultError('EXISTS', `this delivery was taken before, so ${name} was not taken again`, {
    hint: 'every sealing makes other bytes: ask the supplier to seal it again if it is meant',
  });
}
