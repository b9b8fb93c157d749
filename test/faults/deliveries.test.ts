// I3: accepting deliveries is killed at random moments. Each is then whole in one of two places: it waits, or
// it is an object with its name; accepting again finishes what was begun.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publicKeyKeyring } from '../../src/keys/index.ts';
import { sealStream } from '../../src/seal/index.ts';
import { type Box, collect, makeBox, streamOf } from '../support/box.ts';
import { startChild, startsOf } from '../support/child.ts';

const KILLS = process.env.GLOVEBOX_FULL === '1' ? 200 : 20;
const HOUR = 3_600_000;
/** More than a process accepts before it is killed. */
const WAITING = 24;
/** Within this time after its first one. */
const MAX_MILLISECONDS = 400;

const YAML = `workspace: test
keys:
  raw: { provider: local }
  box: { provider: local, use: drop-box }
stores:
  box: { provider: dir, path: ./data }
datasets:
  raw: { store: box, key: raw, kind: raw, classification: restricted, dropBox: { key: box } }
`;

let box: Box;
beforeEach(async () => {
  box = await makeBox(YAML);
});
afterEach(() => box.remove());

test(`kill -9 while deliveries are accepted, ${KILLS} times`, { timeout: HOUR }, async () => {
  const keyring = publicKeyKeyring((await box.keys.publicKey('box')).pem);
  const texts = new Map<string, string>();
  const child = new URL('./deliveries-child.ts', import.meta.url);
  const rootKey = join(box.folder, 'config', 'root.key');
  const seen: Record<string, number> = {};
  for (let kill = 0; kill < KILLS; kill += 1) {
    let waiting = (await box.vault.deliveries('raw')).filter(({ state }) => state !== 'accepted').length;
    for (; waiting < WAITING; waiting += 1) {
      const name = `n${texts.size}`;
      const text = `${name} `.repeat(1 + 500 * (texts.size % 40));
      const { chunks } = await sealStream(streamOf(text), { keyring, context: {} });
      await box.vault.receive('raw', name, streamOf(await collect(chunks)));
      texts.set(name, text);
    }
    const running = startChild(child, [box.workspaceFolder, rootKey, 'raw']);
    const ended = new Promise<string | null>((resolve) => running.once('close', (_, signal) => resolve(signal)));
    await startsOf(running);
    const timer = setTimeout(() => running.kill('SIGKILL'), (MAX_MILLISECONDS * kill) / KILLS);
    const signal = await ended;
    clearTimeout(timer);
    const states = await check(texts);
    const how = signal === 'SIGKILL' ? 'killed' : 'ended';
    for (const what of [how, ...new Set(states)]) seen[what] = (seen[what] ?? 0) + 1;
  }
  console.log(`deliveries: ${JSON.stringify(seen)}`);
  expect(seen.killed).toBeGreaterThan(KILLS / 2);
  const vault = await box.reopen();
  for (const { id, state } of await vault.deliveries('raw')) if (state !== 'accepted') await vault.accept('raw', id);
  expect((await check(texts)).filter((state) => state !== 'accepted')).toEqual([]);
  const folder = join(box.dataFolder, 'raw');
  expect(await readdir(join(folder, 'objects'))).toHaveLength(texts.size);
  expect((await readdir(join(folder, 'tmp'))).filter((name) => /\.(object|entry)$/.test(name))).toEqual([]);
});

/** Collects at once, and looks at every delivery. @returns their states. */
async function check(texts: ReadonlyMap<string, string>): Promise<string[]> {
  const vault = await box.reopen();
  await vault.collect('raw', 0);
  const objects = new Set(await readdir(join(box.dataFolder, 'raw', 'objects')));
  const names = new Set((await vault.list('raw')).map(({ path }) => path));
  const deliveries = await vault.deliveries('raw');
  expect(deliveries).toHaveLength(texts.size);
  for (const { id, name, state, decided } of deliveries) {
    if (state === 'waiting') expect([names.has(name), objects.has(id)]).toEqual([false, true]);
    if (state === 'accepting') expect(objects.has(decided?.messageId ?? '')).toBe(true);
    if (state === 'accepted') {
      expect([names.has(name), objects.has(id)]).toEqual([true, false]);
      const found = (await collect((await vault.get('raw', name)).chunks)).toString();
      expect(found === texts.get(name)).toBe(true);
    }
  }
  return deliveries.map(({ state }) => state);
}
