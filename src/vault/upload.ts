// One upload under way: plaintext that arrives in pieces, sealed as it comes, over as many segments as it takes.
import { beginSegment, type SealedSummary, type SegmentWriter } from '../seal/index.ts';
import type { SegmentAppender } from '../store/index.ts';
import type { OpenDataset } from './dataset.ts';
import { isStoreError, VaultError } from './error.ts';
import { infoOf, nameObject, type ObjectInfo, putObject } from './objects.ts';
import type { UploadRecord } from './record.ts';
import { joinSegments, segmentContext } from './upload-segments.ts';

/**
 * An upload that this handle may add to. Calls are worked off in order. It is nobody else's until it is resumed
 * elsewhere: from then on this handle gets `CONFLICT`.
 */
export interface Upload {
  /** 32 lower-case hex digits. */
  id: string;
  dataset: string;
  /** The name that the object will have. */
  path: string;
  /** Plaintext bytes taken: where the next one goes. After a failure, only those that are durable. */
  readonly size: number;
  /** Plaintext bytes that survive a crash and a power cut. */
  readonly durable: number;
  /** Takes a chunk, which is copied (back pressure). A failure ends the handle: resume the upload to go on. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes durable what can be: all but the last part that fills no frame. @returns `durable` */
  sync(): Promise<number>;
  /** Makes all of it durable, notes its size, and lets go of the upload. It can be resumed. */
  suspend(): Promise<void>;
  /**
   * Makes it an object and gives that its name; then the upload is gone. Until then nothing is lost: it may be
   * tried again, in another process too (I3). What was named before a crash is not named again, and replaces
   * nothing that got the name since: that is a `CONFLICT`, and the upload stays.
   */
  complete(options?: { signal?: AbortSignal | undefined }): Promise<ObjectInfo>;
  /**
   * Stops, and removes all of it, unless it was resumed elsewhere. Safe at any time; does nothing after
   * `complete`, `suspend` and `abort`.
   */
  abort(): Promise<void>;
}

/** An upload's record as it was last read or written. */
export interface HeldRecord {
  record: UploadRecord;
  etag: string;
}

/** Each is opened when the upload is completed. */
export const MAX_SEGMENTS = 10_000;

export interface HandleOptions {
  frameLength?: number | undefined;
  /**
   * Of an upload that is resumed: the time, in milliseconds since 1970, when all that there is of it had come. It may
   * have been named since.
   */
  cameBy?: number | undefined;
}

/**
 * The handle of the upload whose record is `held`, and which goes on behind `held.record.size` bytes in the
 * segments `present`.
 *
 * The methods raise VaultError `CONFLICT` (resumed elsewhere, or over), `LIMIT`, `TAMPERED`; SealError; StoreError.
 */
