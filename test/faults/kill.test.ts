// I3: put and run are killed at random moments, with everything they started. The store stays readable,
// holds the old version or the new one whole, and the next command succeeds.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateClaims } from '../../src/cli/demo/claims.ts';
import { runPipeline } from '../../src/pipeline/index.ts';
import type { Vault } from '../../src/vault/index.ts';
import { collect } from '../support/box.ts';
import {
  type CliBox,
  expectDone,
  expectFailure,
  makeCliBox,
  openBoxVault,
  type Running,
  until,
} from '../support/cli.ts';

/** Kills of put that come before its end; of run, which takes longer, half as many. */
const KILLS = process.env.GLOVEBOX_FULL === '1' ? 500 : 50;
const HOUR = 3_600_000;
const ROWS = 3000;
const ADDRESS = 'claims-raw/claims.csv';
const DERIVED = ['claims-features', 'claims-quarantine'];

let box: CliBox;
beforeEach(async () => {
  box = await makeCliBox({ example: 'claims' });
});
afterEach(() => box.remove());

const claims = (seed: number): Buffer => Buffer.concat([...generateClaims({ rows: ROWS, seed, malformed: 0.02 })]);
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Numbers from 0 to 1, the same in every run (a Lehmer generator, MINSTD). */
function makeMoments(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/**
 * Starts the command and kills its process group at a random moment, again and again, until it was killed
 * `wanted` times before its end; calls `check` after each. The moments lie between when Node has read the
 * program and a little after the end of the last command that came to its end, so that some do.
 */
async function killMany(
  wanted: number,
  seed: number,
  start: (count: number) => Running,
  check: () => Promise<void>,
): Promise<string> {
  const moment = makeMoments(seed);
  let duration = (await toEnd(start(0))).milliseconds;
  await check();
  let kills = 0;
  let count = 0;
  while (kills < wanted) {
    count += 1;
    // Else the moments would be the wrong ones.
    expect(count).toBeLessThan(4 * wanted);
    const running = start(count);
    const timer = setTimeout(() => process.kill(-running.pid, 'SIGKILL'), duration * (0.3 + 0.75 * moment()));
    const { milliseconds, killed } = await toEnd(running);
    clearTimeout(timer);
    if (killed) kills += 1;
    else duration = milliseconds;
    await check();
  }
  return `${kills} killed before their end, ${count - kills} ended before`;
}

/** Waits for the command's end; unless it was killed it must have succeeded. */
async function toEnd({ outcome }: Running): Promise<{ milliseconds: number; killed: boolean }> {
  const began = performance.now();
  const ended = await outcome;
  const killed = ended.signal === 'SIGKILL';
  if (!killed) expectDone(ended);
  return { milliseconds: performance.now() - began, killed };
}

/** Reads an object to its end; what comes out must be what its record says. */
async function readWhole(vault: Vault, dataset: string, path: string, version?: string): Promise<string> {
  const { info, chunks } = await vault.get(dataset, path, version === undefined ? {} : { version });
  const found = digest(await collect(chunks));
  expect(found).toBe(info.sha256);
  return found;
}

/** Collects at once: what was killed has left nothing that stays. */
async function expectNoLeftovers(vault: Vault, dataset: string, objects: number): Promise<void> {
  await vault.collect(dataset, 0);
  const left = await readdir(join(box.data, dataset, 'tmp'));
  expect(left.filter((name) => /\.(object|entry)$/.test(name))).toEqual([]);
  expect(await readdir(join(box.data, dataset, 'objects'))).toHaveLength(objects);
}

async function fifoFolders(pids: number[]): Promise<string[]> {
  const names = await readdir('/dev/shm').catch((): string[] => []);
  return names.filter((name) => pids.some((pid) => name.startsWith(`glovebox-${pid}-`)));
}

describe('kill -9', () => {
  test(`of put, ${KILLS} times: the old object or the new one, whole`, { timeout: HOUR }, async () => {
    let current = claims(0);
    let next = current;
    let replaced = 0;
    // In turn from a pipe and from a file, which workers seal.
    const file = join(box.folder, 'claims.csv');
    const start = (count: number): Running => {
      next = claims(count);
      if (count % 2 === 0) return box.start(['put', '-', ADDRESS], { input: next, detached: true });
      writeFileSync(file, next);
      return box.start(['put', file, ADDRESS], { detached: true });
    };
    const told = await killMany(KILLS, 20261124, start, async () => {
      const vault = await openBoxVault(box);
      expect((await vault.list('claims-raw')).map(({ path }) => path)).toEqual(['claims.csv']);
      const found = await readWhole(vault, 'claims-raw', 'claims.csv');
      expect([digest(current), digest(next)]).toContain(found);
      if (found === digest(next)) {
        current = next;
        replaced += 1;
      }
      await expectNoLeftovers(vault, 'claims-raw', 1);
    });
    expectDone(await box.glovebox(['put', '-', ADDRESS], { input: claims(1) }));
    expect(digest(expectDone(await box.glovebox(['get', ADDRESS])).stdout)).toBe(digest(claims(1)));
    console.log(`put: ${told}; ${replaced} had replaced the object`);
  });

  test(`of run, ${KILLS} times: the old version or the new one, whole`, { timeout: HOUR }, async () => {
    expectDone(await box.glovebox(['put', '-', ADDRESS], { input: claims(1) }));
    const pids: number[] = [];
    let versions: string[] = [];
    let published = 0;
    const start = (): Running => {
      const running = box.start(['run', 'claims'], { detached: true });
      pids.push(running.pid);
      return running;
    };
    const told = await killMany(KILLS, 42, start, async () => {
      const after = await expectVersions(await openBoxVault(box), versions);
      expect(after.length - versions.length).toBeLessThanOrEqual(1);
      published += after.length - versions.length;
      // The next run, in this process: it must succeed and be the latest.
      const vault = await openBoxVault(box);
      const report = await runPipeline(vault, 'claims', {});
      versions = await expectVersions(await openBoxVault(box), after);
      expect(versions).toHaveLength(after.length + 1);
      for (const dataset of DERIVED) expect((await vault.version(dataset)).version).toBe(report.run);
      await expectNoLeftovers(vault, 'claims-features', 4 * versions.length);
      // Killed between the two records, a run leaves one of the quarantine whose companion never came: it is not seen.
      const records = (await readdir(join(box.data, 'claims-quarantine', 'versions'))).length;
      expect(records).toBeGreaterThanOrEqual(versions.length);
      await expectNoLeftovers(vault, 'claims-quarantine', records);
    });
    expectDone(await box.glovebox(['run', 'claims']));
    expect(await fifoFolders(pids)).toEqual([]);
    console.log(`run: ${told}; ${published} had published their version`);
  });
});

/**
 * Every version that can be seen is whole, the output and the quarantine have the same ones, the latest is
 * one of them, and `before` are still there.
 */
async function expectVersions(vault: Vault, before: string[]): Promise<string[]> {
  const [features = [], quarantine = []] = await Promise.all(DERIVED.map((dataset) => vault.versions(dataset)));
  const names = features.map(({ version }) => version);
  expect(quarantine.map(({ version }) => version)).toEqual(names);
  expect(names.slice(0, before.length)).toEqual(before);
  for (const { dataset, version, objects, summary } of [...features, ...quarantine]) {
    expect(summary).toMatchObject({ published: true, rows: { in: ROWS } });
    if (before.includes(version)) continue;
    expect(objects).toHaveLength(dataset === 'claims-features' ? 4 : 1);
    for (const { path } of objects) await readWhole(vault, dataset, path, version);
  }
  for (const dataset of DERIVED) {
    if (names.length > 0) expect(names).toContain((await vault.version(dataset)).version);
  }
  return names;
}

describe('an interrupt', () => {
  const temporaryObjects = async (dataset: string): Promise<string[]> => {
    const names = await readdir(join(box.data, dataset, 'tmp')).catch((): string[] => []);
    return names.filter((name) => /\.(object|entry)$/.test(name));
  };

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s in the middle of put ends with 130, and leaves nothing',
    async (signal) => {
      async function* endless(): AsyncGenerator<Uint8Array> {
        yield claims(1);
        await new Promise((resolve) => setTimeout(resolve, 20_000).unref());
      }
      const running = box.start(['put', '-', ADDRESS], { input: endless() });
      await until(async () => ((await temporaryObjects('claims-raw')).length > 0 ? true : undefined));
      running.child.kill(signal);
      expect(expectFailure(await running.outcome, 130)).toContain('interrupted');
      expect(await temporaryObjects('claims-raw')).toEqual([]);
      expect(await (await openBoxVault(box)).list('claims-raw')).toEqual([]);
    },
  );

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s in the middle of run ends with 130, and leaves nothing',
    async (signal) => {
      const many = generateClaims({ rows: 60_000, seed: 1 });
      expectDone(await box.glovebox(['put', '-', ADDRESS], { input: many }));
      const running = box.start(['run', 'claims']);
      await until(async () => ((await temporaryObjects('claims-features')).length > 0 ? true : undefined));
      running.child.kill(signal);
      expect(expectFailure(await running.outcome, 130)).toContain('interrupted');
      for (const dataset of DERIVED) expect(await temporaryObjects(dataset)).toEqual([]);
      expect(await expectVersions(await openBoxVault(box), [])).toEqual([]);
      expect(await fifoFolders([running.pid])).toEqual([]);
      expectDone(await box.glovebox(['run', 'claims']));
    },
  );
});
