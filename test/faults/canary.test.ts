// I1: a canary in every column, malformed rows too, is in no file that any of our processes wrote (files
// that are gone by now included) and in nothing that was printed. The same search finds planted ones.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { generateClaims } from '../../src/cli/demo/claims.ts';
import { findCanary, searchFolder } from '../support/canary.ts';
import { expectDone, expectFailure, startCommand, until } from '../support/cli.ts';
import { missingTool } from '../support/missing-tool.ts';
import { readTrace, straceTo } from '../support/strace.ts';
import { CANARY, findLeaks, makeTracedBox, type Traced, type TracedBox, untraced } from '../support/traced-box.ts';

const ROWS = 6000;
const claims = (): Generator<Buffer> => generateClaims({ rows: ROWS, seed: 11, canary: CANARY, malformed: 0.01 });

let box: TracedBox;
beforeAll(async () => {
  if (missingTool('strace') === undefined) box = await makeTracedBox();
});
afterAll(() => box?.remove());
beforeEach((context) => {
  const reason = missingTool('strace');
  if (reason !== undefined) context.skip(reason);
});

describe('the search', () => {
  const forms: Record<string, string> = {
    'as it is': CANARY,
    hex: Buffer.from(`some ${CANARY} text`).toString('hex'),
    base64: Buffer.from(`and ${CANARY} more`).toString('base64'),
    'gzip, as it is': gzipSync(`a,b\n1,${CANARY}\n`).toString('latin1'),
  };
  test.each(Object.entries(forms))('finds what was written %s, also when the file is gone', async (form, text) => {
    const source = join(box.folder, 'planted.bin');
    const target = join(box.temporary, 'gone');
    // In a file of its own process's child, in two writes that cut the canary in halves.
    await writeFile(source, text, 'latin1');
    const script = `head -c 14 '${source}' > '${target}'; tail -c +15 '${source}' >> '${target}'; rm '${target}'`;
    const file = join(box.folder, 'trace-planted');
    const ended = await startCommand(
      ['-e', 'require("child_process").execFileSync("sh", ["-c", process.argv[1]])', script],
      {
        wrap: straceTo(file),
        env: box.env,
      },
    ).outcome;
    const traced: Traced = { ...ended, trace: await readTrace(file) };
    await rm(file);
    await rm(source);
    expect(ended).toMatchObject({ code: 0 });
    expect(await readdir(box.temporary)).toEqual([]);
    expect(findLeaks(traced)).toEqual([expect.stringMatching(`^${target}: ${form}`)]);
  });

  test('finds what was printed, and what is left in a folder', async () => {
    const printed = untraced({ code: 0, signal: null, stdout: Buffer.from(`x${CANARY}`), stderr: CANARY });
    expect(findLeaks(printed)).toEqual(['standard error: as it is', 'standard output: as it is']);
    const planted = join(box.workspace, 'planted');
    await writeFile(planted, gzipSync(CANARY));
    expect((await searchFolder(box.folder, CANARY)).found).toEqual([
      expect.stringContaining('planted: gzip, as it is'),
    ]);
    await rm(planted);
  });
});

