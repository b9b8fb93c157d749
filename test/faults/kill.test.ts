// I3: put and run are killed at random moments, with everything they started. The store stays readable,
// holds the old version or the new one whole, and the next command succeeds.
import { createHash } from 'node:crypto';
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

/** Milliseconds that a whole command takes: the longest of three. */
async function measure(start: () => Running): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 3; count++) {
    const began = performance.now();
    expectDone(await start().outcome);
    times.push(performance.now() - began);
  }
  return Math.max(...times);
}

/** Kills the command's whole process group after `ms`. @returns whether it had not ended before */
async function killAfter({ pid, outcome }: Running, ms: number): Promise<boolean> {
  const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), ms);
  const { signal } = await outcome;
  clearTimeout(timer);
  return signal === 'SIGKILL';
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
    const duration = await measure(() => box.start(['put', '-', ADDRESS], { input: current }));
    const moment = makeMoments(20261124);
    let killed = 0;
    let replaced = 0;
    for (let count = 1; count <= KILLS; count++) {
      const next = claims(count);
      const running = box.start(['put', '-', ADDRESS], { input: next, detached: true });
      // The first part of the time goes by before Node has read the program.
      killed += (await killAfter(running, duration * (0.15 + moment()))) ? 1 : 0;
      const vault = await openBoxVault(box);
      expect((await vault.list('claims-raw')).map(({ path }) => path)).toEqual(['claims.csv']);
      const found = await readWhole(vault, 'claims-raw', 'claims.csv');
      expect([digest(current), digest(next)]).toContain(found);
      if (found === digest(next)) {
        current = next;
        replaced += 1;
      }
      await expectNoLeftovers(vault, 'claims-raw', 1);
    }
    // Else the moments would have been the wrong ones.
    expect(killed).toBeGreaterThan(KILLS / 4);
    expect(replaced).toBeGreaterThan(0);
    expectDone(await box.glovebox(['put', '-', ADDRESS], { input: claims(1) }));
    expect(digest(expectDone(await box.glovebox(['get', ADDRESS])).stdout)).toBe(digest(claims(1)));
    console.log(`put: ${killed} of ${KILLS} killed before their end, ${replaced} had replaced the object`);
  });

  test(`of run, ${KILLS} times: the old version or the new one, whole`, { timeout: HOUR }, async () => {
    expectDone(await box.glovebox(['put', '-', ADDRESS], { input: claims(1) }));
    const duration = await measure(() => box.start(['run', 'claims']));
    const moment = makeMoments(42);
    let versions = await expectVersions(await openBoxVault(box), []);
    expect(versions).toHaveLength(3);
    let killed = 0;
    let published = 0;
    const pids: number[] = [];
    for (let count = 1; count <= KILLS; count++) {
      const running = box.start(['run', 'claims'], { detached: true });
      pids.push(running.pid);
      killed += (await killAfter(running, duration * (0.1 + moment()))) ? 1 : 0;
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
      await expectNoLeftovers(vault, 'claims-quarantine', versions.length);
    }
    expect(killed).toBeGreaterThan(KILLS / 4);
    expectDone(await box.glovebox(['run', 'claims']));
    expect(await fifoFolders(pids)).toEqual([]);
    console.log(`run: ${killed} of ${KILLS} killed before their end, ${published} had published their version`);
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
