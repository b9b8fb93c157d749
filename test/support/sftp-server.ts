// OpenSSH's SFTP server as a child over pipes: what `ssh -s HOST sftp` reaches, without the ssh.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { joinChannel } from '../../src/sftp/index.ts';

export interface SftpServerProcess {
  channel: Duplex;
  child: ChildProcess;
}

/**
 * Starts it in `folder`, where relative paths begin. Whoever starts it ends the channel, or kills the child.
 * @param descriptors how many it may have open, its own three or four among them
 */
export function startSftpServer(folder: string, options: string[] = [], descriptors = 1024): SftpServerProcess {
  const limited = ['-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, '/usr/lib/openssh/sftp-server'];
  const child = spawn('/bin/sh', [...limited, '-d', folder, ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
  return { channel: joinChannel(child.stdout, child.stdin), child };
}
