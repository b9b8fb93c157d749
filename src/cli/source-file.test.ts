// What put reads is what was there at one moment, or an error.
import {
  appendFileSync,
  mkdtempSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { openSourceFile, readStandardInput } from './source-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'glovebox-source-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function readAll(chunks: AsyncIterable<Uint8Array>, between: () => void = () => undefined): Promise<number[]> {
  const lengths: number[] = [];
  for await (const chunk of chunks) {
    if (lengths.length === 0) between();
    lengths.push(chunk.length);
  }
  return lengths;
}

function makeFile(name: string, size: number): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.alloc(size, 'x'));
  return path;
}

test('a file comes in chunks of a frame', async () => {
  const { size, chunks } = await openSourceFile(makeFile('a', 600_000), false);
  expect(size).toBe(600_000);
  expect(await readAll(chunks)).toEqual([262_144, 262_144, 75_712]);
});

test('a file that grows, or is written to, while it is read is an error', async () => {
  const grown = makeFile('grown', 600_000);
  const first = await openSourceFile(grown, false);
  await expect(readAll(first.chunks, () => appendFileSync(grown, 'y'))).rejects.toMatchObject({ code: 'CHANGED' });
  const touched = makeFile('touched', 600_000);
  const second = await openSourceFile(touched, false);
  await expect(readAll(second.chunks, () => utimesSync(touched, 1, 1))).rejects.toMatchObject({ code: 'CHANGED' });
  const replaced = makeFile('replaced', 10);
  const third = await openSourceFile(replaced, false);
  rmSync(replaced);
  makeFile('replaced', 10);
  await expect(readAll(third.chunks)).rejects.toMatchObject({ code: 'CHANGED' });
});

test('a file that is read at any place is what it was when it was looked at, or an error', async () => {
  const path = makeFile('placed', 1000);
  const look = async () => (await openSourceFile(path, false)).open();
  const good = await look();
  expect(readSync(good.descriptor, Buffer.alloc(2000), 0, 2000, 0)).toBe(good.size);
  await good.confirm();
  await good.close();
  const changes: Record<string, () => void> = {
    grows: () => appendFileSync(path, 'y'),
    'is written to': () => writeFileSync(path, Buffer.alloc(1001, 'z')),
    'is cut off': () => truncateSync(path, 10),
    'is written to, and has its time of change set back': () => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, Buffer.alloc(10, 'w'));
      utimesSync(path, atime, mtime);
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    const source = await look();
    change();
    await expect(source.confirm(), what).rejects.toMatchObject({ code: 'CHANGED' });
    await source.close();
  }
});

test('a file that was written to a moment ago is opened only when the clock of its times has gone on', async () => {
  // Before Linux 6.13 two writes within one tick, 10 ms at most, leave the same time.
  for (let round = 0; round < 5; round++) {
    const path = makeFile('fresh', 100);
    const source = await (await openSourceFile(path, false)).open();
    expect(Date.now() - statSync(path).mtimeMs).toBeGreaterThanOrEqual(15);
    writeFileSync(path, Buffer.alloc(100, round)); // the same size
    await expect(source.confirm()).rejects.toMatchObject({ code: 'CHANGED' });
    await source.close();
  }
});

test('standard input is gathered into larger chunks, and nothing at all is an error', async () => {
  const parts = Array.from({ length: 20 }, () => Buffer.alloc(65_536));
  expect(await readAll(readStandardInput(Readable.from(parts), false))).toEqual([...Array(5).fill(262_144)]);
  await expect(readAll(readStandardInput(Readable.from([]), false))).rejects.toMatchObject({ code: 'EMPTY' });
  expect(await readAll(readStandardInput(Readable.from([]), true))).toEqual([]);
});