describe('no plaintext is written or printed', () => {
  test('by put from a pipe, plan, run with quarantine, runs, ls, inspect and get into a pipe', async () => {
    const put = await box.traced(['put', '-', 'claims-raw/claims.csv'], claims());
    expectDone(put);
    expect(put.trace.written.size).toBeGreaterThan(0);
    await box.expectNoLeak(put);
    for (const args of [
      ['plan', 'claims'],
      ['plan', 'claims', '--json'],
    ])
      await box.expectNoLeak(expectDone(await box.traced(args)), { mayWrite: false });
    const run = expectDone(await box.traced(['run', 'claims', '--json']));
    await box.expectNoLeak(run);
    // The run did see the data, and did quarantine the rows with the canary.
    expect(run.trace.pipedBytes).toBeGreaterThan(2 * (await stat(await onlyObject('claims-raw'))).size);
    expect(JSON.parse(run.stdout.toString())).toMatchObject({ published: true, rows: { in: ROWS } });
    expect(JSON.parse(run.stdout.toString()).rows.quarantined).toBeGreaterThan(2 * (ROWS / 1000));
    for (const args of [
      ['runs'],
      ['runs', '--json'],
      ['ls', 'claims-raw'],
      ['ls', 'claims-quarantine', '--json'],
      ['inspect', 'claims-raw/claims.csv'],
    ]) {
      await box.expectNoLeak(expectDone(await box.traced(args)), { mayWrite: false });
    }
    const get = expectDone(await box.traced(['get', 'claims-raw/claims.csv', '-o', '-']));
    expect(get.stdout.toString().split(CANARY).length).toBeGreaterThan(14 * (ROWS / 1000));
    await box.expectNoLeak(get, { data: true, mayWrite: false });
    const quarantined = expectDone(await box.traced(['get', 'claims-quarantine/quarantined.parquet', '-o', '-']));
    expect(findCanary(quarantined.stdout, CANARY)).toBeDefined();
    await box.expectNoLeak(quarantined, { data: true, mayWrite: false });
  });

  test('by put and seal from a file, verify-object, a range, and open into a pipe', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'glovebox-plain-'));
    try {
      const file = join(outside, 'placed.csv');
      const key = join(box.folder, 'exported.json');
      const sealed = join(box.folder, 'sealed');
      await writeFile(file, Buffer.concat([...claims()]));
      expectDone(await box.glovebox(['key', 'export', 'raw', '-o', key]));
      for (const args of [
        ['put', file, 'claims-raw', '--threads', '2'],
        ['seal', file, '--key', key, '-o', sealed],
      ]) {
        const writing = expectDone(await box.traced(args));
        expect(Math.max(...[...writing.trace.written.values()].map(({ length }) => length))).toBeGreaterThan(500_000);
        await box.expectNoLeak(writing);
      }
      for (const args of [
        ['verify-object', 'claims-raw'],
        ['verify-object', '--file', sealed, '--key', key],
      ]) {
        await box.expectNoLeak(expectDone(await box.traced(args)), { mayWrite: false });
      }
      const all = await readFile(file);
      for (const [args, data] of [
        [['get', 'claims-raw/placed.csv', '--range', '1000-399999'], all.subarray(1000, 400_000)],
        [['open', sealed, '--key', key], all],
      ] as const) {
        const reading = expectDone(await box.traced([...args]));
        expect(reading.stdout.equals(data)).toBe(true);
        await box.expectNoLeak(reading, { data: true, mayWrite: false });
      }
    } finally {
      await rm(outside, { recursive: true, force: true });
      expectDone(await box.glovebox(['rm', 'claims-raw/placed.csv']));
    }
  });

  test('by a put that fails, and by one that is killed in the middle', async () => {
    async function* half(): AsyncGenerator<Uint8Array> {
      yield* claims();
      await until(async () => ((await temporarySize('claims-raw')) > 200_000 ? true : undefined));
      kill();
      yield Buffer.from(CANARY);
    }
    const { running, ended } = box.startTraced(['put', '-', 'claims-raw/killed.csv'], half());
    const kill = (): void => void killTraced(running.pid, 'SIGKILL');
    const killed = await ended;
    expect(killed.code === 0).toBe(false);
    expect([...killed.trace.written.values()].some((bytes) => bytes.length > 200_000)).toBe(true);
    await box.expectNoLeak(killed);
    expect(expectDone(await box.glovebox(['ls', 'claims-raw'])).stdout.toString()).not.toContain('killed.csv');
    const wrong = await box.traced(['put', '-', 'claims-features/x'], claims());
    expectFailure(wrong, 2);
    await box.expectNoLeak(wrong);
  });

  test('by a run that is killed in the middle of writing, engine and all', async () => {
    const before = expectDone(await box.glovebox(['runs', '--json'])).stdout.toString();
    const { running, ended } = box.startTraced(['run', 'claims']);
    await until(async () => ((await temporaryFiles('claims-features')).length > 0 ? true : undefined));
    await killTraced(running.pid, 'SIGKILL');
    const killed = await ended;
    expect(killed.code).not.toBe(0);
    await box.expectNoLeak(killed);
    expect(expectDone(await box.glovebox(['runs', '--json'])).stdout.toString()).toBe(before);
  });
});

async function onlyObject(dataset: string): Promise<string> {
  const folder = join(box.data, dataset, 'objects');
  const [name = ''] = await readdir(folder);
  return join(folder, name);
}

async function temporaryFiles(dataset: string): Promise<string[]> {
  const folder = join(box.data, dataset, 'tmp');
  const names = await readdir(folder).catch((): string[] => []);
  return names.filter((name) => name.endsWith('.object')).map((name) => join(folder, name));
}

async function temporarySize(dataset: string): Promise<number> {
  const sizes = await Promise.all(
    (await temporaryFiles(dataset)).map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return Math.max(0, ...sizes);
}

/** Kills the command under strace, and not strace, which is to write its trace to the end. */
async function killTraced(strace: number, signal: NodeJS.Signals): Promise<void> {
  const children = (await readFile(`/proc/${strace}/task/${strace}/children`, 'utf8')).trim().split(' ');
  for (const child of children) process.kill(Number(child), signal);
}
