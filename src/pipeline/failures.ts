// Turns the engine's failures into errors for people: which object, which line, which rule; no value (I1).

import type { PassInput } from './engines/duckdb/feeds.ts';
import { EngineFailureError } from './engines/duckdb/process.ts';
import type { CsvProblem } from './engines/duckdb/protocol.ts';
import { PipelineError } from './error.ts';
import type { Breach } from './plan/contract.ts';

const PROBLEMS: Record<CsvProblem, string> = {
  columns: 'the row has another number of columns than the header',
  quote: 'a quoted value does not end, or goes on after its quote',
  encoding: 'the text is not in the declared encoding',
  'line-too-long': 'the row is longer than 2 MB',
  other: 'the row is not valid CSV',
};

export interface FailureContext {
  inputs: PassInput[];
  dataset: string;
  memoryBytes: number;
  /** Steps that need memory by their nature, for the message. */
  memorySteps: string[];
}

/** Whether a rule of the pipeline stopped the engine: then a pass more can tell which, and where. */
export function isBrokenRule(error: unknown): boolean {
  return error instanceof EngineFailureError && error.failure.kind === 'check';
}

/** The error for rules that rows of `where` broke (`dataset/object`); there is at least one. */
export function explainBreach(breaches: Breach[], where: string): PipelineError {
  const [first] = breaches.toSorted((a, b) => a.firstRow - b.firstRow);
  const more = breaches.length > 1 ? `; ${breaches.length} rules are broken` : '';
  return new PipelineError(
    'CONTRACT',
    `${where}, row ${first?.firstRow}: ${first?.description} (${first?.rows} ${first?.rows === 1 ? 'row' : 'rows'}${more})`,
    { hint: 'rows count from 1 after the header; mend the data, or let the rule say otherwise: drop or quarantine' },
  );
}

/** The error to raise for what the engine said; other errors as they are. */
export function explainFailure(error: unknown, context: FailureContext): unknown {
  if (!(error instanceof EngineFailureError)) return error;
  const { failure } = error;
  switch (failure.kind) {
    case 'csv': {
      const input = failure.pipe === null ? undefined : context.inputs[Number(failure.pipe)];
      const line = failure.line === null ? '' : `, line ${failure.line + (input?.headerLines ?? 0)}`;
      const counts = failure.expected === undefined ? '' : ` (${failure.found} instead of ${failure.expected})`;
      return new PipelineError(
        'CONTRACT',
        `${context.dataset}/${input?.name ?? '*'}${line}: ${PROBLEMS[failure.problem]}${counts}`,
        {
          hint: 'mend the file and put it again, or say source.csv.malformed: drop in the pipeline',
        },
      );
    }
    case 'memory': {
      const needy =
        context.memorySteps.length === 0 ? '' : `; these steps need memory: ${context.memorySteps.join(', ')}`;
      return new PipelineError(
        'LIMIT',
        `the engine needs more than ${formatBytes(context.memoryBytes)} of memory${needy}`,
        {
          hint: 'allow more with --memory or engine.memory in glovebox.yaml',
        },
      );
    }
    case 'check':
      return new PipelineError('CONTRACT', 'a row breaks a rule of the pipeline');
    case 'engine':
      return new PipelineError('ENGINE', `the engine failed: ${failure.name}`, {
        hint: 'its own words are not shown, because they may quote data',
      });
  }
}

function formatBytes(bytes: number): string {
  return bytes >= 1e9 ? `${bytes / 1e9} GB` : `${Math.round(bytes / 1e6)} MB`;
}
