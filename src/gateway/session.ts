// One SFTP session of somebody who has logged in, over whichever front end.
import type { Duplex } from 'node:stream';
import { type SftpFiles, serveSftp } from '../sftp/index.ts';
import type { Caller, Vault } from '../vault/index.ts';
import type { Workspace } from '../workspace/index.ts';
import { GatewayError } from './error.ts';
import type { UploadDesk } from './files/desk.ts';
import type { FileEvent } from './files/events.ts';
import { openUserFiles } from './files/user-files.ts';
import type { Identity } from './ssh/authorize.ts';

/** The workspace as it is now, and the way to its data for somebody. */
export interface Setup {
  workspace: Workspace;
  openVault(caller: Caller): Vault;
}

export interface SessionOptions {
  /** As it is now: what is begun after a reload is decided by the new configuration. */
  setup(): Setup;
  desk: UploadDesk;
  onEvent(event: FileEvent): void;
  /** Told of what fails here and is not the client's doing. */
  onFault(error: unknown): void;
}

/** SFTP requests of one session, and bytes of them, that are under way: several packets of 255 KiB. */
const SESSION_REQUESTS = 64;
const SESSION_BYTES = 4 * 1024 * 1024;
const SESSION_BYTES_WHEN_MANY = 512 * 1024;
const MANY = 32;

/**
 * Serves the files of `identity` until the client ends.
 *
 * @throws GatewayError `LOGIN` for a user who is not known any more; SftpError `MALFORMED`, `LIMIT`, `LOST`
 */
export async function serveUser(channel: Duplex, identity: Identity, options: SessionOptions): Promise<void> {
  const { desk, onFault } = options;
  await serveSftp(channel, filesNow(identity, options), {
    owner: identity.user,
    maxRequests: SESSION_REQUESTS,
    maxBytes: desk.live.size >= MANY ? SESSION_BYTES_WHEN_MANY : SESSION_BYTES,
    report: onFault,
  });
}

/** A file that is open stays so; each further call goes by the configuration as it is then (I4). */
function filesNow(identity: Identity, { setup, desk, onEvent }: SessionOptions): SftpFiles {
  let known = setup();
  let files = open(known);

  function open(from: Setup): SftpFiles {
    return openUserFiles({ user: identity.user, vaults: vaultsOf(from, identity), desk, onEvent });
  }

  function now(): SftpFiles {
    const latest = setup();
    if (latest !== known) [known, files] = [latest, open(latest)];
    return files;
  }

  return {
    stat: async (path) => now().stat(path),
    list: async (path) => now().list(path),
    openRead: async (path) => now().openRead(path),
    openWrite: async (path, flags) => now().openWrite(path, flags),
    rename: async (from, to, replace) => now().rename(from, to, replace),
    remove: async (path) => now().remove(path),
    mkdir: async (path) => now().mkdir(path),
    rmdir: async (path) => now().rmdir(path),
    setStat: async (path, attributes) => now().setStat(path, attributes),
    space: async (path) => now().space(path),
  };
}

/** One for each of the user's roles. */
function vaultsOf({ workspace, openVault }: Setup, { user, address }: Identity): [Vault, ...Vault[]] {
  const { ingest } = workspace.gateway;
  const [first, ...others] = (workspace.users[user]?.roles ?? []).map((role) =>
    openVault({ role, user, context: { 'aws:SourceIp': address }, ...(ingest === undefined ? {} : { ingest }) }),
  );
  if (first === undefined) throw new GatewayError('LOGIN', `the user ${user} is not known any more`);
  return [first, ...others];
}
