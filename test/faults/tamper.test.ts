// I2 at the command and through a whole run: whatever byte of the store is changed, cut off or swapped, the
// exit code is 4, one line says so, and nothing is published.
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateClaims } from '../../src/cli/demo/claims.ts';
import { explainError } from '../../src/cli/exit.ts';
import { runPipeline } from '../../src/pipeline/index.ts';
import { STATE_FOLDER } from '../../src/workspace/index.ts';
import { type CliBox, expectDone, expectFailure, makeCliBox, openBoxVault } from '../support/cli.ts';

const FULL = process.env.GLOVEBOX_FULL === '1';
const SEED = 20261124;
const INTEGRITY = 4;

let box: CliBox;
/** What is in the workspace before anything is done to it. */
let versions: string;

beforeAll(async () => {
  box = await makeCliBox({ example: 'claims' });
  const yaml = join(box.workspace, 'glovebox.yaml');
  const text = await readFile(yaml, 'utf8');
  const other = '  other-raw: { store: box, key: raw, kind: raw, classification: restricted }\n';
  await writeFile(yaml, text.replace('datasets:\n', `datasets:\n${other}`));
  // More than two frames each, so that some tampering is met long after the run began.
  for (const [seed, address] of ['claims-raw/a.csv', 'claims-raw/b.csv', 'other-raw/a.csv'].entries()) {
    expectDone(
      await box.glovebox(['put', '-', address], { input: generateClaims({ rows: 5000, seed, malformed: 0.01 }) }),
    );
  }
  // Two versions, whose records can be swapped.
  for (let count = 0; count < 2; count++) expectDone(await box.glovebox(['run', 'claims']));
  versions = await published();
});
afterAll(() => box?.remove());

/** Every version of every derived dataset, and which is the latest. */
async function published(): Promise<string> {
  const vault = await openBoxVault(box);
  const all = ['claims-features', 'claims-quarantine'].map(async (name) => ({
    latest: (await vault.version(name)).version,
    versions: await vault.versions(name),
    files: await readdir(join(box.data, name, 'versions')),
  }));
  return JSON.stringify(await Promise.all(all));
}

const folderOf = (dataset: string, kind: string): string => join(box.data, dataset, kind);

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort().map((name) => join(folder, name));
}

/** Does `change` to files, runs `check`, and puts the files back as they were. */
async function whileChanged(files: string[], change: () => Promise<void>, check: () => Promise<void>): Promise<void> {
  const good = await Promise.all(files.map((file) => readFile(file)));
  try {
    await change();
    await check();
  } finally {
    for (const [index, file] of files.entries()) await writeFile(file, good[index] ?? '');
  }
  expect(await published()).toBe(versions);
}

interface Damage {
  /** Which of the files, by a fraction of their number. */
  file: number;
  /** Where, by a fraction of the file's length. */
  at: number;
  flip: number;
  truncate: boolean;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  file: fc.double({ min: 0, max: 0.999, noNaN: true }),
  at: fc.double({ min: 0, max: 0.999999, noNaN: true }),
  flip: fc.integer({ min: 1, max: 255 }),
  truncate: fc.boolean(),
});

async function whileDamaged(
  files: string[],
  { file, at, flip, truncate }: Damage,
  check: (file: string) => Promise<void>,
): Promise<void> {
  const target = files[Math.floor(file * files.length)] ?? '';
  const good = await readFile(target);
  const position = Math.floor(at * good.length);
  const bad = Buffer.from(good);
  bad[position] = (bad[position] ?? 0) ^ flip;
  await whileChanged(
    [target],
    () => writeFile(target, truncate ? good.subarray(0, position) : bad),
    () => check(target),
  );
}

async function swap(one: string, two: string): Promise<void> {
  await rename(one, `${one}.swap`);
  await rename(two, one);
  await rename(`${one}.swap`, two);
}

/** What the source of the pipeline lies in. */
async function sourceFiles(): Promise<string[]> {
  const kinds = await Promise.all(['objects', 'names', 'keys'].map((kind) => filesIn(folderOf('claims-raw', kind))));
  return kinds.flat();
}

async function expectRunRefused(): Promise<void> {
  const outcome = await box.glovebox(['run', 'claims']);
  expectFailure(outcome, INTEGRITY);
  expect(outcome.stdout.toString()).toBe('');
}

/** Of two addresses whose files are damaged or swapped at least one is refused, and neither gives wrong bytes. */
async function expectGetRefused(addresses: string[], good: Map<string, Buffer>): Promise<void> {
  const outcomes = await Promise.all(addresses.map((address) => box.glovebox(['get', address])));
  expect(outcomes.map(({ code }) => code)).toContain(INTEGRITY);
  for (const [index, outcome] of outcomes.entries()) {
    const whole = good.get(addresses[index] ?? '') ?? Buffer.alloc(0);
    if (outcome.code === 0) expect(outcome.stdout.equals(whole)).toBe(true);
    else {
      expectFailure(outcome, INTEGRITY);
      // What went out before was verified: the beginning of the object, in whole frames.
      expect(whole.subarray(0, outcome.stdout.length).equals(outcome.stdout)).toBe(true);
      expect(outcome.stdout.length).toBeLessThan(whole.length);
      if (outcome.stdout.length > 0) expect(outcome.stderr).toContain('incomplete');
    }
  }
}

const RAW = ['claims-raw/a.csv', 'claims-raw/b.csv'];
const FEATURES = ['claims-features/train.parquet', 'claims-features/test.parquet'];

async function readAll(addresses: string[]): Promise<Map<string, Buffer>> {
  const all = new Map<string, Buffer>();
  for (const address of addresses) all.set(address, expectDone(await box.glovebox(['get', address])).stdout);
  return all;
}

