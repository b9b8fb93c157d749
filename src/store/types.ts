// What a store must do: keep sealed objects and small entries, atomically, knowing nothing of cryptography.

/** A dataset's folder (or prefix): every address in a store starts with it. */
export type DatasetName = string;

/** The kinds of small entries beside the objects. */
export type EntryKind = 'names' | 'versions' | 'heads' | 'keys';

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

/**
 * Where sealed bytes lie: a directory, or a bucket.
 *
 * Obligations: `commit`, `putEntry`, `moveEntry` and the removals are atomic and durable when they
 * resolve, also after kill -9 and power loss (I3); what an aborted or killed writer leaves behind is
 * never listed and is collected later; files are 0600 and folders 0700 whatever the umask; names are
 * checked before use (`NAME` error); no symbolic link is followed; several processes may work on one
 * store at once and compare-and-swap holds between them.
 */
export interface Store {
  createObject(dataset: DatasetName): Promise<ObjectWriter>;
  /** @throws StoreError `NOT_FOUND` */
  openObject(dataset: DatasetName, id: string): Promise<ObjectReader>;
  listObjects(dataset: DatasetName): AsyncIterable<{ id: string; size: number; modified: Date }>;
  /** Does nothing where there is none. */
  removeObject(dataset: DatasetName, id: string): Promise<void>;

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
