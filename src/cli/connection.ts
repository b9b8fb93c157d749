// How `push` and `pull` reach a server: their options, and what becomes of them.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ConnectOptions, parseFingerprint } from '../transfer/index.ts';
import type { CommandContext } from './command.ts';
import { usage } from './error.ts';
import { parseCount, parseDuration } from './parse.ts';
import { readPassphrase } from './prompt.ts';

const STALL_MS = 60_000;
const RETRIES = 8;

/** The options of both commands. */
export const connectionOptions = {
  identity: { short: 'i', value: 'FILE', description: 'a private SSH key: the only one that is used' },
  hostKey: {
    value: 'SHA256:…',
    description: "the fingerprint of the server's key: no other is taken, whatever known_hosts says",
    parse: parseFingerprint,
  },
  ssh: {
    value: 'WAY',
    description: 'openssh (your ssh, with its configuration), or built-in (known_hosts, key files and agent only)',
    byDefault: 'openssh, where there is one',
    parse(text: string) {
      if (text === 'openssh' || text === 'built-in') return text;
      throw usage(`there is no way ${text}`, 'say openssh or built-in');
    },
  },
  sshOption: {
    value: 'NAME=VALUE',
    description: 'an option of ssh_config(5)',
    many: true,
    parse(text: string) {
      if (/^[A-Za-z][A-Za-z0-9]*[ =]\S.*$/.test(text) && !/\p{Cc}/u.test(text)) return text;
      throw usage(`not an option of ssh: ${text}`, 'such as ProxyJump=bastion');
    },
  },
  retries: {
    value: 'N',
    description: 'how often in a row a lost connection is opened again while nothing comes through',
    byDefault: String(RETRIES),
    parse: parseCount(0, 1000),
  },
  connectTimeout: {
    value: 'TIME',
    description: 'how long until there must be a session',
    byDefault: '30s',
    parse: parseTimeout,
  },
  stallTimeout: {
    value: 'TIME',
    description: 'how long nothing may come before the connection counts as lost',
    byDefault: '60s',
    parse: parseTimeout,
  },
} as const;

function parseTimeout(text: string): number {
  const time = parseDuration(text);
  if (time >= 1 && time < 2 ** 31) return time;
  throw usage(`not a time to wait for: ${text}`, 'write 30s, or 5min');
}

export interface GivenConnection {
  identity: string | undefined;
  hostKey: string | undefined;
  ssh: 'openssh' | 'built-in' | undefined;
  sshOption: string[];
  connectTimeout: number | undefined;
}

/** What `connect` is given. The passphrase of a key is asked for on the terminal, or read as for other private keys. */
export function connectOptions(context: CommandContext, given: GivenConnection): ConnectOptions {
  const { signal } = context;
  const { identity, hostKey, ssh, sshOption, connectTimeout } = given;
  return {
    identity,
    hostKey,
    ssh,
    sshOptions: sshOption,
    timeoutMs: connectTimeout,
    isInteractive: process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY,
    askPassphrase: (what) => readPassphrase({ what, variable: 'GLOVEBOX_PASSPHRASE_FILE', signal }),
    signal,
  };
}

/** How often, and how long: with what stands for what was not given. */
export function patience({
  retries = RETRIES,
  stallTimeout = STALL_MS,
}: {
  retries: number | undefined;
  stallTimeout: number | undefined;
}): { retries: number; stallMs: number } {
  return { retries, stallMs: stallTimeout };
}

/** The folder where transfers that were cut off are noted: XDG Base Directory Specification. */
export function transferState(): string {
  const { XDG_STATE_HOME: state = '' } = process.env;
  return join(state.startsWith('/') ? state : join(homedir(), '.local', 'state'), 'glovebox', 'transfers');
}
