// A short run of the fuzzer of seal/, always the same; ten minutes of it in full mode.
import { describe, expect, it } from 'vitest';
import { runChild } from './support/child.ts';

const FULL = process.env.GLOVEBOX_FULL === '1';
const BOUNDS = FULL ? ['--seconds', '600'] : ['--seconds', '90', '--cases', '2500'];
const PROGRAM = new URL('./fuzz/fuzz-seal.ts', import.meta.url);

describe('fuzzing header and frames', () => {
  it(
    'finds no crash, no hang, no wrong plaintext and no memory over the bound',
    async () => {
      const { code, stdout, stderr } = await runChild(PROGRAM, ['--seed', '1', ...BOUNDS]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const { cases, answers } = JSON.parse(stdout);
      console.log(`fuzzed ${cases} cases: ${stdout}`);
      // It gets past the parser: cases open, and fail in frames and tags.
      for (const answer of ['opens', 'FRAME_AUTH', 'FRAME_ORDER', 'TRAILING_BYTES', 'UNWRAP_FAILED', 'LIMIT']) {
        expect(answers[answer], answer).toBeGreaterThan(0);
      }
    },
    FULL ? 720_000 : 120_000,
  );
});
