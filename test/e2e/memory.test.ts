// I6: the memory of put and run does not grow with the data. The sizes are small in `npm test`;
// with --full they are 1 GB and 4 GB.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { treeBytes } from '../../bench/support/measure.ts';
import { root } from '../../scripts/process.ts';
import { generateClaims } from '../../src/cli/demo/claims.ts';
import { type CliBox, expectDone, makeCliBox, type Running } from '../support/cli.ts';

const FULL = process.env.GLOVEBOX_FULL === '1';
const SMALL_ROWS = FULL ? 7_500_000 : 1_000_000;
const LARGE_ROWS = FULL ? 30_000_000 : 3_000_000;
const LIMIT_BYTES = 1.5e9;
const bench = (path: string): string => readFileSync(join(root, 'bench', 'run', path), 'utf8');

let box: CliBox;
beforeEach(async () => {
  box = await makeCliBox({ yaml: bench('glovebox.yaml'), pipelines: { typical: bench('pipelines/typical.yaml') } });
});
afterEach(() => box.remove());

/** The most resident memory of the command and all its children, in bytes. */
async function peakOf({ pid, outcome }: Running): Promise<number> {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, treeBytes(pid));
  }, 20);
  expectDone(await outcome);
  clearInterval(timer);
  return peak;
}

test(
  'put and run stay within bounds, and the same for three times the rows',
  async () => {
    const peaks: { put: number; run: number }[] = [];
    for (const rows of [SMALL_ROWS, LARGE_ROWS]) {
      const input = generateClaims({ rows, seed: 3, malformed: 0 });
      const put = await peakOf(box.start(['put', '-', 'claims-raw/claims.csv'], { input }));
      const run = await peakOf(box.start(['run', 'typical', '--threads', '2']));
      peaks.push({ put, run });
    }
    const [small = { put: 0, run: 0 }, large = { put: 0, run: 0 }] = peaks;
    console.log(
      `peak MB: put ${small.put / 1e6} and ${large.put / 1e6}, run ${small.run / 1e6} and ${large.run / 1e6}`,
    );
    expect(large.put).toBeLessThan(small.put * 1.25);
    expect(large.run).toBeLessThan(small.run * 1.25);
    expect(large.put).toBeLessThan(400e6);
    expect(large.run).toBeLessThan(LIMIT_BYTES);
  },
  FULL ? 1_800_000 : 120_000,
);
