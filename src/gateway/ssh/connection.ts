// One connection: log-in, its one SFTP session, and the limits that hold for it.
import type { Socket } from 'node:net';
import type { AuthContext, Connection, PublicKeyAuthContext } from 'ssh2';
import { authorize, type Identity, whyNoMore } from './authorize.ts';
import type { Guests } from './guests.ts';
import {
  disconnect,
  exitWhenItEnds,
  holdOutput,
  noteSmallWindow,
  prepareKeys,
  rekey,
  startWindowsSmall,
} from './private-parts.ts';
import { type LoginSignature, verifyLogin } from './signature.ts';
import type { SshConfig, SshServerOptions } from './types.ts';
import { holdWindow, type SshChannel } from './window.ts';

/** RFC 4253, section 11.1. */
const REASON = { protocolError: 2, byApplication: 11, tooManyConnections: 12, noMoreMethods: 14 };
/** Bytes that wait for a client to take them before nothing more is read from it. */
const MOST_OUTPUT = 1024 * 1024;
/** SFTP sessions on one connection: OpenSSH's clients that share a connection open some. */
const MOST_SESSIONS = 8;
const TICK_MS = 1000;

export interface LiveConnection {
  identity(): Identity | undefined;
  sessions(): number;
  /** Ends it, and tells the client why. */
  end(reason: string): void;
  /** Ends it if who has logged in may not any more. */
  recheck(): void;
  closed: Promise<void>;
}

/**
 * Takes over a connection on which the client has said that it speaks SSH.
 *
 * @param settings as they are now
 */
export function holdConnection(
  connection: Connection,
  socket: Socket,
  { id, address, guests, settings }: { id: number; address: string; guests: Guests; settings: () => SshConfig },
  { memory, openSession, onEvent }: Pick<SshServerOptions, 'memory' | 'openSession' | 'onEvent'>,
): LiveConnection {
  let identity: Identity | undefined;
  let attempts = 0;
  let sessions = 0;
  let rekeyed = { at: Date.now(), bytes: 0 };
  let active = { at: Date.now(), read: 0, written: 0 };

  const bytes = () => socket.bytesRead + socket.bytesWritten;
  const written = () => socket.bytesWritten - socket.writableLength;

  function cut(code: number, reason: string): void {
    onEvent({ kind: 'cut', id, address, user: identity?.user, reason });
    disconnect(connection, code, reason);
    // What the client does not take is not waited for.
    setTimeout(() => socket.destroy(), TICK_MS).unref();
  }

  function fail(context: AuthContext, reason: string, isProven: boolean): void {
    onEvent({ kind: 'login refused', id, address, user: context.username.slice(0, 64), reason });
    const banned = guests.fail(address);
    if (banned !== undefined) onEvent({ kind: 'banned', address, seconds: Math.round(banned / 1000) });
    attempts += 1;
    // Only whoever has the key hears what is wrong with it.
    if (isProven) cut(REASON.noMoreMethods, reason);
    else if (attempts >= settings().limits.attempts) cut(REASON.noMoreMethods, 'too many failed log-ins');
    else context.reject(['publickey']);
  }

  connection.on('authentication', (context) => {
    if (context.method === 'none') return context.reject(['publickey']);
    if (context.method !== 'publickey') return fail(context, 'only public keys are taken here', false);
    const decision = authorize(settings().rules, { user: context.username, blob: context.key.data, address });
    if (context.signature === undefined) {
      // Also one that will be refused, if the reason is for its owner: who is that is not known before it signs.
      if (decision.isAccepted || decision.isForOwner === true) return context.accept();
      return fail(context, decision.reason, false);
    }
    const isProven = decision.key !== undefined && verifyLogin(signatureOf(context), decision.key);
    if (!isProven) return fail(context, 'the signature does not verify', false);
    if (!decision.isAccepted) return fail(context, decision.reason, decision.isForOwner === true);
    const reason = guests.logIn(context.username);
    if (reason !== undefined) return cut(REASON.tooManyConnections, reason);
    identity = decision.identity;
    active.at = Date.now();
    onEvent({ kind: 'login', id, address, user: identity.user, how: identity.how });
    context.accept();
  });

  connection.on('session', (accept, reject) => {
    if (sessions >= MOST_SESSIONS) return reject();
    const session = accept();
    noteSmallWindow(session);
    session.on('subsystem', (take, refuse, { name }) => {
      if (name !== 'sftp' || identity === undefined) return refuse();
      void serve(take() as unknown as SshChannel, identity);
    });
  });

  async function serve(channel: SshChannel, who: Identity): Promise<void> {
    sessions += 1;
    const window = holdWindow(channel, memory, () => {
      cut(REASON.protocolError, 'more was sent than the window allows');
      socket.destroy();
    });
    holdOutput(channel, socket, MOST_OUTPUT);
    exitWhenItEnds(channel);
    try {
      await openSession(who, channel);
    } catch (error) {
      onEvent({ kind: 'fault', id, error });
    } finally {
      sessions -= 1;
      window.release();
      channel.close();
    }
  }

  startWindowsSmall(connection);
  socket.on('data', () => {
    if (socket.writableLength > MOST_OUTPUT && !socket.isPaused()) {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  });
  connection.on('handshake', () => prepareKeys(connection));
  connection.on('rekey', () => {
    rekeyed = { at: Date.now(), bytes: bytes() };
  });
  connection.on('error', () => {
    // What is not SSH, and connections that break: both end in `close`.
  });

  const grace = setTimeout(() => {
    if (identity === undefined) cut(REASON.byApplication, 'the log-in took too long');
  }, settings().limits.loginGrace);
  const ticking = setInterval(() => {
    const { idle, rekeyBytes, rekeyTime } = settings().limits;
    const now = Date.now();
    if (socket.bytesRead > active.read || written() > active.written) {
      active = { at: now, read: socket.bytesRead, written: written() };
    }
    if (identity === undefined) return;
    if (now - active.at > idle) return cut(REASON.byApplication, 'nothing was sent or taken for too long');
    if (identity.expires !== undefined && identity.expires.getTime() <= now && sessions === 0) {
      return cut(REASON.byApplication, 'the certificate has expired');
    }
    if (bytes() - rekeyed.bytes < rekeyBytes && now - rekeyed.at < rekeyTime) return;
    rekeyed = { at: now, bytes: bytes() };
    rekey(connection);
  }, TICK_MS);

  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      clearTimeout(grace);
      clearInterval(ticking);
      // A connection that ends before anybody logged in is a failure too: so those of scanners are counted.
      if (identity === undefined && attempts === 0) guests.fail(address);
      guests.leave(address, identity?.user);
      const { bytesRead: bytesIn, bytesWritten: bytesOut } = socket;
      onEvent({ kind: 'ended', id, address, user: identity?.user, bytesIn, bytesOut });
      resolve();
    });
  });

  return {
    identity: () => identity,
    sessions: () => sessions,
    end: (reason) => cut(REASON.byApplication, reason),
    recheck() {
      if (identity === undefined) return;
      const reason = whyNoMore(settings().rules, identity);
      if (reason !== undefined) cut(REASON.byApplication, reason);
    },
    closed,
  };
}

/** As `LoginSignature` has it. */
function signatureOf({ key, hashAlgo, signature, blob }: PublicKeyAuthContext): LoginSignature {
  const nothing = Buffer.alloc(0);
  return { algorithm: key.algo, hash: hashAlgo, signature: signature ?? nothing, signed: blob ?? nothing };
}
