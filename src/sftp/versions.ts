// INIT and VERSION, with which both sides begin (draft-ietf-secsh-filexfer-02, section 4).
import { SftpError } from './error.ts';
import { MAX_EXTENSION_LENGTH, MAX_EXTENSIONS } from './limits.ts';
import { REPLY, REQUEST } from './message-types.ts';
import { packetReader, packetWriter } from './packet.ts';

/** The version that is spoken here, whatever is asked for. */
export const PROTOCOL_VERSION = 3;

/**
 * Announced by servers that keep a partial upload apart from what it is to replace. OPEN with WRITE and EXCL, without
 * CREAT, opens the partial upload of that name, and nothing else; FSTAT of it tells how many bytes count; once
 * FSETSTAT has said the size of the whole, CLOSE publishes nothing shorter. See docs/sftp.md.
 */
export const PARTIAL_UPLOAD = { name: 'partial-upload@glovebox', version: '1' } as const;

/** A version, and extensions with what is said of them: mostly their own version. */
export interface Hello {
  version: number;
  extensions: ReadonlyMap<string, string>;
}

/** Reads an INIT. @throws SftpError `MALFORMED` where it is something else, `LIMIT` */
export function decodeInit(packet: Buffer): Hello {
  return decodeHello(packet, REQUEST.init, 'the first packet is no INIT');
}

/** Reads a VERSION. @throws SftpError `MALFORMED` where it is something else, `LIMIT` */
export function decodeVersion(packet: Buffer): Hello {
  return decodeHello(packet, REPLY.version, 'the first packet is no VERSION');
}

/** The packet of an INIT, with its length field. */
export function encodeInit(): Buffer {
  return packetWriter(REQUEST.init).uint32(PROTOCOL_VERSION).finish();
}

/** The packet of a VERSION, with its length field. */
export function encodeVersion(extensions: Iterable<{ name: string; version: string }>): Buffer {
  const writer = packetWriter(REPLY.version).uint32(PROTOCOL_VERSION);
  for (const { name, version } of extensions) writer.string(name).string(version);
  return writer.finish();
}

function decodeHello(packet: Buffer, type: number, otherwise: string): Hello {
  const reader = packetReader(packet);
  if (reader.byte() !== type) throw new SftpError('MALFORMED', otherwise);
  const version = reader.uint32();
  const extensions = new Map<string, string>();
  while (!reader.isAtEnd()) {
    if (extensions.size >= MAX_EXTENSIONS)
      throw new SftpError('LIMIT', `there are more than ${MAX_EXTENSIONS} extensions`);
    const name = reader.text(MAX_EXTENSION_LENGTH);
    extensions.set(name, reader.text(MAX_EXTENSION_LENGTH));
  }
  return { version, extensions };
}
