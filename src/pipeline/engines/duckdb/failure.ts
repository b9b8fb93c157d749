// Sorts an engine's error by kind and forgets its text, which quotes data (I1). Runs in the child.
import { basename } from 'node:path';
import type { CsvProblem, EngineFailure } from './protocol.ts';

const CSV_PROBLEMS: [RegExp, CsvProblem][] = [
  [/\nExpected Number of Columns: \d+ Found: \d+/, 'columns'],
  [/\nValue with unterminated quote/, 'quote'],
  [/\nInvalid unicode|not utf-8 encoded/, 'encoding'],
  [/Maximum line size/, 'line-too-long'],
];

/**
 * What kind of failure DuckDB's error text tells of. Only numbers, the pipe's file name and names of
 * checks that we wrote ourselves come out. Source: DuckDB 1.5.6, CSV error messages as observed.
 */
export function classifyFailure(error: unknown): EngineFailure {
  const text = error instanceof Error ? error.message : '';
  const check = /^Invalid Input Error: glovebox:([A-Za-z0-9_.:-]{1,100})$/.exec(text);
  if (check?.[1] !== undefined) return { kind: 'check', check: check[1] };
  if (/^(Out of Memory Error|std::bad_alloc)/.test(text)) return { kind: 'memory' };
  const csv = /CSV Error on Line: (\d+)/.exec(text);
  if (csv !== null || /^Invalid Input Error: .*CSV/.test(text)) {
    // The original line is quoted between the two; what it says must not be mistaken for the engine's words.
    const own = text.slice(text.indexOf('\nOriginal Line:') + 1).replace(/^Original Line:.*/, '');
    const problem = CSV_PROBLEMS.find(([pattern]) => pattern.test(own) || pattern.test(text))?.[1] ?? 'other';
    const columns = /\nExpected Number of Columns: (\d+) Found: (\d+)/.exec(own);
    const pipe = /\n {2}file = (\S+)\n/.exec(text);
    return {
      kind: 'csv',
      problem,
      pipe: pipe?.[1] === undefined ? null : basename(pipe[1]),
      line: csv === null ? null : Number(csv[1]),
      ...(columns === null ? {} : { expected: Number(columns[1]), found: Number(columns[2]) }),
    };
  }
  return { kind: 'engine', name: /^([A-Z][A-Za-z ]{2,30} Error):/.exec(text)?.[1] ?? 'unknown error' };
}
