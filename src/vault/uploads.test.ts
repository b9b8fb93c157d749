// Uploads: what arrives in pieces becomes one object, whatever interrupts it.
import { copyFile, link, mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { streamOf } from '../../test/support/box.ts';
import { searchFolder } from '../../test/support/canary.ts';
import { randomPlaintext } from '../../test/support/seal.ts';
import { FRAME, makeUploadBox, outcomeOf, RAW, SMALL, type UploadBox } from '../../test/support/uploads.ts';

const SEED = 20261124;

let box: UploadBox;
beforeEach(async () => {
  box = await makeUploadBox();
});
afterEach(() => box.remove());

describe('an upload', () => {
  test('becomes an object when it is completed, and not before', async () => {
    await box.vault.put(RAW, 'a', streamOf('old'));
    const content = randomPlaintext(1050);
    const upload = await box.begin('a');
    expect([upload.dataset, upload.path, upload.size, upload.durable]).toEqual([RAW, 'a', 0, 0]);
    await upload.write(content.subarray(0, 120));
    await upload.write(content.subarray(120, 333));
    expect([upload.size, upload.durable]).toEqual([333, 0]);
    expect(await upload.sync()).toBe(300);
    expect(upload.durable).toBe(300);
    expect((await box.read('a')).toString()).toBe('old');
    await upload.write(content.subarray(333));
    const info = await upload.complete();
    expect(info).toMatchObject({ path: 'a', size: 1050, writer: box.vault.writer });
    expect(await box.vault.stat(RAW, 'a')).toEqual(info);
    expect(await box.read('a')).toEqual(content);
    const late = [upload.write(content), upload.sync(), upload.suspend(), upload.complete()];
    expect(await Promise.all(late.map(outcomeOf))).toEqual(late.map(() => 'CONFLICT'));
    await upload.abort();
    expect(await box.read('a')).toEqual(content);
    await box.vault.collect(RAW, 0);
    await box.expectNothingLeft(1);
  });

  test.each([0, 1, FRAME - 1, FRAME, FRAME + 1, 5 * FRAME])('of %i bytes is sealed once', async (size) => {
    const content = randomPlaintext(size);
    const upload = await box.begin('a');
    await upload.write(content);
    await upload.complete();
    expect(await box.read('a')).toEqual(content);
    // What was sealed as a segment is the object as it is.
    expect((await box.vault.inspect(RAW, 'a')).context).toMatchObject({
      'glovebox:dataset': RAW,
      'glovebox:upload': upload.id,
      'glovebox:segment': '0',
      'glovebox:offset': '0',
    });
    await box.expectNothingLeft(1);
  });

  test('of several segments is sealed anew as one message', async () => {
    const parts = [250, 400, 30].map(randomPlaintext);
    const upload = await box.uploadInParts('a', parts);
    // The crash took what filled no frame: 250 and 400 bytes were 200 and 400 on the disk.
    expect(upload.size).toBe(630);
    expect(await box.files('segments')).toHaveLength(3);
    const info = await upload.complete();
    const expected = Buffer.concat(parts.map((part, i) => part.subarray(0, [200, 400, 30][i])));
    expect(info.size).toBe(630);
    expect(await box.read('a')).toEqual(expected);
    expect((await box.vault.inspect(RAW, 'a')).context).not.toHaveProperty('glovebox:upload');
    await box.expectNothingLeft(1);
  });

  test('goes on where it was after a suspension, with every byte', async () => {
    const content = randomPlaintext(777);
    const first = await box.begin('a');
    await first.write(content.subarray(0, 333));
    await first.suspend();
    expect(first.durable).toBe(333);
    expect(await outcomeOf(first.write(content))).toBe('CONFLICT');
    await first.abort();
    const second = await box.resume(first.id);
    expect([second.size, second.durable]).toEqual([333, 333]);
    await second.suspend();
    const third = await box.resume(first.id);
    await third.write(content.subarray(333));
    await third.suspend();
    await (await box.resume(first.id)).complete();
    expect(await box.read('a')).toEqual(content);
    await box.expectNothingLeft(1);
  });

  test('takes calls in order, also without waiting', async () => {
    const content = randomPlaintext(5000);
    const upload = await box.begin('a');
    const calls = Array.from({ length: 50 }, (_, i) => upload.write(content.subarray(i * 100, i * 100 + 100)));
    const info = await upload.complete();
    await Promise.all(calls);
    expect(info.size).toBe(5000);
    expect(await box.read('a')).toEqual(content);
  });

  test('is removed by abort, at any time', async () => {
    await box.vault.put(RAW, 'a', streamOf('old'));
    await (await box.vault.beginUpload(RAW, 'a')).abort();
    const upload = await box.uploadInParts('a', [randomPlaintext(500), randomPlaintext(500)]);
    const writing = outcomeOf(upload.write(randomPlaintext(50_000)));
    await upload.abort();
    await upload.abort();
    expect(['ABORTED', 'CONFLICT', 'done']).toContain(await writing);
    expect(await outcomeOf(upload.complete())).toBe('CONFLICT');
    expect((await box.read('a')).toString()).toBe('old');
    await box.expectNothingLeft(1);
  });

  test('is refused where it does not belong', async () => {
    expect(await outcomeOf(box.vault.beginUpload('claims-features', 'a'))).toBe('KIND');
    expect(await outcomeOf(box.vault.beginUpload(RAW, '../a'))).toBe('NAME');
    expect(await box.files('uploads')).toEqual([]);
    for (const id of ['', 'a'.repeat(32), '../../x', 'A'.repeat(32)]) {
      expect(await outcomeOf(box.vault.resumeUpload(RAW, id))).toBe('NOT_FOUND');
      expect(await outcomeOf(box.vault.statUpload(RAW, id))).toBe('NOT_FOUND');
      expect(await outcomeOf(box.vault.removeUpload(RAW, id))).toBe('NOT_FOUND');
    }
  });

  test('equals its source however it was cut, suspended and taken over', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('write'), bytes: fc.nat(4 * FRAME) }) },
      fc.record({ kind: fc.constantFrom('sync', 'suspend', 'crash', 'stat'), bytes: fc.constant(0) }),
    );
    const frames = fc.constantFrom(1, 7, FRAME, 4096);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), frames, async (steps, frameLength) => {
        const content = randomPlaintext(1500);
        const path = `file-${run++}`;
        let upload = await box.begin(path, frameLength);
        let durable = 0;
        for (const { kind, bytes } of steps) {
          const { size } = upload;
          if (kind === 'write') await upload.write(content.subarray(size, size + bytes));
          if (kind === 'sync') durable = await upload.sync();
          if (kind === 'stat') {
            expect((await box.vault.statUpload(RAW, upload.id)).size).toBeGreaterThanOrEqual(durable);
          }
          if (kind === 'suspend') await upload.suspend();
          if (kind === 'suspend' || kind === 'crash') {
            upload = await box.resume(upload.id, frameLength);
            if (kind === 'suspend') expect(upload.size).toBe(size);
            expect(upload.size).toBeGreaterThanOrEqual(durable);
            expect(upload.size).toBeLessThanOrEqual(size);
            durable = upload.size;
          }
          expect(upload.durable).toBe(durable);
        }
        await upload.write(content.subarray(upload.size));
        expect((await upload.complete()).size).toBe(content.byteLength);
        expect(await box.read(path)).toEqual(content);
        await box.expectNothingLeft(run);
      }),
      { numRuns: 25, seed: SEED },
    );
  });
});

