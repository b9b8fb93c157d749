// I1, I2, I3: uploads whose process is killed again and again, and resumed by a new one. The object is the source
// in the end; and over every file that ever was, no key and IV sealed two frames.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sealFrame } from '../../src/seal/frame.ts';
import { createHeader, readHeader } from '../../src/seal/header.ts';
import { inspectSegment } from '../../src/seal/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { openDataset } from '../../src/vault/dataset.ts';
import { collect, streamOf } from '../support/box.ts';
import { startChild } from '../support/child.ts';
import { createLedger, type FrameLedger } from '../support/frame-ledger.ts';
import { makeRandom } from '../support/random.ts';
import { CONTEXT, rawKeyring, sealBytes, sourceOf } from '../support/seal.ts';
import { UPLOAD_CANARY, uploadSource } from '../support/upload-source.ts';
import { makeUploadBox, outcomeOf, RAW, type UploadBox } from '../support/uploads.ts';

const KILLS = process.env.GLOVEBOX_FULL === '1' ? 1000 : 200;
const KILLS_EACH = 10;
/** Uploads at once, a process each. */
const LINES = 2;
const SEED = 20261124;
const SIZE = 300_000;
const FRAME = 1024;
const HOUR = 3_600_000;
const child = new URL('./upload-child.ts', import.meta.url);

let box: UploadBox;
let cache: string;
beforeEach(async () => {
  box = await makeUploadBox();
  // Compiled modules: each of the many processes starts in half the time.
  cache = await mkdtemp(join(tmpdir(), 'glovebox-cache-'));
  process.env.NODE_COMPILE_CACHE = cache;
  await run('none', ['-', '-', 1, 1, 0]); // a process that is killed leaves nothing in the cache
});
afterEach(async () => {
  delete process.env.NODE_COMPILE_CACHE;
  await rm(cache, { recursive: true, force: true });
  await box.remove();
});

interface Ended {
  killed: boolean;
  /** Of the upload; empty where the process came to nothing. */
  id: string;
  /** Plaintext bytes that it said were durable. */
  durable: number;
}

/** Runs the child; kills it as soon as it says `.`. Unless it was killed it must have succeeded. */
async function run(job: string, args: (string | number)[]): Promise<Ended> {
  const running = startChild(child, [job, box.folder, ...args.map(String)]);
  const said = { stdout: '', stderr: '' };
  running.stdout.on('data', (chunk) => {
    said.stdout += chunk;
    if (said.stdout.includes('.')) running.kill('SIGKILL');
  });
  running.stderr.on('data', (chunk) => {
    said.stderr += chunk;
  });
  const [code, signal] = await once(running, 'close');
  const killed = signal === 'SIGKILL';
  expect([said.stderr, killed || code]).toEqual(['', killed || 0]);
  const [id = ''] = said.stdout.split(' ');
  const durable = [...said.stdout.matchAll(/ (\d+)\n/g)].at(-1)?.[1] ?? '0';
  return { killed, id, durable: Number(durable) };
}

/** The sealed files that can be read now, by their names: of an upload, half written ones, and objects. */
async function sealedFiles(id: string, isKnown = (_: string): boolean => false): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const kind of ['segments', 'tmp', 'objects']) {
    for (const name of await box.files(kind)) {
      const isOurs = kind === 'segments' ? name.startsWith(id) : /^[0-9a-f]{64}$|\.(object|segment)$/.test(name);
      if (!isOurs || isKnown(name)) continue;
      const path = join(box.dataFolder, RAW, kind, name);
      // What has two names is looked at under its lasting one. What is gone meanwhile is under another name now.
      if (kind === 'tmp' && (await stat(path).catch(() => undefined))?.nlink !== 1) continue;
      const bytes = await readFile(path).catch(() => undefined);
      if (bytes !== undefined) found.set(name, bytes);
    }
  }
  return found;
}

/** The name under which a message is in the ledger: a file that changes its name keeps its message. */
async function noteAll(ledger: FrameLedger, files: Map<string, Buffer>): Promise<void> {
  for (const bytes of files.values()) {
    expect(bytes.includes(UPLOAD_CANARY)).toBe(false);
    const header = await readHeader(sourceOf(bytes)).catch(() => undefined);
    if (header === undefined) continue;
    const context = header.info.messageHeader.encryptionContext;
    const segment = context['glovebox:segment'];
    const id = Buffer.from(header.info.messageHeader.messageId).toString('hex');
    await ledger.add(segment === undefined ? id : `${context['glovebox:upload']}.${segment}`, bytes);
  }
}

/**
 * What a power cut may do to the newest segment: its end is gone, or is zeros. Not to its header, nor to the
 * plaintext bytes that are durable, by what the process said or by the upload's record.
 */
