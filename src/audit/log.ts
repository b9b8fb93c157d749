// The audit log's door: a file of JSON lines that only grows. Not tamper-evident yet (docs/audit.md).
import { closeSync, constants, fchmodSync, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isErrnoError } from '../lib/index.ts';
import { AuditError } from './error.ts';
import { type AuditRecord, recordSchema } from './types.ts';

export interface AuditLog {
  /**
   * Appends one record in one write, so that records of several processes do not mix. It is with the operating
   * system when this returns: it survives a killed process, and not always a power cut.
   * @throws AuditError `WRITE`
   */
  append(record: AuditRecord): void;
  /** The records, oldest first. @throws AuditError `FORM` (with the line's number) */
  read(): AsyncIterable<AuditRecord>;
}

const { O_APPEND, O_CREAT, O_WRONLY, O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** The log in the file at `path` (0600, made with its folder when the first record comes). */
export function openAuditLog(path: string): AuditLog {
  return {
    append(record) {
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      try {
        const file = openForAppending(path);
        try {
          if (writeSync(file, line) !== line.length) throw new AuditError('WRITE', `${path}: a record was cut off`);
        } finally {
          closeSync(file);
        }
      } catch (error) {
        if (!isErrnoError(error)) throw error;
        throw new AuditError('WRITE', `${path}: the audit log takes no record (${error.code})`, {
          hint: 'what cannot be recorded is not done: check the file, its folder and the disk',
          cause: error,
        });
      }
    },
    async *read() {
      let number = 0;
      for await (const line of linesOf(path)) {
        number++;
        yield parseRecord(line, `${path}:${number}`);
      }
    },
  };
}

function openForAppending(path: string): number {
  // Not blocking: a FIFO in its place would wait for a reader.
  const flags = O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK;
  try {
    return openClosed(path, flags);
  } catch (error) {
    if (!isErrnoError(error, 'ENOENT')) throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openClosed(path, flags);
  }
}

/** A plain file, closed to others whatever the umask. */
function openClosed(path: string, flags: number): number {
  const file = openSync(path, flags, 0o600);
  try {
    if (!fstatSync(file).isFile()) throw new AuditError('WRITE', `${path}: is no plain file`);
    fchmodSync(file, 0o600);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (isErrnoError(error, 'ENOENT')) return;
    throw error;
  }
  try {
    yield* file.readLines();
  } finally {
    await file.close();
  }
}

function parseRecord(line: string, where: string): AuditRecord {
  const parsed = recordSchema.safeParse(parseJson(line));
  if (parsed.success) return parsed.data;
  throw new AuditError('FORM', `${where}: is no audit record`, {
    hint: 'the line was cut off by a crash, or altered: keep a copy of the file, and look at the line',
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
