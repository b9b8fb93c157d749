// The embedded SSH front end on loopback, with files in memory, and ssh2's client to it, whose insides tests may use.
import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ConnectConfig } from 'ssh2';
import { type MemoryBudget, makeMemoryBudget } from '../../src/gateway/memory-budget.ts';
import { fingerprintOf, type Identity } from '../../src/gateway/ssh/authorize.ts';
import { startSshServer } from '../../src/gateway/ssh/server.ts';
import type { SshConfig, SshEvent, SshLimits, SshServer } from '../../src/gateway/ssh/types.ts';
import { type SftpFiles, serveSftp } from '../../src/sftp/index.ts';
import { parseSshKey } from '../../src/vault/index.ts';
import { makeMemoryFiles } from './memory-files.ts';
import { connectClient } from './ssh-client.ts';

export const LIMITS: SshLimits = {
  connections: 200,
  connectionsPerAddress: 100,
  connectionsPerUser: 100,
  unauthenticated: 20,
  loginGrace: 30_000,
  attempts: 6,
  idle: 600_000,
  rekeyBytes: 2 ** 30,
  rekeyTime: 3_600_000,
  banAfter: 10,
  banTime: 30_000,
  exempt: ['127.0.0.0/8'],
};

/** A key pair: private in OpenSSH's form, public as in authorized_keys. */
export function makeKeyPair(): { private: string; public: string } {
  return ssh2.utils.generateKeyPairSync('ed25519');
}

export interface Front {
  server: SshServer;
  port: number;
  memory: MemoryBudget;
  events: SshEvent[];
  config: SshConfig;
  /** Of the user `acme`, and of the host. */
  key: { private: string; public: string };
  hostPublic: string;
  identities: Identity[];
  /** Sessions that are over, with what they failed with. */
  ended: unknown[];
  /** Resolves with the first event of that kind, also one that was. */
  event<Kind extends SshEvent['kind']>(kind: Kind): Promise<Extract<SshEvent, { kind: Kind }>>;
  /** Connects as `acme`. @throws what ssh2's client fails with */
  connect(more?: ConnectConfig): Promise<Client>;
  stop(): Promise<void>;
}

export interface FrontOptions {
  limits?: Partial<SshLimits>;
  /** Lines of authorized_keys, by user; `acme` has one of its own. */
  users?: Record<string, { keys?: string[]; principals?: string[] }>;
  authorities?: string[];
  revoked?: string[];
  memory?: number;
  files?: SftpFiles;
  /** Instead of serving SFTP. */
  openSession?: (identity: Identity, channel: Duplex) => Promise<void>;
}

export async function startFront(options: FrontOptions = {}): Promise<Front> {
  const { limits = {}, users = {}, authorities = [], revoked = [], memory: bytes = 64 * 1024 * 1024 } = options;
  const key = makeKeyPair();
  const host = makeKeyPair();
  const blobOf = (line: string) => parseSshKey(line).blob;
  const all = { acme: { keys: [key.public] }, ...users };
  const config: SshConfig = {
    hostKeys: [host.private],
    profile: 'modern',
    rules: {
      users: new Map(
        Object.entries(all).map(([name, user]) => {
          const { keys = [], principals = [name] } = user as { keys?: string[]; principals?: string[] };
          return [name, { keys: keys.map(parseSshKey), principals }];
        }),
      ),
      authorities: authorities.map(blobOf),
      revoked: {
        blobs: revoked.filter((line) => !line.startsWith('SHA256:')).map(blobOf),
        fingerprints: new Set(revoked),
      },
    },
    limits: { ...LIMITS, ...limits },
  };
  const memory = makeMemoryBudget(bytes);
  const files = options.files ?? makeMemoryFiles();
  const events: SshEvent[] = [];
  const identities: Identity[] = [];
  const ended: unknown[] = [];
  const listeners = new Set<() => void>();
  const server = await startSshServer(config, {
    listenOn: { host: '127.0.0.1', port: 0 },
    memory,
    async openSession(identity, channel) {
      identities.push(identity);
      let failure: unknown;
      try {
        await (options.openSession?.(identity, channel) ?? serveSftp(channel, files));
      } catch (error) {
        failure = error;
      }
      ended.push(failure);
    },
    onEvent(event) {
      events.push(event);
      for (const listener of listeners) listener();
    },
  });
  const { port } = server.address;
  return {
    ...{ server, port, memory, events, config, key, identities, ended },
    hostPublic: host.public,
    event<Kind extends SshEvent['kind']>(kind: Kind) {
      return new Promise<Extract<SshEvent, { kind: Kind }>>((resolve) => {
        const look = () => {
          for (const each of events) {
            if (each.kind !== kind) continue;
            listeners.delete(look);
            resolve(each as Extract<SshEvent, { kind: Kind }>);
            return;
          }
        };
        listeners.add(look);
        look();
      });
    },
    connect: (more = {}) =>
      connectClient({
        host: '127.0.0.1',
        port,
        username: 'acme',
        privateKey: key.private,
        hostVerifier: (blob: Buffer) => fingerprintOf(blob) === fingerprintOf(blobOf(host.public)),
        ...more,
      }),
    stop: () => server.close('the test is over'),
  };
}
