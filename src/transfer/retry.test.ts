// What is tried again, how often, and after how long.
import { expect, test } from 'vitest';
import { SftpError } from '../sftp/index.ts';
import type { Connection } from './connection.ts';
import { TransferError } from './error.ts';
import { delayOf, withRetries } from './retry.ts';

// Stands for a session: what is tested here never looks into it.
const connection = {
  close: async () => undefined,
  drop: () => undefined,
  onLost: () => undefined,
} as unknown as Connection;

async function run(failures: (Error | 'progress')[], retries: number): Promise<{ tries: number; error: unknown }> {
  let tries = 0;
  let progressed = false;
  const left = [...failures];
  const work = async (): Promise<void> => {
    tries += 1;
    let next = left.shift();
    progressed = next === 'progress';
    if (next === 'progress') next = left.shift();
    if (next instanceof Error) throw next;
  };
  const signal = new AbortController().signal;
  const error = await withRetries(async () => connection, work, {
    retries,
    signal,
    hasProgressed: () => progressed,
  }).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  return { tries, error };
}

const lost = () => new SftpError('LOST', 'lost');
const changed = () => new TransferError('CHANGED', 'changed');

test('a lost connection, so often and no oftener', async () => {
  expect(await run([lost()], 1)).toEqual({ tries: 2, error: undefined });
  expect(await run([lost(), lost()], 1)).toMatchObject({ tries: 2, error: { code: 'LOST' } });
  expect(await run([lost()], 0)).toMatchObject({ tries: 1, error: { code: 'LOST' } });
});

test('it counts from the start again once something came through', async () => {
  expect(await run([lost(), 'progress', lost(), 'progress', lost()], 1)).toEqual({ tries: 4, error: undefined });
});

test('a change once', async () => {
  expect(await run([changed()], 3)).toEqual({ tries: 2, error: undefined });
  expect(await run([changed(), changed()], 3)).toMatchObject({ tries: 2, error: { code: 'CHANGED' } });
});

test.each(['PROTOCOL', 'DENIED', 'PATH', 'NOT_FOUND', 'NO_SPACE'] as const)('%s never', async (code) => {
  expect(await run([new SftpError(code, 'no')], 5)).toMatchObject({ tries: 1, error: { code } });
});

test('a first connection that does not come about is told at once; a later one is tried again', async () => {
  const signal = new AbortController().signal;
  let opened = 0;
  const open = (fails: number[]) => async () => {
    opened += 1;
    if (fails.includes(opened)) throw new TransferError('CONNECT', 'refused');
    return connection;
  };
  const work = async () => {
    if (opened === 1) throw lost();
    return opened;
  };
  await expect(withRetries(open([1]), work, { retries: 3, signal })).rejects.toMatchObject({ code: 'CONNECT' });
  opened = 0;
  expect(await withRetries(open([2]), work, { retries: 3, signal })).toBe(3);
});

test('what the caller stops while it waits', async () => {
  const stop = new AbortController();
  const work = async () => {
    throw lost();
  };
  const waiting = withRetries(async () => connection, work, {
    retries: 20,
    signal: stop.signal,
    onRetry: () => stop.abort(),
  });
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
});

test('the wait doubles, up to 30 s, half of it at random', () => {
  expect([1, 2, 3].map((attempt) => delayOf(attempt, () => 1))).toEqual([500, 1000, 2000]);
  expect([1, 2, 3].map((attempt) => delayOf(attempt, () => 0))).toEqual([250, 500, 1000]);
  expect(delayOf(50, () => 1)).toBe(30_000);
});
