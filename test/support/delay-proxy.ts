// A TCP proxy on loopback that makes the way longer or narrower, or cuts it.
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Proxy {
  port: number;
  /** Cuts all connections, and lets no new one through until `mend`. */
  cut(): void;
  mend(): void;
  stop(): Promise<void>;
}

export interface ProxyOptions {
  to: number;
  /** Milliseconds, each way. */
  delay?: number;
  /** Cuts a connection once so many bytes went to the server on it, and lets no other one through then. */
  cutAfter?: number;
  /** Bytes a second to the server, at most; with no delay. */
  rate?: number;
}

/** Bytes that are on the way at once, each way: more than any window. */
const MOST_ON_THE_WAY = 64 * 1024 * 1024;

export async function startProxy({ to, delay = 0, cutAfter, rate }: ProxyOptions): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    if (isCut) return client.destroy();
    const upstream = connect({ host: '127.0.0.1', port: to, noDelay: true, allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    }
    if (rate !== undefined) {
      void carrySlowly(client, upstream, rate);
      carry(upstream, client, 0, () => undefined);
      return;
    }
    let passed = 0;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    carry(client, upstream, delay, (bytes) => {
      passed += bytes;
      if (cutAfter === undefined || passed <= cutAfter) return;
      isCut = true;
      end();
    });
    carry(upstream, client, delay, () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cut,
    mend() {
      isCut = false;
    },
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function carrySlowly(from: Socket, to: Socket, rate: number): Promise<void> {
  try {
    for await (const chunk of from) {
      to.write(chunk);
      await sleep((chunk.length / rate) * 1000);
    }
    to.end();
  } catch {
    to.destroy();
  }
}

function carry(from: Socket, to: Socket, delay: number, onBytes: (bytes: number) => void): void {
  if (delay === 0) {
    from.on('data', (chunk) => onBytes(chunk.length));
    from.pipe(to);
    from.on('close', () => to.destroySoon());
    return;
  }
  const queue: { at: number; chunk: Buffer | undefined }[] = [];
  let onTheWay = 0;
  let isPlanned = false;
  const plan = (wait: number) => {
    if (isPlanned) return;
    isPlanned = true;
    setTimeout(deliver, Math.max(1, wait));
  };
  const deliver = () => {
    isPlanned = false;
    const now = performance.now();
    for (let [first] = queue; first !== undefined && first.at <= now; [first] = queue) {
      queue.shift();
      if (first.chunk === undefined) to.end();
      else {
        const { length } = first.chunk;
        to.write(first.chunk, () => {
          onTheWay -= length;
          if (onTheWay < MOST_ON_THE_WAY) from.resume();
        });
      }
    }
    const [next] = queue;
    if (next !== undefined) plan(next.at - now);
  };
  const add = (chunk: Buffer | undefined) => {
    queue.push({ at: performance.now() + delay, chunk });
    plan(delay);
  };
  from.on('data', (chunk: Buffer) => {
    onBytes(chunk.length);
    onTheWay += chunk.length;
    if (onTheWay >= MOST_ON_THE_WAY) from.pause();
    add(chunk);
  });
  // Its end is as long on the way as its bytes.
  from.on('close', () => add(undefined));
  from.on('end', () => add(undefined));
}
