// The server engine: one session of SFTP version 3 over a channel, with bounded work and memory.
import type { Duplex } from 'node:stream';
import { abandon, answer, answerLength, type Session } from './answers.ts';
import { makeBudget } from './budget.ts';
import { claimOf } from './claims.ts';
import { SftpError, statusOf } from './error.ts';
import type { SftpFiles } from './files.ts';
import { readChunks, readPackets } from './framing.ts';
import { makeHandles } from './handles.ts';
import { makeOrder } from './order.ts';
import { makeOutput } from './output.ts';
import { makePacketMemory } from './packet-memory.ts';
import { encodeReply } from './replies.ts';
import { decodeRequest, EXTENSIONS, packetId } from './requests.ts';
import { decodeInit, encodeVersion, PARTIAL_UPLOAD } from './versions.ts';

export interface ServeOptions {
  /** Files and listings open at once. Default 100. */
  maxHandles?: number;
  /** Requests under way at once. Default 64: as many as OpenSSH's client sends. */
  maxRequests?: number;
  /**
   * Bytes of the requests under way and of the data that they ask for. Default 4 MiB. Beyond it nothing is read
   * from the channel. One packet more is held, and what the channel itself buffers.
   */
  maxBytes?: number;
  /** The owner that listings show. Default `glovebox`. */
  owner?: string;
  /** Is told of what the client only sees as "the server failed", and of files that could not be let go. */
  report?: (error: unknown) => void;
}

/**
 * Serves `files` to the client at the other end of `channel`, until it ends its side; then finishes what is under
 * way, lets go of what is open (files being written: `abort`), ends the channel, and resolves.
 *
 * A packet that cannot be read gets a status where it has an id. Where it has none, or is too long, the session
 * ends as above, but rejects, and does not wait until the client has taken its replies; the caller then closes the
 * connection. To stop a session, destroy the channel. It never settles before all that the files were asked for has.
 *
 * @throws SftpError `MALFORMED`, `LIMIT`: the client does not keep to the protocol; `LOST`: the channel broke
 */
export async function serveSftp(channel: Duplex, files: SftpFiles, options: ServeOptions = {}): Promise<void> {
  const { maxHandles = 100, maxRequests = 64, maxBytes = 4 * 1024 * 1024, owner = 'glovebox' } = options;
  const report = options.report ?? (() => {});
  const session: Session = { files, handles: makeHandles(maxHandles), maxHandles, owner };
  const output = makeOutput(channel);
  const budget = makeBudget(maxRequests, maxBytes);
  const inOrder = makeOrder();
  const memory = makePacketMemory();
  let isLost = false;
  const lose = () => {
    isLost = true;
    output.giveUp();
  };
  channel.on('error', lose).on('close', lose);

  function plan(packet: Buffer): { bytes: number; work: () => Promise<Buffer> } {
    try {
      const request = decodeRequest(packet);
      const work = async () => inOrder(claimOf(request, session.handles), () => answer(request, session));
      return { bytes: packet.length + answerLength(request), work };
    } catch (error) {
      return { bytes: packet.length, work: () => Promise.reject(error) };
    }
  }

  async function respond(id: number, work: () => Promise<Buffer>): Promise<void> {
    let packet: Buffer;
    try {
      packet = await work();
    } catch (error) {
      if (!(error instanceof SftpError)) report(error);
      packet = encodeReply({ type: 'status', id, ...statusOf(error) });
    }
    await output.send(packet);
  }

  async function converse(): Promise<void> {
    const packets = readPackets(readChunks(channel), memory.take);
    const first = await packets.next();
    if (first.done === true) return;
    decodeInit(first.value);
    await output.send(encodeVersion([...Object.values(EXTENSIONS), PARTIAL_UPLOAD]));
    for await (const packet of packets) {
      const id = packetId(packet);
      if (id === undefined) throw new SftpError('MALFORMED', 'a packet is too short to be one');
      const { bytes, work } = plan(packet);
      await budget.take(bytes);
      // What is still in memory of a channel that is gone is not worked off.
      const done = isLost ? Promise.resolve() : respond(id, () => work().finally(() => memory.give(packet)));
      void done.finally(() => budget.give(bytes));
      if (isLost) throw lostError();
    }
  }

  try {
    await converse();
  } catch (error) {
    // Whoever does not keep to the protocol may not take the replies either.
    output.giveUp();
    throw error instanceof SftpError ? error : lostError(error);
  } finally {
    await budget.isEmpty();
    for (const result of await Promise.allSettled(session.handles.takeAll().map(abandon))) {
      if (result.status === 'rejected') report(result.reason);
    }
    await output.end();
  }
}

function lostError(cause?: unknown): SftpError {
  return new SftpError('LOST', 'the channel was lost', { cause });
}
