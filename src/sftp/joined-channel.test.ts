import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeMemoryFiles } from '../../test/support/memory-files.ts';
import { decodeReply, encodeInit, encodeRequest, joinChannel, readPackets, serveSftp } from './index.ts';

describe('two streams as one channel', () => {
  it('are served to the end: what came before the end of one is answered on the other', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const files = makeMemoryFiles();
    const { stat } = files;
    files.stat = async (path) => {
      await sleep(20);
      return stat(path);
    };
    const served = serveSftp(joinChannel(input, output), files);
    input.write(encodeInit());
    input.end(encodeRequest({ type: 'stat', id: 5, path: '/' }));
    const packets: Buffer[] = [];
    for await (const packet of readPackets(output)) packets.push(packet);
    await served;
    expect(packets).toHaveLength(2);
    expect(decodeReply(packets[1] ?? Buffer.alloc(0))).toMatchObject({ id: 5, type: 'attributes' });
  });

  it.each(['input', 'output'] as const)('are lost together where %s breaks', async (which) => {
    const sides = { input: new PassThrough(), output: new PassThrough() };
    const served = serveSftp(joinChannel(sides.input, sides.output), makeMemoryFiles());
    const closed = Promise.all([once(sides.input, 'close'), once(sides.output, 'close')]);
    sides[which].destroy();
    await expect(served).rejects.toMatchObject({ code: 'LOST' });
    await closed;
  });

  it('hold back in both directions', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const channel = joinChannel(input, output);
    const chunk = Buffer.alloc(16 * 1024);
    let read = 0;
    const fill = (write: (bytes: Buffer, done: () => void) => boolean) => {
      for (let i = 0; i < 100; i += 1) write(chunk, () => (read += chunk.length));
    };
    fill((bytes, done) => input.write(bytes, done));
    fill((bytes, done) => channel.write(bytes, done));
    await sleep(20);
    // Nobody reads at the other ends: a few chunks are in the buffers, and no more.
    expect(read).toBeLessThan(50 * chunk.length);
    channel.resume();
    output.resume();
    while (read < 200 * chunk.length) await sleep(5);
    expect(read).toBe(200 * chunk.length);
  });
});
