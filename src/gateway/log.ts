// The gateway's log: JSON lines (pino). Who, from where, which file, how many bytes; nothing of what is in a file.
import { pino } from 'pino';
import { GloveboxError } from '../lib/index.ts';
import { SftpError } from '../sftp/index.ts';
import type { FileEvent } from './files/events.ts';
import type { Identity } from './ssh/authorize.ts';
import type { SshEvent } from './ssh/types.ts';

export interface Log {
  ssh(event: SshEvent): void;
  file(identity: Identity, event: FileEvent): void;
  /** A failure of the gateway itself. */
  fault(identity: Identity | undefined, error: unknown): void;
  expired(dataset: string, uploads: number): void;
  info(message: string, fields?: Record<string, string | number>): void;
  warn(message: string, fields?: Record<string, string | number>): void;
}

const QUIET = new Set<SshEvent['kind']>(['connected']);

/** What waits where the log cannot be written; beyond it lines are lost. */
const MOST_WAITING = 1024 * 1024;

/** Writes to a file descriptor, each line at once: what happened before a crash is there. */
export function openLog(descriptor: number): Log {
  const destination = pino.destination({ fd: descriptor, sync: true, maxLength: MOST_WAITING });
  // A full disk is no reason to stop serving; what was decided is in the audit log.
  destination.on('error', () => undefined);
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    ssh(event) {
      if (event.kind === 'fault') {
        const fields = { id: event.id, ...describe(event.error) };
        return isOfClient(event.error) ? logger.info(fields, 'session broken') : logger.error(fields, 'fault');
      }
      const { kind, ...fields } = event;
      if (QUIET.has(kind)) logger.debug(fields, kind);
      else logger.info(fields, kind);
    },
    file({ user, address }, { kind, ...fields }) {
      logger.info({ user, address, ...fields }, kind);
    },
    fault(identity, error) {
      logger.error({ ...(identity === undefined ? {} : { user: identity.user }), ...describe(error) }, 'fault');
    },
    expired(dataset, uploads) {
      logger.info({ dataset, uploads }, 'uploads expired');
    },
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
  };
}

/** Whether the client went away, or did not keep to the protocol: nothing that fails here. */
export function isOfClient(error: unknown): boolean {
  return error instanceof SftpError;
}

/** Our own errors say nothing of the data; of others only what kind they are. */
function describe(error: unknown): Record<string, string> {
  if (error instanceof GloveboxError) return { error: `${error.name} ${error.code}`, message: error.message };
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { error: error instanceof Error ? `${error.name} ${code}`.trim() : 'unknown' };
}
