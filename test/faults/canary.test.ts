// I1: a canary in every column, malformed rows too, is in no file that any of our processes wrote (files
// that are gone by now included) and in nothing that was printed. The same search finds planted ones.
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { generateClaims } from '../../src/cli/demo/claims.ts';
import { findCanary, searchFolder } from '../support/canary.ts';
import {
  type CliBox,
  expectDone,
  expectFailure,
  makeCliBox,
  type Outcome,
  type Running,
  startCommand,
  until,
} from '../support/cli.ts';
import { missingTool } from '../support/missing-tool.ts';
import { readTrace, straceTo, type Trace } from '../support/strace.ts';

const CANARY = 'CANARY7q3Xv9ZkT2';
const ROWS = 6000;
const claims = (rows = ROWS): Generator<Buffer> => generateClaims({ rows, seed: 11, canary: CANARY, malformed: 0.01 });

let box: CliBox;
const NO_TRACE: Trace = { written: new Map(), named: [], pipedBytes: 0, blind: [] };
let traces = 0;

interface Traced extends Outcome {
  trace: Trace;
}

beforeAll(async () => {
  if (missingTool('strace') === undefined) box = await makeCliBox({ example: 'claims' });
});
afterAll(() => box?.remove());
beforeEach((context) => {
  const reason = missingTool('strace');
  if (reason !== undefined) context.skip(reason);
});

function startTraced(
  args: string[],
  input?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): { running: Running; ended: Promise<Traced> } {
  const file = join(box.folder, `trace-${traces++}`);
  const running = box.start(args, { wrap: straceTo(file), ...(input === undefined ? {} : { input }) });
  const ended = running.outcome.then(async (outcome) => {
    const trace = await readTrace(file);
    await rm(file);
    return { ...outcome, trace };
  });
  return { running, ended };
}

const traced = (args: string[], input?: Iterable<Uint8Array>): Promise<Traced> => startTraced(args, input).ended;

/** Where the canary is, in what was written and printed. `data`: standard output is the data that was asked for. */
function findAll({ trace, stdout, stderr }: Traced, data = false): string[] {
  const named = Buffer.from(trace.named.join('\n'));
  const places: [string, Buffer][] = [
    ...trace.written,
    ['standard error', Buffer.from(stderr)],
    ['names of files', named],
  ];
  if (!data) places.push(['standard output', stdout]);
  return places.flatMap(([place, bytes]) => {
    const form = findCanary(bytes, CANARY);
    return form === undefined ? [] : [`${place}: ${form}`];
  });
}

/** Nothing leaked, the search saw every write, and there is nothing in any file that is still there. */
async function expectNoLeak(traced: Traced, { data = false, mayWrite = true } = {}): Promise<void> {
  expect(traced.trace.blind).toEqual([]);
  expect(findAll(traced, data)).toEqual([]);
  const outside = [...traced.trace.written.keys()].filter(
    (path) => !path.startsWith(`${box.folder}/`) && !path.startsWith('/proc/'),
  );
  expect(outside).toEqual([]);
  if (!mayWrite) expect([...traced.trace.written.keys()].filter((path) => !path.startsWith('/proc/'))).toEqual([]);
  expect((await searchFolder(box.folder, CANARY)).found).toEqual([]);
  expect((await searchFolder(box.env['TMPDIR'] ?? '', CANARY)).searched).toBe(0);
}

