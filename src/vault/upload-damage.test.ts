// I2, I3: an upload whose segments were damaged, swapped or could not be written: its object as it should be, or
// an error, and never something else.
import { copyFile, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { streamOf } from '../../test/support/box.ts';
import { randomPlaintext } from '../../test/support/seal.ts';
import { FRAME, makeUploadBox, outcomeOf, RAW, SMALL, type UploadBox } from '../../test/support/uploads.ts';
import { openDirectoryStore, type Store } from '../store/index.ts';
import { openDataset } from './dataset.ts';
import type { Upload } from './index.ts';
import { openUpload } from './upload.ts';

const SEED = 20261124;

let box: UploadBox;
beforeEach(async () => {
  box = await makeUploadBox();
});
afterEach(() => box.remove());

describe('I2: a segment that was tampered with', () => {
  const INTEGRITY = [
    'TAMPERED',
    ...['TRUNCATED', 'FRAME_AUTH', 'FRAME_ORDER', 'HEADER_AUTH', 'HEADER_INVALID', 'COMMITMENT', 'CONTEXT_MISMATCH'],
    ...['UNWRAP_FAILED', 'UNSUPPORTED', 'LIMIT', 'NON_COMMITTING'],
  ];
  const parts = [330, 250, 470].map(randomPlaintext);
  const content = Buffer.concat(parts.map((part, i) => (i < 2 ? part.subarray(0, [300, 200][i]) : part)));

  /** Completes the upload; must fail, or give the object as it should be. */
  const expectNeverWrong = async (upload: Upload): Promise<string> => {
    const ended = await outcomeOf(upload.complete());
    if (ended === 'done') expect(await box.read(upload.path)).toEqual(content);
    else {
      expect(INTEGRITY).toContain(ended);
      expect(await outcomeOf(box.vault.stat(RAW, upload.path))).toBe('NOT_FOUND');
      expect((await box.vault.listUploads(RAW)).map(({ id }) => id)).toContain(upload.id);
    }
    return ended;
  };

  test('by a flipped bit or a cut, anywhere in any of them, is an error', async () => {
    const upload = await box.uploadInParts('a', parts);
    await upload.suspend();
    const good = await Promise.all([0, 1, 2].map((number) => readFile(box.segmentFile(upload.id, number))));
    const ended: string[] = [];
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), async (number, at, cut) => {
        const bytes = Buffer.from(good[number] ?? []);
        const place = Math.min(Math.floor(at * bytes.byteLength), bytes.byteLength - 1);
        bytes[place] = (bytes[place] ?? 0) ^ 4;
        await writeFile(box.segmentFile(upload.id, number), cut ? bytes.subarray(0, place) : bytes);
        const resumed = await outcomeOf(box.resume(upload.id));
        if (resumed === 'done') ended.push(await expectNeverWrong(await box.resume(upload.id)));
        else {
          expect(INTEGRITY).toContain(resumed);
          ended.push(resumed);
        }
        expect(ended.at(-1)).not.toBe('done');
        await writeFile(box.segmentFile(upload.id, number), good[number] ?? '');
      }),
      { numRuns: 100, seed: SEED },
    );
    expect(new Set(ended).size).toBeGreaterThan(5);
    expect(await expectNeverWrong(await box.resume(upload.id))).toBe('done');
  });

  test.each<[string, (upload: Upload, other: Upload) => Promise<unknown>]>([
    ['is missing at the start', (upload) => rm(box.segmentFile(upload.id, 0))],
    ['is missing in the middle', (upload) => rm(box.segmentFile(upload.id, 1))],
    ['is missing at the end', (upload) => rm(box.segmentFile(upload.id, 2))],
    ['lost its last frame', async (upload) => truncate(box.segmentFile(upload.id, 0), await sizeLess(upload.id, 0, 1))],
    [
      'is another one of the same upload',
      async ({ id }) => {
        await rename(box.segmentFile(id, 0), box.segmentFile(id, 3));
        await rename(box.segmentFile(id, 1), box.segmentFile(id, 0));
        await rename(box.segmentFile(id, 3), box.segmentFile(id, 1));
      },
    ],
    ['is that of another upload', ({ id }, other) => rename(box.segmentFile(other.id, 1), box.segmentFile(id, 1))],
    [
      'at the end is that of another upload',
      ({ id }, other) => rename(box.segmentFile(other.id, 2), box.segmentFile(id, 2)),
    ],
    [
      'is that of another dataset',
      async ({ id }) => {
        const foreign = await box.uploadInParts('a', parts, 'other-raw');
        await rename(box.segmentFile(foreign.id, 1, 'other-raw'), box.segmentFile(id, 1));
      },
    ],
    [
      'is an object',
      async ({ id }) => {
        const { messageId } = await box.vault.put(RAW, 'object', streamOf('x'.repeat(1000)));
        await copyFile(join(box.dataFolder, RAW, 'objects', messageId), box.segmentFile(id, 1));
      },
    ],
  ])('or that %s is an error', async (_, tamper) => {
    const upload = await box.uploadInParts('a', parts);
    const other = await box.uploadInParts('b', parts);
    await tamper(upload, other);
    expect(await expectNeverWrong(upload)).not.toBe('done');
    const again = await outcomeOf(box.resume(upload.id));
    if (again === 'done') expect(await expectNeverWrong(await box.resume(upload.id))).not.toBe('done');
    else expect(INTEGRITY).toContain(again);
    await box.vault.removeUpload(RAW, upload.id);
  });

  test('and that had been durable is missed, also at a frame’s end', async () => {
    const upload = await box.uploadInParts('a', parts);
    await upload.suspend();
    await truncate(box.segmentFile(upload.id, 2), await sizeLess(upload.id, 2, 1));
    expect(await outcomeOf(box.resume(upload.id))).toBe('TAMPERED');
    expect(await outcomeOf(box.vault.statUpload(RAW, upload.id))).toBe('TAMPERED');
  });

  test('and in which a last part never was durable is resumed without it', async () => {
    const upload = await box.uploadInParts('a', parts);
    await truncate(box.segmentFile(upload.id, 2), await sizeLess(upload.id, 2, 1));
    const resumed = await box.resume(upload.id);
    expect(resumed.size).toBe(content.byteLength - 70 - FRAME);
    await resumed.write(content.subarray(resumed.size));
    expect(await expectNeverWrong(resumed)).toBe('done');
  });

  /** The size of a segment file without its last `frames` frames; what is behind them was no frame. */
  async function sizeLess(id: string, number: number, frames: number): Promise<number> {
    return (await stat(box.segmentFile(id, number))).size - frames * (FRAME + 32);
  }
});