async function loseWrites(id: string, said: number, random: () => number): Promise<'kept' | 'cut' | 'zeros'> {
  const numbers = (await box.files('segments')).flatMap((name) =>
    name.startsWith(id) ? [Number(name.slice(33))] : [],
  );
  const path = box.segmentFile(id, Math.max(...numbers));
  // What became an object is durable too.
  if (numbers.length === 0 || random() < 0.3 || (await stat(path)).nlink > 1) return 'kept';
  const bytes = await readFile(path);
  const header = await readHeader(sourceOf(bytes));
  const { context, plaintextSize } = await inspectSegment(sourceOf(bytes));
  const needed = Math.max(said, await recordedSize(id)) - Number(context['glovebox:offset']);
  if (needed >= plaintextSize) return 'kept';
  const durable = header.size + Math.max(0, Math.ceil(needed / FRAME)) * (FRAME + 32);
  const at = durable + Math.floor(random() * (bytes.byteLength - durable + 1));
  if (at >= bytes.byteLength) return 'kept';
  if (random() < 0.5) {
    await truncate(path, at);
    return 'cut';
  }
  await writeFile(path, bytes.fill(0, at));
  return 'zeros';
}

/** Plaintext bytes that the record of an upload vouches for. */
async function recordedSize(id: string): Promise<number> {
  const config = box.workspace.datasets[RAW];
  if (config === undefined) throw new Error('no dataset');
  const dataset = openDataset(box.workspace.name, RAW, config, openDirectoryStore(box.dataFolder), box.keys);
  return (await dataset.readRecord('upload', id))?.record.size ?? 0;
}

describe('kill -9', () => {
  test(`of uploads, ${KILLS} times: the object is the source, and no key and IV sealed twice`, {
    timeout: HOUR,
  }, async () => {
    const ledger = createLedger();
    /** Object files that were looked at: they do not change. */
    const objects = new Set<string>();
    const counts = { kills: 0, uploads: 0, completing: 0, segments: 0, cut: 0, zeros: 0, kept: 0 };

    /** One upload, killed about `KILLS_EACH` times at places that get to its end, and then left alone. */
    const uploadOnce = async (seed: number): Promise<void> => {
      const random = makeRandom(seed);
      const path = `file-${seed}`;
      let id = '-';
      let durable = 0;
      let known = new Map<string, Buffer>();
      const seen = (name: string) => objects.has(name);
      for (let kills = 0; ; ) {
        const goal = kills < KILLS_EACH && counts.kills < KILLS;
        const begun = id === '-' ? 0 : (await box.vault.statUpload(RAW, id)).size;
        expect(begun).toBeGreaterThanOrEqual(durable);
        const step = (2 * random() * (SIZE - begun)) / (KILLS_EACH - kills + 1);
        // The last one when all is there: while the upload is completed.
        const at = kills === KILLS_EACH - 1 ? SIZE : Math.min(SIZE, Math.ceil(begun + step));
        const place = goal ? at : SIZE + 1;
        const ended = await run('write', [id, path, seed, SIZE, place]);
        id = ended.id || id;
        const files = await sealedFiles(id, seen);
        for (const [name, bytes] of known) {
          // Whoever resumes adds nothing to what is there.
          const now = files.get(name);
          if (now !== undefined) expect([name, now.equals(bytes)]).toEqual([name, true]);
          files.delete(name);
        }
        await noteAll(ledger, files);
        for (const name of files.keys()) if (/^[0-9a-f]{64}$/.test(name)) objects.add(name);
        if (ended.killed) {
          kills += 1;
          counts.kills += 1;
        }
        durable = Math.max(durable, ended.durable);
        const isOver = (await box.vault.list(RAW, { prefix: path })).length > 0;
        if (isOver) {
          counts.uploads += 1;
          counts.segments += known.size;
          if (ended.killed) counts.completing += 1;
          return;
        }
        expect(ended.killed).toBe(true);
        if (place === SIZE) counts.completing += 1;
        if (id === '-') continue;
        counts[await loseWrites(id, ended.durable, random)] += 1;
        known = new Map([...(await sealedFiles(id, seen))].filter(([name]) => name.startsWith(id)));
      }
    };

    let seed = SEED;
    let stopped = false;
    await Promise.all(
      Array.from({ length: LINES }, async () => {
        try {
          while (counts.kills < KILLS && !stopped) await uploadOnce(seed++);
        } finally {
          stopped = true;
        }
      }),
    );

    await noteAll(ledger, await sealedFiles('-'));
    expect(ledger.violations).toEqual([]);
    expect(ledger.messages()).toBeGreaterThan(counts.uploads);
    const vault = await box.reopen();
    for (let each = SEED; each < seed; each += 1) {
      const { info, chunks } = await vault.get(RAW, `file-${each}`);
      const source = uploadSource(each, SIZE);
      expect(source.includes(UPLOAD_CANARY)).toBe(true);
      const expected = createHash('sha256').update(source).digest('hex');
      expect(
        createHash('sha256')
          .update(await collect(chunks))
          .digest('hex'),
      ).toBe(expected);
      expect(info).toMatchObject({ size: SIZE, sha256: expected });
    }
    await vault.collect(RAW, 0);
    await box.expectNothingLeft(seed - SEED);
    console.log(`uploads: ${JSON.stringify(counts)}; ${ledger.frames()} frames of ${ledger.messages()} messages`);
  });

  test.each(['of one segment', 'of several segments'])(
    'before each step of a completion %s: the upload or the object',
    { timeout: HOUR },
    async (kind) => {
      const ledger = createLedger();
      let steps = 0;
      /** Kills between the name and the upload's removal. */
      let both = 0;
      for (let killed = true; killed; ) {
        const path = `file-${steps}`;
        const source = uploadSource(steps + 1, 5000);
        const parts = [0, 1, 2].map((part) => source.subarray(part * 500, (part + 1) * 500));
        const given = kind === 'of one segment' ? '-' : (await box.uploadInParts(path, parts)).id;
        const ended = await run('complete', [given, path, steps + 1, source.byteLength, steps + 1]);
        killed = ended.killed;
        await noteAll(ledger, await sealedFiles(''));
        const isNamed = (await box.vault.list(RAW, { prefix: path })).length > 0;
        const [upload] = await box.vault.listUploads(RAW);
        // Both are there only where the kill came between the name and the upload's removal.
        expect(isNamed || upload !== undefined).toBe(true);
        expect(isNamed || killed).toBe(true);
        if (upload !== undefined) {
          expect(upload).toMatchObject({ id: ended.id, path });
          const resumed = await box.resume(upload.id);
          const named = isNamed ? await box.vault.stat(RAW, path) : undefined;
          if (named !== undefined) {
            both += 1;
            const newer = await box.vault.put(RAW, path, streamOf('newer'));
            expect(await outcomeOf(resumed.complete())).toBe('CONFLICT');
            expect(await box.vault.stat(RAW, path)).toEqual(newer);
            await box.vault.remove(RAW, path);
          }
          if (given === '-') await resumed.write(source.subarray(resumed.size));
          await resumed.complete();
        }
        const expected = given === '-' ? source : source.subarray(0, 1500);
        expect((await box.read(path)).equals(expected)).toBe(true);
        await box.vault.collect(RAW, 0);
        steps += 1;
        await box.expectNothingLeft(steps);
      }
      await noteAll(ledger, await sealedFiles(''));
      expect(ledger.violations).toEqual([]);
      expect(both).toBeGreaterThan(0);
      expect(steps).toBeGreaterThan(kind === 'of one segment' ? 6 : 12);
    },
  );
});

