// What a store must do: keep sealed objects and small entries, atomically, knowing nothing of cryptography.

/** A dataset's folder (or prefix): every address in a store starts with it. */
export type DatasetName = string;

/** The kinds of small entries beside the objects. */
export type EntryKind = 'names' | 'versions' | 'heads' | 'keys' | 'uploads' | 'deliveries';

/** The state of an entry for compare-and-swap: opaque, changes with the content. */
export type ETag = string;

export interface Entry {
  bytes: Uint8Array;
  etag: ETag;
}

/** A sealed object being written. Nothing is visible before `commit`. */
export interface ObjectWriter {
  /** Appends; resolves when the bytes are taken (back pressure). */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Where synchronous workers may write instead of `write`, from offset 0, where the store has files.
   * They must have stopped before `commit` and `abort`, which close it, and before a failed `write`'s end.
   */
  descriptor?: number;
  /**
   * Makes the object durable and visible under `id`, whole (I3). A failure of `write` or `commit` aborts.
   * @throws StoreError `CONFLICT` where there is such an object, `NO_SPACE`
   */
  commit(id: string): Promise<void>;
  /** Forgets everything; safe to call at any time, also after `commit` (then it does nothing). */
  abort(): Promise<void>;
}

/** A stored object, open for reading. It stays readable while open, also when removed meanwhile. */
export interface ObjectReader {
  size: number;
  /** Fills `buffer` from `offset`; resolves to the bytes read, fewer only at the end. */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  descriptor?: number;
  close(): Promise<void>;
}

/** A stored segment of an upload: `upload` is 32 lower-case hex digits, `size` in bytes as stored. */
export interface SegmentInfo {
  upload: string;
  number: number;
  size: number;
  modified: Date;
}

/**
 * A segment of an upload being written. It appears with the first `sync`, which takes its number; before, there
 * is none. What was synced survives this process and a power cut.
 */
export interface SegmentAppender {
  /** Appends; resolves when the bytes are taken (back pressure). */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes durable what was appended. A failure of `write` or `sync` closes it; what the file holds then stays.
   * @throws StoreError `CONFLICT` the first time, where there is a segment of this number, `NO_SPACE`
   */
  sync(): Promise<void>;
  /** Safe at any time. Without a `sync` nothing is left. */
  close(): Promise<void>;
}

/** A segment open for reading, as it was when it was opened; its writer may go on meanwhile. */
export interface SegmentReader extends ObjectReader {
  /** Makes durable what can be read, whoever wrote it: what goes on from there must not outlive it. */
  sync(): Promise<void>;
}

/**
 * Where sealed bytes lie: a directory, or a bucket.
 *
 * Obligations: `commit`, `commitSegment`, `putEntry`, `moveEntry` and the removals are atomic and durable when
 * they resolve, also after kill -9 and power loss (I3); a segment is there with at least what its first `sync`
 * covered, or not at all; what an aborted or killed writer leaves behind is never listed and is collected
 * later; files are 0600 and folders 0700 whatever the umask; names are checked before use (`NAME` error); no
 * symbolic link is followed; several processes may work on one store at once and compare-and-swap holds
 * between them.
 */
export interface Store {
  createObject(dataset: DatasetName): Promise<ObjectWriter>;
  /** @throws StoreError `NOT_FOUND` */
  openObject(dataset: DatasetName, id: string): Promise<ObjectReader>;
  listObjects(dataset: DatasetName): AsyncIterable<{ id: string; size: number; modified: Date }>;
  /** Does nothing where there is none. */
  removeObject(dataset: DatasetName, id: string): Promise<void>;

  /** Begins a segment. A number that there is is not given again, in no process. @throws StoreError `NAME` */
  createSegment(dataset: DatasetName, upload: string, number: number): Promise<SegmentAppender>;
  /** @throws StoreError `NOT_FOUND` */
  openSegment(dataset: DatasetName, upload: string, number: number): Promise<SegmentReader>;
  /** Of one upload, or of all, in no order. They are no objects: `listObjects` and `collect` pass over them. */
  listSegments(dataset: DatasetName, upload?: string): AsyncIterable<SegmentInfo>;
  /**
   * Makes a segment, whole, synced and no longer written, an object as well, as `ObjectWriter.commit` does. It stays a
   * segment too, until it is removed, so that nothing is lost in between.
   * @throws StoreError `CONFLICT` where there is such an object, `NOT_FOUND`
   */
  commitSegment(dataset: DatasetName, upload: string, number: number, id: string): Promise<void>;
  /** Removes an upload's segments; those that became objects stay objects. Does nothing where there are none. */
  removeSegments(dataset: DatasetName, upload: string): Promise<void>;

  /** `undefined` where there is none. @throws StoreError `TOO_LARGE` above 4 MiB, as `putEntry` */
  getEntry(dataset: DatasetName, kind: EntryKind, name: string): Promise<Entry | undefined>;
  /**
   * Writes or replaces. With `expected` (an etag, or null for "must not exist") it is a
   * compare-and-swap. @throws StoreError `CONFLICT` where another writer was first.
   */
  putEntry(
    dataset: DatasetName,
    kind: EntryKind,
    name: string,
    bytes: Uint8Array,
    expected?: ETag | null,
  ): Promise<ETag>;
  /** Moves an entry to a new name in one atomic step. @throws `NOT_FOUND`; `CONFLICT` if the target exists and `replace` is not true. */
  moveEntry(dataset: DatasetName, kind: EntryKind, from: string, to: string, replace?: boolean): Promise<void>;
  /** Resolves to whether it was there. */
  removeEntry(dataset: DatasetName, kind: EntryKind, name: string): Promise<boolean>;
  /** Names as they are at one moment, in byte order of their UTF-8, with `prefix`. */
  listEntries(dataset: DatasetName, kind: EntryKind, prefix?: string): AsyncIterable<string>;

  /**
   * Removes objects that `referenced` does not hold and temporary files, both only when older than
   * `graceMs`, so that an upload under way is never collected. Resolves to what was removed; `bytes`
   * are those of objects and temporary files together.
   */
  collect(
    dataset: DatasetName,
    referenced: ReadonlySet<string>,
    graceMs: number,
  ): Promise<{ objects: number; bytes: number; temporary: number }>;
}
