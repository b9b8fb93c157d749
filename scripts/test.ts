// `npm test`: builds, gets what the tests need, runs them all, and ends with the counts on one line.
// Arguments go to vitest; `--full` adds the long runs.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.ts';
import { root, run } from './process.ts';
import { prepareTools } from './system-tools.ts';
import type { TestReport } from './test-report.ts';

/** Why a test may be left out under CI=true too: no package installed by this script would help. */
const IMPOSSIBLE = [
  /^bubblewrap cannot make namespaces here/,
  /^sshfs cannot mount here/,
  /^no adult\.csv/,
  /^needs a user other than root/,
  /^needs root/,
];

const inCI = process.env.CI === 'true';
const given = process.argv.slice(2);
const full = given.includes('--full');
const vitestArguments = given.filter((argument) => argument !== '--full');
process.exitCode = await main();

async function main(): Promise<number> {
  if (!(await build())) return close({ passed: 0, failed: 1, skipped: [], problems: ['the build failed'] });
  const { missing, python, moto, clients } = await prepareTools({ install: inCI && process.getuid?.() === 0 });
  const folder = await mkdtemp(join(tmpdir(), 'glovebox-test-'));
  try {
    const report = join(folder, 'report.json');
    const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'test-report.ts')}`];
    const code = await run('vitest', ['run', ...reporters, ...vitestArguments], {
      GLOVEBOX_TEST_REPORT: report,
      GLOVEBOX_MISSING: JSON.stringify(missing),
      ...(python === undefined ? {} : { GLOVEBOX_PYTHON: python }),
      ...(moto === undefined ? {} : { GLOVEBOX_MOTO_PYTHON: moto }),
      ...(clients === undefined ? {} : { GLOVEBOX_CLIENTS_PYTHON: clients }),
      ...(full ? { GLOVEBOX_FULL: '1' } : {}),
    });
    return close(judge(await readReport(report), code));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readReport(path: string): Promise<TestReport> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: [], problems: ['vitest ended without a report'] };
  }
}

/** Adds what vitest itself does not count as a failure: no test at all, and tests left out without a good reason. */
function judge(report: TestReport, code: number): TestReport {
  const problems = [...report.problems];
  if (report.passed + report.failed === 0) problems.push('no test ran');
  if (code !== 0 && report.failed + problems.length === 0) problems.push(`vitest ended with exit code ${code}`);
  const chosen = vitestArguments.some((argument) => argument.startsWith('-t') || argument.startsWith('--testName'));
  const skipped = chosen ? report.skipped.filter(({ reason }) => reason !== '') : report.skipped;
  for (const { name, reason } of skipped) {
    if (reason === '') problems.push(`left out without a reason: ${name}`);
    else if (inCI && !IMPOSSIBLE.some((pattern) => pattern.test(reason))) problems.push(`left out: ${name}: ${reason}`);
  }
  return { ...report, problems };
}

/** Prints the reasons, the problems and, last, the counts. A problem counts as a failed test. @returns the exit code. */
function close({ passed, failed, skipped, problems }: TestReport): number {
  const reasons = Map.groupBy(
    skipped.filter(({ reason }) => reason !== ''),
    ({ reason }) => reason,
  );
  for (const [reason, tests] of reasons) process.stdout.write(`skipped ${tests.length}: ${reason}\n`);
  for (const problem of problems) process.stdout.write(`FAILED: ${problem}\n`);
  const failures = failed + problems.length;
  process.stdout.write(`${passed} passed, ${failures} failed, ${skipped.length} skipped\n`);
  return failures === 0 ? 0 : 1;
}