describe('the account of frames', () => {
  test('finds two frames with one key and IV, whole or torn, and one message in two files', async () => {
    const key = await createHeader(rawKeyring(), CONTEXT, 64);
    const frame = (text: string, sequence: number, final = false) =>
      Buffer.concat(sealFrame(key, Buffer.from(text.padEnd(64)), sequence, final));
    const good = [key.bytes, frame('one', 1), frame('two', 2)];
    const sealed = (...frames: Buffer[]) => Buffer.concat([key.bytes, ...frames]);
    const violations = async (...files: [string, Buffer][]): Promise<number> => {
      const ledger = createLedger();
      for (const [name, bytes] of files) await ledger.add(name, bytes);
      return ledger.violations.length;
    };
    const whole = Buffer.concat(good);
    // The same again, cut off anywhere, or longer: no violation.
    for (let cut = 0; cut <= whole.byteLength; cut += 1) {
      expect(await violations(['a', whole], ['a', whole.subarray(0, cut)], ['a', whole])).toBe(0);
    }
    expect(await violations(['a', whole], ['a', sealed(frame('one', 1), frame('two', 2), frame('three', 3))])).toBe(0);
    expect(await violations(['a', whole], ['a', sealed(frame('one', 1), frame('TWO', 2))])).toBe(1);
    expect(await violations(['a', whole], ['a', sealed(frame('one', 1), frame('TWO', 2)).subarray(0, -40)])).toBe(1);
    expect(await violations(['a', whole], ['a', sealed(frame('one', 1), frame('two', 2, true))])).toBe(1);
    expect(await violations(['a', sealed(frame('one', 1), frame('TWO', 1))])).toBe(1);
    expect(await violations(['a', whole], ['b', whole])).toBe(1);
    expect(await violations(['a', whole], ['a', (await sealBytes(Buffer.from('x'))).bytes])).toBe(1);
  });
});
