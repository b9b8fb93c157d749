import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PACKET_LENGTH, readPackets, SftpError } from './index.ts';

async function* from(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}

/** The packets, and the code of the error that ended them. */
async function collect(chunks: Iterable<Buffer>): Promise<{ packets: Buffer[]; end: string }> {
  const packets: Buffer[] = [];
  try {
    for await (const packet of readPackets(from(chunks))) packets.push(packet);
  } catch (error) {
    return { packets, end: error instanceof SftpError ? error.code : `${error}` };
  }
  return { packets, end: 'done' };
}

function frame(packet: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(packet.length);
  return Buffer.concat([length, packet]);
}

describe('packets from a stream', () => {
  it('are the same however the stream is cut', async () => {
    const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(packets, fc.array(fc.nat(200), { minLength: 1, maxLength: 40 }), async (sent, sizes) => {
        const bytes = Buffer.concat(sent.map(frame));
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = Math.max(1, sizes[i % sizes.length] ?? 1);
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const { packets: read, end } = await collect(chunks);
        expect(end).toBe('done');
        expect(read).toEqual(sent.map((each) => Buffer.from(each)));
      }),
      { seed: 5, numRuns: 1000 },
    );
  });

  it('end where a packet is cut off, empty, or over the bound', async () => {
    const whole = frame(Buffer.from('abc'));
    for (let cut = 1; cut < whole.length; cut += 1) {
      expect(await collect([whole, whole.subarray(0, cut)])).toMatchObject({
        packets: [Buffer.from('abc')],
        end: 'LOST',
      });
    }
    expect((await collect([Buffer.alloc(4)])).end).toBe('MALFORMED');
    const largest = frame(Buffer.alloc(MAX_PACKET_LENGTH, 1));
    expect((await collect([largest])).packets[0]).toHaveLength(MAX_PACKET_LENGTH);
    expect((await collect([frame(Buffer.alloc(MAX_PACKET_LENGTH + 1))])).end).toBe('LIMIT');
    expect((await collect([Buffer.from('ffffffff', 'hex')])).end).toBe('LIMIT');
  });

  it('do not keep a large chunk for a small packet, nor copy a large one', async () => {
    const large = Buffer.alloc(40_000, 7);
    const chunk = Buffer.allocUnsafeSlow(50_004 + 4 + 4);
    Buffer.concat([frame(large), frame(Buffer.from('abc'))]).copy(chunk);
    const [first, second] = (await collect([chunk.subarray(0, 40_011)])).packets;
    expect(first?.buffer).toBe(chunk.buffer);
    expect(second?.buffer.byteLength).toBe(3);
  });
});
