// What systemd says to a service and hears of it (sd_listen_fds(3), sd_notify(3)).
import { spawn } from 'node:child_process';
import { GatewayError } from './error.ts';

const FIRST_DESCRIPTOR = 3;
const PROGRAM = 'systemd-notify';

/**
 * The socket that systemd listens on for us; undefined where it does not.
 *
 * @throws GatewayError `CONFIG` where there are several
 */
export function activationDescriptor(env: NodeJS.ProcessEnv = process.env): number | undefined {
  const { LISTEN_PID, LISTEN_FDS } = env;
  if (LISTEN_PID !== String(process.pid) || !/^[1-9]\d*$/.test(LISTEN_FDS ?? '')) return undefined;
  if (LISTEN_FDS === '1') return FIRST_DESCRIPTOR;
  throw new GatewayError('CONFIG', `systemd hands over ${LISTEN_FDS} sockets, and one is served`, {
    hint: 'leave one ListenStream in the socket unit',
  });
}

/**
 * Tells systemd how it goes, where it wants to know. Node has no datagram sockets of the file system: systemd's own
 * program sends it, so that the unit needs `NotifyAccess=all`.
 *
 * @returns false where that program could not
 */
export async function notify(state: 'READY' | 'RELOADING' | 'STOPPING', env = process.env): Promise<boolean> {
  const { PATH = '/usr/bin:/bin', NOTIFY_SOCKET } = env;
  if (NOTIFY_SOCKET === undefined) return true;
  // What Type=notify-reload wants: the same clock as the kernel's.
  const since = state === 'RELOADING' ? [`MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`] : [];
  // As variables: its options of these names are newer than some systemd that is in use.
  const child = spawn(PROGRAM, [`--pid=${process.pid}`, `${state}=1`, ...since], {
    env: { PATH, NOTIFY_SOCKET },
    stdio: 'ignore',
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0));
  });
}
