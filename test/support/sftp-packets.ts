// Packets for fuzzing an SFTP server: requests that make sense, with one to three changes that mostly do not.
import { encodeRequest, type Request } from '../../src/sftp/index.ts';
import type { Random } from '../fuzz/random.ts';

const PATHS = [
  '',
  '.',
  '/',
  '/a',
  '/d',
  '/d/b',
  '/d/../a',
  '../../etc/passwd',
  '//d//',
  '/a\0b',
  'e\u0301',
  `/${'x'.repeat(300)}`,
];
const NUMBERS = [
  0, 1, 2, 3, 4, 5, 255, 256, 4096, 4097, 32_768, 261_120, 262_144, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

/** A request as a client might send it; `handles` are those that it got. */
export function randomRequest(
  id: number,
  handles: readonly Buffer[],
  random: Random,
): Exclude<Request, { type: 'unknown' }> {
  const path = random.pick(PATHS);
  const handle = random.below(8) > 0 && handles.length > 0 ? random.pick(handles) : random.bytes(random.below(20));
  const attributes = random.pick([
    {},
    { size: random.below(5000) },
    { mode: 0o644 },
    { times: { accessed: 1, modified: 2 } },
  ]);
  const offset = random.below(10_000);
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
      return { id, type: 'open', path, flags: random.below(64), attributes };
    case 3:
      return { id, type: random.pick(['close', 'fstat', 'readdir', 'fsync', 'fstatvfs'] as const), handle };
    case 4:
    case 5:
      return { id, type: 'read', handle, offset, length: random.pick(NUMBERS) };
    case 6:
    case 7:
      return { id, type: 'write', handle, offset, data: random.bytes(random.below(100)) };
    case 8:
      return {
        id,
        type: random.pick(['stat', 'lstat', 'opendir', 'remove', 'rmdir', 'realpath', 'readlink', 'statvfs'] as const),
        path,
      };
    case 9:
      return { id, type: random.pick(['setstat', 'mkdir'] as const), path, attributes };
    case 10:
      return { id, type: 'fsetstat', handle, attributes };
    case 11:
      return { id, type: random.pick(['rename', 'posix-rename'] as const), from: path, to: random.pick(PATHS) };
    case 12:
      return { id, type: 'symlink', target: path, path: random.pick(PATHS) };
    default:
      return { id, type: 'limits' };
  }
}

/** The packet of `request` with its length field, changed; the length field mostly fits what follows. */
export function mutatedPacket(request: Exclude<Request, { type: 'unknown' }>, random: Random): Buffer {
  let packet = Buffer.from(encodeRequest(request).subarray(4));
  for (let left = random.below(4); left > 0; left -= 1) packet = Buffer.from(change(packet, random));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(random.below(400) === 0 ? random.pick(NUMBERS) : packet.length);
  return Buffer.concat([length, packet]);
}

// The id stays mostly, so that the answer is found.
function change(packet: Buffer, random: Random): Uint8Array {
  const at = random.below(50) === 0 ? random.below(packet.length + 1) : Math.min(5 + random.below(40), packet.length);
  const number = Buffer.alloc(4);
  number.writeUInt32BE(random.pick(NUMBERS));
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([Buffer.from([random.pick([...Array(22).keys(), 101, 200, 201, 255])]), packet.subarray(1)]);
    case 1:
      return Buffer.concat([packet.subarray(0, at), number, packet.subarray(at + 4)]);
    case 2:
      return packet.subarray(0, at);
    case 3:
      return Buffer.concat([packet.subarray(0, at), random.bytes(1 + random.below(20)), packet.subarray(at)]);
    case 4:
      return Buffer.concat([packet, random.bytes(random.below(40))]);
    default:
      return Buffer.concat([packet.subarray(0, at), random.bytes(1), packet.subarray(at + 1)]);
  }
}
