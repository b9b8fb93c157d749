// ssh2's client, and the insides of it with which tests break the rules.
import type { Socket } from 'node:net';
import ssh2, { type Client, type ClientChannel, type ConnectConfig } from 'ssh2';

/** Connects and logs in. @throws what ssh2's client fails with */
export function connectClient(config: ConnectConfig): Promise<Client> {
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once('ready', () => {
      client.off('error', reject).on('error', () => undefined);
      resolve(client);
    });
    client.once('error', (error) => {
      client.on('error', () => undefined);
      reject(error);
    });
    client.once('close', () => reject(new Error('the server ended the connection')));
    client.connect(config);
  });
}

/** A channel with the SFTP subsystem. @throws Error where the server refuses it */
export function openSubsystem(client: Client, name = 'sftp'): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.subsys(name, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
}

/** The private parts of ssh2's client with which a test breaks the rules. */
export interface HostileClient {
  _sock: Socket;
  _chanMgr: { add(wrapper: unknown): number };
  _protocol: {
    _handlers: Record<string, (...args: never[]) => void>;
    _kex: { sessionID: Buffer };
    _cipher: { encrypt(packet: Buffer): void };
    _packetRW: { write: { allocStart: number; alloc(length: number): Buffer; finalize(packet: Buffer): Buffer } };
    channelData(id: number, data: Buffer): void;
    channelWindowAdjust(id: number, bytes: number): void;
    session(local: number, window: number, packetSize: number): void;
    rekey(): void;
  };
}

export function insidesOf(client: Client): HostileClient {
  return client as unknown as HostileClient;
}

/** Whose window the client may send into. */
export function remoteOf(channel: ClientChannel): { id: number; window: number } {
  return (channel as unknown as { outgoing: { id: number; window: number } }).outgoing;
}

/** Resolves once the connection is gone. */
export function gone(client: Client): Promise<void> {
  const { _sock: socket } = insidesOf(client);
  return socket.destroyed ? Promise.resolve() : new Promise((resolve) => void socket.once('close', () => resolve()));
}
