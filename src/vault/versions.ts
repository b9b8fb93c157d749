// Versions of derived datasets: a draft collects sealed objects; publishing it is one record (I3).
import { releaseAll, SealError, type SealingPipe, sealFromPipe, sealStream } from '../seal/index.ts';
import type { ObjectWriter } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { VaultError } from './error.ts';
import type { ObjectInfo } from './objects.ts';
import type { VersionObject, VersionRecord } from './record.ts';

/** A version in the making. Nothing of it is visible before `publish`. */
export interface VersionDraft {
  dataset: string;
  version: string;
  /** Starts sealing what comes out of the FIFO at `pipe` into an object `path`; resolves once it reads. */
  drain(path: string, pipe: string): Promise<void>;
  /** Says that `path` was written to its end; resolves when it is sealed, false where nothing came. */
  finish(path: string): Promise<boolean>;
  /** Seals a small JSON document as `path`. */
  putJson(path: string, value: unknown): Promise<void>;
  /** What is sealed so far. */
  objects(): readonly VersionObject[];
  /** Makes the version's record: the commit. */
  publish(account: VersionAccount): Promise<VersionRecord>;
  /** Stops what is being drained; resolves to why one of them failed by itself, undefined where none did. */
  failure(): Promise<Error | undefined>;
  /** Forgets everything that was not published. Safe at any time. */
  abort(): Promise<void>;
}

export interface VersionAccount {
  pipeline: string;
  writer: string;
  summary: Record<string, unknown>;
  companionOf?: { dataset: string; version: string };
}

/** Begins the version `version` of a derived dataset. */
export function beginVersion(dataset: OpenDataset, version: string, writerName: string): VersionDraft {
  const drains = new Map<string, { sealing: SealingPipe; writer: ObjectWriter }>();
  const objects: VersionObject[] = [];

  const keep = (path: string, sealed: { messageId: string; plaintextSize: number; sha256: string }): void => {
    const { messageId, plaintextSize, sha256 } = sealed;
    objects.push({ path, messageId, size: plaintextSize, sha256, time: new Date().toISOString(), writer: writerName });
  };

  return {
    dataset: dataset.name,
    version,
    async drain(path, pipe) {
      const writer = await dataset.store.createObject(dataset.name);
      try {
        if (writer.descriptor === undefined) throw new Error('this store takes no descriptors');
        const options = { keyring: await dataset.sealingKeyring(), context: dataset.context };
        const sealing = await sealFromPipe(pipe, options, { descriptor: writer.descriptor });
        drains.set(path, { sealing, writer });
      } catch (error) {
        await writer.abort();
        throw error;
      }
    },
    async finish(path) {
      const entry = drains.get(path);
      if (entry === undefined) throw new Error(`nothing was drained into ${path}`);
      entry.sealing.finish();
      const sealed = await entry.sealing.done;
      drains.delete(path);
      if (sealed.empty) {
        await entry.writer.abort();
        return false;
      }
      await entry.writer.commit(sealed.summary.messageId);
      keep(path, sealed.summary);
      return true;
    },
    async putJson(path, value) {
      const text = Buffer.from(`${JSON.stringify(value)}\n`);
      const writer = await dataset.store.createObject(dataset.name);
      try {
        async function* source(): AsyncGenerator<Uint8Array> {
          yield text;
        }
        const sealing = await sealStream(source(), {
          keyring: await dataset.sealingKeyring(),
          context: dataset.context,
        });
        for await (const chunk of sealing.chunks) {
          await writer.write(chunk);
          releaseAll([chunk]);
        }
        const sealed = await sealing.summary;
        await writer.commit(sealed.messageId);
        keep(path, sealed);
      } catch (error) {
        await writer.abort();
        throw error;
      }
    },
    objects: () => objects,
    async publish({ pipeline, writer, summary, companionOf }) {
      const record: VersionRecord = {
        kind: 'version',
        dataset: dataset.name,
        version,
        time: new Date().toISOString(),
        writer,
        pipeline,
        objects: objects.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
        ...(companionOf === undefined ? {} : { companionOf }),
        summary,
      };
      await dataset.writeRecord(record, { expected: null });
      return record;
    },
    async failure() {
      for (const { sealing } of drains.values()) {
        sealing.abort();
        const reason = await sealing.done.then(
          () => undefined,
          (error: unknown) => error,
        );
        if (reason instanceof SealError && reason.code !== 'ABORTED') return reason;
      }
      return undefined;
    },
    async abort() {
      const open = [...drains.values()];
      drains.clear();
      for (const { sealing, writer } of open) {
        sealing.abort();
        await Promise.allSettled([sealing.done]);
        await writer.abort();
      }
    },
  };
}

/** Points `latest` at `version`, by compare-and-swap. */
export async function switchLatest(dataset: OpenDataset, version: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const head = await dataset.readRecord('head', 'latest');
    try {
      await dataset.writeRecord(
        { kind: 'head', dataset: dataset.name, name: 'latest', version },
        { expected: head?.etag ?? null },
      );
      return;
    } catch (error) {
      const lost = error instanceof VaultError && error.code === 'CONFLICT';
      if (!lost || attempt >= 20) throw error;
    }
  }
}

/** The record of `version`, or of the latest. @throws VaultError `NOT_FOUND`, `TAMPERED` */
export async function readVersion(
  dataset: OpenDataset,
  version: string | undefined,
  isPublished: (dataset: string, version: string) => Promise<boolean>,
): Promise<VersionRecord> {
  const wanted = version ?? (await dataset.readRecord('head', 'latest'))?.record.version;
  const record = wanted === undefined ? undefined : (await dataset.readRecord('version', wanted))?.record;
  if (record !== undefined && (await countsAsPublished(record, isPublished))) return record;
  if (version === undefined && wanted !== undefined) {
    throw new VaultError('TAMPERED', `the latest version of ${dataset.name} is not in the store`, {
      hint: 'it was removed behind our back: restore it from a copy of the store',
    });
  }
  throw new VaultError(
    'NOT_FOUND',
    version === undefined ? `${dataset.name} has no version yet` : `${dataset.name} has no version ${version}`,
    { hint: version === undefined ? 'make one with: glovebox run PIPELINE' : 'versions are listed by: glovebox runs' },
  );
}

/** All published versions, oldest first. */
export async function listVersions(
  dataset: OpenDataset,
  isPublished: (dataset: string, version: string) => Promise<boolean>,
): Promise<VersionRecord[]> {
  const found: VersionRecord[] = [];
  for await (const version of dataset.store.listEntries(dataset.name, 'versions')) {
    const record = (await dataset.readRecord('version', version))?.record;
    if (record !== undefined && (await countsAsPublished(record, isPublished))) found.push(record);
  }
  return found;
}

async function countsAsPublished(
  record: VersionRecord,
  isPublished: (dataset: string, version: string) => Promise<boolean>,
): Promise<boolean> {
  return record.companionOf === undefined || isPublished(record.companionOf.dataset, record.companionOf.version);
}

/** A version's objects as infos. */
export function objectsOf(record: VersionRecord): ObjectInfo[] {
  return record.objects.map(({ path, messageId, size, sha256, time, writer }) => ({
    path,
    messageId,
    size,
    sha256,
    time,
    writer,
  }));
}
