// What ssh2 does not let one do in public: everything that reaches into it is in this file and in window.ts. The
// version is pinned, and private-parts.test.ts fails where it is not as it is thought to be here.
import { createSecretKey } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Connection } from 'ssh2';
import { LEAST_WINDOW, type SshChannel } from './window.ts';

interface PacketWriter {
  allocStartKEX: number;
  alloc(length: number, force?: boolean): Buffer;
  finalize(packet: Buffer, force?: boolean): Buffer;
}

interface Protocol {
  _cipher: { _encKey?: unknown };
  _decipher: { _decipherKey?: unknown };
  _handlers: { CHANNEL_DATA(self: unknown, recipient: number, data: Buffer): void };
  /** Present during an exchange of keys. */
  _kexinit: unknown;
  /** What waits for the end of one. */
  _queue: unknown[] | undefined;
  _packetRW: { write: PacketWriter };
  disconnect(reason: number): void;
  rekey(): void;
  channelClose(remote: number): void;
  channelOpenConfirm(remote: number, local: number, window: number, packetLength: number): void;
}

interface Client extends Connection {
  _sock: Socket;
  _protocol: Protocol;
  _chanMgr: { get(id: number): unknown; remove(id: number): void };
}

interface SessionParts {
  _channel: unknown;
  _chanInfo: { incoming: { id: number; window: number }; outgoing: { id: number; packetSize: number } };
}

/** RFC 4253, section 11.1: 1 = type, then the reason, a text and a language. */
const TEXT_AT = 1 + 4;

/** Ends the connection, and says why: `ssh` shows the text to whoever called it. What it still sends is not read. */
export function disconnect(connection: Connection, reason: number, text: string): void {
  const { _protocol: protocol, _sock: socket } = connection as Client;
  if (!socket.writable) return;
  socket.removeAllListeners('data').resume();
  const { write } = protocol._packetRW;
  const { alloc, finalize } = write;
  const bytes = Buffer.from(text.slice(0, 200));
  write.alloc = (length, force) => alloc.call(write, length + bytes.length, force);
  write.finalize = (packet, force) => {
    const start = write.allocStartKEX + TEXT_AT;
    packet.writeUInt32BE(bytes.length, start);
    bytes.copy(packet, start + 4);
    packet.writeUInt32BE(0, start + 4 + bytes.length);
    return finalize.call(write, packet, force);
  };
  try {
    protocol.disconnect(reason);
  } finally {
    Object.assign(write, { alloc, finalize });
  }
  socket.end();
}

/** Gives new channels `LEAST_WINDOW` bytes of credit instead of 2 MiB. Before a session is accepted. */
export function startWindowsSmall(connection: Connection): void {
  const { _protocol: protocol } = connection as Client;
  const confirm = protocol.channelOpenConfirm.bind(protocol);
  protocol.channelOpenConfirm = (remote, local, _window, packetLength) =>
    confirm(remote, local, LEAST_WINDOW, packetLength);
}

/** The other half of it: what ssh2 thinks that the client of an accepted session was given. */
export function noteSmallWindow(session: object): void {
  (session as SessionParts)._chanInfo.incoming.window = LEAST_WINDOW;
}

/** Bytes of one packet that the client of an accepted session takes at most. */
export function packetLengthOf(session: object): number {
  return (session as SessionParts)._chanInfo.outgoing.packetSize;
}

/** Forgets a session that its client closed before it became anything: ssh2 keeps it, and does not answer. */
export function forgetUnused(connection: Connection, session: object): void {
  const { _protocol: protocol, _chanMgr: channels } = connection as Client;
  const { _channel: channel, _chanInfo: info } = session as SessionParts;
  if (channel !== undefined) return;
  channels.remove(info.incoming.id);
  protocol.channelClose(info.outgoing.id);
}

/**
 * Tells of data for a channel before ssh2 takes it, which looks neither at how much credit the client has, nor at
 * what comes without any.
 *
 * @param onExcess is called instead where it is more than the credit
 */
export function watchData(connection: Connection, onData: () => void, onExcess: () => void): void {
  const { _protocol: protocol, _chanMgr: channels } = connection as Client;
  const { CHANNEL_DATA: take } = protocol._handlers;
  protocol._handlers.CHANNEL_DATA = (self, recipient, data) => {
    const session = channels.get(recipient) as SessionParts | undefined;
    if (session !== undefined && data.length > session._chanInfo.incoming.window) return onExcess();
    onData();
    take(self, recipient, data);
  };
}

/** Packets that wait until the exchange of keys that is under way is done; undefined where none is. */
export function waitingForKeys(connection: Connection): number | undefined {
  const { _kexinit: exchange, _queue: queue } = (connection as Client)._protocol;
  return exchange === undefined ? undefined : (queue?.length ?? 0);
}

/** Tells the client how its session ended, before the channel ends: afterwards ssh2 sends nothing on it any more. */
export function exitWhenItEnds(channel: SshChannel): void {
  const end = channel.end.bind(channel);
  channel.end = (done?: () => void) => {
    channel.exit(0);
    return end(done);
  };
}

/** Begins a new key exchange; nothing where one is under way. */
export function rekey(connection: Connection): void {
  (connection as Client)._protocol.rekey();
}

/**
 * Gives AES-GCM its keys in the form that node:crypto wants: ssh2 hands it bytes, which are made a key anew for each
 * packet. Measured: 14 microseconds for 32 KiB instead of 33. After each key exchange.
 */
export function prepareKeys(connection: Connection): void {
  const { _cipher: cipher, _decipher: decipher } = (connection as Client)._protocol;
  if (cipher._encKey instanceof Uint8Array) cipher._encKey = createSecretKey(cipher._encKey);
  if (decipher._decipherKey instanceof Uint8Array) decipher._decipherKey = createSecretKey(decipher._decipherKey);
}

/**
 * Writes to the channel wait until the client has taken most of what the socket holds, and for the end of an exchange
 * of keys, during which ssh2 would keep all of it; and what ssh2 makes of one, three pieces for each packet, goes out
 * together.
 */
export function holdOutput(channel: SshChannel, connection: Connection, most: number): void {
  const { _protocol: protocol, _sock: socket } = connection as Client;
  const write = channel._write.bind(channel);
  channel._write = (chunk, encoding, done) => {
    const send = () => {
      if (protocol._kexinit !== undefined) return void connection.once('handshake', send);
      if (socket.writableLength > most && !socket.destroyed) return void socket.once('drain', send);
      socket.cork();
      write(chunk, encoding, done);
      process.nextTick(() => socket.uncork());
    };
    send();
  };
}