describe('the search', () => {
  const forms: Record<string, string> = {
    'as it is': CANARY,
    hex: Buffer.from(`some ${CANARY} text`).toString('hex'),
    base64: Buffer.from(`and ${CANARY} more`).toString('base64'),
    'gzip, as it is': gzipSync(`a,b\n1,${CANARY}\n`).toString('latin1'),
  };
  test.each(Object.entries(forms))('finds what was written %s, also when the file is gone', async (form, text) => {
    const source = join(box.folder, 'planted.bin');
    const target = join(box.env['TMPDIR'] ?? '', 'gone');
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
    expect(await readdir(box.env['TMPDIR'] ?? '')).toEqual([]);
    expect(findAll(traced)).toEqual([expect.stringMatching(`^${target}: ${form}`)]);
  });

  test('finds what was printed, and what is left in a folder', async () => {
    const printed = untraced({ code: 0, signal: null, stdout: Buffer.from(`x${CANARY}`), stderr: CANARY });
    expect(findAll(printed)).toEqual(['standard error: as it is', 'standard output: as it is']);
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
    const put = await traced(['put', '-', 'claims-raw/claims.csv'], claims());
    expectDone(put);
    expect(put.trace.written.size).toBeGreaterThan(0);
    await expectNoLeak(put);
    for (const args of [
      ['plan', 'claims'],
      ['plan', 'claims', '--json'],
    ])
      await expectNoLeak(expectDone(await traced(args)), { mayWrite: false });
    const run = expectDone(await traced(['run', 'claims', '--json']));
    await expectNoLeak(run);
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
      await expectNoLeak(expectDone(await traced(args)), { mayWrite: false });
    }
    const get = expectDone(await traced(['get', 'claims-raw/claims.csv', '-o', '-']));
    expect(get.stdout.toString().split(CANARY).length).toBeGreaterThan(14 * (ROWS / 1000));
    await expectNoLeak(get, { data: true, mayWrite: false });
    const quarantined = expectDone(await traced(['get', 'claims-quarantine/quarantined.parquet', '-o', '-']));
    expect(findCanary(quarantined.stdout, CANARY)).toBeDefined();
    await expectNoLeak(quarantined, { data: true, mayWrite: false });
  });

  test('by a put that fails, and by one that is killed in the middle', async () => {
    async function* half(): AsyncGenerator<Uint8Array> {
      yield* claims();
      await until(async () => ((await temporarySize('claims-raw')) > 200_000 ? true : undefined));
      kill();
      yield Buffer.from(CANARY);
    }
    const { running, ended } = startTraced(['put', '-', 'claims-raw/killed.csv'], half());
    const kill = (): void => void killTraced(running.pid, 'SIGKILL');
    const killed = await ended;
    expect(killed.code === 0).toBe(false);
    expect([...killed.trace.written.values()].some((bytes) => bytes.length > 200_000)).toBe(true);
    await expectNoLeak(killed);
    expect(expectDone(await box.glovebox(['ls', 'claims-raw'])).stdout.toString()).not.toContain('killed.csv');
    const wrong = await traced(['put', '-', 'claims-features/x'], claims());
    expectFailure(wrong, 2);
    await expectNoLeak(wrong);
  });

  test('by a run that is killed in the middle of writing, engine and all', async () => {
    const before = expectDone(await box.glovebox(['runs', '--json'])).stdout.toString();
    const { running, ended } = startTraced(['run', 'claims']);
    await until(async () =>
      (await temporarySize('claims-features')) > 0 || (await hasTemporary('claims-features')) ? true : undefined,
    );
    await killTraced(running.pid, 'SIGKILL');
    const killed = await ended;
    expect(killed.code).not.toBe(0);
    await expectNoLeak(killed);
    expect(expectDone(await box.glovebox(['runs', '--json'])).stdout.toString()).toBe(before);
  });
});

