// Accepting a delivery: what was checked is opened and sealed anew under the dataset's own key and context.
//
// Steps, each whole after a crash (I3): the new object; the record says `accepting` and names it, which is the
// decision, and only one can make it; the object's name; the record says `accepted`; the delivered bytes go.
import { openStream, releaseAll, sealStream } from '../seal/index.ts';
import { checkSource } from './checked-source.ts';
import { decided, openDelivery, readDelivery } from './deliveries.ts';
import { type DropBox, requireSigner } from './drop-box.ts';
import { VaultError } from './error.ts';
import type { ObjectInfo } from './objects.ts';
import type { DeliveryRecord } from './record.ts';
import { parseSshSignature } from './ssh-signature.ts';

export interface AcceptOptions {
  /** Who decides. */
  by: string;
  /** Replaces an object of that name. */
  replace: boolean;
  signal?: AbortSignal | undefined;
  /** Called with the plaintext bytes so far. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** An object that was a delivery, and whose signature it had. */
export interface AcceptedDelivery {
  info: ObjectInfo;
  signer?: string;
}

type Decision = NonNullable<DeliveryRecord['decision']>;
type Decided = Decision & { object: NonNullable<Decision['object']> };

/**
 * Accepts a delivery; one whose acceptance was stopped in between is finished.
 *
 * @throws VaultError `NOT_FOUND`, `DELIVERY` where it is decided already, `EXISTS` where the name is taken,
 *   `TAMPERED`, `MISSING_OBJECT`, `SIGNATURE`, `CONFLICT`; SealError; KeyError; StoreError
 */
export async function acceptDelivery(box: DropBox, id: string, options: AcceptOptions): Promise<AcceptedDelivery> {
  const { record, etag } = await readDelivery(box, id);
  if (record.state === 'accepted' || record.state === 'rejected') throw decided(record);
  if (record.state === 'waiting') await checkName(box, record, options.replace);
  const decision = record.decision?.object ? { ...record.decision, object: record.decision.object } : undefined;
  return publish(box, record, decision ?? (await decide(box, record, etag, options)), options.replace);
}

/** Seals it anew, and makes the decision durable. */
async function decide(box: DropBox, record: DeliveryRecord, etag: string, options: AcceptOptions): Promise<Decided> {
  const { dataset } = box;
  const tampered = () =>
    new VaultError('TAMPERED', `the bytes of the delivery ${record.name} are not those that arrived`, {
      hint: 'they were altered in the store: reject it, and ask the supplier to seal it again',
    });
  const reader = await openDelivery(box, record);
  try {
    const { digests, checked } = await checkSource(reader, tampered, options.signal);
    if (digests.sha256.toString('hex') !== record.id) throw tampered();
    const signature =
      record.signature === undefined ? undefined : parseSshSignature(Buffer.from(record.signature, 'base64'));
    const signer = requireSigner(box, record.name, signature, digests);
    const stop = options.signal === undefined ? {} : { signal: options.signal };
    const keyring = await box.keys.keyring(box.key, 'drop-box');
    // The supplier's encryption context is theirs: nothing of it is asked for or kept.
    const { chunks } = await openStream(checked, { keyring, context: {}, ...stop });
    const object = await sealAnew(box, counting(chunks, options.onBytes), stop);
    const decision = {
      by: options.by,
      time: new Date().toISOString(),
      ...(signer === undefined ? {} : { signer }),
      object,
    };
    await dataset.writeRecord({ ...record, state: 'accepting', decision }, { expected: etag });
    return decision;
  } finally {
    await reader.close();
  }
}

async function sealAnew(
  { dataset }: DropBox,
  plaintext: AsyncIterable<Uint8Array>,
  stop: { signal?: AbortSignal },
): Promise<Decided['object']> {
  const writer = await dataset.store.createObject(dataset.name);
  try {
    const keyring = await dataset.sealingKeyring();
    const sealing = await sealStream(plaintext, { keyring, context: dataset.context, ...stop });
    for await (const chunk of sealing.chunks) {
      await writer.write(chunk);
      releaseAll([chunk]);
    }
    const { messageId, plaintextSize: size, sha256 } = await sealing.summary;
    await writer.commit(messageId);
    return { messageId, size, sha256 };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Gives the object its name, and ends the delivery. May be done again at any point. */
async function publish(
  box: DropBox,
  record: DeliveryRecord,
  decision: Decided,
  replace: boolean,
): Promise<AcceptedDelivery> {
  const { dataset } = box;
  const { by: writer, time, signer, object } = decision;
  const present = await dataset.readRecord('name', record.name);
  if (present?.record.messageId !== object.messageId) {
    if (present !== undefined && !replace) {
      await settle(box, record.id, object.messageId, withoutDecision);
      throw exists(box, record);
    }
    const name = { kind: 'name', dataset: dataset.name, name: record.name, ...object, time, writer } as const;
    await dataset.writeRecord(name, { expected: present?.etag ?? null });
  }
  await settle(box, record.id, object.messageId, (found) => ({ ...found, state: 'accepted' }));
  await dataset.store.removeObject(dataset.name, record.id);
  const info = { path: record.name, ...object, time, writer };
  return { info, ...(signer === undefined ? {} : { signer }) };
}

/** Changes the record while it is on its way to `messageId`; where another process did so first, all is well. */
async function settle(
  box: DropBox,
  id: string,
  messageId: string,
  change: (record: DeliveryRecord) => DeliveryRecord,
): Promise<void> {
  const { record, etag } = await readDelivery(box, id);
  if (record.state !== 'accepting' || record.decision?.object?.messageId !== messageId) return;
  await box.dataset.writeRecord(change(record), { expected: etag });
}

function withoutDecision({ decision: _, ...record }: DeliveryRecord): DeliveryRecord {
  return { ...record, state: 'waiting' };
}

async function checkName(box: DropBox, record: DeliveryRecord, replace: boolean): Promise<void> {
  if (!replace && (await box.dataset.readRecord('name', record.name)) !== undefined) throw exists(box, record);
}

function exists({ dataset }: DropBox, { name }: DeliveryRecord): VaultError {
  return new VaultError('EXISTS', `${dataset.name}/${name} exists`, {
    hint: 'move or remove that one, or say --force to replace it; the delivery still waits',
  });
}

async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    onBytes?.(bytes);
    yield chunk;
  }
}
