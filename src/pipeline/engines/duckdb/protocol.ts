// What the engine's process and ours say to each other: one JSON object a line, over the child's
// standard input and output. JSON and not structured clone, because the child parses hostile data and
// may be taken over; our side trusts nothing but the shape.

/** Why a statement failed, without any value from the data (I1). */
export type EngineFailure =
  /** A row that is no CSV: `line` counts from 1 in the bytes that went through the pipe `pipe`. */
  | { kind: 'csv'; problem: CsvProblem; pipe: string | null; line: number | null; expected?: number; found?: number }
  /** A check written into the statement as `error('glovebox:<check>')`. */
  | { kind: 'check'; check: string }
  | { kind: 'memory' }
  /** Anything else: the engine's class of error (`Conversion Error`…), not its text. */
  | { kind: 'engine'; name: string };

export type CsvProblem = 'columns' | 'quote' | 'encoding' | 'line-too-long' | 'other';

export interface SecretTable {
  table: string;
  key: string;
  /** Hexadecimal; empty where only `key` is used. */
  inner: string;
  outer: string;
}

export type Request =
  | { op: 'start'; folder: string; threads: number; memoryBytes: number; secrets: SecretTable[] }
  | { op: 'query'; sql: string }
  | { op: 'execute'; sql: string }
  /** Runs a COPY; answers with the rows read and the rows written to each file. */
  | { op: 'copy'; sql: string; counted: boolean };

export type Reply =
  | {
      ok: true;
      rows?: Record<string, unknown>[];
      rowsIn?: number;
      files?: { path: string; rows: number }[];
      rssBytes: number;
    }
  | { ok: false; failure: EngineFailure; rssBytes: number };

/** One line for the wire; bigint, NaN, infinities and -0 survive. */
export function encodeMessage(message: unknown): string {
  const text = JSON.stringify(message, (_key, value: unknown) => {
    if (typeof value === 'bigint') return { $bigint: value.toString() };
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) {
      return { $number: Object.is(value, -0) ? '-0' : String(value) };
    }
    return value;
  });
  return `${text}\n`;
}

/** Reads back what `encodeMessage` wrote. @throws SyntaxError on anything that is not JSON. */
export function decodeMessage(line: string): unknown {
  return JSON.parse(line, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$bigint' in value && typeof value.$bigint === 'string') return BigInt(value.$bigint);
    if ('$number' in value && typeof value.$number === 'string') return Number(value.$number);
    return value;
  });
}