describe('a run that fails does not say the value', () => {
  const HEADER = 'id,amount,kind,kind_x,day';
  const pipeline = (name: string, { columns = '', rest = '' }): string => `pipeline: ${name}
source: { dataset: claims-raw, objects: "${name}.csv" }
columns:
  id: { type: string }
  amount: { type: ${columns === '' ? 'string' : columns.replace('amount:', '')} }
  kind: { type: string }
  kind_x: { type: string }
  day: { type: string }
${rest.includes('fit:') || rest.includes('split:') ? '' : 'fit: all\n'}${rest}
output: { dataset: claims-features }
`;
  const good = ['1,1.5,a,b,2024-01-01', '2,2.5,c,d,2024-01-02'];
  const withCanary = (row: string): string => [HEADER, ...good, row, ...good, ''].join('\n');

  const cases: Record<string, { rest?: string; columns?: string; data: string | Buffer; code?: number }> = {
    'cast-column': { columns: 'amount:double, otherwise: fail', data: withCanary(`3,${CANARY},a,b,2024-01-01`) },
    'cast-step': {
      rest: 'steps: [ { cast: { columns: [amount], to: double } } ]',
      data: withCanary(`3,${CANARY},a,b,x`),
    },
    matches: {
      rest: 'expect: [ { column: kind, matches: "[a-z]", otherwise: fail } ]',
      data: withCanary(`3,1,${CANARY},b,x`),
    },
    in: { rest: 'expect: [ { column: kind, in: [a, c], otherwise: fail } ]', data: withCanary(`3,1,${CANARY},b,x`) },
    between: {
      columns: 'amount:double, otherwise: drop',
      rest: `expect: [ { column: amount, between: [0, 9], otherwise: fail } ]`,
      data: withCanary(`3,99,${CANARY},b,x`),
    },
    ragged: { data: withCanary(`3,1,${CANARY}`) },
    'too-many': { data: withCanary(`3,1,a,b,c,${CANARY},${CANARY}`) },
    quote: { data: withCanary(`3,1,"${CANARY},b,c`) },
    'after-quote': { data: withCanary(`3,1,"${CANARY}"${CANARY},b,c`) },
    encoding: { data: Buffer.from(withCanary(`3,1,${CANARY}\xff\xfe,b,c`), 'latin1') },
    'long-line': { data: withCanary(`3,1,${CANARY.repeat(200_000)},b,c`) },
    collision: {
      rest: 'steps: [ { encode: { columns: [kind, kind_x], with: one_hot } } ]',
      data: `${HEADER}\n1,1,x_${CANARY},b,c\n2,2,a,${CANARY},d\n`,
    },
    'many-categories': {
      rest: 'steps: [ { encode: { columns: [kind], with: one_hot, max_categories: 2 } } ]',
      data: withCanary(`3,1,${CANARY},b,c`),
    },
    unseen: {
      rest: 'steps: [ { encode: { columns: [kind], with: one_hot, unseen: error } } ]\nsplit: { by: id, train: 0.5, test: 0.5 }',
      data: [HEADER, ...Array.from({ length: 40 }, (_, i) => `${i},1,${CANARY}${i},b,c`), ''].join('\n'),
    },
    'no-header': { data: `${CANARY},1,a,b,c\n${CANARY}2,1,a,b,c\n` },
    'no-header-twice': { data: `${CANARY},${CANARY},a,b,c\n` },
  };

  /** One of each way in which the engine fails; tracing takes the longest. */
  const withTrace = ['cast-column', 'between', 'ragged', 'long-line', 'collision', 'unseen'];

  test.each(Object.entries(cases))('%s', async (name, { rest = '', columns = '', data, code = 5 }) => {
    await writeFile(join(box.workspace, 'pipelines', `${name}.yaml`), pipeline(name, { rest, columns }));
    expectDone(await box.glovebox(['put', '-', `claims-raw/${name}.csv`], { input: data }));
    const plain = withTrace.includes(name) ? await traced(['run', name]) : untraced(await box.glovebox(['run', name]));
    expectFailure(plain, code);
    const json = untraced(await box.glovebox(['run', name, '--json']));
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { exit: code } });
    for (const run of [plain, json]) {
      await expectNoLeak(run);
      expect(run.stdout.toString()).toBe('');
    }
    await expectNoLeak(untraced(await box.glovebox(['plan', name])));
    expectDone(await box.glovebox(['rm', `claims-raw/${name}.csv`]));
  });

  test('a category that is the canary is in no output but the data', async () => {
    await writeFile(
      join(box.workspace, 'pipelines', 'category.yaml'),
      pipeline('category', {
        rest: 'steps:\n  - impute: { columns: [amount], with: most_frequent }\n  - encode: { columns: [kind], with: one_hot }',
      }),
    );
    expectDone(
      await box.glovebox(['put', '-', 'claims-raw/category.csv'], {
        input: `${HEADER}\n1,${CANARY},${CANARY},b,c\n2,,a,b,d\n`,
      }),
    );
    for (const args of [
      ['plan', 'category'],
      ['run', 'category'],
      ['run', 'category', '--json'],
      ['run', 'category', '--dry-run'],
      ['run', 'category', '--sample', '2'],
      ['runs'],
      ['runs', '--json'],
      ['ls', 'claims-features'],
    ]) {
      await expectNoLeak(expectDone(await traced(args)));
    }
    const fitted = await traced(['get', 'claims-features/fitted-parameters.json', '-o', '-']);
    expect(fitted.stdout.toString()).toContain(CANARY);
    await expectNoLeak(fitted, { data: true, mayWrite: false });
  });
});

/** For what is searched for in what was printed, and in the files that are there. */
function untraced(outcome: Outcome): Traced {
  return { ...outcome, trace: NO_TRACE };
}

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

async function hasTemporary(dataset: string): Promise<boolean> {
  return (await temporaryFiles(dataset)).length > 0;
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
