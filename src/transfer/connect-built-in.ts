// A session over ssh2, for where there is no ssh program. It knows known_hosts, key files and the agent, and no
// configuration and no jump hosts.
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import ssh2, { type AnyAuthMethod, type ParsedKey, type ServerHostKeyAlgorithm } from 'ssh2';
import { isErrnoError } from '../lib/index.ts';
import { joinChannel } from '../sftp/index.ts';
import { type Connection, startSession, stopped } from './connection.ts';
import { TransferError } from './error.ts';
import { type KnownKeys, readKnownHosts } from './known-hosts.ts';
import type { Remote } from './remote.ts';
import { changedHost, explainSsh, nameOf, notPinned, refusedLogin, revokedHost, unknownHost } from './ssh-words.ts';

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const MAX_KEY_FILE = 64 * 1024;
const KEEPALIVE_MS = 15_000;

export interface BuiltInOptions {
  identity?: string | undefined;
  hostKey: string | undefined;
  knownHosts?: string | undefined;
  askPassphrase?: ((what: string) => Promise<string>) | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

/** @throws as `connect` */
export async function connectBuiltIn(remote: Remote, options: BuiltInOptions): Promise<Connection> {
  const { hostKey, timeoutMs, signal } = options;
  if (signal.aborted) throw stopped();
  const port = remote.port ?? 22;
  const known = await readKnown(options.knownHosts, remote.host, port);
  const methods = await findKeys(remote, options);
  const client = new ssh2.Client();
  let refusal: TransferError | undefined;
  const stop = (): void => void client.destroy();
  signal.addEventListener('abort', stop, { once: true });
  const release = async (): Promise<void> => {
    signal.removeEventListener('abort', stop);
    client.end();
    client.destroy();
  };
  client.on('error', () => undefined);
  try {
    const ready = once(client, 'ready');
    // Closed without a word, as after `destroy`: then nothing else would end the waiting.
    const closed = new Promise<never>((_, reject) => {
      client.once('close', () => reject(new Error('closed')));
    });
    closed.catch(() => undefined);
    client.connect({
      host: remote.host,
      port,
      username: remote.user ?? userInfo().username,
      readyTimeout: timeoutMs,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: 4,
      authHandler: methods,
      algorithms: {
        kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384'],
        serverHostKey: hostKeyOrder(known),
        cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes256-ctr'],
        hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
        compress: ['none'],
      },
      hostVerifier: (key: Buffer) => {
        refusal = hostKey === undefined ? judge(known, key, remote) : judgePin(key, hostKey, remote);
        return refusal === undefined;
      },
    });
    await Promise.race([ready, closed]);
    client.setNoDelay(true);
    const channel = await new Promise<Duplex>((resolve, reject) => {
      client.subsys('sftp', (error, stream) => (error ? reject(error) : resolve(stream)));
    });
    // Joined with itself: destroying a channel of ssh2 only ends it in good order.
    return await startSession(joinChannel(channel, channel), { signal, timeoutMs, release });
  } catch (error) {
    await release();
    if (refusal) throw refusal;
    if (signal.aborted) throw stopped();
    throw explain(error, remote);
  }
}

function explain(error: unknown, remote: Remote): unknown {
  if (error instanceof TransferError || !(error instanceof Error)) return error;
  if ('level' in error && error.level === 'client-authentication') return refusedLogin(remote);
  if (isErrnoError(error, 'ENOTFOUND', 'EAI_AGAIN')) return explainSsh('Could not resolve hostname', remote);
  if (isErrnoError(error, 'ECONNREFUSED')) return explainSsh('Connection refused', remote);
  if (isErrnoError(error, 'EHOSTUNREACH', 'ENETUNREACH')) return explainSsh('No route to host', remote);
  if (/subsystem/i.test(error.message)) return explainSsh('subsystem request failed', remote);
  // An error of sftp/ says itself what it is.
  if ('code' in error && 'hint' in error) return error;
  return explainSsh(error.message, remote);
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function judgePin(key: Buffer, hostKey: string, remote: Remote): TransferError | undefined {
  const offered = fingerprintOf(key);
  const isSame = offered.length === hostKey.length && timingSafeEqual(Buffer.from(offered), Buffer.from(hostKey));
  return isSame ? undefined : notPinned(remote, offered);
}

function judge(known: KnownKeys, key: Buffer, remote: Remote): TransferError | undefined {
  switch (known.judge(key)) {
    case 'known':
      return undefined;
    case 'revoked':
      return revokedHost(remote);
    case 'changed':
      return changedHost(remote);
    case 'unknown':
      if (!known.hasAuthority) return unknownHost(remote, fingerprintOf(key));
      return new TransferError('HOST_UNKNOWN', `${nameOf(remote)} is known by an authority (@cert-authority) only`, {
        hint: 'that takes the ssh program; or pin its key with --host-key SHA256:…',
      });
  }
}

const HOST_KEY_TYPES: readonly [type: string, algorithms: ServerHostKeyAlgorithm[]][] = [
  ['ssh-ed25519', ['ssh-ed25519']],
  ['ecdsa-sha2-nistp256', ['ecdsa-sha2-nistp256']],
  ['ecdsa-sha2-nistp384', ['ecdsa-sha2-nistp384']],
  ['ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521']],
  ['ssh-rsa', ['rsa-sha2-512', 'rsa-sha2-256']],
];

function hostKeyOrder({ types }: KnownKeys): ServerHostKeyAlgorithm[] {
  const isKnown = ([type]: readonly [string, ServerHostKeyAlgorithm[]]) => types.includes(type);
  const first = HOST_KEY_TYPES.filter(isKnown);
  const rest = HOST_KEY_TYPES.filter((each) => !isKnown(each));
  return [...first, ...rest].flatMap(([, algorithms]) => algorithms);
}

async function readKnown(given: string | undefined, host: string, port: number): Promise<KnownKeys> {
  const ssh = join(homedir(), '.ssh');
  const files =
    given === undefined
      ? ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2', join(ssh, 'known_hosts'), join(ssh, 'known_hosts2')]
      : [given];
  const texts: string[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if (isErrnoError(error, 'ENOENT')) return '';
      throw new TransferError('SETUP', `${file}: cannot be read`, { hint: 'check the file', cause: error });
    });
    texts.push(text);
  }
  return readKnownHosts(texts, host, port);
}

