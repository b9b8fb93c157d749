// What a client can do with an SFTP server.
import type { Attributes } from './attributes.ts';
import type { Listing } from './client-listing.ts';
import type { Handle } from './client-requests.ts';

export interface DownloadOptions {
  /** The first byte; 0 by default. */
  from?: number;
  /** The byte behind the last; the file's end by default. */
  to?: number;
  /** What the file must be: what `stat` said before, or what an earlier part was read from. */
  expected?: Pick<Attributes, 'size' | 'times'>;
  /** READs under way at once, and chunks held; 64 by default. */
  parallel?: number;
  signal?: AbortSignal;
}

export interface UploadOptions {
  /** Where the first byte goes; 0 by default. */
  at?: number;
  /** Bytes under way that the server has not answered for yet; 16 MiB by default. */
  window?: number;
  /** Hears how far all is written without a gap: an offset in the file. */
  onWritten?: (position: number) => void;
  signal?: AbortSignal;
}

/**
 * A session with a server. All methods raise SftpError: what a status says (`NOT_FOUND`, `DENIED`, `UNSUPPORTED`,
 * `FAILED`…), `PATH` for a path that cannot be sent, `LOST` once the connection is gone, `PROTOCOL` where the
 * server does what none may: then nothing more is read from it. Paths are the server's; relative ones begin where it says.
 */
export interface SftpClient {
  /** What is asked for in one READ, and sent in one WRITE, in bytes. */
  readonly readLength: number;
  readonly writeLength: number;
  /** Handles that the server allows to be open at once, where it says so. */
  readonly openHandles: number | undefined;
  /** The extensions that the server announced, with what it said of them. */
  readonly extensions: ReadonlyMap<string, string>;

  /** The absolute path, as the server has it. */
  realpath(path: string): Promise<string>;
  stat(path: string): Promise<Attributes>;
  /** As `stat`, but of a symbolic link itself. */
  lstat(path: string): Promise<Attributes>;
  setstat(path: string, attributes: Attributes): Promise<void>;
  /** The folder's entries, 100,000 at most unless told otherwise. @throws SftpError `LIMIT` above that */
  list(path: string, options?: { limit?: number; signal?: AbortSignal }): Promise<Listing>;
  /** @throws SftpError `EXISTS` */
  mkdir(path: string, attributes?: Attributes): Promise<void>;
  rmdir(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Most servers replace nothing. @throws SftpError `EXISTS` */
  rename(from: string, to: string): Promise<void>;
  /**
   * Renames so that it replaces a file at `to`: in one step where the server offers that, otherwise by removing that
   * file first. @returns whether it was one step
   */
  posixRename(from: string, to: string): Promise<boolean>;

  /** Opens a file; `flags` are `OPEN_FLAG`s. @throws SftpError `EXISTS` with `exclusive` */
  open(path: string, flags: number, attributes?: Attributes): Promise<Handle>;
  close(handle: Handle): Promise<void>;
  fstat(handle: Handle): Promise<Attributes>;
  fsetstat(handle: Handle, attributes: Attributes): Promise<void>;
  /** Has what was written brought to the disk. @returns false where the server does not offer that */
  fsync(handle: Handle): Promise<boolean>;

  /**
   * The bytes of a file in order, while up to 64 READs are under way. Ends only if the file was all the time
   * what it was at the start, by size and time of change.
   *
   * @throws SftpError `CHANGED`, also where it is not `expected`; `RANGE`; `ABORTED`
   */
  download(path: string, options?: DownloadOptions): AsyncIterable<Buffer>;
  /**
   * Writes a stream of bytes, whose chunks are copied. The first failure stops it; then what `onWritten` heard
   * of last is written.
   *
   * @returns the bytes written, all of them answered for
   * @throws SftpError `ABORTED`; what `source` throws
   */
  upload(handle: Handle, source: AsyncIterable<Uint8Array>, options?: UploadOptions): Promise<number>;

  /** Ends the session in good order; what is pending fails with `LOST`. */
  end(): Promise<void>;
}
