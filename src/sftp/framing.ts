// Packets from a stream of bytes (draft-ietf-secsh-filexfer-02, section 3): a length of four bytes, then as many.
import type { Readable } from 'node:stream';
import { SftpError } from './error.ts';
import { MAX_PACKET_LENGTH } from './limits.ts';

const LENGTH_FIELD = 4;

/**
 * The packets of `chunks`, each without its length field, as they come. No more than one packet's bytes are held,
 * and the chunk that is being looked at; a packet may be a view of its chunk.
 *
 * @param allocate memory for a packet that is put together from several chunks; called with its length
 * @throws SftpError `LIMIT` for a packet over 256 KiB, `MALFORMED` for an empty one, `LOST` where the stream ends
 *   inside one; what the stream throws
 */
export async function* readPackets(
  chunks: AsyncIterable<Buffer>,
  allocate: (length: number) => Buffer = Buffer.allocUnsafeSlow,
): AsyncGenerator<Buffer> {
  const header = Buffer.alloc(LENGTH_FIELD);
  let headerFilled = 0;
  let packet: Buffer | undefined;
  let filled = 0;
  for await (const chunk of chunks) {
    let position = 0;
    while (position < chunk.length) {
      if (headerFilled < LENGTH_FIELD) {
        const copied = chunk.copy(header, headerFilled, position);
        headerFilled += copied;
        position += copied;
        if (headerFilled < LENGTH_FIELD) break;
        checkLength(header.readUInt32BE());
      }
      const length = header.readUInt32BE();
      const available = chunk.length - position;
      if (packet === undefined && available >= length) {
        const whole = chunk.subarray(position, position + length);
        position += length;
        headerFilled = 0;
        yield isMostOf(whole, chunk) ? whole : copyOf(whole);
        continue;
      }
      packet ??= allocate(length);
      const copied = chunk.copy(packet, filled, position);
      filled += copied;
      position += copied;
      if (filled < length) break;
      const whole = packet;
      [packet, filled, headerFilled] = [undefined, 0, 0];
      yield whole;
    }
  }
  if (headerFilled > 0) throw new SftpError('LOST', 'the channel ended inside a packet');
}

/**
 * The chunks of `channel` until it ends. Leaving off early does not destroy it.
 *
 * @throws what the stream fails with
 */
export async function* readChunks(channel: Readable): AsyncGenerator<Buffer> {
  yield* channel.iterator({ destroyOnReturn: false });
}

function checkLength(length: number): void {
  if (length === 0) throw new SftpError('MALFORMED', 'a packet is empty');
  if (length > MAX_PACKET_LENGTH) throw new SftpError('LIMIT', `a packet is longer than ${MAX_PACKET_LENGTH} bytes`);
}

// Whoever holds a view holds all that it is a view of: what is counted by its own length must not keep much more
// alive. That goes for a slice of Buffer's pool, too.
function isMostOf(packet: Buffer, chunk: Buffer): boolean {
  return 2 * packet.length >= chunk.buffer.byteLength;
}

function copyOf(packet: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(packet.length);
  packet.copy(copy);
  return copy;
}
