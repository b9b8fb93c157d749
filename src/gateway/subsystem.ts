// One session behind OpenSSH's server: a process of its own, started by sshd for somebody whom it has let in.
import { open } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { isErrnoError } from '../lib/index.ts';
import type { Workspace } from '../workspace/index.ts';
import { GatewayError } from './error.ts';
import { openUploadDesk } from './files/desk.ts';
import type { Log } from './log.ts';
import { makeMemoryBudget } from './memory-budget.ts';
import { type Setup, serveUser } from './session.ts';
import { deskOptionsOf, loginRulesOf } from './settings.ts';
import type { Identity } from './ssh/authorize.ts';
import { type Arrival, authorizedKeys, identify, parseAuthInfo } from './ssh/behind-sshd.ts';

export interface SubsystemOptions {
  setup: Setup;
  arrival: Arrival;
  /** What the client sends, and is sent. */
  channel: Duplex;
  log: Log | undefined;
}

/** A file of sshd's: some keys. */
const MOST_AUTH_INFO = 64 * 1024;

/**
 * Serves one session until the client ends it. Uploads that are open then are kept, to go on with.
 *
 * @throws GatewayError `LOGIN`; SftpError `MALFORMED`, `LIMIT`, `LOST`
 */
export async function serveSubsystem({ setup, arrival, channel, log }: SubsystemOptions): Promise<void> {
  const { workspace } = setup;
  const identity = admit(workspace, arrival, log);
  const { user, address, how } = identity;
  log?.ssh({ kind: 'login', id: process.pid, address, user, how });
  const memory = makeMemoryBudget(workspace.gateway.limits.memory);
  const desk = openUploadDesk(deskOptionsOf(workspace, memory));
  try {
    await serveUser(channel, identity, {
      setup: () => setup,
      desk,
      onEvent: (event) => log?.file(identity, event),
      onFault: (error) => log?.fault(identity, error),
    });
  } finally {
    await desk.drain();
  }
}

function admit(workspace: Workspace, arrival: Arrival, log: Log | undefined): Identity {
  try {
    return identify(loginRulesOf(workspace), arrival);
  } catch (error) {
    const { account, address } = arrival;
    const reason = error instanceof Error ? error.message : '';
    log?.ssh({ kind: 'login refused', id: process.pid, address, user: account, reason });
    throw error;
  }
}

/**
 * Who has come, by what sshd says in the environment (sshd(8)) and in the file that its `ExposeAuthInfo` makes.
 *
 * @throws GatewayError `LOGIN`, where it does not say it
 */
export async function readArrival(env: NodeJS.ProcessEnv): Promise<Arrival> {
  const { SSH_USER_AUTH: path, SSH_CONNECTION = '', LOGNAME: account } = env;
  const [address = ''] = SSH_CONNECTION.split(' ');
  if (path === undefined || address === '' || account === undefined) {
    throw new GatewayError('LOGIN', 'sshd does not say who has come', {
      hint: 'this command is for sshd to start, with "ExposeAuthInfo yes": docs/gateway.md',
    });
  }
  return { account, address, blobs: parseAuthInfo(await readOwnFile(path)) };
}

/** Of a file that nobody else can have written. */
async function readOwnFile(path: string): Promise<string> {
  const refuse = (why: string, cause?: unknown) =>
    new GatewayError('LOGIN', `what sshd says of who has come ${why}`, {
      hint: 'check the file that SSH_USER_AUTH names',
      cause,
    });
  try {
    const file = await open(path, 'r');
    try {
      const { uid, mode, size } = await file.stat();
      if (uid !== process.getuid?.() || (mode & 0o022) !== 0) throw refuse('may be written by others');
      if (size > MOST_AUTH_INFO) throw refuse('is too long');
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isErrnoError(error)) throw refuse('cannot be read', error);
    throw error;
  }
}

/**
 * What sshd's AuthorizedKeysCommand is to print: see `authorizedKeys`.
 *
 * @param offered the type and the base64 of what the client offers: sshd's %t and %k
 * @throws GatewayError `CONFIG`; VaultError `SIGNATURE` for what is neither a key nor a certificate
 */
export function authorizedKeyLines(workspace: Workspace, account: string, offered: string | undefined): string[] {
  const blob = offered === undefined ? undefined : Buffer.from(offered, 'base64');
  return authorizedKeys(loginRulesOf(workspace), account, blob);
}
