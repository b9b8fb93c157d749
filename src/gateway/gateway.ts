// The gateway: takes connections in, serves each user their files, and keeps account of it.
import type { Duplex } from 'node:stream';
import { type Endpoint, formatEndpoint, type Workspace } from '../workspace/index.ts';
import { type Admin, startAdmin } from './admin.ts';
import { GatewayError } from './error.ts';
import { openUploadDesk } from './files/desk.ts';
import type { FileEvent } from './files/events.ts';
import { type HostKey, loadHostKeys } from './host-key.ts';
import type { Log } from './log.ts';
import { makeMemoryBudget } from './memory-budget.ts';
import { makeMetrics } from './metrics.ts';
import { type Setup, serveUser } from './session.ts';
import { deskOptionsOf, sshConfigOf } from './settings.ts';
import type { Identity } from './ssh/authorize.ts';
import { startSshServer } from './ssh/server.ts';
import type { SshEvent, SshServer } from './ssh/types.ts';

export interface GatewayOptions {
  /** Reads the configuration: at the start, and anew on `reload`. */
  load(): Promise<Setup>;
  /** Where it listens, if not where the configuration says. */
  listenOn?: Endpoint | { fd: number };
  log: Log;
}

export interface Gateway {
  address: Endpoint;
  hostKeys: HostKey[];
  adminPort: number | undefined;
  /** Reads the configuration anew. Where it is bad, all stays as it was. @throws what `load` raises, GatewayError */
  reload(): Promise<void>;
  /** Takes nobody in any more, lets transfers go on for a while, keeps what is left of uploads, and ends. */
  drain(graceMs: number): Promise<void>;
}

const EXPIRY_EVERY_MS = 3_600_000;

/** @throws GatewayError; what `load` raises */
export async function startGateway({ load, listenOn, log }: GatewayOptions): Promise<Gateway> {
  let setup = await load();
  let hostKeys = await loadHostKeys(setup.workspace);
  const memory = makeMemoryBudget(setup.workspace.gateway.limits.memory);
  const desk = openUploadDesk(deskOptionsOf(setup.workspace, memory));
  let isReady = true;
  let server: SshServer;
  const metrics = makeMetrics(() => ({
    connections: server?.connections() ?? 0,
    uploads: desk.live.size,
    memory: memory.used,
  }));

  function onSshEvent(event: SshEvent): void {
    if (event.kind === 'login') metrics.logins.inc({ outcome: 'accepted' });
    if (event.kind === 'login refused') metrics.logins.inc({ outcome: 'refused' });
    if (event.kind === 'turned away') metrics.turnedAway.inc();
    if (event.kind === 'banned') metrics.bans.inc();
    if (event.kind === 'fault') metrics.failures.inc();
    log.ssh(event);
  }

  function onFileEvent(identity: Identity, event: FileEvent): void {
    metrics.files.inc({ what: event.kind });
    if (event.kind === 'read') metrics.transferred.inc({ direction: 'out' }, event.bytes);
    if (event.kind === 'uploaded') metrics.transferred.inc({ direction: 'in' }, event.bytes);
    log.file(identity, event);
  }

  function openSession(identity: Identity, channel: Duplex): Promise<void> {
    return serveUser(channel, identity, {
      setup: () => setup,
      desk,
      onEvent: (event) => onFileEvent(identity, event),
      onFault(error) {
        metrics.failures.inc();
        log.fault(identity, error);
      },
    });
  }

  async function expireUploads(): Promise<void> {
    const { workspace, openVault } = setup;
    const { ingest, uploads } = workspace.gateway;
    const vault = openVault({ user: 'gateway', ...(ingest === undefined ? {} : { role: ingest }) });
    for (const [name, { kind }] of Object.entries(workspace.datasets)) {
      if (kind !== 'raw' || !vault.allows('ingest', name)) continue;
      const { uploads: count } = await vault.expireUploads(name, uploads.expire);
      if (count > 0) log.expired(name, count);
    }
  }

  server = await listen(setup, hostKeys);
  const { admin: adminAt } = setup.workspace.gateway;
  let admin: Admin | undefined;
  try {
    if (adminAt !== undefined) admin = await startAdmin(adminAt, metrics, () => isReady);
  } catch (error) {
    await server.close('the gateway does not start');
    throw error;
  }
  const expire = () => void expireUploads().catch((error) => log.fault(undefined, error));
  const expiring = setInterval(expire, EXPIRY_EVERY_MS);
  expire();

  async function listen({ workspace }: Setup, keys: HostKey[]): Promise<SshServer> {
    const at = listenOn ?? workspace.gateway.sftp.listen;
    try {
      return await startSshServer(sshConfigOf(workspace, keys), {
        listenOn: at,
        memory,
        openSession,
        onEvent: onSshEvent,
      });
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      const where = 'fd' in at ? `descriptor ${at.fd}` : formatEndpoint(at);
      throw new GatewayError('LISTEN', `nothing can listen on ${where}`, {
        hint: 'choose another port, or end what listens there',
        cause: error,
      });
    }
  }

  let lastReload: Promise<void> = Promise.resolve();
  async function reload(): Promise<void> {
    const next = await load();
    const nextKeys = await loadHostKeys(next.workspace);
    const deskOptions = deskOptionsOf(next.workspace, memory);
    // What may fail comes first: all of the old configuration stays, or nothing.
    server.configure(sshConfigOf(next.workspace, nextKeys));
    for (const place of placesThatMoved(setup.workspace, next.workspace)) {
      log.warn('only a restart moves it', { what: place });
    }
    [setup, hostKeys] = [next, nextKeys];
    memory.setLimit(next.workspace.gateway.limits.memory);
    desk.configure(deskOptions);
  }

  return {
    address: server.address,
    get hostKeys() {
      return hostKeys;
    },
    adminPort: admin?.port,
    reload() {
      // One after the other: the last one to be asked for counts.
      const reloaded = lastReload.then(reload);
      lastReload = reloaded.catch(() => undefined);
      return reloaded;
    },
    async drain(graceMs) {
      isReady = false;
      clearInterval(expiring);
      server.stopAccepting();
      const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([server.whenIdle(), grace]);
      await server.close('the gateway is going down');
      await desk.drain();
      await admin?.close();
    },
  };
}

/** Sockets are opened once. */
function placesThatMoved({ gateway: before }: Workspace, { gateway: after }: Workspace): string[] {
  const isSame = (a: Endpoint | undefined, b: Endpoint | undefined) => a?.host === b?.host && a?.port === b?.port;
  return [
    ...(isSame(before.sftp.listen, after.sftp.listen) ? [] : ['gateway.sftp.listen']),
    ...(isSame(before.admin, after.admin) ? [] : ['gateway.admin']),
  ];
}
