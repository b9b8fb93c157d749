// What systemd says to a service and hears of it (sd_listen_fds(3), sd_notify(3)).
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const FIRST_DESCRIPTOR = 3;

/** The socket that systemd listens on for us; undefined where it does not. */
export function activationDescriptor(env: NodeJS.ProcessEnv = process.env): number | undefined {
  const isForUs = env.LISTEN_PID === String(process.pid) && Number(env.LISTEN_FDS) >= 1;
  return isForUs ? FIRST_DESCRIPTOR : undefined;
}

/**
 * Tells systemd how it goes, where it wants to know. Node has no datagram sockets of the file system: systemd's own
 * program sends it, so that the unit needs `NotifyAccess=all`.
 */
export async function notify(state: 'ready' | 'reloading' | 'stopping', env = process.env): Promise<void> {
  if (env.NOTIFY_SOCKET === undefined) return;
  const { PATH = '/usr/bin:/bin', NOTIFY_SOCKET } = env;
  const child = spawn('systemd-notify', [`--pid=${process.pid}`, `--${state}`], {
    env: { PATH, NOTIFY_SOCKET },
    stdio: 'ignore',
  });
  await Promise.race([once(child, 'exit'), once(child, 'error')]).catch(() => undefined);
}
