// A client in a session with a server whose files a test can see and set: OpenSSH's, or the engine of sftp/.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { openSftp, type SftpClient, SftpError, serveSftp } from '../../src/sftp/index.ts';
import { makeMemoryFiles } from './memory-files.ts';
import { startSftpServer } from './sftp-server.ts';

export interface Session {
  client: SftpClient;
  put(name: string, content: Uint8Array): void;
  content(name: string): Buffer;
  stop(): Promise<void>;
}

/** OpenSSH's server on an empty folder. */
export async function startOpenSsh(options: string[] = [], descriptors?: number): Promise<Session & { kill(): void }> {
  // In memory where there is such a place: a disk would be what is measured.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'glovebox-sftp-'));
  const { channel, child } = startSftpServer(folder, options, descriptors);
  const client = await openSftp(channel);
  return {
    client,
    put: (name, content) => writeFileSync(join(folder, name), content),
    content: (name) => readFileSync(join(folder, name)),
    kill: () => child.kill('SIGKILL'),
    async stop() {
      await client.end();
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}

/** This room's engine on files in memory. */
export async function startEngine(): Promise<Session> {
  const files = makeMemoryFiles();
  const [channel, side] = duplexPair();
  const serving = serveSftp(side, files);
  const client = await openSftp(channel);
  return {
    client,
    put: (name, content) => files.put(`/${name}`, content),
    content: (name) => files.content(`/${name}`) ?? Buffer.alloc(0),
    async stop() {
      await client.end();
      await serving;
    },
  };
}

export const SERVERS: [name: string, start: () => Promise<Session>][] = [
  ["OpenSSH's sftp-server", startOpenSsh],
  ['the engine of this room', startEngine],
];

/** The code of the SftpError that `promise` rejects with, or undefined where it does not. */
export async function sftpCodeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SftpError) return error.code;
    throw error;
  }
  return undefined;
}

/** All bytes of `chunks`. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** `bytes` in pieces of `length`, each in the same buffer, which is overwritten in between: a source may do that. */
export async function* piecesOf(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(length);
  for (let position = 0; position < bytes.length; position += length) {
    const part = bytes.subarray(position, position + length);
    piece.set(part);
    yield piece.subarray(0, part.length);
    piece.fill(0xee);
  }
}

/** A source that gives `chunk` for ever, and says when it was closed. */
export function endless(chunk: Uint8Array): { source: AsyncIterable<Uint8Array>; isClosed: () => boolean } {
  let isClosed = false;
  async function* give() {
    try {
      for (;;) yield chunk;
    } finally {
      isClosed = true;
    }
  }
  return { source: give(), isClosed: () => isClosed };
}

/** Gives `first`, then nothing any more. */
export async function* stalling(first: Uint8Array): AsyncGenerator<Uint8Array> {
  yield first;
  await new Promise(() => {});
}
