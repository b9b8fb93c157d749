// The embedded SSH front end: ssh2 on sockets of our own, with the limits that it lacks.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2, { type Connection } from 'ssh2';
import { algorithmsOf } from './algorithms.ts';
import { holdConnection, type LiveConnection } from './connection.ts';
import { makeGuests } from './guests.ts';
import type { SshConfig, SshServer, SshServerOptions } from './types.ts';

/**
 * Listens, and serves SFTP to who may log in. All connections share the options' memory.
 *
 * @throws what listening fails with; TypeError for a host key that cannot be read
 */
export async function startSshServer(first: SshConfig, options: SshServerOptions): Promise<SshServer> {
  const { listenOn, onEvent } = options;
  let config = first;
  let protocol = makeProtocol(first);
  let counter = 0;
  const live = new Set<LiveConnection>();
  /** Those who have not said yet that they speak SSH. */
  const silent = new Set<Socket>();
  const guests = makeGuests(() => config.limits);

  const listener = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    const address = socket.remoteAddress ?? '';
    // Its errors are told to ssh2, once that has the socket.
    socket.on('error', () => undefined);
    const reason = guests.admit(address);
    if (reason !== undefined) {
      onEvent({ kind: 'turned away', address, reason });
      socket.destroy();
      return;
    }
    counter += 1;
    const id = counter;
    onEvent({ kind: 'connected', address, id });
    const server = protocol;
    server.pending.set(socket, (connection) => {
      const settings = () => config;
      const held = holdConnection(connection, socket, { id, address, guests, settings }, options);
      live.add(held);
      void held.closed.then(() => live.delete(held));
    });
    // Before it has said that it speaks SSH there is no connection of ssh2's that could be held.
    const silence = setTimeout(() => socket.destroy(), config.limits.loginGrace);
    silent.add(socket);
    const heard = () => {
      clearTimeout(silence);
      silent.delete(socket);
    };
    socket.once('close', () => {
      heard();
      if (!server.pending.delete(socket)) return;
      const banned = guests.fail(address);
      if (banned !== undefined) onEvent({ kind: 'banned', address, seconds: Math.round(banned / 1000) });
      guests.leave(address, undefined);
      onEvent({ kind: 'ended', id, address, user: undefined, bytesIn: socket.bytesRead, bytesOut: 0 });
    });
    server.inject(socket, heard);
  });
  listener.maxConnections = 10_000;
  if ('fd' in listenOn) listener.listen({ fd: listenOn.fd });
  else listener.listen(listenOn.port, listenOn.host);
  await once(listener, 'listening');
  const at = listener.address();
  const address = typeof at === 'object' && at !== null ? { host: at.address, port: at.port } : { host: '', port: 0 };

  return {
    address,
    configure(next) {
      protocol = makeProtocol(next);
      config = next;
      for (const connection of live) connection.recheck();
    },
    stopAccepting() {
      listener.close();
    },
    connections: () => guests.count(),
    async whenIdle() {
      for (;;) {
        const busy = [...live].filter((connection) => connection.sessions() > 0);
        if (busy.length === 0) return;
        await Promise.race([...busy.map(({ closed }) => closed), sleep(100)]);
      }
    },
    async close(reason) {
      listener.close();
      const all = [...live];
      for (const connection of all) connection.end(reason);
      for (const socket of silent) socket.destroy();
      await Promise.all(all.map(({ closed }) => closed));
    },
  };
}

interface Protocol {
  /** Who is told of the connection that ssh2 makes of a socket. */
  pending: Map<Socket, (connection: Connection) => void>;
  inject(socket: Socket, onHeader: () => void): void;
}

/** ssh2's server, which never listens itself. */
function makeProtocol({ hostKeys, profile }: SshConfig): Protocol {
  const pending: Protocol['pending'] = new Map();
  const hooks = new Map<Socket, () => void>();
  const algorithms = algorithmsOf(profile);
  const server = new ssh2.Server({ hostKeys: [...hostKeys], algorithms, ident: 'Glovebox' });
  server.on('connection', (connection) => {
    const { _sock: socket } = connection as Connection & { _sock: Socket };
    const hold = pending.get(socket);
    pending.delete(socket);
    hooks.get(socket)?.();
    hooks.delete(socket);
    if (hold === undefined) connection.end();
    else hold(connection);
  });
  return {
    pending,
    inject(socket, onHeader) {
      hooks.set(socket, onHeader);
      socket.once('close', () => hooks.delete(socket));
      server.injectSocket(socket);
    },
  };
}
