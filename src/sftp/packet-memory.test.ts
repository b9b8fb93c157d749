import { describe, expect, it } from 'vitest';
import { MAX_PACKET_LENGTH } from './index.ts';
import { makePacketMemory } from './packet-memory.ts';

describe('packet memory', () => {
  it('is used again once it is given back, and never before', () => {
    const memory = makePacketMemory();
    const packets = Array.from({ length: 5 }, () => memory.take(MAX_PACKET_LENGTH - 7));
    expect(new Set(packets.map((packet) => packet.buffer)).size).toBe(5);
    const [first, second] = packets;
    if (first === undefined || second === undefined) throw new Error('nothing was taken');
    memory.give(first);
    memory.give(first);
    const again = memory.take(MAX_PACKET_LENGTH);
    expect(again.buffer).toBe(first.buffer);
    expect(again).toHaveLength(MAX_PACKET_LENGTH);
    const another = memory.take(MAX_PACKET_LENGTH);
    expect(packets.map((packet) => packet.buffer)).not.toContain(another.buffer);
  });

  it('keeps little for later, takes back nothing that is not its own, and wastes none on small packets', () => {
    const memory = makePacketMemory();
    const packets = Array.from({ length: 5 }, () => memory.take(200_000));
    for (const packet of packets) memory.give(packet);
    const later = Array.from({ length: 5 }, () => memory.take(200_000).buffer);
    expect(later.filter((buffer) => packets.some((packet) => packet.buffer === buffer))).toHaveLength(2);
    const foreign = Buffer.alloc(MAX_PACKET_LENGTH);
    memory.give(foreign);
    expect(memory.take(200_000).buffer).not.toBe(foreign.buffer);
    expect(memory.take(40_000).buffer.byteLength).toBe(40_000);
  });
});
