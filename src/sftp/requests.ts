// Requests (draft-ietf-secsh-filexfer-02, section 6; the extensions: section 8, and OpenSSH's PROTOCOL, "SFTP
// protocol changes"): from packets and to them.
import { type Attributes, readAttributes, writeAttributes } from './attributes.ts';
import { MAX_EXTENSION_LENGTH } from './limits.ts';
import { REQUEST } from './message-types.ts';
import { type PacketReader, type PacketWriter, packetReader, packetWriter } from './packet.ts';

/** What a client asks. Paths are as they were sent; handles and data are views of the packet. */
export type Request = { id: number } & RequestBody;

export type RequestBody =
  | { type: 'open'; path: string; flags: number; attributes: Attributes }
  | { type: 'close' | 'fstat' | 'readdir' | 'fsync' | 'fstatvfs'; handle: Buffer }
  | { type: 'read'; handle: Buffer; offset: number; length: number }
  | { type: 'write'; handle: Buffer; offset: number; data: Buffer }
  | { type: PathRequest; path: string }
  | { type: 'setstat' | 'mkdir'; path: string; attributes: Attributes }
  | { type: 'fsetstat'; handle: Buffer; attributes: Attributes }
  | { type: 'rename' | 'posix-rename'; from: string; to: string }
  /** In the order in which OpenSSH has them, which is not the draft's (PROTOCOL, "Reversal of arguments"). */
  | { type: 'symlink'; target: string; path: string }
  | { type: 'limits' }
  /** A type, or an extension, that is not known here. */
  | { type: 'unknown'; name: string };

type PathRequest = 'stat' | 'lstat' | 'opendir' | 'remove' | 'rmdir' | 'realpath' | 'readlink' | 'statvfs';

/** The names of the extended requests that are known here, and the versions in which they are announced. */
export const EXTENSIONS = {
  limits: { name: 'limits@openssh.com', version: '1' },
  'posix-rename': { name: 'posix-rename@openssh.com', version: '1' },
  fsync: { name: 'fsync@openssh.com', version: '1' },
  statvfs: { name: 'statvfs@openssh.com', version: '2' },
  fstatvfs: { name: 'fstatvfs@openssh.com', version: '2' },
} as const;

const EXTENSION_OF_NAME = new Map<string, keyof typeof EXTENSIONS>([
  ['limits@openssh.com', 'limits'],
  ['posix-rename@openssh.com', 'posix-rename'],
  ['fsync@openssh.com', 'fsync'],
  ['statvfs@openssh.com', 'statvfs'],
  ['fstatvfs@openssh.com', 'fstatvfs'],
]);

/** The id of a request's or a reply's packet, or undefined where it is too short to have one. */
export function packetId(packet: Buffer): number | undefined {
  return packet.length < 5 ? undefined : packet.readUInt32BE(1);
}

/**
 * Reads a request from `packet` (without its length field). Bytes behind it are passed over, as OpenSSH's
 * server does. INIT is no request: see `versions.ts`.
 *
 * @throws SftpError `MALFORMED`, `LIMIT`, `PATH`, `HANDLE`
 */
export function decodeRequest(packet: Buffer): Request {
  const reader = packetReader(packet);
  const type = reader.byte();
  const id = reader.uint32();
  return { id, ...decodeBody(type, reader) };
}

