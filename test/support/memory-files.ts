// Files in memory behind the SFTP engine: what a backend must do, in its simplest form, and a record of what it was asked.
import {
  type Attributes,
  type DirectoryEntry,
  type FileInfo,
  SftpError,
  type SftpFiles,
} from '../../src/sftp/index.ts';

interface MemoryFile {
  content: Buffer;
  size: number;
  permissions: number;
  modified: number;
}

export interface MemoryFiles extends SftpFiles {
  /** `close PATH` and `abort PATH` of files that were being written, in order. */
  ends: string[];
  /** The bytes of a file, or undefined. */
  content(path: string): Buffer | undefined;
  put(path: string, content: Uint8Array): void;
  paths(): string[];
}

const FOLDER: Omit<FileInfo, 'modified'> = { kind: 'directory', size: 0, permissions: 0o700 };

/** An empty root. What an upload wrote stays when it is aborted. `maxSize`: bytes of the largest file. */
export function makeMemoryFiles(maxSize = 2 ** 30): MemoryFiles {
  const started = Date.now() / 1000;
  const files = new Map<string, MemoryFile>();
  const folders = new Set(['/']);
  const ends: string[] = [];
  const put = (path: string, content: Uint8Array) => {
    files.set(path, { content: Buffer.from(content), size: content.length, permissions: 0o600, modified: started });
  };
  const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';
  const missing = (path: string) => new SftpError('NOT_FOUND', `there is no ${path}`);
  const info = (path: string): FileInfo => {
    const file = files.get(path);
    if (file) return { kind: 'file', size: file.size, permissions: file.permissions, modified: file.modified };
    if (folders.has(path)) return { ...FOLDER, modified: started };
    throw missing(path);
  };
  const get = (path: string): MemoryFile => {
    const file = files.get(path);
    if (folders.has(path)) throw new SftpError('FAILED', `${path} is a folder`);
    if (file === undefined) throw missing(path);
    return file;
  };
  const assertParent = (path: string) => {
    if (!folders.has(parentOf(path))) throw missing(parentOf(path));
  };
  const childrenOf = (path: string) =>
    [...folders, ...files.keys()].filter((each) => each !== '/' && parentOf(each) === path);

  return {
    ends,
    content: (path) => {
      const file = files.get(path);
      return file?.content.subarray(0, file.size);
    },
    put,
    paths: () => [...folders, ...files.keys()].sort(),
    stat: async (path) => info(path),
    async list(path) {
      if (!folders.has(path)) throw files.has(path) ? new SftpError('FAILED', `${path} is no folder`) : missing(path);
      const entries = childrenOf(path).map(
        (each): DirectoryEntry => ({ ...info(each), name: each.split('/').at(-1) ?? '' }),
      );
      return (async function* () {
        yield* entries;
      })();
    },
    async openRead(path) {
      const file = get(path);
      return {
        read: async (buffer, offset) => readFrom(file, buffer, offset),
        stat: async () => info(path),
        close: async () => {},
      };
    },
    async openWrite(path, flags) {
      assertParent(path);
      if (flags.exclusive && (files.has(path) || folders.has(path)))
        throw new SftpError('EXISTS', `there is ${path} already`);
      if (flags.create && !files.has(path) && !folders.has(path)) put(path, Buffer.alloc(0));
      const file = get(path);
      if (flags.truncate) resize(file, 0);
      return {
        async write(bytes, offset) {
          const at = flags.append ? file.size : offset;
          if (at + bytes.length > maxSize) throw new SftpError('NO_SPACE', 'there is no memory for that');
          const end = Math.max(file.size, at + bytes.length);
          resize(file, end);
          file.content.set(bytes, at);
          file.modified = Date.now() / 1000;
        },
        read: async (buffer, offset) => readFrom(file, buffer, offset),
        stat: async () => ({ kind: 'file', size: file.size, permissions: file.permissions, modified: file.modified }),
        setStat: async (attributes) => change(file, attributes, maxSize),
        sync: async () => {},
        close: async () => void ends.push(`close ${path}`),
        abort: async () => void ends.push(`abort ${path}`),
      };
    },
    async rename(from, to, replace) {
      assertParent(to);
      if (!replace && (files.has(to) || folders.has(to))) throw new SftpError('EXISTS', `there is ${to} already`);
      if (folders.has(from)) throw new SftpError('UNSUPPORTED', 'folders are not renamed');
      const file = get(from);
      files.delete(from);
      files.set(to, file);
    },
    async remove(path) {
      get(path);
      files.delete(path);
    },
    async mkdir(path) {
      assertParent(path);
      if (files.has(path) || folders.has(path)) throw new SftpError('EXISTS', `there is ${path} already`);
      folders.add(path);
    },
    async rmdir(path) {
      if (!folders.has(path)) throw missing(path);
      if (path === '/' || childrenOf(path).length > 0) throw new SftpError('NOT_EMPTY', `${path} is not empty`);
      folders.delete(path);
    },
    async setStat(path, attributes) {
      if (!folders.has(path)) change(get(path), attributes, maxSize);
    },
    space: async () => ({ blockSize: 4096, blocks: 1000, freeBlocks: 500, availableBlocks: 400, maxName: 255 }),
  };
}

function readFrom(file: MemoryFile, buffer: Uint8Array, offset: number): number {
  const part = file.content.subarray(Math.min(offset, file.size), Math.min(offset + buffer.length, file.size));
  buffer.set(part);
  return part.length;
}

function change(file: MemoryFile, { size, mode, times }: Attributes, maxSize: number): void {
  if (size !== undefined) {
    if (size > maxSize) throw new SftpError('NO_SPACE', 'there is no memory for that');
    resize(file, size);
  }
  if (mode !== undefined) file.permissions = mode & 0o777;
  if (times) file.modified = times.modified;
}

function resize(file: MemoryFile, size: number): void {
  if (size > file.content.length) {
    const larger = Buffer.alloc(Math.max(size, 2 * file.content.length, 4096));
    file.content.copy(larger, 0, 0, file.size);
    file.content = larger;
  }
  if (size < file.size) file.content.fill(0, size, file.size);
  file.size = size;
}
