// A vitest reporter that writes the counts, and why each test was left out, as JSON for scripts/test.ts.
// (vitest's own JSON report leaves the reasons out.)
import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export interface TestReport {
  passed: number;
  failed: number;
  skipped: { name: string; reason: string }[];
  /** What is wrong without being a failed test: files that do not load, errors outside of tests. */
  problems: string[];
}

class TestReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<{ message: string }>): void {
    const cases = modules.flatMap((module) => [...module.children.allTests()]);
    const report: TestReport = {
      passed: cases.filter((test) => test.result().state === 'passed').length,
      failed: cases.filter((test) => test.result().state === 'failed').length,
      skipped: cases.flatMap(readSkip),
      problems: [
        ...modules.filter((module) => module.state() === 'failed' && !hasFailedTest(module)).map(nameProblem),
        ...cases.filter((test) => test.result().state === 'pending').map((test) => `did not finish: ${test.fullName}`),
        ...errors.map(() => 'an error outside of any test (see above)'),
      ],
    };
    const path = process.env.GLOVEBOX_TEST_REPORT;
    if (path !== undefined) writeFileSync(path, JSON.stringify(report));
  }
}

function readSkip(test: TestCase): TestReport['skipped'] {
  const result = test.result();
  return result.state === 'skipped' ? [{ name: test.fullName, reason: result.note ?? '' }] : [];
}

function hasFailedTest(module: TestModule): boolean {
  return !module.children.allTests('failed').next().done;
}

function nameProblem(module: TestModule): string {
  return `${module.relativeModuleId} did not run (see above)`;
}

// vitest takes a reporter's class as the default export of its module.
export default TestReporter;
