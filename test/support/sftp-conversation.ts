// A client of few words for the SFTP engine's tests: sends what it is told to, also what no client would.
import { type Duplex, duplexPair } from 'node:stream';
import {
  decodeReply,
  decodeVersion,
  encodeInit,
  encodeRequest,
  type Hello,
  type Reply,
  type RequestBody,
  readChunks,
  readPackets,
  type ServeOptions,
  type SftpError,
  type SftpFiles,
  serveSftp,
} from '../../src/sftp/index.ts';

export interface Conversation {
  hello: Hello;
  /** The client's end of the channel. */
  channel: Duplex;
  /** Sends a request under the next id; resolves to its reply. */
  ask(body: Exclude<RequestBody, { type: 'unknown' }>): Promise<Reply>;
  /** Sends a packet without its length field as it is. */
  send(packet: Uint8Array): void;
  /** Breaks the channel, as a lost connection does. */
  cut(): void;
  /** Every reply so far, in the order of their coming. */
  replies: Reply[];
  /** Resolves to the reply with `id`, which nobody else waits for. */
  replyTo(id: number): Promise<Reply>;
  /** Ends the client's side; resolves to the code with which the server rejected, or `done`. */
  end(): Promise<string>;
  /** As `end`, without ending it. */
  served: Promise<string>;
  /** What the engine reported. */
  reports: unknown[];
}

/** Begins a session with INIT and VERSION. */
export async function converse(files: SftpFiles, options: ServeOptions = {}): Promise<Conversation> {
  const [server, channel] = duplexPair();
  const reports: unknown[] = [];
  const served = serveSftp(server, files, { report: (error) => reports.push(error), ...options }).then(
    () => 'done',
    (error: SftpError) => error.code,
  );
  channel.on('error', () => {});
  const replies: Reply[] = [];
  const waiting = new Map<number, (reply: Reply) => void>();
  const packets = readPackets(readChunks(channel));
  channel.write(encodeInit());
  const first = await packets.next();
  if (first.done === true) throw new Error(`the session ended at once: ${await served}`);
  const listening = (async () => {
    for await (const packet of packets) {
      const reply = decodeReply(packet);
      replies.push(reply);
      waiting.get(reply.id)?.(reply);
    }
  })().catch(() => undefined);
  let id = 0;
  const replyTo = (wanted: number) => new Promise<Reply>((resolve) => waiting.set(wanted, resolve));
  return {
    hello: decodeVersion(first.value),
    channel,
    replies,
    reports,
    served,
    cut: () => void server.destroy(new Error('cut')),
    replyTo,
    ask(body) {
      id += 1;
      const reply = replyTo(id);
      channel.write(encodeRequest({ ...body, id }));
      return reply;
    },
    send(packet) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(packet.length);
      channel.write(Buffer.concat([length, packet]));
    },
    async end() {
      channel.end();
      const result = await served;
      await listening;
      return result;
    },
  };
}
