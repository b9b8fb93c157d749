// A file that is to be written appears whole or not at all, closed to others, and replaces nothing unasked.
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fillTarget, type Target } from './target-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glovebox-target-'));
  path = join(folder, 'out');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { signal } = new AbortController();
const fill = (replace: boolean, work: (target: Target) => Promise<unknown>): Promise<unknown> =>
  fillTarget(path, { replace, signal }, work);

async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test('is written in order, or at any place, and gives back what the work came to', async () => {
  expect(
    await fill(false, async (target) => {
      await target.write(chunksOf('one ', 'two'));
      return 'done';
    }),
  ).toBe('done');
  expect(readFileSync(path, 'utf8')).toBe('one two');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await fill(true, async ({ descriptor = -1 }) => {
    writeSync(descriptor, 'second', 5);
    writeSync(descriptor, 'first', 0);
  });
  expect(readFileSync(path, 'utf8')).toBe('firstsecond');
  expect(readdirSync(folder)).toEqual(['out']);
});

test('is not there after a failure, and what was there stays', async () => {
  const failing = async (target: Target): Promise<void> => {
    await target.write(chunksOf('half'));
    expect(readdirSync(folder)).toHaveLength(1 + Number(readdirSync(folder).includes('out')));
    throw new Error('cut off');
  };
  await expect(fill(false, failing)).rejects.toThrow('cut off');
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(path, 'before');
  await expect(fill(true, failing)).rejects.toThrow('cut off');
  expect(readdirSync(folder)).toEqual(['out']);
  expect(readFileSync(path, 'utf8')).toBe('before');
});

test('replaces nothing unasked: not what was there, nor what came meanwhile, nor a link that leads nowhere', async () => {
  const refused = expect.objectContaining({ code: 'FILE', message: `${path}: exists already` });
  const late = fill(false, async (target) => {
    await target.write(chunksOf('ours'));
    writeFileSync(path, 'theirs');
  });
  await expect(late).rejects.toEqual(refused);
  expect(readFileSync(path, 'utf8')).toBe('theirs');
  let began = false;
  const early = fill(false, async () => {
    began = true;
  });
  await expect(early).rejects.toEqual(refused);
  expect(began).toBe(false);
  rmSync(path);
  symlinkSync(join(folder, 'nowhere'), path);
  await expect(fill(false, (target) => target.write(chunksOf('ours')))).rejects.toEqual(refused);
  expect(readdirSync(folder)).toEqual(['out']);
});

test('a device takes bytes in order only', async () => {
  path = '/dev/null';
  await fill(false, async (target) => {
    expect(target.descriptor).toBeUndefined();
    await target.write(chunksOf('gone'));
  });
});
