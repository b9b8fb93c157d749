// A user's files over a real vault, and our own client in a session with them.
import { duplexPair } from 'node:stream';
import { type DeskOptions, openUploadDesk, type UploadDesk } from '../../src/gateway/files/desk.ts';
import type { FileEvent } from '../../src/gateway/files/events.ts';
import { openUserFiles } from '../../src/gateway/files/user-files.ts';
import { makeMemoryBudget } from '../../src/gateway/memory-budget.ts';
import { OPEN_FLAG, openSftp, type SftpClient, type SftpFiles, serveSftp } from '../../src/sftp/index.ts';
import type { Vault } from '../../src/vault/index.ts';
import { type Box, makeBox } from './box.ts';
import { makeRandom } from './random.ts';

export const FILES_YAML = `workspace: test
keys: { raw: { provider: local }, features: { provider: local } }
stores: { box: { provider: dir, path: ./data } }
datasets:
  claims-raw: { store: box, key: raw, kind: raw, classification: restricted }
  other-raw: { store: box, key: raw, kind: raw, classification: restricted }
  claims-features: { store: box, key: features, kind: derived, classification: internal }
roles:
  supplier: { allow: [ { write: claims-raw } ] }
  reader: { allow: [ { read: claims-raw }, { read: claims-features } ] }
  engineer: { allow: [ { write: claims-raw }, { read: claims-raw }, { delete: claims-raw }, { rename: claims-raw } ] }
  ingest: { allow: [ { ingest: claims-raw }, { ingest: other-raw } ] }
  run: { allow: [ { write: claims-features } ] }
`;

export const PUT = OPEN_FLAG.write | OPEN_FLAG.create | OPEN_FLAG.truncate;
export const RESUME = OPEN_FLAG.write | OPEN_FLAG.create;

export interface FilesBox extends Box {
  desk: UploadDesk;
  memory: ReturnType<typeof makeMemoryBudget>;
  events: FileEvent[];
  files(user: string, roles: readonly string[], ingest?: string): SftpFiles;
  session(user: string, roles: readonly string[]): Promise<FilesSession>;
}

export interface FilesSession {
  client: SftpClient;
  put(path: string, bytes: Uint8Array, flags?: number, at?: number): Promise<void>;
  get(path: string): Promise<Buffer>;
  /** As a connection that is lost. Resolves when the server is done with it. */
  cut(): Promise<void>;
  end(): Promise<void>;
}

export async function makeFilesBox(options: Partial<DeskOptions> = {}, memoryLimit = 64 * 1024 * 1024) {
  const box = await makeBox(FILES_YAML);
  const memory = makeMemoryBudget(memoryLimit);
  const desk = openUploadDesk({
    memory,
    minFreeBytes: 0,
    reorderBytes: 4 * 1024 * 1024,
    userQuota: () => undefined,
    datasetQuota: () => undefined,
    ...options,
  });
  const events: FileEvent[] = [];
  const files: FilesBox['files'] = (user, roles, ingest = 'ingest') => {
    const [first, ...others] = roles.map((role): Vault => box.as(role, { user, ingest }));
    if (first === undefined) throw new Error('no role');
    return openUserFiles({ user, vaults: [first, ...others], desk, onEvent: (event) => events.push(event) });
  };
  async function session(user: string, roles: readonly string[]): Promise<FilesSession> {
    const [channel, side] = duplexPair();
    const serving = serveSftp(side, files(user, roles)).catch(() => undefined);
    const client = await openSftp(channel);
    return {
      client,
      async put(path, bytes, flags = PUT, at = 0) {
        const handle = await client.open(path, flags);
        await client.upload(handle, piecesOf(bytes), { at });
        await client.close(handle);
      },
      async get(path) {
        const parts: Buffer[] = [];
        for await (const chunk of client.download(path)) parts.push(Buffer.from(chunk));
        return Buffer.concat(parts);
      },
      async cut() {
        side.destroy();
        channel.destroy();
        await serving;
      },
      async end() {
        await client.end();
        await serving;
      },
    };
  }
  return { ...box, desk, memory, events, files, session } satisfies FilesBox;
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 200_000) yield bytes.subarray(at, at + 200_000);
}

/** Bytes that are the same in every run. */
export function bytesOf(seed: number, length: number): Buffer {
  const random = makeRandom(seed);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return bytes;
}
