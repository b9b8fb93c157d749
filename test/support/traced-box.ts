// A workspace whose commands run under strace, with a canary in its data, and the search for it (I1).
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { findCanary, searchFolder } from './canary.ts';
import { type CliBox, makeCliBox, type Outcome, type Running } from './cli.ts';
import { readTrace, straceTo, type Trace } from './strace.ts';

/** Letters and digits; in nothing that we write of our own. */
export const CANARY = 'CANARY7q3Xv9ZkT2';

export interface Traced extends Outcome {
  trace: Trace;
}

type Source = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export interface TracedBox extends CliBox {
  startTraced(args: string[], input?: Source): { running: Running; ended: Promise<Traced> };
  traced(args: string[], input?: Source): Promise<Traced>;
  /**
   * Nothing leaked, the search saw every write, and there is nothing in any file that is still there.
   * `data`: standard output is the data that was asked for. `mayWrite: false`: no file was written but the audit log.
   */
  expectNoLeak(traced: Traced, options?: { data?: boolean; mayWrite?: boolean }): Promise<void>;
  /** Where commands make temporary files. */
  temporary: string;
}

/** A copy of examples/claims. */
export async function makeTracedBox(): Promise<TracedBox> {
  const box = await makeCliBox({ example: 'claims' });
  const temporary = box.env.TMPDIR ?? '';
  let traces = 0;
  const startTraced: TracedBox['startTraced'] = (args, input) => {
    const file = join(box.folder, `trace-${traces++}`);
    const running = box.start(args, { wrap: straceTo(file), ...(input === undefined ? {} : { input }) });
    const ended = running.outcome.then(async (outcome) => {
      const trace = await readTrace(file);
      await rm(file);
      return { ...outcome, trace };
    });
    return { running, ended };
  };
  return {
    ...box,
    temporary,
    startTraced,
    traced: (args, input) => startTraced(args, input).ended,
    async expectNoLeak(traced, { data = false, mayWrite = true } = {}) {
      expect(traced.trace.blind).toEqual([]);
      expect(findLeaks(traced, data)).toEqual([]);
      const files = [...traced.trace.written.keys()].filter((path) => !path.startsWith('/proc/'));
      expect(files.filter((path) => !path.startsWith(`${box.folder}/`))).toEqual([]);
      // What only reads writes the record of it.
      const log = join(box.workspace, '.glovebox', 'audit.jsonl');
      if (!mayWrite) expect(files.filter((path) => path !== log)).toEqual([]);
      expect((await searchFolder(box.folder, CANARY)).found).toEqual([]);
      expect((await searchFolder(temporary, CANARY)).searched).toBe(0);
    },
  };
}

/** Where the canary is, in what was written and printed. */
export function findLeaks({ trace, stdout, stderr }: Traced, data = false): string[] {
  const places: [string, Buffer][] = [
    ...trace.written,
    ['standard error', Buffer.from(stderr)],
    ['names of files', Buffer.from(trace.named.join('\n'))],
  ];
  if (!data) places.push(['standard output', stdout]);
  return places.flatMap(([place, bytes]) => {
    const form = findCanary(bytes, CANARY);
    return form === undefined ? [] : [`${place}: ${form}`];
  });
}

/** For a search in what was printed, and in the files that are there, alone. */
export function untraced(outcome: Outcome): Traced {
  return { ...outcome, trace: { written: new Map(), named: [], pipedBytes: 0, blind: [] } };
}
