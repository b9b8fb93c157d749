// glovebox sftp-subsystem: one SFTP session, started by OpenSSH's server.
import { openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { type Log, openLog, readArrival, serveSubsystem } from '../../gateway/index.ts';
import { isErrnoError } from '../../lib/index.ts';
import { joinChannel, SftpError } from '../../sftp/index.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { explainError } from '../exit.ts';
import { refuseSwap } from '../host.ts';
import { openGatewaySetup } from '../workspace.ts';

export const sftpSubsystem = defineCommand({
  name: 'sftp-subsystem',
  summary: "serve one SFTP session behind OpenSSH's server",
  details:
    'For sshd to start, in place of its own SFTP server: docs/gateway.md has the configuration. Who has come is read ' +
    'from what sshd says (ExposeAuthInfo); what they may do is in glovebox.yaml.',
  examples: ['glovebox -C /srv/claims sftp-subsystem --log /var/log/glovebox/sftp.log'],
  arguments: {},
  options: {
    log: { value: 'FILE', description: 'add what is done, as lines of JSON; what fails is then told there alone' },
    allowSwap: { description: 'serve although this host has unencrypted swap' },
  },
  async run(context, _given, { log: file, allowSwap }) {
    const log = file === undefined ? undefined : openLog(openFile(file));
    try {
      const swap = refuseSwap(allowSwap);
      if (swap !== undefined) log?.warn('unencrypted swap was allowed', { swap });
      const arrival = await readArrival(process.env);
      const load = await openGatewaySetup(context);
      const setup = await load();
      const channel = joinChannel(process.stdin, standardOutput());
      context.signal.addEventListener('abort', () => channel.destroy(), { once: true });
      await serveSubsystem({ setup, arrival, channel, log });
    } catch (error) {
      if (error instanceof SftpError && error.code === 'LOST') return;
      throw log === undefined ? error : forTheClient(error, log);
    }
  },
});

/** Closed with the process: Node's own cannot be ended. */
function standardOutput(): Writable {
  // A client that has gone is no reason to end before what it sent is kept: the channel hears of it.
  process.stdout.removeAllListeners('error').on('error', () => undefined);
  return new Writable({ write: (chunk, _encoding, done) => void process.stdout.write(chunk, done) });
}

function openFile(file: string): number {
  try {
    return openSync(file, 'a', 0o600);
  } catch (error) {
    if (!isErrnoError(error)) throw error;
    throw new CliError('FILE', `the log ${file} cannot be written (${error.code})`, { cause: error });
  }
}

/** sshd hands on to the client what is said here; paths of this machine are none of theirs. */
function forTheClient(error: unknown, log: Log): unknown {
  const { code, message, hint } = explainError(error);
  if (code === 'gateway/LOGIN') return error;
  log.warn('the session could not be served', { code, reason: message, hint });
  return new CliError('HOST', 'the server cannot serve this session', { hint: 'ask whoever runs it' });
}
