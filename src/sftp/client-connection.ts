// A client's side of one channel: requests go out under ids of their own, each reply goes to whoever waits for it.
import type { Duplex } from 'node:stream';
import { SftpError, STATUS } from './error.ts';
import { readChunks, readPackets } from './framing.ts';
import { decodeReply, type Reply } from './replies.ts';
import { decodeVersion, encodeInit, type Hello } from './versions.ts';

export type ReplyOf<Type extends Reply['type']> = Extract<Reply, { type: Type }>;

/** The reply that was expected, or a status other than OK (EOF is one). */
export type Answer<Type extends Reply['type']> =
  | { reply: ReplyOf<Type>; failure?: undefined }
  | { reply?: undefined; failure: ReplyOf<'status'> };

/** How long a server may take to close its side at a regular end, in milliseconds. */
const END_GRACE = 2000;

/** What a request is besides its packet. */
export interface Sending<Type extends Reply['type']> {
  /** The type that the reply must have, where it is no failure. */
  expected: Type;
  /** Takes a reply that came after the group was stopped: what it gives must be given back. */
  onLate?: (reply: ReplyOf<Type>) => void;
}

/** Requests that are given up together. */
export interface RequestGroup {
  /**
   * Sends the packet that `encode` gives for an id.
   *
   * @throws SftpError that of `stop`, or that which ended the connection
   */
  send<Type extends Reply['type']>(encode: (id: number) => Buffer, sending: Sending<Type>): Promise<Answer<Type>>;
  /** Rejects what is pending and what comes later with `error`; the replies that still come are dropped. */
  stop(error: SftpError): void;
  /** Lets go of the signal, and stops what is left. Every group is ended. */
  end(): void;
}

export interface Connection {
  /** What the server said first. @throws SftpError `PROTOCOL`, `LOST` */
  hello: Promise<Hello>;
  /**
   * A group that stops when `signal` fires (`ABORTED`) and when the connection ends. `onStop` hears of it, also
   * where nothing is pending.
   */
  beginGroup(signal?: AbortSignal, onStop?: (error: SftpError) => void): RequestGroup;
  /** Everything pending, and all that comes, fails with `error`; the channel is destroyed. The first one counts. */
  fail(error: SftpError): void;
  /** Ends the channel, and waits until the server has done so too (2 s at most). */
  end(): Promise<void>;
}

interface Pending {
  group: RequestGroup;
  /** @throws SftpError where the reply is of the wrong type */
  settle(reply: Reply): void;
  reject(error: SftpError): void;
}

/** Says INIT on `channel`, and reads it from then on: whatever comes must be asked for, or all is over. */
export function connect(channel: Duplex): Connection {
  const pending = new Map<number, Pending>();
  const groups = new Set<RequestGroup>();
  const hello = Promise.withResolvers<Hello>();
  hello.promise.catch(ignore);
  let isGreeted = false;
  let over: SftpError | undefined;
  let lastId = 0;

  function receive(packet: Buffer): void {
    if (over) return;
    if (!isGreeted) {
      hello.resolve(decodeVersion(packet));
      isGreeted = true;
      return;
    }
    const reply = decodeReply(packet);
    const request = pending.get(reply.id);
    if (!request) throw brokenProtocol('it answered what was not asked, or twice');
    request.settle(reply);
    pending.delete(reply.id);
  }

  async function readReplies(): Promise<void> {
    try {
      for await (const packet of readPackets(readChunks(channel))) receive(packet);
      fail(
        lost(isGreeted ? 'the server ended the connection' : 'the server ended the connection before it said hello'),
      );
    } catch (error) {
      fail(toFailure(error, isGreeted));
    }
  }

  function finish(error: SftpError): void {
    over ??= error;
    hello.reject(error);
    for (const group of groups) group.stop(error);
    pending.clear();
  }

  function fail(error: SftpError): void {
    if (over) return;
    finish(error);
    channel.destroy();
  }

  function newId(): number {
    do lastId = (lastId + 1) >>> 0;
    while (pending.has(lastId));
    return lastId;
  }

  function beginGroup(signal?: AbortSignal, onStop?: (error: SftpError) => void): RequestGroup {
    let stopped: SftpError | undefined;
    const onAbort = () => group.stop(aborted());
    const group: RequestGroup = {
      send(encode, { expected, onLate }) {
        if (stopped) return Promise.reject(stopped);
        return new Promise((resolve, reject) => {
          const id = newId();
          const packet = encode(id);
          const settle = (reply: Reply) => {
            if (reply.type === 'status' && reply.code !== STATUS.ok) resolve({ failure: reply });
            else if (isOfType(reply, expected)) {
              if (stopped) onLate?.(reply);
              else resolve({ reply });
            } else throw brokenProtocol(`it answered with ${reply.type}, not ${expected}`);
          };
          pending.set(id, { group, settle, reject });
          channel.write(packet);
        });
      },
      stop(error) {
        if (stopped) return;
        stopped = error;
        signal?.removeEventListener('abort', onAbort);
        for (const request of pending.values()) if (request.group === group) request.reject(error);
        onStop?.(error);
      },
      end() {
        group.stop(over ?? aborted());
        groups.delete(group);
      },
    };
    groups.add(group);
    if (over) group.stop(over);
    else if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort);
    return group;
  }

  // What goes wrong on the way out ends the reading too; later errors of a channel that is done with are nobody's.
  channel.on('error', ignore);
  channel.write(encodeInit());
  const reading = readReplies();
  return {
    hello: hello.promise,
    beginGroup,
    fail,
    async end() {
      finish(lost('the session is over'));
      channel.end();
      const timer = setTimeout(() => channel.destroy(), END_GRACE);
      await reading;
      clearTimeout(timer);
      channel.destroy();
    },
  };
}

/** The error for a server that does not keep to the protocol: `reason` says what it did. */
export function brokenProtocol(reason: string, cause?: unknown): SftpError {
  return new SftpError('PROTOCOL', `the server broke the protocol: ${reason}`, {
    hint: 'nothing more was read from it; check that this is the server that you meant',
    cause,
  });
}

/** What a caller sees whose signal fired. */
export function aborted(): SftpError {
  return new SftpError('ABORTED', 'stopped before the end');
}

function lost(message: string, cause?: unknown): SftpError {
  return new SftpError('LOST', message, { hint: 'check the connection, then try again', cause });
}

function toFailure(error: unknown, isGreeted: boolean): SftpError {
  if (!(error instanceof SftpError)) return lost('the connection to the server broke', error);
  if (error.code === 'LOST') return lost('the connection to the server broke inside a packet', error);
  if (error.code === 'PROTOCOL') return error;
  if (isGreeted) return brokenProtocol(error.message, error);
  return new SftpError('PROTOCOL', 'what answered does not speak SFTP', {
    hint: 'where a start-up file of the remote shell prints something, keep it from doing so: `ssh HOST true` must print nothing',
    cause: error,
  });
}

function isOfType<Type extends Reply['type']>(reply: Reply, type: Type): reply is ReplyOf<Type> {
  return reply.type === type;
}

function ignore(): void {}