describe('two who want one upload', () => {
  test('the one who resumes it last has it, and the other cannot complete or remove it', async () => {
    const content = randomPlaintext(1000);
    const first = await box.begin('a');
    await first.write(content.subarray(0, 350));
    await first.sync();
    const second = await box.resume(first.id);
    expect(second.size).toBe(300);
    // The first one does not know yet: what it adds is overridden.
    await first.write(Buffer.alloc(400));
    await first.sync();
    await second.write(content.subarray(300, 600));
    await second.sync();
    expect(await outcomeOf(first.complete())).toBe('CONFLICT');
    await first.abort();
    await second.write(content.subarray(600));
    await second.complete();
    expect(await box.read('a')).toEqual(content);
    await box.expectNothingLeft(1);
  });

  test('a handle that lost it begins no segment and suspends nothing', async () => {
    const first = await box.begin('a');
    const second = await box.resume(first.id);
    expect(await outcomeOf(first.write(Buffer.from('x')))).toBe('CONFLICT');
    const third = await box.resume(first.id);
    expect(await outcomeOf(second.suspend())).toBe('CONFLICT');
    await third.abort();
    expect(await outcomeOf(third.complete())).toBe('CONFLICT');
    await box.expectNothingLeft(0);
  });

  test('of many at once exactly one completes it', async () => {
    const { id } = await box.uploadInParts('a', [Buffer.alloc(500, 'x')]);
    const vaults = await Promise.all(Array.from({ length: 6 }, () => box.reopen()));
    const results = await Promise.allSettled(vaults.map((vault) => vault.resumeUpload(RAW, id, SMALL)));
    const handles = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(handles.length).toBeGreaterThan(0);
    const outcomes = await Promise.all(
      handles.map(async (handle) => {
        const written = await outcomeOf(handle.write(Buffer.alloc(250, 'y')));
        return written === 'done' ? outcomeOf(handle.complete()) : written;
      }),
    );
    expect(outcomes.filter((each) => each === 'done')).toHaveLength(1);
    expect(new Set(outcomes)).toEqual(new Set(handles.length > 1 ? ['done', 'CONFLICT'] : ['done']));
    expect((await box.read('a')).toString()).toBe('x'.repeat(500) + 'y'.repeat(250));
    await box.expectNothingLeft(1);
  });

  test('a removed upload is over for whoever has it', async () => {
    const upload = await box.uploadInParts('a', [randomPlaintext(500)]);
    await box.vault.removeUpload(RAW, upload.id);
    await upload.write(randomPlaintext(500));
    expect(await outcomeOf(upload.complete())).toBe('CONFLICT');
    await upload.abort();
    await box.expectNothingLeft(0);
  });
});

