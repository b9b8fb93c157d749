// The primitives of packets (draft-ietf-secsh-filexfer-02, section 3; RFC 4251, section 5), read and written
// within bounds: a length is believed only as far as there are bytes.
import { SftpError } from './error.ts';
import { MAX_HANDLE_LENGTH, MAX_PACKET_LENGTH, MAX_PATH_LENGTH } from './limits.ts';

/** Reads one value after the other. @throws SftpError `MALFORMED` where the bytes end before the value does */
export interface PacketReader {
  byte(): number;
  uint32(): number;
  /** @throws SftpError `LIMIT` above 2^53 - 1, too */
  uint64(): number;
  bigUint64(): bigint;
  /** A length and so many bytes; a view of the packet. @throws SftpError `LIMIT` above `limit` bytes, too */
  string(limit?: number): Buffer;
  /** A string as text; what is not UTF-8 becomes U+FFFD. */
  text(limit?: number): string;
  /** A string as text. @throws SftpError `PATH` where it is not UTF-8, or too long */
  path(): string;
  /** @throws SftpError `HANDLE` where it is longer than handles are */
  handle(): Buffer;
  /** All that is left; a view. */
  rest(): Buffer;
  isAtEnd(): boolean;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param packet without its length field */
export function packetReader(packet: Buffer): PacketReader {
  let position = 0;
  const take = (length: number): number => {
    if (length > packet.length - position) throw new SftpError('MALFORMED', 'a packet ends too early');
    position += length;
    return position - length;
  };
  const reader: PacketReader = {
    byte: () => packet.readUInt8(take(1)),
    uint32: () => packet.readUInt32BE(take(4)),
    uint64: () => {
      const value = reader.bigUint64();
      if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new SftpError('LIMIT', 'a number is above 2^53');
      return Number(value);
    },
    bigUint64: () => packet.readBigUInt64BE(take(8)),
    string: (limit = MAX_PACKET_LENGTH) => {
      const length = reader.uint32();
      const start = take(length);
      if (length > limit) throw new SftpError('LIMIT', `a string is longer than ${limit} bytes`);
      return packet.subarray(start, start + length);
    },
    text: (limit) => reader.string(limit).toString('utf8'),
    path: () => {
      const bytes = reader.string();
      if (bytes.length > MAX_PATH_LENGTH) throw new SftpError('PATH', `a path is longer than ${MAX_PATH_LENGTH} bytes`);
      try {
        return utf8.decode(bytes);
      } catch (cause) {
        throw new SftpError('PATH', 'a path is not UTF-8', { cause });
      }
    },
    handle: () => {
      const bytes = reader.string();
      if (bytes.length > MAX_HANDLE_LENGTH) throw new SftpError('HANDLE', 'a handle is too long to be one');
      return bytes;
    },
    rest: () => packet.subarray(take(packet.length - position)),
    isAtEnd: () => position === packet.length,
  };
  return reader;
}

/** Builds a packet. @throws SftpError `LIMIT` above 256 KiB, from each method that adds */
export interface PacketWriter {
  byte(value: number): PacketWriter;
  uint32(value: number): PacketWriter;
  /** @param value from 0 to 2^53 - 1, or a bigint below 2^64 */
  uint64(value: number | bigint): PacketWriter;
  /** A length and the bytes, of text as UTF-8. */
  string(value: Uint8Array | string): PacketWriter;
  /** As they are, without a length. */
  bytes(value: Uint8Array): PacketWriter;
  /** The packet with its length field, ready to be sent; `following` bytes of it are sent after it. */
  finish(following?: number): Buffer;
}

const LENGTH_FIELD = 4;

/** @param type the packet's first byte */
export function packetWriter(type: number): PacketWriter {
  let buffer = Buffer.allocUnsafe(128);
  let end = LENGTH_FIELD;
  const add = (length: number): number => {
    const needed = end + length;
    if (needed > MAX_PACKET_LENGTH + LENGTH_FIELD) throw tooLong();
    if (needed > buffer.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(Math.max(needed, 2 * buffer.length), MAX_PACKET_LENGTH + LENGTH_FIELD),
      );
      buffer.copy(larger, 0, 0, end);
      buffer = larger;
    }
    end = needed;
    return needed - length;
  };
  const writer: PacketWriter = {
    byte: (value) => {
      const at = add(1);
      buffer.writeUInt8(value, at);
      return writer;
    },
    uint32: (value) => {
      const at = add(4);
      buffer.writeUInt32BE(value, at);
      return writer;
    },
    uint64: (value) => {
      const at = add(8);
      buffer.writeBigUInt64BE(BigInt(value), at);
      return writer;
    },
    string: (value) => {
      const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
      return writer.uint32(bytes.length).bytes(bytes);
    },
    bytes: (value) => {
      const at = add(value.length);
      buffer.set(value, at);
      return writer;
    },
    finish: (following = 0) => {
      const length = end - LENGTH_FIELD + following;
      if (length > MAX_PACKET_LENGTH) throw tooLong();
      buffer.writeUInt32BE(length, 0);
      return buffer.subarray(0, end);
    },
  };
  return writer.byte(type);
}

function tooLong(): SftpError {
  return new SftpError('LIMIT', `a packet would be longer than ${MAX_PACKET_LENGTH} bytes`);
}
