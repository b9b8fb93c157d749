// Errors become exit codes and words; what is not made for people is never quoted (I1).
import { expect, test } from 'vitest';
import { KeyError } from '../keys/index.ts';
import { SealError } from '../seal/index.ts';
import { CliError } from './error.ts';
import { explainError } from './exit.ts';
import { IncompleteOutputError } from './standard-streams.ts';

const CANARY = 'CANARY-Jane-Doe';

function systemError(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: ${CANARY}, open '${path}'`), { code, syscall: 'open', path });
}

test('an unknown error is told by its class alone', () => {
  class EngineError extends Error {
    override name = 'EngineError';
  }
  for (const error of [new EngineError(CANARY), new TypeError(CANARY), CANARY, { message: CANARY }, undefined, null]) {
    const failure = explainError(error);
    expect(failure).toMatchObject({ exit: 1, code: 'internal' });
    expect(JSON.stringify(failure)).not.toContain('CANARY');
  }
  expect(explainError(new EngineError(CANARY)).message).toBe('internal error (EngineError)');
});

test('a class name made of data is not printed either', () => {
  const error = Object.assign(new Error('x'), { name: `bad value '${CANARY}'` });
  expect(explainError(error).message).not.toContain('CANARY');
});

test('an error of the operating system is told by code, call and path, not by its text', () => {
  expect(explainError(systemError('EMFILE', '/data/x'))).toMatchObject({
    exit: 1,
    code: 'system/EMFILE',
    message: '/data/x: too many files are open (EMFILE in open)',
  });
  expect(explainError(systemError('EACCES')).exit).toBe(3);
  expect(explainError(systemError('EWEIRD')).message).toBe('the operating system refused it (EWEIRD in open)');
  expect(JSON.stringify(explainError(systemError('EWEIRD', '/x')))).not.toContain('CANARY');
});

test('the error of a room keeps its words, its code and its own hint', () => {
  expect(explainError(new CliError('EMPTY', 'x: is empty', { hint: 'Say so.' }))).toEqual({
    exit: 2,
    code: 'cli/EMPTY',
    message: 'x: is empty',
    hint: 'say so.',
  });
  expect(explainError(new KeyError('DISABLED', 'the key raw is disabled')).hint).toContain('glovebox key enable');
  expect(explainError(new SealError('FRAME_AUTH', 'frame 3 does not verify')).exit).toBe(4);
});

test('what failed underneath a stream is told in the system’s words, without its text', () => {
  const failure = explainError(new SealError('IO', 'it failed', { cause: systemError('ENOSPC') }));
  expect(failure).toMatchObject({ exit: 1, code: 'seal/IO', message: 'no space is left on the disk (ENOSPC in open)' });
});

test('output that had begun is said to be incomplete', () => {
  const failure = explainError(new IncompleteOutputError(new SealError('TRUNCATED', 'bytes are missing')));
  expect(failure).toMatchObject({ exit: 4, message: 'bytes are missing; standard output is incomplete: discard it' });
});
