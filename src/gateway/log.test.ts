// The log holds names and numbers, nothing of what is in files, and does not stop the gateway where it cannot be written.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SftpError } from '../sftp/index.ts';
import { GatewayError } from './error.ts';
import { type Log, openLog } from './log.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-log-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What is written at once, line by line. */
function written(work: (log: Log) => void): Record<string, unknown>[] {
  const file = join(folder, 'log');
  const descriptor = openSync(file, 'w');
  work(openLog(descriptor));
  closeSync(descriptor);
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line): Record<string, unknown> => JSON.parse(line));
}

const identity = { user: 'acme', how: 'key', address: '192.0.2.7', key: Buffer.alloc(0) };

test('a line says who did what, from where, when', () => {
  const [line] = written((log) =>
    log.file(identity, { kind: 'uploaded', dataset: 'raw', path: 'a\n"b', bytes: 5, sha256: 'ab' }),
  );
  expect(line).toEqual({
    ...{ level: 30, msg: 'uploaded', user: 'acme', address: '192.0.2.7' },
    ...{ dataset: 'raw', path: 'a\n"b', bytes: 5, sha256: 'ab' },
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
});

test('of an error that is not ours nothing but its kind is written: its text may quote data', () => {
  const foreign = Object.assign(new TypeError('CANARY-value'), { code: 'ERR_X' });
  const lines = written((log) => {
    log.fault(identity, foreign);
    log.fault(undefined, 'CANARY-value');
    log.ssh({ kind: 'fault', id: 1, error: foreign });
    log.fault(identity, new GatewayError('LISTEN', 'what we say', { cause: foreign }));
  });
  expect(lines.map(({ error, message }) => [error, message])).toEqual([
    ['TypeError ERR_X', undefined],
    ['unknown', undefined],
    ['TypeError ERR_X', undefined],
    ['GatewayError LISTEN', 'what we say'],
  ]);
  expect(JSON.stringify(lines)).not.toContain('CANARY');
});

test('a client that goes away is no fault', () => {
  const [line] = written((log) =>
    log.ssh({ kind: 'fault', id: 7, error: new SftpError('LOST', 'the channel was lost') }),
  );
  expect(line).toMatchObject({ level: 30, msg: 'session broken', id: 7, error: 'SftpError LOST' });
});

test('a log that cannot be written stops nothing, and keeps no more than it may', () => {
  const descriptor = openSync('/dev/full', 'w');
  const log = openLog(descriptor);
  const before = process.memoryUsage().heapUsed;
  const text = 'x'.repeat(1000);
  for (let count = 0; count < 50_000; count++) log.info(text);
  closeSync(descriptor);
  // 50 MB were logged.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(30e6);
});