describe('a store that fails', () => {
  /** The dataset, with a store in which the `failAt`th write or sync of a segment, or step after it, fails. */
  const failingDataset = (failAt: number) => {
    const store = openDirectoryStore(box.dataFolder);
    const calls = { count: 0, failAt };
    const count = () => {
      calls.count += 1;
      if (calls.count === calls.failAt) throw new RangeError('disk');
    };
    const failing: Store = {
      ...store,
      async createSegment(...place) {
        const segment = await store.createSegment(...place);
        return {
          ...segment,
          write: async (chunk) => {
            count();
            await segment.write(chunk);
          },
          sync: async () => {
            count();
            await segment.sync();
          },
        };
      },
      async commitSegment(...place) {
        count();
        await store.commitSegment(...place);
      },
      async putEntry(...entry) {
        count();
        return store.putEntry(...entry);
      },
    };
    const config = box.workspace.datasets[RAW];
    if (config === undefined) throw new Error('no dataset');
    return { dataset: openDataset('test', RAW, config, failing, box.keys), calls };
  };

  test('loses nothing that was durable, and complete can be called again', async () => {
    const content = randomPlaintext(730);
    for (let failAt = 1; ; failAt += 1) {
      const begun = await box.begin('a');
      const { dataset, calls } = failingDataset(failAt);
      const held = await dataset.readRecord('upload', begun.id);
      if (held === undefined) throw new Error('no record');
      const upload = openUpload(dataset, held, [], SMALL);
      let durable = 0;
      const work = async () => {
        for (let at = 0; at < content.byteLength; at += 150) {
          await upload.write(content.subarray(at, at + 150));
          durable = await upload.sync();
        }
      };
      const written = await outcomeOf(work());
      if (written === 'done') {
        if ((await outcomeOf(upload.complete())) !== 'done') {
          const again = await outcomeOf(upload.complete());
          // Where the segment itself was not finished, the handle has ended; else it goes on.
          if (again !== 'done') await (await box.resume(begun.id)).suspend();
        }
      } else {
        expect([upload.durable, upload.size]).toEqual([durable, durable]);
        expect(await outcomeOf(upload.write(content))).toBe(written);
        expect(await outcomeOf(upload.complete())).toBe(written);
      }
      if ((await box.vault.listUploads(RAW)).length > 0) {
        const resumed = await box.resume(begun.id);
        expect(resumed.size).toBeGreaterThanOrEqual(durable);
        await resumed.write(content.subarray(resumed.size));
        await resumed.complete();
      }
      expect(await box.read('a')).toEqual(content);
      await box.vault.collect(RAW, 0);
      await box.expectNothingLeft(1);
      if (calls.count < failAt) break;
    }
  });

  test('stops for a signal, and completes afterwards', async () => {
    const parts = [randomPlaintext(500), randomPlaintext(500)];
    const upload = await box.uploadInParts('a', parts);
    expect(await outcomeOf(upload.complete({ signal: AbortSignal.abort() }))).toBe('ABORTED');
    expect(await box.files('tmp')).toEqual([]);
    await upload.complete();
    expect(await box.read('a')).toEqual(Buffer.concat(parts));
  });

  test('gives no more than 10,000 segments', async () => {
    const { id } = await box.uploadInParts('a', [randomPlaintext(500)]);
    await writeFile(box.segmentFile(id, 9999), '');
    const upload = await box.resume(id);
    expect(upload.size).toBe(500);
    expect(await outcomeOf(upload.write(Buffer.from('x')))).toBe('LIMIT');
    await (await box.resume(id)).complete();
    expect(await box.read('a')).toHaveLength(500);
  });
});
