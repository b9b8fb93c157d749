// How push and pull tell of their work: a progress line and a line for each file, or events as lines of JSON.
import type { Summary, TransferEvent } from '../transfer/index.ts';
import { explainError } from './exit.ts';
import { formatBytes, formatCount, formatMany, formatSeconds, printable } from './format.ts';
import type { Ui } from './ui.ts';

/** With `--json` progress is told at most so often. */
const PROGRESS_MS = 1000;

const REASONS = {
  link: 'is a symbolic link, which is not followed',
  special: 'is no regular file',
  loop: 'is a folder that holds itself',
  depth: 'lies deeper than was asked for',
  same: 'is there already',
} as const;

export interface TransferReport {
  onEvent(event: TransferEvent): void;
  /** Prints the result: what came over, file by file with `--json`, and the summary. `more` is part of the document. */
  finish(more?: Record<string, unknown>): void;
  /** Removes the progress line. */
  close(): void;
}

/** @param verb in the progress line: `pulling` */
export function reportTransfer(ui: Ui, verb: string): TransferReport {
  const progress = ui.progress();
  const files: { path: string; to: string; size: number; sha256: string }[] = [];
  let told = Number.NEGATIVE_INFINITY;
  /** Then what is wrong with it is the command's own failure. */
  let isSingle = false;
  let summary: Extract<TransferEvent, { event: 'summary' }> | undefined;
  return {
    onEvent(event) {
      switch (event.event) {
        case 'progress': {
          const { path, bytes, size, doneBytes, totalBytes, resumedBytes, doneFiles } = event;
          const share = size ? ` ${Math.floor((bytes / size) * 100)}%` : '';
          progress.update({
            label: verb,
            ...{ bytes: doneBytes, totalBytes, startBytes: resumedBytes },
            detail:
              event.files > 1
                ? `${formatCount(doneFiles)} of ${formatMany(event.files, 'file')}  ${printable(path)}${share}`
                : printable(path),
          });
          const now = performance.now();
          if (now - told < PROGRESS_MS) return;
          told = now;
          return ui.event(event);
        }
        case 'retry': {
          const { message } = explainError(event.error);
          if (!ui.json) ui.note(`${message}; trying again in ${formatSeconds(event.delayMs / 1000)}`);
          return ui.event({ ...event, error: undefined, message });
        }
        case 'file': {
          const { path, to, size, sha256, resumedFrom } = event;
          files.push({ path, to, size, sha256 });
          const from = resumedFrom > 0 ? `  resumed at ${formatBytes(resumedFrom)}` : '';
          ui.tell(`${printable(to)}  ${formatBytes(size)}  sha256:${sha256}${from}`);
          return ui.event(event);
        }
        case 'skip':
          if (!ui.json && event.reason !== 'same') ui.note(`${event.path}: ${REASONS[event.reason]}: skipped`);
          return ui.event(event);
        case 'failed': {
          const { code, message, hint } = explainError(event.error);
          if (!ui.json && !isSingle)
            ui.warn(message.includes(event.path) ? message : `${event.path}: ${message}`, hint);
          return ui.event({ event: 'failed', path: event.path, code, message, hint });
        }
        case 'note':
          if (!ui.json) ui.note(event.message);
          return ui.event(event);
        case 'start':
          isSingle = event.files === 1;
          return ui.event(event);
        case 'summary':
          summary = event;
          return ui.event(event);
      }
    },
    finish(more = {}) {
      progress.close();
      if (summary === undefined) return;
      const { event: _, ...counts } = summary;
      ui.result({ ...more, files, summary: counts }, [describeSummary(summary)]);
    },
    close: () => progress.close(),
  };
}

/** `3 files, 1.2 GB in 12 s (100 MB/s); 2 skipped; 1 failed` */
export function describeSummary({ files, bytes, resumedBytes, skipped, failed, seconds }: Summary): string {
  const rate = seconds > 0 ? ` (${formatBytes(bytes / seconds)}/s)` : '';
  return [
    `${formatMany(files, 'file')}, ${formatBytes(bytes)} in ${formatSeconds(seconds)}${rate}`,
    ...(resumedBytes > 0 ? [`${formatBytes(resumedBytes)} were there`] : []),
    ...(skipped > 0 ? [`${formatCount(skipped)} skipped`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
  ].join('; ');
}
