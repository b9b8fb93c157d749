// Memory for large packets, used again: taking 256 KiB from the system for each WRITE costs more than filling them.
import { MAX_PACKET_LENGTH } from './limits.ts';

export interface PacketMemory {
  /** `length` bytes that nobody else uses, up to 256 KiB; what is in them is left over. */
  take(length: number): Buffer;
  /** Nobody looks at `packet` any more, nor at a view of it. Does nothing where it is not from here. */
  give(packet: Buffer): void;
}

/** Smaller packets get memory of their own: what is held must not be much more than what is counted. */
const SMALLEST = MAX_PACKET_LENGTH / 2;

/** Blocks kept for later: enough where the files are as fast as the client, and little for each idle session. */
const MAX_FREE = 2;

/** Memory for one session. */
export function makePacketMemory(): PacketMemory {
  const free: Buffer[] = [];
  const used = new Map<ArrayBufferLike, Buffer>();
  return {
    take(length) {
      if (length < SMALLEST) return Buffer.allocUnsafeSlow(length);
      const block = free.pop() ?? Buffer.allocUnsafeSlow(MAX_PACKET_LENGTH);
      used.set(block.buffer, block);
      return block.subarray(0, length);
    },
    give(packet) {
      const block = used.get(packet.buffer);
      if (block === undefined) return;
      used.delete(packet.buffer);
      if (free.length < MAX_FREE) free.push(block);
    },
  };
}
