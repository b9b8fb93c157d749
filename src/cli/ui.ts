// All printing. Results go to standard output and nothing else does; messages, warnings and progress go
// to standard error. The voice: no capital at the start of a line; `glovebox: what, where`, and what
// to do about it on the next line. With --json: one document on standard output, and one JSON object a
// line on standard error.

import type { Failure } from './exit.ts';
import { printable } from './format.ts';
import { type Progress, silentProgress, startProgress } from './progress.ts';

/** A stream that can be printed to. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export interface Ui {
  json: boolean;
  /** Whether results go to a terminal. */
  resultsToTerminal: boolean;
  /** The result: `value` as JSON, or the lines for people. At most once in a command. */
  result(value: unknown, lines: string[] | (() => string[])): void;
  /** A line of a result that is told while it comes about; nothing with --json. */
  tell(line: string): void;
  /** A message that is not the result. */
  note(message: string, hint?: string): void;
  warn(message: string, hint?: string): void;
  /** Something that happened meanwhile, for programs: a line of JSON with --json, else nothing. */
  event(value: unknown): void;
  failure(failure: Failure): void;
  /** A progress line, on a terminal only. Close it before anything else is printed. */
  progress(): Progress;
}

/** @param streams standard output and standard error, or what stands for them in a test. */
export function createUi(json: boolean, streams: { stdout: Output; stderr: Output }): Ui {
  const { stdout, stderr } = streams;
  let open: Progress = silentProgress;
  const say = (kind: string, message: string, hint?: string): void => {
    open.close();
    if (json) {
      stderr.write(`${JSON.stringify({ [kind]: message, ...(hint === undefined ? {} : { hint }) })}\n`);
      return;
    }
    const prefix = kind === 'warning' ? 'glovebox: warning:' : 'glovebox:';
    stderr.write(`${prefix} ${printable(message)}\n`);
    if (hint !== undefined) stderr.write(`  ${printable(hint)}\n`);
  };
  return {
    json,
    resultsToTerminal: stdout.isTTY === true,
    result(value, lines) {
      open.close();
      if (json) {
        stdout.write(`${JSON.stringify(value)}\n`);
        return;
      }
      for (const line of typeof lines === 'function' ? lines() : lines) stdout.write(`${line}\n`);
    },
    tell(line) {
      open.close();
      if (!json) stdout.write(`${line}\n`);
    },
    note: (message, hint) => say('note', message, hint),
    warn: (message, hint) => say('warning', message, hint),
    event(value) {
      if (json) stderr.write(`${JSON.stringify(value)}\n`);
    },
    failure(failure) {
      if (json) {
        open.close();
        const { code, message, hint, exit } = failure;
        stderr.write(`${JSON.stringify({ error: { code, message, hint, exit } })}\n`);
        return;
      }
      say('error', failure.message, failure.hint);
    },
    progress() {
      if (json || stderr.isTTY !== true) return silentProgress;
      open = startProgress(
        (text) => stderr.write(text),
        () => stderr.columns || 80,
      );
      return open;
    },
  };
}