async function findKeys(remote: Remote, options: BuiltInOptions): Promise<AnyAuthMethod[]> {
  const { identity, askPassphrase } = options;
  const username = remote.user ?? userInfo().username;
  const { SSH_AUTH_SOCK: agent = '' } = process.env;
  const files = identity === undefined ? DEFAULT_KEYS.map((name) => join(homedir(), '.ssh', name)) : [identity];
  const methods: AnyAuthMethod[] = [];
  if (identity === undefined && agent !== '') methods.push({ type: 'agent', username, agent });
  for (const file of files) {
    const text = await readFile(file).catch((error: unknown) => {
      if (identity === undefined && isErrnoError(error, 'ENOENT')) return undefined;
      throw new TransferError('SETUP', `${file}: the key cannot be read`, { hint: 'check the path', cause: error });
    });
    if (text === undefined) continue;
    // Where the agent may do, nobody is asked for the passphrase of a key that was not named.
    const key = await readKey(file, text, identity === undefined && agent !== '' ? undefined : askPassphrase);
    text.fill(0);
    if (key) methods.push({ type: 'publickey', username, key });
    else if (identity !== undefined) throw noPassphrase(file);
  }
  return methods;
}

async function readKey(
  file: string,
  text: Buffer,
  ask: ((what: string) => Promise<string>) | undefined,
): Promise<ParsedKey | undefined> {
  if (text.length > MAX_KEY_FILE)
    throw new TransferError('SETUP', `${file}: is no private key`, { hint: 'check the path' });
  let parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error && /passphrase/i.test(parsed.message)) {
    if (ask === undefined) return undefined;
    parsed = ssh2.utils.parseKey(text, await ask(`passphrase of ${file}`));
    if (parsed instanceof Error) {
      throw new TransferError('SETUP', `${file}: this is not its passphrase`, { hint: 'try again' });
    }
  }
  if (parsed instanceof Error || !parsed.isPrivateKey()) {
    throw new TransferError('SETUP', `${file}: is no private key that is known here`, { hint: 'check the path' });
  }
  return parsed;
}

function noPassphrase(file: string): TransferError {
  return new TransferError('SETUP', `${file}: the key needs a passphrase, and there is nobody to ask`, {
    hint: 'run it in a terminal, or add the key to the agent: ssh-add FILE',
  });
}
