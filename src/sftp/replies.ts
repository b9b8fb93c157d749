// Replies (draft-ietf-secsh-filexfer-02, section 7): from packets and to them.
import { type Attributes, readAttributes, writeAttributes } from './attributes.ts';
import { SftpError } from './error.ts';
import { MAX_HANDLE_LENGTH } from './limits.ts';
import { REPLY } from './message-types.ts';
import { type PacketReader, type PacketWriter, packetReader, packetWriter } from './packet.ts';

/** What a server answers. Handles and data are views of the packet. */
export type Reply = { id: number } & ReplyBody;

export type ReplyBody =
  /** See `STATUS` for the codes. */
  | { type: 'status'; code: number; message: string }
  | { type: 'handle'; handle: Buffer }
  | { type: 'data'; data: Buffer }
  | { type: 'name'; entries: NameEntry[] }
  | { type: 'attributes'; attributes: Attributes }
  /** The body is as the extension says: `extensions.ts`. */
  | { type: 'extended'; body: Buffer };

export interface NameEntry {
  name: string;
  /** As `ls -l` would show it. For people: nothing is read from it. */
  longname: string;
  attributes: Attributes;
  /** Set where the name is not UTF-8: `name` has U+FFFD then, and cannot be asked for. */
  isInexact?: true;
}

/** The least that an entry of a NAME takes: two lengths and the flags. */
const MIN_ENTRY_LENGTH = 12;

/**
 * Reads a reply from `packet` (without its length field). VERSION is none: see `versions.ts`.
 *
 * @throws SftpError `MALFORMED`, `LIMIT`
 */
export function decodeReply(packet: Buffer): Reply {
  const reader = packetReader(packet);
  const type = reader.byte();
  const id = reader.uint32();
  return { id, ...decodeBody(type, reader) };
}

function decodeBody(type: number, reader: PacketReader): ReplyBody {
  switch (type) {
    case REPLY.status:
      // Some old servers send no message.
      return { type: 'status', code: reader.uint32(), message: reader.isAtEnd() ? '' : reader.text() };
    case REPLY.handle:
      return { type: 'handle', handle: reader.string(MAX_HANDLE_LENGTH) };
    case REPLY.data:
      return { type: 'data', data: reader.string() };
    case REPLY.name:
      return { type: 'name', entries: readEntries(reader) };
    case REPLY.attributes:
      return { type: 'attributes', attributes: readAttributes(reader) };
    case REPLY.extended:
      return { type: 'extended', body: reader.rest() };
    default:
      throw new SftpError('MALFORMED', `${type} is no type of a reply`);
  }
}

function readEntries(reader: PacketReader): NameEntry[] {
  const count = reader.uint32();
  const entries: NameEntry[] = [];
  // The count is not believed: whoever sends a large one runs out of bytes.
  for (let i = 0; i < count; i += 1) {
    const bytes = reader.string();
    const name = bytes.toString('utf8');
    const entry: NameEntry = { name, longname: reader.text(), attributes: readAttributes(reader) };
    if (!Buffer.from(name, 'utf8').equals(bytes)) entry.isInexact = true;
    entries.push(entry);
  }
  return entries;
}

/**
 * The packet of `reply`, with its length field. Data are copied; `dataPacket` spares that.
 *
 * @throws SftpError `LIMIT`
 */
export function encodeReply(reply: Reply): Buffer {
  const writer = packetWriter(REPLY[reply.type]).uint32(reply.id);
  switch (reply.type) {
    case 'status':
      return writer.uint32(reply.code).string(reply.message).string('en').finish();
    case 'handle':
      return writer.string(reply.handle).finish();
    case 'data':
      return writer.string(reply.data).finish();
    case 'name':
      writer.uint32(reply.entries.length);
      for (const entry of reply.entries) writeEntry(writer, entry);
      return writer.finish();
    case 'attributes':
      return writeAttributes(writer, reply.attributes).finish();
    case 'extended':
      return writer.bytes(reply.body).finish();
  }
}

function writeEntry(writer: PacketWriter, { name, longname, attributes }: NameEntry): void {
  writeAttributes(writer.string(name).string(longname), attributes);
}

/** Length field, type, id, length of the data. */
const DATA_HEADER_LENGTH = 13;

/** A DATA packet whose data are read straight into it. */
export interface DataPacket {
  /** Where the data go. */
  data: Buffer;
  /** The packet with the first `length` bytes of `data`, and its length field. */
  finish(length: number): Buffer;
}

/** Room for a DATA packet of up to `length` bytes of data. What was not read into is never sent. */
export function dataPacket(id: number, length: number): DataPacket {
  const packet = Buffer.allocUnsafe(DATA_HEADER_LENGTH + length);
  return {
    data: packet.subarray(DATA_HEADER_LENGTH),
    finish(read) {
      packet.writeUInt32BE(DATA_HEADER_LENGTH - 4 + read, 0);
      packet.writeUInt8(REPLY.data, 4);
      packet.writeUInt32BE(id, 5);
      packet.writeUInt32BE(read, 9);
      return packet.subarray(0, DATA_HEADER_LENGTH + read);
    },
  };
}

/** Bytes that `entry` takes in a NAME, at most. */
export function entryLength({ name, longname }: NameEntry): number {
  return MIN_ENTRY_LENGTH + Buffer.byteLength(name) + Buffer.byteLength(longname) + 28;
}