function decodeBody(type: number, reader: PacketReader): RequestBody {
  switch (type) {
    case REQUEST.open:
      return { type: 'open', path: reader.path(), flags: reader.uint32(), attributes: readAttributes(reader) };
    case REQUEST.close:
      return { type: 'close', handle: reader.handle() };
    case REQUEST.read:
      return { type: 'read', handle: reader.handle(), offset: reader.uint64(), length: reader.uint32() };
    case REQUEST.write:
      return { type: 'write', handle: reader.handle(), offset: reader.uint64(), data: reader.string() };
    case REQUEST.lstat:
      return { type: 'lstat', path: reader.path() };
    case REQUEST.fstat:
      return { type: 'fstat', handle: reader.handle() };
    case REQUEST.setstat:
      return { type: 'setstat', path: reader.path(), attributes: readAttributes(reader) };
    case REQUEST.fsetstat:
      return { type: 'fsetstat', handle: reader.handle(), attributes: readAttributes(reader) };
    case REQUEST.opendir:
      return { type: 'opendir', path: reader.path() };
    case REQUEST.readdir:
      return { type: 'readdir', handle: reader.handle() };
    case REQUEST.remove:
      return { type: 'remove', path: reader.path() };
    case REQUEST.mkdir:
      return { type: 'mkdir', path: reader.path(), attributes: readAttributes(reader) };
    case REQUEST.rmdir:
      return { type: 'rmdir', path: reader.path() };
    case REQUEST.realpath:
      return { type: 'realpath', path: reader.path() };
    case REQUEST.stat:
      return { type: 'stat', path: reader.path() };
    case REQUEST.rename:
      return { type: 'rename', from: reader.path(), to: reader.path() };
    case REQUEST.readlink:
      return { type: 'readlink', path: reader.path() };
    case REQUEST.symlink:
      return { type: 'symlink', target: reader.path(), path: reader.path() };
    case REQUEST.extended:
      return decodeExtended(reader);
    default:
      return { type: 'unknown', name: `request ${type}` };
  }
}

function decodeExtended(reader: PacketReader): RequestBody {
  const name = reader.text(MAX_EXTENSION_LENGTH);
  const type = EXTENSION_OF_NAME.get(name);
  switch (type) {
    case 'limits':
      return { type };
    case 'posix-rename':
      return { type, from: reader.path(), to: reader.path() };
    case 'fsync':
    case 'fstatvfs':
      return { type, handle: reader.handle() };
    case 'statvfs':
      return { type, path: reader.path() };
    default:
      return { type: 'unknown', name: 'this extension' };
  }
}

/**
 * The packet of `request`, with its length field. The data of a `write` are copied; `encodeWriteHeader` spares that.
 *
 * @throws SftpError `LIMIT`
 */
export function encodeRequest(request: Exclude<Request, { type: 'unknown' }>): Buffer {
  const { id } = request;
  switch (request.type) {
    case 'open':
      return writeAttributes(
        begin(request.type, id).string(request.path).uint32(request.flags),
        request.attributes,
      ).finish();
    case 'close':
    case 'fstat':
    case 'readdir':
      return begin(request.type, id).string(request.handle).finish();
    case 'read':
      return begin(request.type, id).string(request.handle).uint64(request.offset).uint32(request.length).finish();
    case 'write':
      return begin(request.type, id).string(request.handle).uint64(request.offset).string(request.data).finish();
    case 'setstat':
    case 'mkdir':
      return writeAttributes(begin(request.type, id).string(request.path), request.attributes).finish();
    case 'fsetstat':
      return writeAttributes(begin(request.type, id).string(request.handle), request.attributes).finish();
    case 'rename':
      return begin(request.type, id).string(request.from).string(request.to).finish();
    case 'symlink':
      return begin(request.type, id).string(request.target).string(request.path).finish();
    case 'limits':
      return extended(id, request.type).finish();
    case 'posix-rename':
      return extended(id, request.type).string(request.from).string(request.to).finish();
    case 'fsync':
    case 'fstatvfs':
      return extended(id, request.type).string(request.handle).finish();
    case 'statvfs':
      return extended(id, request.type).string(request.path).finish();
    default:
      return begin(request.type, id).string(request.path).finish();
  }
}

/**
 * What goes before the `length` bytes of data of a WRITE: send it, then them.
 *
 * @throws SftpError `LIMIT`
 */
export function encodeWriteHeader(id: number, handle: Buffer, offset: number, length: number): Buffer {
  return packetWriter(REQUEST.write).uint32(id).string(handle).uint64(offset).uint32(length).finish(length);
}

function begin(type: Exclude<keyof typeof REQUEST, 'init' | 'extended'>, id: number): PacketWriter {
  return packetWriter(REQUEST[type]).uint32(id);
}

function extended(id: number, type: keyof typeof EXTENSIONS): PacketWriter {
  return packetWriter(REQUEST.extended).uint32(id).string(EXTENSIONS[type].name);
}
