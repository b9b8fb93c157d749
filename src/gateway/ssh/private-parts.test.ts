// What is taken for granted of ssh2's insides. Whoever raises its version finds here what to look at again.
import { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import { insidesOf, openSubsystem, remoteOf } from '../../../test/support/ssh-client.ts';
import { type Front, startFront } from '../../../test/support/ssh-front.ts';
import { LARGEST_WINDOW, LEAST_WINDOW } from './window.ts';

const MIB = 1024 * 1024;

test('the version is the one that was read', () => {
  const read = (path: string): Record<string, Record<string, string> & string> =>
    JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  expect(read('../../../package.json').dependencies?.ssh2).toBe('1.17.0');
  expect(read('../../../node_modules/ssh2/package.json').version).toBe('1.17.0');
});

describe('the window of a channel', () => {
  let front: Front;
  afterEach(() => front?.stop());

  /** A session that reads what comes, as fast as it does, until the channel is gone. */
  const readAll = async (
    _identity: unknown,
    channel: AsyncIterable<Buffer> & { iterator?(): AsyncIterable<Buffer> },
  ) => {
    for await (const chunk of channel.iterator?.() ?? channel) received += chunk.length;
  };
  let received = 0;

  /** Sends as much as it may, for a while. @returns the most that it was allowed at once */
  async function sendFast(client: Client, milliseconds: number): Promise<number> {
    const channel = await openSubsystem(client);
    const remote = remoteOf(channel);
    let most = 0;
    const end = Date.now() + milliseconds;
    while (Date.now() < end) {
      most = Math.max(most, remote.window);
      if (remote.window >= 32_768) {
        insidesOf(client)._protocol.channelData(remote.id, Buffer.alloc(32_768));
        remote.window -= 32_768;
      } else await sleep(1);
      if (insidesOf(client)._sock.writableLength > MIB) await sleep(1);
    }
    return most;
  }

  test('begins small', async () => {
    front = await startFront({ openSession: readAll as never });
    const client = await front.connect();
    expect(remoteOf(await openSubsystem(client)).window).toBe(LEAST_WINDOW);
    client.end();
  });

  test('grows for one who is busy up to its largest, and is given back', async () => {
    front = await startFront({ openSession: readAll as never });
    const client = await front.connect();
    await sendFast(client, 2000);
    expect(received).toBeGreaterThan(LARGEST_WINDOW);
    expect(front.memory.used).toBe(LARGEST_WINDOW - LEAST_WINDOW);
    client.end();
    while (front.ended.length === 0) await sleep(10);
    expect(front.memory.used).toBe(0);
  });

  test('of all together stays within the memory that they share, and everybody has the least', async () => {
    front = await startFront({ openSession: readAll as never, memory: 4 * MIB });
    const clients = await Promise.all(Array.from({ length: 6 }, () => front.connect()));
    const most = await Promise.all(clients.map((client) => sendFast(client, 2000)));
    expect(Math.min(...most)).toBeGreaterThanOrEqual(LEAST_WINDOW);
    expect(front.memory.used).toBeGreaterThan(0);
    expect(front.memory.used).toBeLessThanOrEqual(4 * MIB);
    for (const client of clients) client.end();
  });
});

describe('a connection', () => {
  test('has keys in the form of node:crypto for AES-GCM, also after an exchange of new ones', async () => {
    const front = await startFront();
    try {
      const keys: unknown[] = [];
      const held = await import('./private-parts.ts');
      expect(held.prepareKeys).toBeTypeOf('function');
      const client = await front.connect({ algorithms: { cipher: ['aes128-gcm@openssh.com'] } });
      // The same class at the client's side: where the names are others, nothing here is replaced.
      const { _cipher: cipher } = insidesOf(client)._protocol as unknown as { _cipher: { _encKey: Buffer } };
      expect(cipher._encKey).toBeInstanceOf(Uint8Array);
      held.prepareKeys(client as never);
      expect(cipher._encKey).toBeInstanceOf(KeyObject);
      keys.push(cipher._encKey);
      const rekeyed = new Promise((resolve) => client.once('handshake', resolve));
      insidesOf(client)._protocol.rekey();
      await rekeyed;
      const channel = await openSubsystem(client);
      channel.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]));
      const [version] = await new Promise<Buffer[]>((resolve) =>
        channel.once('data', (data: Buffer) => resolve([data])),
      );
      expect(version?.[4]).toBe(2);
      client.end();
    } finally {
      await front.stop();
    }
  });

  test('hears why it is ended', async () => {
    const front = await startFront();
    const client = await front.connect();
    const said = new Promise<string>((resolve) => {
      const handlers = insidesOf(client)._protocol._handlers as unknown as Record<string, unknown>;
      handlers.DISCONNECT = (_self: unknown, _reason: number, text: string) => resolve(text);
    });
    await front.server.close('the machine is going down');
    expect(await said).toBe('the machine is going down');
  });
});
