// What the server engine asks of the files that it serves.
import type { Attributes } from './attributes.ts';
import type { SpaceInfo } from './extensions.ts';

/** A file or a folder as it is now. */
export interface FileInfo {
  kind: 'file' | 'directory';
  /** Bytes that can be read; of a file being written, those that would survive. */
  size: number;
  /** Permission bits: 0o600. */
  permissions: number;
  /** Seconds since 1970. */
  modified: number;
}

export interface DirectoryEntry extends FileInfo {
  /** One part of a path, in Unicode normal form C. */
  name: string;
}

/** How a file is opened for writing: the flags of OPEN (draft-ietf-secsh-filexfer-02, section 6.3). */
export interface WriteFlags {
  /** Makes the file where there is none; else that is `NOT_FOUND`. */
  create: boolean;
  /** `EXISTS` where there is a file. Only with `create`. */
  exclusive: boolean;
  /** Begins with an empty file, also without `create` where there is one. Without it, what is there stays. */
  truncate: boolean;
  /** Everything goes to the end, whatever offset is given. */
  append: boolean;
  /** It will be read from, too. */
  read: boolean;
  /** Only the partial upload of that name, else `NOT_FOUND` (the extension `partial-upload@glovebox`). */
  partial?: true;
}

export interface OpenForReading {
  /**
   * Fills `buffer` from `offset`; resolves to the bytes read, fewer than asked for only at the end, 0 behind it.
   * Several calls may be under way at once.
   */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  stat(): Promise<FileInfo>;
  close(): Promise<void>;
}

/** The methods are called one at a time, in the client's order. */
export interface OpenForWriting {
  /**
   * Takes `bytes` for `offset` (back pressure: the client is held up while these are under way). Offsets come in
   * any order, since clients send many writes at once. Once it settles, `bytes` are written over: nothing may look
   * at them any more.
   */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** As `OpenForReading.read`, where it was opened with `read`. @throws SftpError `UNSUPPORTED` where it cannot */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  stat(): Promise<FileInfo>;
  /** A `size` cuts the file or lengthens it; clients send the final one, modes and times, and expect no error. */
  setStat(attributes: Attributes): Promise<void>;
  /** Makes durable what was written. */
  sync(): Promise<void>;
  /**
   * The client is done: when it resolves the file is complete, durable, and has its size. Where it fails, the file
   * is not complete, and this is over as after `abort`.
   */
  close(): Promise<void>;
  /** The client went away without closing it. The file is not complete; what is kept of it is decided here. */
  abort(): Promise<void>;
}

/**
 * The files of one session: whose they are, and what that user may do, is behind this.
 *
 * Obligations: paths are absolute and normalised (`resolvePath`), in normal form C, but otherwise anything that a
 * client can think of; nothing outside what the user may see is reached by any of them. Each call decides anew
 * whether it is allowed (`DENIED`; `NOT_FOUND` where it must not even be known). What goes wrong is an SftpError,
 * whose message the client sees; anything else thrown is told to the client as a failure without its text, and
 * handed to the `report` of the session. Calls for different paths run at the same time; those for one path, in
 * the client's order. No call may hang when nobody reads or writes any more. The modes that OPEN and MKDIR ask for
 * are not passed on.
 */
export interface SftpFiles {
  /** @throws SftpError `NOT_FOUND`, `DENIED` */
  stat(path: string): Promise<FileInfo>;
  /**
   * What lies in a folder, without `.` and `..`, in any order. Left off early, `return` is called on it.
   *
   * @throws SftpError `NOT_FOUND`, `DENIED`, `FAILED` where it is none; before the first entry
   */
  list(path: string): Promise<AsyncIterable<DirectoryEntry>>;
  /** @throws SftpError `NOT_FOUND`, `DENIED`, `FAILED` for a folder */
  openRead(path: string): Promise<OpenForReading>;
  /** @throws SftpError `NOT_FOUND`, `DENIED`, `EXISTS`, `NO_SPACE`, `FAILED` for a folder */
  openWrite(path: string, flags: WriteFlags): Promise<OpenForWriting>;
  /** In one step. @throws SftpError `NOT_FOUND`, `DENIED`; `EXISTS` where there is a target and `replace` is false */
  rename(from: string, to: string, replace: boolean): Promise<void>;
  /** @throws SftpError `NOT_FOUND`, `DENIED`, `FAILED` for a folder */
  remove(path: string): Promise<void>;
  /** @throws SftpError `NOT_FOUND` where its folder is none, `DENIED`, `EXISTS` */
  mkdir(path: string): Promise<void>;
  /** @throws SftpError `NOT_FOUND`, `DENIED`, `NOT_EMPTY`, `FAILED` for a file */
  rmdir(path: string): Promise<void>;
  /**
   * As `OpenForWriting.setStat`, of a file or folder that is open or not. What cannot be kept is passed over
   * without an error, since refusing breaks clients; a `size` that cannot be had is one.
   *
   * @throws SftpError `NOT_FOUND`, `DENIED`, `UNSUPPORTED` for a size
   */
  setStat(path: string, attributes: Attributes): Promise<void>;
  /** @throws SftpError `NOT_FOUND`, `DENIED` */
  space(path: string): Promise<SpaceInfo>;
}
