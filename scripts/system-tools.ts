// The system packages that some tests need: found, installed (only where that is wanted), or named as missing.
import { run, runQuietly } from './process.ts';

interface SystemTool {
  package: string;
  command: string[];
  /** What does not run without it. */
  suite: string;
}

const tools: SystemTool[] = [
  { package: 'bubblewrap', command: ['bwrap', '--version'], suite: 'the engine in its sandbox' },
  { package: 'strace', command: ['strace', '--version'], suite: 'no plaintext in any file written (I1)' },
];

/**
 * Looks for the tools, installs the missing ones with apt-get if `install` is set, and says aloud what
 * will be left out.
 *
 * @returns for each tool that cannot be used, by package name, the reason to print with a skipped test.
 */
export async function findMissingTools({ install }: { install: boolean }): Promise<Record<string, string>> {
  if (install && tools.some((tool) => !isPresent(tool))) await installTools(tools.filter((tool) => !isPresent(tool)));
  const missing: Record<string, string> = {};
  for (const tool of tools) {
    const reason = findReason(tool);
    if (reason === undefined) continue;
    missing[tool.package] = reason;
    process.stderr.write(`\n*** LEFT OUT: ${tool.suite}: ${reason}\n\n`);
  }
  return missing;
}

function findReason(tool: SystemTool): string | undefined {
  if (!isPresent(tool)) {
    return `${tool.package} is not installed: apt-get install ${tool.package}`;
  }
  if (tool.package !== 'bubblewrap') return undefined;
  const probe = runQuietly('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']);
  return probe.code === 0 ? undefined : 'bubblewrap cannot make namespaces here: the kernel or a container forbids it';
}

function isPresent(tool: SystemTool): boolean {
  const [program = '', ...args] = tool.command;
  return runQuietly(program, args).code === 0;
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
