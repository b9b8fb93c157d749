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
  _packetRW: { write: PacketWriter };
  disconnect(reason: number): void;
  rekey(): void;
  channelOpenConfirm(remote: number, local: number, window: number, packetLength: number): void;
}

interface Client extends Connection {
  _sock: Socket;
  _protocol: Protocol;
  _chanMgr: { get(id: number): unknown };
}

interface SessionParts {
  _chanInfo: { incoming: { window: number } };
}

/** RFC 4253, section 11.1: 1 = type, then the reason, a text and a language. */
const TEXT_AT = 1 + 4;

/** Ends the connection, and says why: `ssh` shows the text to whoever called it. */
export function disconnect(connection: Connection, reason: number, text: string): void {
  const { _protocol: protocol, _sock: socket } = connection as Client;
  if (!socket.writable) return;
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
 * Writes to the channel wait until the client has taken most of what the socket holds; and what ssh2 makes of one,
 * three pieces for each packet, goes out together.
 */
export function holdOutput(channel: SshChannel, socket: Socket, most: number): void {
  const write = channel._write.bind(channel);
  channel._write = (chunk, encoding, done) => {
    const send = () => {
      socket.cork();
      write(chunk, encoding, done);
      process.nextTick(() => socket.uncork());
    };
    if (socket.writableLength <= most || socket.destroyed) send();
    else socket.once('drain', send);
  };
}
