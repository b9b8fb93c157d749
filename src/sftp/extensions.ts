// The bodies of OpenSSH's extended replies (PROTOCOL of OpenSSH, "limits@openssh.com" and "statvfs@openssh.com").
import { packetReader } from './packet.ts';

/** What a server takes at most. 0 says that it does not tell. */
export interface ServerLimits {
  packetLength: number;
  readLength: number;
  writeLength: number;
  openHandles: number;
}

/** How full the place is where files lie, as statvfs(3) tells. */
export interface SpaceInfo {
  /** Bytes of a block. */
  blockSize: number;
  blocks: number;
  freeBlocks: number;
  /** Blocks that this user may take. */
  availableBlocks: number;
  /** Longest name, in bytes. */
  maxName: number;
}

/** Reads what a server says of its limits; a number above 2^53 is one without meaning, and becomes 0. */
export function decodeLimits(body: Buffer): ServerLimits {
  const reader = packetReader(body);
  const next = () => {
    const value = reader.bigUint64();
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(value);
  };
  return { packetLength: next(), readLength: next(), writeLength: next(), openHandles: next() };
}

/** The body of the reply to `limits@openssh.com`. */
export function encodeLimits({ packetLength, readLength, writeLength, openHandles }: ServerLimits): Buffer {
  return uint64s([packetLength, readLength, writeLength, openHandles]);
}

/** The body of the reply to `statvfs@openssh.com` and `fstatvfs@openssh.com`. Files are not counted: 0. */
export function encodeSpace({ blockSize, blocks, freeBlocks, availableBlocks, maxName }: SpaceInfo): Buffer {
  const files = [0, 0, 0];
  const [id, flags] = [0, 0];
  return uint64s([blockSize, blockSize, blocks, freeBlocks, availableBlocks, ...files, id, flags, maxName]);
}

/** Reads the reply to `statvfs@openssh.com`. @throws SftpError `MALFORMED`, `LIMIT` */
export function decodeSpace(body: Buffer): SpaceInfo {
  const reader = packetReader(body);
  reader.bigUint64(); // f_bsize: the unit of the counts is f_frsize
  const [blockSize, blocks, freeBlocks, availableBlocks] = [
    reader.uint64(),
    reader.uint64(),
    reader.uint64(),
    reader.uint64(),
  ];
  for (let i = 0; i < 5; i += 1) reader.bigUint64();
  return { blockSize, blocks, freeBlocks, availableBlocks, maxName: reader.uint64() };
}

function uint64s(values: number[]): Buffer {
  const body = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) body.writeBigUInt64BE(BigInt(value), 8 * i);
  return body;
}
