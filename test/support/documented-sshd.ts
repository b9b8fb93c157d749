// OpenSSH's server as docs/gateway-sshd.md says to set it up, for a workspace of a test.
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/process.ts';
import { COMMAND, type GatewayBox } from './gateway.ts';
import { type Sshd, startSshd } from './sshd.ts';

const DOCUMENT = join(root, 'docs', 'gateway-sshd.md');
const PROGRAM = '/usr/bin/node /usr/lib/node_modules/glovebox/dist/cli/main.js -C /srv/claims';

export interface DocumentedSshd extends Sshd {
  /** What the sessions write to. */
  logFile: string;
}

/** @param box whose workspace is served, under the account that runs the tests */
export async function startDocumentedSshd(box: GatewayBox): Promise<DocumentedSshd> {
  const [, text = ''] = /```sshd\n(.*?)```/s.exec(await readFile(DOCUMENT, 'utf8')) ?? [];
  const logFile = join(box.folder, 'sftp.log');
  const allow = ' --allow-swap --log ';
  const config = text
    // The folders above a program must be root's, which those of a checkout need not be.
    .replaceAll(PROGRAM, `/usr/bin/env ${process.execPath} ${COMMAND} -C ${box.workspace}`)
    .replace(' --log /srv/claims/.glovebox/sftp.log', `${allow}${logFile}`)
    .replace('Match User glovebox', `Match User ${userInfo().username}`)
    .replace('CommandUser glovebox', `CommandUser ${userInfo().username}`)
    .replace('Match all', `  SetEnv XDG_CONFIG_HOME=${box.env.XDG_CONFIG_HOME}\nMatch all`);
  if (!config.includes(COMMAND) || !config.includes(allow) || config.includes('/srv')) {
    throw new Error(`the configuration in ${DOCUMENT} is not as it was`);
  }
  const [before = '', ...blocks] = config.split(/^(?=Match )/m);
  const sshd = await startSshd({ more: before.split('\n'), match: blocks.join('').split('\n') });
  return { ...sshd, logFile };
}
