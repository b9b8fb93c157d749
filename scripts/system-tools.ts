// What some tests need from the machine: found, installed or made (only where that is wanted), or named as missing.
import { existsSync } from 'node:fs';
import { run, runQuietly } from './process.ts';
import { clients, emulator, encryptionClient, findPython, makePythonEnvironment } from './python.ts';

interface SystemTool {
  package: string;
  isPresent(): boolean;
  /** What does not run without it. */
  suite: string;
}

const python: SystemTool = {
  package: 'python3-venv',
  isPresent: () => findPython() !== undefined,
  suite: 'interoperability with the official Python client and its CLI',
};
const tools: SystemTool[] = [
  { package: 'bubblewrap', isPresent: () => answers('bwrap'), suite: 'the engine in its sandbox' },
  { package: 'strace', isPresent: () => answers('strace'), suite: 'no plaintext in any file written (I1)' },
  {
    package: 'openssh-client',
    isPresent: () => runQuietly('ssh', ['-V']).code === 0,
    suite: 'signatures of deliveries by ssh-keygen',
  },
  {
    package: 'openssh-sftp-server',
    isPresent: () => existsSync('/usr/lib/openssh/sftp-server'),
    suite: "the SFTP client against OpenSSH's server",
  },
  {
    package: 'openssh-server',
    isPresent: () => existsSync('/usr/sbin/sshd'),
    suite: "the gateway behind OpenSSH's server",
  },
  {
    package: 'systemd',
    isPresent: () => answers('systemd-notify') && answers('systemd-socket-activate'),
    suite: 'the gateway as a service of systemd',
  },
  ...['lftp', 'rclone', 'curl', 'sshfs'].map(
    (name): SystemTool => ({
      package: name,
      // Some builds of curl do not speak it.
      isPresent: () => answers(name, name === 'curl' ? ' sftp ' : ''),
      suite: `${name} as a client of the gateway`,
    }),
  ),
  python,
];
/** Made with Python, once it is there: under which name of `Tools`, and what is said when it cannot be made. */
const environments = [
  { name: 'python', packages: encryptionClient, tool: python },
  { name: 'moto', packages: emulator, tool: { package: 'moto', suite: 'generated policies on an AWS emulator' } },
  { name: 'clients', packages: clients, tool: { package: 'paramiko', suite: 'ssh-audit and paramiko at the gateway' } },
] as const;

export interface Tools {
  /** For each tool that cannot be used, by package name, the reason to print with a skipped test. */
  missing: Record<string, string>;
  /** A Python that has the official client and its CLI. */
  python?: string;
  /** A Python that has the AWS emulator moto. */
  moto?: string;
  /** A Python that has ssh-audit and paramiko. */
  clients?: string;
}

/**
 * Looks for the tools, installs the missing ones with apt-get if `install` is set, makes the Python
 * environments, and says aloud what will be left out.
 */
export async function prepareTools({ install }: { install: boolean }): Promise<Tools> {
  const wanted = tools.filter((tool) => !tool.isPresent());
  if (install && wanted.length > 0) await installTools(wanted);
  const found: Tools = { missing: {} };
  const base = findPython();
  for (const tool of tools) {
    const reason = findReason(tool);
    if (reason !== undefined && tool !== python) leaveOut(tool, reason, found);
  }
  for (const { name, packages, tool } of environments) {
    const made = base ? await makePythonEnvironment(base, packages) : { reason: findReason(python) ?? 'no Python' };
    if ('python' in made) found[name] = made.python;
    else leaveOut(tool, made.reason, found);
  }
  return found;
}

function leaveOut(tool: Pick<SystemTool, 'package' | 'suite'>, reason: string, { missing }: Tools): void {
  missing[tool.package] = reason;
  process.stderr.write(`\n*** LEFT OUT: ${tool.suite}: ${reason}\n\n`);
}

function findReason(tool: SystemTool): string | undefined {
  if (!tool.isPresent()) {
    const needed = tool === python ? `${tool.package} (Python 3.9 or later)` : tool.package;
    return `${needed} is not installed: apt-get install ${tool.package}`;
  }
  if (tool.package === 'sshfs' && !existsSync('/dev/fuse')) return 'sshfs cannot mount here: there is no /dev/fuse';
  if (tool.package !== 'bubblewrap') return undefined;
  const probe = runQuietly('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']);
  return probe.code === 0 ? undefined : 'bubblewrap cannot make namespaces here: the kernel or a container forbids it';
}

/** @param word that it must say */
function answers(program: string, word = ''): boolean {
  const { code, output } = runQuietly(program, ['--version']);
  return code === 0 && output.includes(word);
}

async function installTools(wanted: SystemTool[]): Promise<void> {
  const packages = wanted.map((tool) => tool.package);
  process.stderr.write(`test: installing ${packages.join(', ')}\n`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    if ((await run('apt-get', ['-qq', ...args], env)) !== 0) {
      process.stderr.write(`test: apt-get ${args.join(' ')} failed\n`);
      return;
    }
  }
}
