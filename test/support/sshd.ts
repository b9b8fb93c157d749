// OpenSSH's server on loopback, for as long as a test needs it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, makeSshKey } from './programs.ts';

export interface Sshd {
  port: number;
  user: string;
  /** A private key that gets in, and the file with the host's key. */
  keyFile: string;
  knownHosts: string;
  folder: string;
  /** What the server said. */
  log(): string;
  stop(): Promise<void>;
}

/**
 * @param more lines of sshd_config, before the others: the first that says something counts
 * @param match blocks of `Match`, after the others
 */
export async function startSshd({
  more = [],
  match = [],
  base = tmpdir(),
}: {
  more?: string[];
  match?: string[];
  base?: string;
} = {}): Promise<Sshd> {
  const folder = await mkdtemp(join(base, 'glovebox-sshd-'));
  const hostKey = join(folder, 'host');
  const keyFile = join(folder, 'user');
  const hostPublic = makeSshKey(hostKey);
  const userPublic = makeSshKey(keyFile);
  await writeFile(join(folder, 'authorized_keys'), `${userPublic}\n`);
  const port = await freePort();
  const knownHosts = join(folder, 'known_hosts');
  await writeFile(knownHosts, `[127.0.0.1]:${port} ${hostPublic}\n`);
  // Where it is run as root it wants this folder.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const config = join(folder, 'sshd_config');
  await writeFile(
    config,
    [
      ...more,
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin yes',
      'MaxStartups 200:30:300',
      'MaxSessions 100',
      `PidFile ${join(folder, 'pid')}`,
      'Subsystem sftp internal-sftp',
      ...match,
      '',
    ].join('\n'),
  );
  const log = join(folder, 'log');
  const child = spawn('/usr/sbin/sshd', ['-D', '-f', config, '-E', log], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  let said = '';
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`sshd does not start: ${await readFile(log, 'utf8')}`);
    await sleep(50);
  }
  return {
    port,
    user: userInfo().username,
    keyFile,
    knownHosts,
    folder,
    log: () => said,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      said = await readFile(log, 'utf8').catch(() => '');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** The options with which OpenSSH's clients reach it, without what the user's own configuration says. */
export function clientOptions({ keyFile, knownHosts }: { keyFile: string; knownHosts: string }): string[] {
  const options = [
    `UserKnownHostsFile=${knownHosts}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'IdentitiesOnly=yes',
    'BatchMode=yes',
    `IdentityFile=${keyFile}`,
  ];
  return ['-F', '/dev/null', ...options.flatMap((option) => ['-o', option])];
}
