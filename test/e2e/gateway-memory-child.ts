// Clients of the memory test, in processes of their own: `honest` ones, which all upload at once, and hostile ones.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { encodeInit, encodeRequest, OPEN_FLAG, openSftp } from '../../src/sftp/index.ts';
import { connectClient, gone, insidesOf, openSubsystem, remoteOf } from '../support/ssh-client.ts';

const [kind = '', port = '', keyFile = '', first = '', count = '', bytes = ''] = process.argv.slice(2);
const size = Number(bytes);

function logIn(): Promise<Client> {
  return connectClient({
    ...{ host: '127.0.0.1', port: Number(port), username: 'acme', privateKey: readFileSync(keyFile) },
    ...{ readyTimeout: 120_000, hostVerifier: () => true },
  });
}

/** The content of one file: pieces that differ, made as they are needed. */
async function* contentOf(index: number): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(128 * 1024);
  for (let at = 0; at < size; at += piece.length) {
    const seed = createHash('sha256').update(`${index} ${at}`).digest();
    for (let filled = 0; filled < piece.length; filled += seed.length) seed.copy(piece, filled);
    yield piece.subarray(0, size - at);
  }
}

/** All are connected, and have their files open, before the first byte; then all send, and read back what they sent. */
async function honest(): Promise<void> {
  const indices = Array.from({ length: Number(count) }, (_, index) => Number(first) + index);
  const opened = [];
  for (const index of indices) {
    const client = await logIn();
    const sftp = await openSftp(await openSubsystem(client));
    const path = `/claims-raw/honest-${index}`;
    const flags = OPEN_FLAG.write | OPEN_FLAG.create | OPEN_FLAG.truncate;
    opened.push({ index, client, sftp, path, handle: await sftp.open(path, flags) });
  }
  process.stdout.write('ready\n');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  await Promise.all(
    opened.map(async ({ index, client, sftp, path, handle }) => {
      await sftp.upload(handle, contentOf(index), { window: 1024 * 1024 });
      await sftp.close(handle);
      const [sent, received] = [createHash('sha256'), createHash('sha256')];
      for await (const piece of contentOf(index)) sent.update(piece);
      for await (const piece of sftp.download(path, { parallel: 4 })) received.update(piece);
      if (sent.digest('hex') === received.digest('hex')) process.stdout.write(`right ${index}\n`);
      client.end();
    }),
  );
}

/** Sends as fast as the network takes it, whatever credit it has. */
async function ignoreWindow(): Promise<void> {
  const client = await logIn();
  const { id } = remoteOf(await openSubsystem(client));
  const { _protocol: protocol, _sock: socket } = insidesOf(client);
  const data = Buffer.alloc(32 * 1024);
  while (!socket.destroyed && socket.writable) {
    protocol.channelData(id, data);
    if (socket.writableLength > 1024 * 1024) await sleep(1);
  }
  await gone(client);
}

/** Asks for much, gives all the credit that there is, and takes nothing. */
async function neverRead(): Promise<void> {
  const client = await logIn();
  const channel = await openSubsystem(client);
  const sftp = await openSftp(channel);
  const handle = await sftp.open('/claims-raw/large', OPEN_FLAG.read);
  const { _protocol: protocol, _sock: socket } = insidesOf(client);
  const { id } = remoteOf(channel);
  protocol.channelWindowAdjust(id, 2 ** 31);
  socket.pause();

  for (let count = 0; count < 4096 && !socket.destroyed; count++) {
    const packet = encodeRequest({
      ...{ type: 'read', id: count, handle, offset: 0, length: 261_120 },
    });
    protocol.channelData(id, packet);
    if (count % 64 === 0) await sleep(10);
  }
  await gone(client);
}

/** Asks small questions without end, and takes none of the answers. */
async function neverTakeAnswers(): Promise<void> {
  const client = await logIn();
  const channel = await openSubsystem(client);
  channel.write(encodeInit());
  const { _protocol: protocol, _sock: socket } = insidesOf(client);
  const { id } = remoteOf(channel);
  protocol.channelWindowAdjust(id, 2 ** 31);
  socket.pause();
  const questions = Buffer.concat(
    Array.from({ length: 500 }, (_, at) => encodeRequest({ type: 'stat', id: at, path: `/claims-raw/${at}` })),
  );
  const least = 100 * 1024;
  for (let sent = 0; sent + questions.length < least; sent += questions.length) protocol.channelData(id, questions);
  await gone(client);
}

/** Says that it speaks SSH, and no more; or nothing at all. */
function hang(said: string): Promise<void> {
  const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
  socket.write(said);
  return new Promise((resolve) => void socket.resume().once('close', () => resolve()));
}

const HOSTILE = [ignoreWindow, neverRead, neverTakeAnswers, () => hang('SSH-2.0-hostile\r\n'), () => hang('')];

/** Each begins anew as soon as it was thrown out. */
async function hostile(index: number): Promise<never> {
  const act = HOSTILE[index % HOSTILE.length] ?? neverRead;
  for (;;) {
    await act().catch(() => undefined);
    process.stdout.write(`again ${index % HOSTILE.length}\n`);
    await sleep(50);
  }
}

if (kind === 'honest') await honest();
else {
  process.stdout.write('ready\n');
  await Promise.all(Array.from({ length: Number(count) }, (_, index) => hostile(index)));
}
