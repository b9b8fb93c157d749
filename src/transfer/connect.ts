// The way to a server: the user's own ssh where there is one, else the one that is built in.
import { isErrnoError } from '../lib/index.ts';
import { connectBuiltIn } from './connect-built-in.ts';
import { connectOpenSsh } from './connect-openssh.ts';
import type { Connection } from './connection.ts';
import { TransferError } from './error.ts';
import type { Remote } from './remote.ts';

const CONNECT_TIMEOUT_MS = 30_000;

export interface ConnectOptions {
  /** A file with a private key: the only one that is used. */
  identity?: string | undefined;
  /** `SHA256:…`: the only key of the host that is taken. */
  hostKey?: string | undefined;
  /** Default `auto`: OpenSSH where there is an ssh program. */
  ssh?: 'auto' | 'openssh' | 'built-in' | undefined;
  /** Options of ssh_config(5), as `Name=value`; OpenSSH only. */
  sshOptions?: readonly string[] | undefined;
  /** A file of known hosts instead of the user's; the built-in way only. */
  knownHosts?: string | undefined;
  /** Whether ssh may ask on the terminal. Default: no. */
  isInteractive?: boolean | undefined;
  /** Asks for the passphrase of a key, for the built-in way. */
  askPassphrase?: ((what: string) => Promise<string>) | undefined;
  /** Milliseconds until there must be a session; 30 s by default. Longer where a person is asked. */
  timeoutMs?: number | undefined;
  signal: AbortSignal;
}

/** A person who types a passphrase takes longer. */
const PERSON_MS = 120_000;

/**
 * A session with the server. Its key is always checked.
 *
 * @throws TransferError `CONNECT`, `HOST_UNKNOWN`, `HOST_KEY`, `LOGIN`, `SETUP`, `ABORTED`; SftpError
 */
export async function connect(remote: Remote, options: ConnectOptions): Promise<Connection> {
  const { ssh = 'auto', identity, isInteractive = false, sshOptions = [], signal } = options;
  const hostKey = options.hostKey === undefined ? undefined : parseFingerprint(options.hostKey);
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  if (ssh !== 'built-in') {
    const patience = isInteractive ? Math.max(timeoutMs, PERSON_MS) : timeoutMs;
    const openSsh = { identity, hostKey, sshOptions, isInteractive, timeoutMs: patience, signal };
    try {
      return await connectOpenSsh(remote, openSsh);
    } catch (error) {
      const isMissing = error instanceof TransferError && isErrnoError(error.cause, 'ENOENT');
      if (ssh === 'openssh' || !isMissing) throw error;
    }
  }
  if (sshOptions.length > 0) {
    throw new TransferError('SETUP', 'options of ssh need the ssh program', { hint: 'leave them out, or install it' });
  }
  return connectBuiltIn(remote, { ...options, hostKey, timeoutMs });
}

/** `SHA256:` and 43 characters of base64, as ssh-keygen -lf prints it. @throws TransferError `ADDRESS` */
export function parseFingerprint(text: string): string {
  const match = /^SHA256:([A-Za-z0-9+/]{43})=?$/.exec(text);
  if (match !== null) return `SHA256:${match[1]}`;
  throw new TransferError('ADDRESS', 'the fingerprint of a host key is SHA256: and 43 characters', {
    hint: 'it is printed by: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, on the host',
  });
}