describe('the command ends with 4', () => {
  test('for any byte of an object or a record that is flipped, and for any truncation', async () => {
    const good = await readAll(RAW);
    await fc.assert(
      fc.asyncProperty(damage, async (each) => {
        await whileDamaged(await sourceFiles(), each, async () => {
          await expectGetRefused(RAW, good);
          await expectRunRefused();
        });
      }),
      { numRuns: FULL ? 300 : 15, seed: SEED, endOnFailure: true },
    );
  });

  test('for any byte of a version: its record, its head, its objects', async () => {
    const latest = (await (await openBoxVault(box)).version('claims-features')).objects.map(
      ({ messageId }) => messageId,
    );
    const good = await readAll(FEATURES);
    const [record = ''] = (await filesIn(folderOf('claims-features', 'versions'))).slice(-1);
    const heads = await filesIn(folderOf('claims-features', 'heads'));
    const objects = latest.map((id) => join(folderOf('claims-features', 'objects'), id));
    const addresses = [...FEATURES, 'claims-features/validation.parquet', 'claims-features/fitted-parameters.json'];
    for (const address of addresses.slice(2))
      good.set(address, expectDone(await box.glovebox(['get', address])).stdout);
    await fc.assert(
      fc.asyncProperty(damage, async (each) => {
        await whileDamaged([record, ...heads, ...objects], each, () => expectGetRefused(addresses, good));
      }),
      { numRuns: FULL ? 200 : 6, seed: SEED, endOnFailure: true },
    );
  });

  test('for objects and records that are swapped, in one dataset and between two', async () => {
    const vault = await openBoxVault(box);
    const good = await readAll(RAW);
    const object = async (dataset: string, name: string): Promise<string> =>
      join(folderOf(dataset, 'objects'), (await vault.stat(dataset, name)).messageId);
    const [a, b, other] = [
      await object('claims-raw', 'a.csv'),
      await object('claims-raw', 'b.csv'),
      await object('other-raw', 'a.csv'),
    ];
    const [nameA = '', nameB = ''] = await filesIn(folderOf('claims-raw', 'names'));
    const [otherName = ''] = await filesIn(folderOf('other-raw', 'names'));
    const [key = ''] = await filesIn(folderOf('claims-raw', 'keys'));
    const [otherKey = ''] = await filesIn(folderOf('other-raw', 'keys'));
    const pairs: [string, string][] = [
      [a, b],
      [a, other],
      [nameA, nameB],
      [nameA, otherName],
      [key, otherKey],
    ];
    for (const [one, two] of pairs) {
      await whileChanged(
        [one, two],
        () => swap(one, two),
        async () => {
          await expectGetRefused(RAW, good);
          await expectRunRefused();
        },
      );
    }
    const [older = '', newer = ''] = await filesIn(folderOf('claims-features', 'versions'));
    const [quarantined = ''] = (await filesIn(folderOf('claims-quarantine', 'versions'))).slice(-1);
    const [head = ''] = await filesIn(folderOf('claims-features', 'heads'));
    const [otherHead = ''] = await filesIn(folderOf('claims-quarantine', 'heads'));
    const features = await readAll(FEATURES);
    for (const [one, two] of [
      [older, newer],
      [newer, quarantined],
      [head, otherHead],
    ] as const) {
      await whileChanged(
        [one, two],
        () => swap(one, two),
        () => expectGetRefused(FEATURES, features),
      );
    }
  });

  test('for a secret of the split or of a domain that is altered', async () => {
    const state = await readdir(join(box.workspace, STATE_FOLDER), { recursive: true, withFileTypes: true });
    const secrets = state
      .filter((entry) => entry.isFile() && /split|domain/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
    expect(secrets).toHaveLength(2);
    for (const secret of secrets) {
      await whileDamaged([secret], { file: 0, at: 0.7, flip: 1, truncate: false }, expectRunRefused);
    }
  });
});

describe('a run through the pipeline’s door', () => {
  /** The exit code that the command would have. */
  async function attempt(onTransform: () => Promise<void> = async () => undefined): Promise<number> {
    let changed: Promise<void> | undefined;
    try {
      await runPipeline(await openBoxVault(box), 'claims', {
        threads: 2,
        onProgress: ({ phase }) => {
          if (phase === 'transform') changed ??= onTransform();
        },
      });
      return 0;
    } catch (error) {
      return explainError(error).exit;
    } finally {
      await changed;
    }
  }

  test('publishes nothing for any damage to its source', async () => {
    await fc.assert(
      fc.asyncProperty(damage, async (each) => {
        await whileDamaged(await sourceFiles(), each, async () => expect(await attempt()).toBe(INTEGRITY));
      }),
      { numRuns: FULL ? 1000 : 30, seed: SEED + 1, endOnFailure: true },
    );
  });

  test('publishes nothing where an object changes between two passes', async () => {
    const [object = ''] = await filesIn(folderOf('claims-raw', 'objects'));
    const good = await readFile(object);
    for (const at of FULL ? [0.02, 0.2, 0.5, 0.8, 0.99, 0.999999] : [0.5, 0.999999]) {
      const bad = Buffer.from(good);
      const position = Math.floor(at * good.length);
      bad[position] = (bad[position] ?? 0) ^ 1;
      await whileChanged(
        [object],
        async () => undefined,
        async () => {
          expect(await attempt(() => writeFile(object, bad))).toBe(INTEGRITY);
        },
      );
    }
  });

  test('succeeds again once the store is as it was', async () => {
    expect(await attempt()).toBe(0);
    const leftovers = await readdir(folderOf('claims-features', 'tmp'));
    expect(leftovers.filter((name) => name.endsWith('.object'))).toEqual([]);
  });
});