describe('an upload that was named before its process was killed', () => {
  const contents = [250, 400].map(randomPlaintext);

  /** Completes it, and then puts its record and its segments back: as before they were removed. */
  async function completeAndKill(parts: Uint8Array[]) {
    const { id } = await box.uploadInParts('a', parts);
    await (await box.resume(id)).suspend();
    const kept = join(box.folder, 'kept');
    await mkdir(kept);
    // By a second name, so that a file's time stays its own.
    const files = [join('uploads', id), ...(await box.files('segments')).map((name) => join('segments', name))];
    for (const [index, file] of files.entries()) await link(join(box.dataFolder, RAW, file), join(kept, `${index}`));
    const info = await (await box.resume(id)).complete();
    for (const [index, file] of files.entries()) await link(join(kept, `${index}`), join(box.dataFolder, RAW, file));
    await rm(kept, { recursive: true });
    return { id, info };
  }

  test.each([1, 2])('(%i segments) is the object that it was, when it is completed again', async (count) => {
    const { id, info } = await completeAndKill(contents.slice(0, count));
    expect(await (await box.resume(id)).complete()).toEqual(info);
    expect(await box.vault.stat(RAW, 'a')).toEqual(info);
    await box.expectNothingLeft(1);
  });

  test.each([1, 2])('(%i segments) replaces nothing that got the name since, and is not lost', async (count) => {
    const { id, info } = await completeAndKill(contents.slice(0, count));
    const before = await box.read('a');
    await box.vault.put(RAW, 'a', streamOf('newer'));
    for (let again = 0; again < 2; again += 1) {
      const upload = await box.resume(id);
      expect(await outcomeOf(upload.complete())).toBe('CONFLICT');
      expect(await outcomeOf(upload.complete())).toBe('CONFLICT');
      await upload.suspend();
    }
    expect((await box.read('a')).toString()).toBe('newer');
    await box.vault.rename(RAW, 'a', 'b');
    expect(await (await box.resume(id)).complete()).toMatchObject({ size: info.size, sha256: info.sha256 });
    expect(await box.read('a')).toEqual(before);
    expect((await box.read('b')).toString()).toBe('newer');
    await box.vault.collect(RAW, 0);
    await box.expectNothingLeft(2);
  });

  test('goes on where more comes: nothing of that is lost', async () => {
    const { id, info } = await completeAndKill(contents.slice(0, 1));
    const upload = await box.resume(id);
    await upload.write(Buffer.from('more'));
    await upload.suspend();
    expect((await (await box.resume(id)).complete()).size).toBe(info.size + 4);
    expect((await box.read('a')).subarray(info.size).toString()).toBe('more');
  });

  test('replaces what is older than it', async () => {
    await box.vault.put(RAW, 'a', streamOf('older'));
    const { id } = await box.uploadInParts('a', contents);
    expect(await (await box.resume(id)).complete()).toMatchObject({ size: 200 + 400 });
  });
});

