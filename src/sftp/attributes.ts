// File attributes (draft-ietf-secsh-filexfer-02, section 5): each field is there or not.
import { SftpError } from './error.ts';
import { MAX_EXTENSIONS } from './limits.ts';
import type { PacketReader, PacketWriter } from './packet.ts';

export interface Attributes {
  /** Bytes. */
  size?: number;
  owner?: { uid: number; gid: number };
  /** Type and permissions as POSIX's st_mode. */
  mode?: number;
  /** Seconds since 1970, both. */
  times?: { accessed: number; modified: number };
}

const SIZE = 0x1;
const OWNER = 0x2;
const MODE = 0x4;
const TIMES = 0x8;
const EXTENDED = 0x8000_0000;
const KNOWN = SIZE | OWNER | MODE | TIMES | EXTENDED;

/** The file type in `mode` (POSIX's S_IFMT and its values). */
export const FILE_TYPE = { mask: 0o170000, file: 0o100000, directory: 0o040000, link: 0o120000 } as const;

/** Reads attributes; extended ones are passed over. @throws SftpError `MALFORMED`, `LIMIT` */
export function readAttributes(reader: PacketReader): Attributes {
  const flags = reader.uint32();
  if ((flags & ~KNOWN) !== 0) throw new SftpError('MALFORMED', 'attributes have fields that version 3 does not know');
  const attributes: Attributes = {};
  if (flags & SIZE) attributes.size = reader.uint64();
  if (flags & OWNER) attributes.owner = { uid: reader.uint32(), gid: reader.uint32() };
  if (flags & MODE) attributes.mode = reader.uint32();
  if (flags & TIMES) attributes.times = { accessed: reader.uint32(), modified: reader.uint32() };
  if (flags & EXTENDED) skipExtended(reader);
  return attributes;
}

/** Appends `attributes`. @throws SftpError `LIMIT` */
export function writeAttributes(writer: PacketWriter, { size, owner, mode, times }: Attributes): PacketWriter {
  const flags = (size === undefined ? 0 : SIZE) | (owner ? OWNER : 0) | (mode === undefined ? 0 : MODE);
  writer.uint32(flags | (times ? TIMES : 0));
  if (size !== undefined) writer.uint64(size);
  if (owner) writer.uint32(owner.uid).uint32(owner.gid);
  if (mode !== undefined) writer.uint32(mode);
  if (times) writer.uint32(times.accessed).uint32(times.modified);
  return writer;
}

function skipExtended(reader: PacketReader): void {
  const count = reader.uint32();
  if (count > MAX_EXTENSIONS)
    throw new SftpError('LIMIT', `a file has more than ${MAX_EXTENSIONS} extended attributes`);
  for (let i = 0; i < count; i += 1) {
    reader.string();
    reader.string();
  }
}
