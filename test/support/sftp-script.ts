// An SFTP server that does what a test tells it, right or wrong: for what no real server does.
import { type Duplex, duplexPair } from 'node:stream';
import { STATUS } from '../../src/sftp/error.ts';
import { encodeLimits } from '../../src/sftp/extensions.ts';
import { readChunks, readPackets } from '../../src/sftp/framing.ts';
import { encodeReply, type ReplyBody } from '../../src/sftp/replies.ts';
import { decodeRequest, type Request } from '../../src/sftp/requests.ts';
import { encodeVersion } from '../../src/sftp/versions.ts';

export interface Script {
  /** What it says to INIT; a VERSION with these extensions, or bytes. */
  hello?: Buffer | { name: string; version: string }[];
  /** Called with each request, in order; whatever it sends goes out. */
  answer: (request: Request, server: ScriptedServer) => void;
}

export interface ScriptedServer {
  reply(request: Request, body: ReplyBody): void;
  /** Bytes as they are. */
  send(bytes: Buffer): void;
  end(): void;
  /** Those that came. */
  requests: Request[];
}

/** The client's end of a channel to a server that follows `script`. */
export function startScript({ hello = [], answer }: Script): { channel: Duplex; server: ScriptedServer } {
  const [channel, side] = duplexPair();
  const server: ScriptedServer = {
    requests: [],
    reply: (request, body) => server.send(encodeReply({ id: request.id, ...body })),
    send: (bytes) => {
      if (side.writable) side.write(bytes);
    },
    end: () => side.end(),
  };
  const serve = async () => {
    let isGreeted = false;
    for await (const packet of readPackets(readChunks(side))) {
      if (isGreeted) {
        const request = decodeRequest(packet);
        server.requests.push(request);
        answer(request, server);
      } else server.send(Buffer.isBuffer(hello) ? hello : encodeVersion(hello));
      isGreeted = true;
    }
    side.end();
  };
  // A client that hangs up ends it.
  side.on('error', () => {});
  channel.on('close', () => side.destroy());
  serve().catch(() => side.destroy());
  return { channel, server };
}

/** What a right server answers that has one file with `content` under every path, and one folder with two names. */
export function honestAnswers(content: Buffer): { bodyFor(request: Request): ReplyBody; content(): Buffer } {
  let file = content;
  let listed = false;
  const attributes = () => ({ size: file.length, mode: 0o100600, times: { accessed: 1, modified: 1 } });
  const named = (name: string) => ({ name, longname: name, attributes: attributes() });
  const status = (code: number): ReplyBody => ({ type: 'status', code, message: 'said so' });
  return {
    content: () => file,
    bodyFor(request) {
      switch (request.type) {
        case 'stat':
        case 'lstat':
        case 'fstat':
          return { type: 'attributes', attributes: attributes() };
        case 'open':
          return { type: 'handle', handle: Buffer.from('file') };
        case 'opendir':
          listed = false;
          return { type: 'handle', handle: Buffer.from('folder') };
        case 'readdir': {
          if (listed) return status(STATUS.eof);
          listed = true;
          return { type: 'name', entries: [named('a'), named('b')] };
        }
        case 'realpath':
          return { type: 'name', entries: [named('/a')] };
        case 'limits': {
          const most = { packetLength: 0, readLength: 0, writeLength: 0, openHandles: 0 };
          return { type: 'extended', body: encodeLimits(most) };
        }
        case 'read': {
          const data = file.subarray(request.offset, request.offset + request.length);
          return data.length === 0 ? status(STATUS.eof) : { type: 'data', data };
        }
        case 'write': {
          const end = request.offset + request.data.length;
          if (end > file.length) file = Buffer.concat([file, Buffer.alloc(end - file.length)]);
          file.set(request.data, request.offset);
          return status(STATUS.ok);
        }
        default:
          return status(request.type === 'unknown' ? STATUS.unsupported : STATUS.ok);
      }
    },
  };
}