export function openUpload(
  dataset: OpenDataset,
  held: HeldRecord,
  present: readonly number[],
  { frameLength, cameBy }: HandleOptions,
): Upload {
  const { store } = dataset;
  const { id, path } = held.record;
  const numbers = [...present];
  let { record, etag } = held;
  /** Plaintext bytes before the current segment. */
  let base = record.size;
  let current: { writer: SegmentWriter; file: SegmentAppender } | undefined;
  /** The one segment that there is, finished: an object but for its name. */
  let whole: SealedSummary | undefined;
  let committed = false;
  /** When it may have been named for the first time; undefined while that is still to come. */
  let namedFrom = cameBy;
  /** Why nothing more is taken; `done` says that it ended as it should. */
  let over: Error | undefined;
  let done = false;
  let tail: Promise<unknown> = Promise.resolve();

  const takenOver = () =>
    new VaultError('CONFLICT', `the upload ${id} was resumed or removed elsewhere`, { hint: 'resume it anew' });

  function next<Result>(work: () => Promise<Result>): Promise<Result> {
    const step = tail.then(() => {
      if (over) throw over;
      return work();
    });
    tail = step.catch(() => undefined);
    return step;
  }

  /** As `work` does, but a failure ends the handle, since it is not known what became of the last bytes. */
  async function orEnd<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      over ??= error instanceof Error ? error : takenOver();
      await letGo();
      throw error;
    }
  }

  async function letGo(): Promise<void> {
    const ended = current;
    current = undefined;
    base += ended?.writer.durable ?? 0;
    await ended?.writer.abandon();
    await ended?.file.close();
  }

  const isHeld = async () => (await dataset.readRecord('upload', id))?.etag === etag;

  async function assertHeld(): Promise<void> {
    if (!(await isHeld())) throw takenOver();
  }

  /** Notes size and time in the record; fails where somebody else did. */
  async function touch(): Promise<void> {
    const touched = { ...record, touched: new Date().toISOString(), size: base };
    try {
      etag = await dataset.writeRecord(touched, { expected: etag });
      record = touched;
    } catch (error) {
      throw error instanceof VaultError && error.code === 'CONFLICT' ? takenOver() : error;
    }
  }

  const isOver = () => new VaultError('CONFLICT', `the upload ${id} is already over, or was let go`);

  function end(): void {
    done = true;
    over = isOver();
  }

  async function begin() {
    const number = (numbers.at(-1) ?? -1) + 1;
    if (number >= MAX_SEGMENTS) {
      throw new VaultError('LIMIT', `the upload ${id} was interrupted ${MAX_SEGMENTS} times`, {
        hint: 'complete it, or remove it and begin another one',
      });
    }
    // The number is one behind those that were seen when the upload was taken: whoever takes it later sees this
    // segment, or takes its number, and then there is no segment here.
    await assertHeld();
    const context = segmentContext(dataset, id, number, base);
    const keyring = await dataset.sealingKeyring();
    const file = await store.createSegment(dataset.name, id, number);
    try {
      const options = { keyring, context, ...(frameLength === undefined ? {} : { frameLength }) };
      current = { writer: await beginSegment(options, file), file };
    } catch (error) {
      await file.close();
      throw isStoreError(error, 'CONFLICT') ? takenOver() : error;
    }
    numbers.push(number);
    whole = undefined;
    return current;
  }

  async function endSegment(): Promise<void> {
    if (current === undefined) return;
    const summary = await current.writer.finish();
    await current.file.close();
    current = undefined;
    base += summary.plaintextSize;
    if (numbers.length === 1) whole = summary;
  }

  /** The object that this upload became before: in a process that was killed, or by a call that failed. */
  async function findNamed(): Promise<ObjectInfo | undefined> {
    if (namedFrom === undefined) return undefined;
    const found = (await dataset.readRecord('name', path))?.record;
    if (found === undefined) return undefined;
    // More may have come since.
    if (found.upload === id) return found.size >= base ? infoOf(path, found) : undefined;
    if (Date.parse(found.time) < namedFrom) return undefined;
    throw new VaultError('CONFLICT', `${dataset.name}/${path} is newer than the upload ${id} of that name`, {
      hint: 'rename that object, and complete the upload then; or remove the upload',
    });
  }

  async function commit(signal: AbortSignal | undefined): Promise<ObjectInfo> {
    const [number, ...others] = numbers;
    if (whole === undefined || number === undefined || others.length > 0) {
      await touch();
      return putObject(dataset, path, joined(), { writer: record.writer, upload: id, signal });
    }
    await assertHeld();
    const object = {
      async commit(messageId: string) {
        if (!committed) await store.commitSegment(dataset.name, id, number, messageId);
        committed = true;
      },
    };
    return nameObject(dataset, path, object, whole, { writer: record.writer, upload: id });
  }

  async function* joined(): AsyncGenerator<Uint8Array> {
    yield* joinSegments(dataset, id, numbers, base);
    await assertHeld(); // again: this may have taken hours, and the name comes next
  }

  return {
    id,
    dataset: dataset.name,
    path,
    get size() {
      return base + (current?.writer.position ?? 0);
    },
    get durable() {
      return base + (current?.writer.durable ?? 0);
    },
    write: (chunk) =>
      next(() =>
        orEnd(async () => {
          if (chunk.byteLength === 0) return;
          namedFrom = undefined;
          await (current ?? (await begin())).writer.write(chunk);
        }),
      ),
    sync: () =>
      next(() =>
        orEnd(async () => {
          await current?.writer.sync();
          return base + (current?.writer.durable ?? 0);
        }),
      ),
    suspend: () =>
      next(() =>
        orEnd(async () => {
          await endSegment();
          await touch();
          end();
        }),
      ),
    complete: ({ signal } = {}) =>
      next(async () => {
        await orEnd(async () => {
          if (numbers.length === 0) await begin(); // nothing came: an empty object
          await endSegment();
        });
        const before = await findNamed();
        namedFrom ??= Date.now();
        const info = before ?? (await commit(signal));
        end();
        await discardUpload(dataset, id);
        return info;
      }),
    async abort() {
      if (done) return;
      over ??= isOver();
      // Also what waits for the disk, and what stands behind it.
      const ending = current?.writer.abandon();
      await tail;
      await ending;
      if (done) return;
      end();
      await letGo();
      if (await isHeld()) await discardUpload(dataset, id);
    },
  };
}

/** Removes record and segments; what is left after a crash in between is collected. */
export async function discardUpload(dataset: OpenDataset, id: string): Promise<void> {
  await dataset.store.removeEntry(dataset.name, 'uploads', id);
  await dataset.store.removeSegments(dataset.name, id);
}
