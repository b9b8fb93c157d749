// What push and pull tell while they work: one stream of events, and what it comes to in the end. Printing is cli/'s.

import { TransferError } from './error.ts';

/** Why a name was passed over. None of these is a failure. */
export type SkipReason =
  /** A symbolic link: what it points to may lie anywhere. */
  | 'link'
  /** A device, a FIFO, a socket. */
  | 'special'
  /** A folder that was already walked, or that holds itself. */
  | 'loop'
  /** Deeper than was asked for. */
  | 'depth'
  /** It is there already, as it is where it would come from. */
  | 'same';

/** Paths are relative, with `/` between their parts, and may hold what must not go to a terminal as it is. */
export type TransferEvent =
  | { event: 'start'; files: number; bytes: number }
  | ProgressEvent
  | { event: 'retry'; error: Error; attempt: number; delayMs: number }
  | ({ event: 'file' } & TransferredFile)
  | { event: 'skip'; path: string; reason: SkipReason }
  | { event: 'failed'; path: string; error: Error }
  | { event: 'note'; message: string }
  | ({ event: 'summary' } & Summary);

/** How far one file and the whole are. Sizes are bytes; what was there at the start is in `bytes` and `doneBytes`. */
export interface ProgressEvent {
  event: 'progress';
  path: string;
  bytes: number;
  size: number | undefined;
  doneBytes: number;
  totalBytes: number;
  /** Of `doneBytes`, those that did not have to come over. */
  resumedBytes: number;
  doneFiles: number;
  files: number;
  /** Bytes a second, of the whole, since it began. */
  rate: number;
  /** Undefined while nothing can be said. */
  secondsLeft: number | undefined;
}

export interface TransferredFile {
  path: string;
  /** Where it is now. */
  to: string;
  size: number;
  /** Of the content, hex. */
  sha256: string;
  /** Bytes that were there from an earlier time. */
  resumedFrom: number;
  seconds: number;
  /** What the digest was compared with; see docs/transfer.md. */
  verified: 'on-the-way' | 'read-again';
}

export interface Summary {
  files: number;
  /** Bytes that came over. */
  bytes: number;
  resumedBytes: number;
  skipped: number;
  failed: number;
  seconds: number;
}

/** One file's part of the account. */
export interface FileAccount {
  /** `count` bytes more came over. */
  moved(count: number): void;
  /** It begins again at `position`: what is behind it does not count any more. */
  restart(position: number): void;
  done(file: Pick<TransferredFile, 'to' | 'size' | 'sha256' | 'verified'>): void;
  failed(error: Error): void;
}

export interface Account {
  start(files: number, bytes: number): void;
  /** @param position bytes that are there from an earlier time */
  file(path: string, size: number | undefined, position: number): FileAccount;
  skip(path: string, reason: SkipReason): void;
  /** A file that did not even begin. */
  failed(path: string, error: Error): void;
  retry(error: Error, attempt: number, delayMs: number): void;
  note(message: string): void;
  /** Whether bytes came over since it was asked last. */
  hasProgressed(): boolean;
  readonly failures: readonly { path: string; error: Error }[];
  /** Tells the summary, too. */
  end(): Summary;
}

/** Progress is told at most so often. */
const PROGRESS_MS = 100;

/** Keeps the account of a transfer and tells `onEvent` of all that happens. */
export function openAccount(onEvent: (event: TransferEvent) => void, now = () => performance.now()): Account {
  const started = now();
  const failures: { path: string; error: Error }[] = [];
  const total = { files: 0, bytes: 0 };
  const done = { files: 0, bytes: 0, came: 0, resumed: 0, skipped: 0 };
  let told = Number.NEGATIVE_INFINITY;
  let asked = 0;

  const fail = (path: string, error: Error): void => {
    failures.push({ path, error });
    onEvent({ event: 'failed', path, error });
  };
  const tell = (path: string, bytes: number, size: number | undefined): void => {
    const time = now();
    if (time - told < PROGRESS_MS) return;
    told = time;
    const rate = time > started ? (done.came / (time - started)) * 1000 : 0;
    onEvent({
      event: 'progress',
      ...{ path, bytes, size, rate },
      ...{ doneBytes: done.bytes, totalBytes: Math.max(total.bytes, done.bytes), resumedBytes: done.resumed },
      ...{ doneFiles: done.files, files: total.files },
      secondsLeft: rate > 0 ? Math.max(0, total.bytes - done.bytes) / rate : undefined,
    });
  };

  return {
    failures,
    start(files, bytes) {
      Object.assign(total, { files, bytes });
      onEvent({ event: 'start', files, bytes });
    },
    file(path, size, position) {
      const begun = now();
      let bytes = position;
      let resumedFrom = position;
      done.bytes += position;
      done.resumed += position;
      return {
        moved(count) {
          bytes += count;
          done.bytes += count;
          done.came += count;
          tell(path, bytes, size);
        },
        restart(from) {
          done.bytes += from - bytes;
          done.resumed += Math.min(from, resumedFrom) - resumedFrom;
          bytes = from;
          resumedFrom = Math.min(from, resumedFrom);
        },
        done(file) {
          done.files += 1;
          onEvent({ event: 'file', path, ...file, resumedFrom, seconds: (now() - begun) / 1000 });
        },
        failed: (error) => fail(path, error),
      };
    },
    skip(path, reason) {
      done.skipped += 1;
      onEvent({ event: 'skip', path, reason });
    },
    failed: fail,
    retry: (error, attempt, delayMs) => onEvent({ event: 'retry', error, attempt, delayMs }),
    note: (message) => onEvent({ event: 'note', message }),
    hasProgressed() {
      const has = done.came > asked;
      asked = done.came;
      return has;
    },
    end() {
      const summary = {
        ...{ files: done.files, bytes: done.came, resumedBytes: done.resumed },
        ...{ skipped: done.skipped, failed: failures.length, seconds: (now() - started) / 1000 },
      };
      onEvent({ event: 'summary', ...summary });
      return summary;
    },
  };
}

/**
 * Raises an error where files failed. Its cause is an AggregateError of theirs: the exit code is that of the worst.
 * @throws TransferError `INCOMPLETE`
 */
export function settleFailures({ failures }: Pick<Account, 'failures'>, files: number): void {
  if (failures.length === 0) return;
  const names = failures.slice(0, MOST_NAMED).map(({ path }) => path);
  const more = failures.length > names.length ? ` and ${failures.length - names.length} more` : '';
  throw new TransferError(
    'INCOMPLETE',
    `${failures.length} of ${files} did not come over: ${names.join(', ')}${more}`,
    {
      hint: 'each is told above; once that is mended, run the same command again',
      cause: new AggregateError(failures.map(({ error }) => error)),
    },
  );
}

const MOST_NAMED = 20;