describe('listing', () => {
  test('shows id, name, writer, times, and about the size; and takes nothing over', async () => {
    const upload = await box.uploadInParts('in/a.csv', [randomPlaintext(500), randomPlaintext(250)]);
    const other = await box.vault.beginUpload(RAW, 'b');
    const found = new Map((await box.vault.listUploads(RAW)).map((info) => [info.id, info]));
    expect(found.size).toBe(2);
    expect(found.get(other.id)).toMatchObject({ path: 'b', size: 0 });
    const info = await box.vault.statUpload(RAW, upload.id);
    expect(info).toMatchObject({ id: upload.id, path: 'in/a.csv', size: 700, writer: box.vault.writer });
    expect(found.get(upload.id)).toEqual(info);
    expect(Date.parse(info.modified)).toBeGreaterThanOrEqual(Date.parse(info.started));
    expect(await box.vault.list(RAW)).toEqual([]);
    expect(await box.vault.listUploads('other-raw')).toEqual([]);
    await upload.suspend();
    expect((await box.vault.statUpload(RAW, upload.id)).size).toBe(750);
  });
});

describe('collection', () => {
  const age = (path: string) => utimes(path, new Date(Date.now() - 3_600_000), new Date(Date.now() - 3_600_000));

  test('removes an upload to which nothing came for the grace time, and none before', async () => {
    const upload = await box.uploadInParts('a', [randomPlaintext(500), randomPlaintext(250)]);
    for (const number of [0, 1]) await age(box.segmentFile(upload.id, number));
    expect(await box.vault.collect(RAW, 60_000)).toEqual({ objects: 0, bytes: 0, temporary: 0, uploads: 0 });
    const bytes = (await stat(box.segmentFile(upload.id, 0))).size + (await stat(box.segmentFile(upload.id, 1))).size;
    expect(await box.vault.collect(RAW, 0)).toEqual({ objects: 0, bytes, temporary: 0, uploads: 1 });
    await box.expectNothingLeft(0);
    expect(await outcomeOf(upload.complete())).toBe('CONFLICT');
  });

  test('removes segments that no upload has, once they are old', async () => {
    const { id } = await box.uploadInParts('a', [randomPlaintext(500)]);
    await rm(join(box.dataFolder, RAW, 'uploads', id));
    await box.vault.collect(RAW, 60_000);
    expect(await box.files('segments')).toEqual([`${id}.0`]);
    await age(box.segmentFile(id, 0));
    expect(await box.vault.collect(RAW, 60_000)).toMatchObject({ uploads: 0 });
    await box.expectNothingLeft(0);
  });

  test('removes nothing where a record does not verify', async () => {
    const good = await box.uploadInParts('a', [randomPlaintext(500)]);
    const bad = await box.uploadInParts('b', [randomPlaintext(500)]);
    await copyFile(join(box.dataFolder, RAW, 'uploads', good.id), join(box.dataFolder, RAW, 'uploads', bad.id));
    expect(await outcomeOf(box.vault.collect(RAW, 0))).toBe('TAMPERED');
    expect(await box.files('segments')).toHaveLength(2);
    expect(await outcomeOf(box.vault.resumeUpload(RAW, bad.id))).toBe('TAMPERED');
    await box.vault.removeUpload(RAW, bad.id);
    expect(await box.vault.collect(RAW, 0)).toMatchObject({ uploads: 1 });
  });
});

test('I1: nothing of the plaintext is on the disk at any time', async () => {
  const canary = 'CANARY-uploads-4711';
  const text = Buffer.from(`${canary},`.repeat(100));
  const upload = await box.uploadInParts('a', [text, text, text]);
  const search = async () => {
    const { searched, found } = await searchFolder(box.folder, canary);
    expect(found).toEqual([]);
    return searched;
  };
  expect(await search()).toBeGreaterThan(5);
  await upload.complete();
  expect(await search()).toBeGreaterThan(3);
  await writeFile(join(box.folder, 'control'), text);
  expect((await searchFolder(box.folder, canary)).found).toHaveLength(1);
});
