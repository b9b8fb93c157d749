// SSH's data types (RFC 4251, section 5), read strictly: what is longer or shorter than it says is an error.
import { VaultError } from './error.ts';

/** Reads one value after the other from bytes that somebody else wrote. @throws VaultError `SIGNATURE` */
export interface WireReader {
  /** Bytes read so far. */
  readonly position: number;
  byte(): number;
  uint32(): number;
  /** `length` bytes; a view of what is read, as all of them. */
  bytes(length: number): Buffer;
  /** A length, and that many bytes. */
  string(): Buffer;
  text(): string;
  /** A positive number of up to `length` bytes (in its shortest form), as `length` bytes. */
  number(length: number): Buffer;
  /** Nothing may follow. */
  end(): void;
}

/** @param what names the bytes in messages: "the signature" */
export function wireReader(source: Buffer, what: string): WireReader {
  let position = 0;
  const malformed = () => new VaultError('SIGNATURE', `${what} is not in the form that SSH gives it`);
  const reader: WireReader = {
    get position() {
      return position;
    },
    byte: () => reader.bytes(1).readUInt8(),
    uint32: () => reader.bytes(4).readUInt32BE(),
    bytes: (length) => {
      if (length > source.length - position) throw malformed();
      position += length;
      return source.subarray(position - length, position);
    },
    string: () => reader.bytes(reader.uint32()),
    text: () => reader.string().toString('latin1'),
    number: (length) => {
      const digits = reader.string();
      const [first = 0, second = 0] = digits;
      const isLonger = first === 0 && second < 0x80;
      if (digits.length === 0 || first >= 0x80 || isLonger) throw malformed();
      const plain = first === 0 ? digits.subarray(1) : digits;
      if (plain.length > length) throw malformed();
      return Buffer.concat([Buffer.alloc(length - plain.length), plain]);
    },
    end: () => {
      if (position !== source.length) throw malformed();
    },
  };
  return reader;
}

/** `bytes` as an SSH string. */
export function wireString(bytes: Uint8Array | string): Buffer {
  const content = Buffer.from(bytes as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}
