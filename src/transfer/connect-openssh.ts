// A session over the user's own ssh(1): its configuration, known hosts, agent and jump hosts are used as they are.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isErrnoError } from '../lib/index.ts';
import { joinChannel } from '../sftp/index.ts';
import { type Connection, startSession, stopped } from './connection.ts';
import { TransferError } from './error.ts';
import type { Remote } from './remote.ts';
import { explainSsh } from './ssh-words.ts';

/** What of ssh's words is kept: the last of them. */
const MAX_SAID = 16 * 1024;

export interface OpenSshOptions {
  identity?: string | undefined;
  /** `SHA256:…`: the only key of the host that is taken. */
  hostKey?: string | undefined;
  /** Options of ssh_config(5), as `Name=value`. */
  sshOptions?: readonly string[] | undefined;
  /** Whether ssh may ask for a passphrase on the terminal. */
  isInteractive: boolean;
  timeoutMs: number;
  signal: AbortSignal;
}

/** The program, and the start of its arguments where a test has another one. */
const SSH = 'ssh';

/** @throws TransferError `CONNECT`, `HOST_UNKNOWN`, `HOST_KEY`, `LOGIN`, `SETUP`, `ABORTED`; SftpError */
export async function connectOpenSsh(remote: Remote, options: OpenSshOptions): Promise<Connection> {
  const { signal, hostKey, timeoutMs } = options;
  if (signal.aborted) throw stopped();
  const child = spawn(SSH, sshArguments(remote, options), { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<unknown>((resolve) => {
    child.once('error', resolve).once('exit', resolve);
  });
  let said = '';
  let notStarted: unknown;
  child.once('error', (error) => {
    notStarted = error;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('latin1')).slice(-MAX_SAID);
  });
  const release = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
    // A master that goes on in the background may hold it open for ever.
    child.stderr.destroy();
  };
  try {
    return await startSession(joinChannel(child.stdout, child.stdin), { signal, timeoutMs, release });
  } catch (error) {
    if (error instanceof TransferError) throw error;
    if (isErrnoError(notStarted, 'ENOENT')) throw noSsh(notStarted);
    if (notStarted !== undefined) {
      throw new TransferError('SETUP', 'ssh cannot be started', { hint: 'see: ssh -V', cause: notStarted });
    }
    if (!child.stderr.readableEnded && !child.stderr.destroyed) await once(child.stderr, 'close');
    if (child.exitCode === 255 || said !== '') throw explainSsh(said, remote, hostKey, offeredKey(said));
    throw error;
  }
}

function noSsh(cause: unknown): TransferError {
  return new TransferError('SETUP', 'there is no ssh program', {
    hint: 'install OpenSSH, or say --ssh built-in',
    cause,
  });
}

/**
 * The arguments of ssh. What comes first counts: nothing of the user's makes it take a key that is not known, or
 * forwards anything. The host stands behind `--`.
 */
export function sshArguments(remote: Remote, options: Omit<OpenSshOptions, 'signal'>): string[] {
  const { identity, hostKey, sshOptions = [], isInteractive, timeoutMs } = options;
  const fixed = [
    'StrictHostKeyChecking=yes',
    'VerifyHostKeyDNS=no',
    `BatchMode=${isInteractive ? 'no' : 'yes'}`,
    'LogLevel=ERROR',
    'ForwardAgent=no',
    'ForwardX11=no',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
    'RequestTTY=no',
    'RemoteCommand=none',
    'ControlMaster=no',
    ...(hostKey === undefined ? [] : pinOptions(hostKey)),
    ...(identity === undefined ? [] : [`IdentityFile=${quoted(identity)}`, 'IdentitiesOnly=yes']),
  ];
  const defaults = [`ConnectTimeout=${Math.ceil(timeoutMs / 1000)}`, 'ServerAliveInterval=15', 'ServerAliveCountMax=4'];
  const all = [...fixed, ...sshOptions, ...defaults];
  return [
    ...all.flatMap((option) => ['-o', option]),
    ...(remote.port === undefined ? [] : ['-p', String(remote.port)]),
    ...(remote.user === undefined ? [] : ['-l', remote.user]),
    '-s',
    '--',
    remote.host,
    'sftp',
  ];
}

/** As ssh_config(5) takes a path with blanks; `%` begins a token there. */
function quoted(path: string): string {
  return `"${path.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`;
}

/**
 * Has ssh know exactly the key with this fingerprint, whatever known_hosts says: it asks a command for the keys of
 * the host, with the key that the host has shown (ssh_config(5), KnownHostsCommand; since OpenSSH 8.5). Not through a
 * connection that another ssh has made, where that was not asked.
 */
function pinOptions(hostKey: string): string[] {
  const script = `echo "${OFFERED} $1" >&2; [ "$1" = "$2" ] && echo "$3 $4 $5"; exit 0`;
  return [
    'UserKnownHostsFile=/dev/null',
    'GlobalKnownHostsFile=/dev/null',
    'ControlPath=none',
    `KnownHostsCommand=/bin/sh -c '${script}' sh %f ${hostKey} %H %t %K`,
  ];
}

const OFFERED = 'glovebox-offered-key';

function offeredKey(said: string): string | undefined {
  return new RegExp(`^${OFFERED} (SHA256:[A-Za-z0-9+/]{43})\\s*$`, 'm').exec(said)?.[1];
}
