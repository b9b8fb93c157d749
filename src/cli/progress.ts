// A progress line on a terminal: bytes, rows and rate of anything that takes longer than a second.
import { formatBytes, formatCount, formatSeconds } from './format.ts';

const DELAY_MS = 1000;
const INTERVAL_MS = 100;
const BAR_WIDTH = 20;

/** How far something is. What is not known is left out. */
export interface ProgressState {
  label: string;
  bytes: number;
  totalBytes?: number | undefined;
  rows?: number | undefined;
  /** Of `bytes`, those that were there at the start: they do not count for the rate. */
  startBytes?: number | undefined;
  /** Shown at the end of the line. */
  detail?: string | undefined;
}

export interface Progress {
  /** Whether anybody sees it: else nothing need be counted for it. */
  active: boolean;
  update(state: ProgressState): void;
  /** Removes the line. Safe to call more than once. */
  close(): void;
}

/** A progress that draws nothing: for files, pipes and `--json`. */
export const silentProgress: Progress = { active: false, update: () => undefined, close: () => undefined };

/** Told of bytes so far, and of how many there are where that is known. */
export type OnBytes = (bytes: number, totalBytes?: number) => void;

/** Runs `work` with a progress line of bytes, which is gone when it has ended. */
export async function withProgress<Result>(
  ui: { progress(): Progress },
  label: string,
  work: (onBytes: OnBytes) => Promise<Result>,
): Promise<Result> {
  const progress = ui.progress();
  try {
    return await work((bytes, totalBytes) => progress.update({ label, bytes, totalBytes }));
  } finally {
    progress.close();
  }
}

/** The chunks as they are; `onBytes` is told of each. */
export async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: OnBytes,
  totalBytes?: number,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    onBytes(bytes, totalBytes);
    yield chunk;
  }
}

/** A progress line that `write` draws; `columns` tells the terminal's width. */
export function startProgress(write: (text: string) => void, columns: () => number): Progress {
  let started = performance.now();
  let drawn = 0;
  let visible = false;
  let label: string | undefined;
  return {
    active: true,
    update(state) {
      const now = performance.now();
      if (state.label !== label) {
        if (label !== undefined) started = now;
        label = state.label;
      }
      if (!visible && now - started < DELAY_MS) return;
      if (now - drawn < INTERVAL_MS) return;
      drawn = now;
      visible = true;
      write(`\r\u001b[K${describeProgress(state, (now - started) / 1000).slice(0, Math.max(10, columns() - 1))}`);
    },
    close() {
      if (visible) write('\r\u001b[K');
      visible = false;
    },
  };
}

/** The line: label, bar, bytes, rows, rate, time left. */
export function describeProgress(state: ProgressState, seconds: number): string {
  const { label, bytes, totalBytes, rows, startBytes = 0, detail } = state;
  const rate = seconds > 0 ? (bytes - startBytes) / seconds : 0;
  const parts = [totalBytes === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`];
  if (rows !== undefined) parts.push(`${formatCount(rows)} rows`);
  parts.push(`${formatBytes(rate)}/s`);
  if (totalBytes === undefined || totalBytes === 0) {
    if (detail !== undefined) parts.push(detail);
    return `${label}  ${parts.join('  ')}`;
  }
  const share = Math.min(1, bytes / totalBytes);
  if (rate > 0 && share < 1) parts.push(`${formatSeconds((totalBytes - bytes) / rate)} left`);
  if (detail !== undefined) parts.push(detail);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
  return `${label}  ${bar} ${Math.floor(share * 100)}%  ${parts.join('  ')}`;
}
