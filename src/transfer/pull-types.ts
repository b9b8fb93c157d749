// What pull needs of the place that files come to: a dataset, or a plaintext folder.

/** A file of the server, as it was when it was last looked at. */
export interface RemoteFile {
  /** Where it goes, relative to the store: `/` between its parts. */
  name: string;
  /** The server's path. */
  place: string;
  /** Bytes. */
  size: number | undefined;
  /** Whole seconds since 1970. */
  modified: number | undefined;
}

export interface PullStore {
  /** Whether files lie in the clear there (I1). */
  isPlaintext: boolean;
  /** As people name it. */
  addressOf(name: string): string;
  /** Runs `work` while no other pull has the place. */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Looks at all names before the first byte comes. @returns what cannot be, with the reason */
  check(files: readonly RemoteFile[]): Map<RemoteFile, Error>;
  /** Whether the file came over whole earlier, and neither it nor the one on the server changed since. */
  has(file: RemoteFile): Promise<boolean>;
  /** Whether there is room for them. @throws TransferError `LOCAL` */
  makeRoom(files: readonly RemoteFile[]): Promise<void>;
  /** Takes up what came of the file earlier, or begins it. */
  open(file: RemoteFile): Promise<PullSink>;
  /** Nothing is left to do: what was kept for a later run goes. */
  finish(): Promise<void>;
}

/** One file on its way in. Calls come one after the other. */
export interface PullSink {
  /** Bytes that are there: where to go on. */
  readonly position: number;
  /** Takes the bytes that come next. They may be overwritten afterwards. */
  write(chunk: Buffer): Promise<void>;
  /** Forgets what came: the file on the server is another one now. */
  restart(file: RemoteFile): Promise<void>;
  /**
   * Gives it its name, durable.
   * @param expected the digest that it must have (hex), where that is known
   * @throws TransferError `DIGEST`
   */
  complete(expected: string | undefined): Promise<{ size: number; sha256: string }>;
  /** Keeps what came for a later run. Does nothing after `complete`; safe at any time. */
  suspend(): Promise<void>;
}

/** Whether what was kept of `one` is the beginning of `other`. Without size and time nobody can say. */
export function isSameFile(
  one: Pick<RemoteFile, 'size' | 'modified'>,
  other: Pick<RemoteFile, 'size' | 'modified'>,
): boolean {
  if (one.size === undefined || one.modified === undefined) return false;
  return one.size === other.size && one.modified === other.modified;
}
