// Clients that do not keep to the rules: each is dropped, nothing grows, and the others go on.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import { makeMemoryFiles } from '../../../test/support/memory-files.ts';
import { gone, insidesOf, openSubsystem, remoteOf } from '../../../test/support/ssh-client.ts';
import { type Front, type FrontOptions, startFront } from '../../../test/support/ssh-front.ts';
import { openSftp } from '../../sftp/index.ts';

const MIB = 1024 * 1024;

describe('clients that do not keep to the rules', () => {
  let front: Front;
  afterEach(() => front?.stop());
  const start = async (options?: FrontOptions) => {
    front = await startFront(options);
  };

  async function until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await sleep(10);
  }

  /** Somebody else still gets what they ask for. */
  async function expectService(): Promise<void> {
    const client = await front.connect();
    const sftp = await openSftp(await openSubsystem(client));
    expect(await sftp.stat('/')).toMatchObject({ mode: 0o40700 });
    await sftp.end();
    client.end();
  }

  /** Sends as much as it may, until no more credit comes. @returns the id of the channel at the server */
  async function useUpCredit(client: Client): Promise<number> {
    const channel = await openSubsystem(client);
    const { id } = remoteOf(channel);
    let sent = 0;
    for (let quiet = 0; quiet < 10; quiet++) {
      for (let left = remoteOf(channel).window - sent; left > 0; left = remoteOf(channel).window - sent, quiet = 0) {
        const bytes = Math.min(left, 32_768);
        insidesOf(client)._protocol.channelData(id, Buffer.alloc(bytes));
        sent += bytes;
      }
      await sleep(20);
    }
    // What nobody reads is not asked for without end.
    expect(sent).toBeLessThanOrEqual(2 * MIB);
    return id;
  }

  const readsNothing: FrontOptions['openSession'] = (_identity, channel) =>
    new Promise((resolve) => void channel.once('close', () => resolve()));

  test('one who goes on without credit is cut off, and what they had is given back', async () => {
    await start({ openSession: readsNothing });
    const client = await front.connect();
    insidesOf(client)._protocol.channelData(await useUpCredit(client), Buffer.alloc(100));
    await gone(client);
    expect((await front.event('cut')).reason).toMatch(/window/);
    await until(() => front.ended.length === 1);
    expect(front.memory.used).toBe(0);
  });

  test('one who sends more than is left is cut off', async () => {
    await start({ openSession: readsNothing });
    const client = await front.connect();
    const { id } = remoteOf(await openSubsystem(client));
    for (let sent = 0; sent < 16 * MIB; sent += 32_768)
      insidesOf(client)._protocol.channelData(id, Buffer.alloc(32_768));
    await gone(client);
    expect((await front.event('cut')).reason).toMatch(/window/);
  });

  test('one who takes no packet of a useful size does not stop the server', async () => {
    await start();
    const client = await front.connect();
    const { _protocol: protocol } = insidesOf(client);
    const session = protocol.session.bind(protocol);
    protocol.session = (local, window) => session(local, window, 0);
    const channel = await openSubsystem(client).catch(() => undefined);
    channel?.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]));
    await gone(client);
    await expectService();
  });

  /** A session in which nothing is asked for. @returns undefined where it is refused */
  function openSession(client: Client): Promise<ClientChannel | undefined> {
    const { _protocol: protocol, _chanMgr: channels } = insidesOf(client);
    return new Promise((resolve) => {
      const opened = (_error: Error | undefined, channel?: ClientChannel) => resolve(channel);
      protocol.session(channels.add(Object.assign(opened, { type: 'session' })), MIB, 32_768);
    });
  }

  test('one who opens sessions without end gets eight; closing one makes room for another', async () => {
    await start();
    const client = await front.connect();
    const opened: (ClientChannel | undefined)[] = [];
    for (let count = 0; count < 12; count++) opened.push(await openSession(client));
    expect(opened.filter((channel) => channel !== undefined)).toHaveLength(8);
    for (const channel of opened) channel?.close();
    for (let count = 0; count < 40; count++) {
      const channel = await openSession(client);
      expect(channel).toBeDefined();
      // The server answers: it has let go of it.
      channel?.resume().close();
      await once(channel as ClientChannel, 'close');
    }
    client.end();
    await expectService();
  });

  test('one who asks for data and never takes it holds little, and goes when it is idle', async () => {
    const files = makeMemoryFiles();
    files.put('/big', Buffer.alloc(64 * MIB));
    await start({ files, limits: { idle: 1500 } });
    const client = await front.connect();
    const channel = await openSubsystem(client);
    const sftp = await openSftp(channel);
    insidesOf(client)._protocol.channelWindowAdjust(remoteOf(channel).id, 2 ** 31);
    const chunks = sftp.download('/big')[Symbol.asyncIterator]();
    await chunks.next();
    // 64 reads of 255 KiB are under way.
    insidesOf(client)._sock.pause();
    await front.event('ended');
    await until(() => front.ended.length === 1);
    expect(front.memory.used).toBe(0);
  });

  test('one whose connection is half closed is gone, with the session', async () => {
    await start();
    const client = await front.connect();
    const channel = await openSubsystem(client);
    channel.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]));
    await once(channel, 'data');
    channel.write(Buffer.alloc(60_000));
    insidesOf(client)._sock.end();
    await front.event('ended');
    await expectService();
    expect(front.ended).toHaveLength(2);
  });

  test('one who never answers an exchange of keys is cut off', async () => {
    await start({ limits: { rekeyTime: 1, loginGrace: 2000 } });
    const client = await front.connect();
    await openSubsystem(client);
    insidesOf(client)._sock.pause();
    await front.event('ended');
    expect(front.events.find((event) => event.kind === 'cut')).toMatchObject({ reason: expect.stringMatching(/keys/) });
  });

  test.each([
    ['says nothing', Buffer.alloc(0)],
    ['says no SSH', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['speaks without end', Buffer.alloc(MIB, 'a')],
    ['says SSH and no more', Buffer.from('SSH-2.0-x\r\n')],
  ])('one who %s is gone after the grace time', async (_name, said) => {
    await start({ limits: { loginGrace: 1500 } });
    const socket = connect(front.port, '127.0.0.1').on('error', () => undefined);
    socket.write(said);
    socket.resume();
    await front.event('ended');
    expect(front.server.connections()).toBe(0);
    socket.destroy();
    await expectService();
  });
});
