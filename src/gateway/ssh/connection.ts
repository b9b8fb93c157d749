// One connection: log-in, its one SFTP session, and the limits that hold for it.
import type { Socket } from 'node:net';
import type { AuthContext, Connection, PublicKeyAuthContext } from 'ssh2';
import { authorize, type Identity, whyNoMore } from './authorize.ts';
import type { Guests } from './guests.ts';
import {
  disconnect,
  exitWhenItEnds,
  forgetUnused,
  holdOutput,
  noteSmallWindow,
  packetLengthOf,
  prepareKeys,
  rekey,
  startWindowsSmall,
  waitingForKeys,
  watchData,
} from './private-parts.ts';
import { type LoginSignature, verifyLogin } from './signature.ts';
import type { SshConfig, SshServerOptions } from './types.ts';
import { holdWindow, type SshChannel } from './window.ts';

/** RFC 4253, section 11.1. */
const REASON = { protocolError: 2, byApplication: 11, tooManyConnections: 12, noMoreMethods: 14 };
/** Bytes that wait for a client to take them before nothing more is read from it. */
const MOST_OUTPUT = 1024 * 1024;
/** Sessions on one connection: OpenSSH's clients that share a connection open some. */
const MOST_SESSIONS = 8;
/** Clients take packets of 16 KiB and more. Of what is cut into tiny ones, most is not data. */
const LEAST_PACKET = 1024;
/** Packets that wait for the end of an exchange of keys. */
const MOST_WAITING = 4096;
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
  let questions = 0;
  /** Sessions that are open, and those of them in which files are served. */
  let opened = 0;
  let sessions = 0;
  let rekeyed = { at: Date.now(), bytes: 0 };
  let exchangeSince: number | undefined;
  /** When data last came or was taken; and what had been taken of what waited. */
  let active = { at: Date.now(), written: 0, isWaiting: false };

  const bytes = () => socket.bytesRead + socket.bytesWritten;
  const written = () => socket.bytesWritten - socket.writableLength;

  function cut(code: number, reason: string): void {
    onEvent({ kind: 'cut', id, address, user: identity?.user, reason });
    disconnect(connection, code, reason);
    // What the client does not take is not waited for.
    setTimeout(() => socket.destroy(), TICK_MS).unref();
  }

  function countFailure(): void {
    const banned = guests.fail(address);
    if (banned !== undefined) onEvent({ kind: 'banned', address, seconds: Math.round(banned / 1000) });
  }

  function fail(context: AuthContext, reason: string, isProven: boolean): void {
    onEvent({ kind: 'login refused', id, address, user: context.username.slice(0, 64), reason });
    countFailure();
    attempts += 1;
    // Only whoever has the key hears what is wrong with it.
    if (isProven) cut(REASON.noMoreMethods, reason);
    else if (attempts >= settings().limits.attempts) cut(REASON.noMoreMethods, 'too many failed log-ins');
    else context.reject(['publickey']);
  }

  connection.on('authentication', (context) => {
    // How clients ask which methods there are.
    if (context.method === 'none') {
      questions += 1;
      return questions > 1 ? fail(context, 'no key was shown', false) : context.reject(['publickey']);
    }
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
    if (opened >= MOST_SESSIONS) return reject();
    opened += 1;
    const session = accept();
    noteSmallWindow(session);
    if (packetLengthOf(session) < LEAST_PACKET) return cut(REASON.protocolError, 'the packets asked for are too small');
    session.once('close', () => {
      opened -= 1;
      forgetUnused(connection, session);
    });
    session.on('subsystem', (take, refuse, { name }) => {
      if (name !== 'sftp' || identity === undefined) return refuse();
      void serve(take() as unknown as SshChannel, identity);
    });
  });

  async function serve(channel: SshChannel, who: Identity): Promise<void> {
    sessions += 1;
    const window = holdWindow(channel, memory);
    holdOutput(channel, connection, MOST_OUTPUT);
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
  watchData(
    connection,
    () => {
      active.at = Date.now();
    },
    () => cut(REASON.protocolError, 'more was sent than the window allows'),
  );
  socket.on('data', () => {
    if ((waitingForKeys(connection) ?? 0) > MOST_WAITING)
      cut(REASON.protocolError, 'an exchange of keys is not finished');
    if (socket.writableLength > MOST_OUTPUT && !socket.isPaused()) {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  });
  connection.on('handshake', () => prepareKeys(connection));
  connection.on('rekey', () => {
    rekeyed = { at: Date.now(), bytes: bytes() };
  });
  // What is not SSH, and connections that break: ssh2 says no more, but would wait for the other side to end it.
  connection.on('error', () => void setTimeout(() => socket.destroy(), TICK_MS).unref());
  // Whoever ends their half takes no answers either.
  socket.once('end', () => socket.destroy());

  const grace = setTimeout(() => {
    if (identity === undefined) cut(REASON.byApplication, 'the log-in took too long');
  }, settings().limits.loginGrace);
  const ticking = setInterval(() => {
    const { idle, loginGrace, rekeyBytes, rekeyTime } = settings().limits;
    const now = Date.now();
    // Not the packets with which ssh2 asks whether the client is there: they do not wait.
    const isTaking = active.isWaiting && written() > active.written;
    active = { at: isTaking ? now : active.at, written: written(), isWaiting: socket.writableLength > 0 };
    exchangeSince = waitingForKeys(connection) === undefined ? undefined : (exchangeSince ?? now);
    if (identity === undefined) return;
    if (exchangeSince !== undefined && now - exchangeSince > loginGrace) {
      return cut(REASON.byApplication, 'an exchange of keys is not finished');
    }
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
      if (identity === undefined && attempts === 0) countFailure();
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
