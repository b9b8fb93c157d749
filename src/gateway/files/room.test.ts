// Quotas and free space: refused in time, also where many uploads come at once, and not for ever.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sftpCodeOf } from '../../../test/support/sftp-session.ts';
import { type FilesBox, makeFilesBox } from '../../../test/support/user-files.ts';
import type { OpenForWriting, WriteFlags } from '../../sftp/index.ts';

const MiB = 1024 * 1024;
const NEW: WriteFlags = { create: true, exclusive: false, truncate: true, append: false, read: false };
const OLD: WriteFlags = { ...NEW, truncate: false };

describe('room', () => {
  const limited = async (options: Parameters<typeof makeFilesBox>[0], work: (box: FilesBox) => Promise<void>) => {
    const small = await makeFilesBox(options);
    try {
      await work(small);
    } finally {
      await small.remove();
    }
  };

  it.each<[string, Parameters<typeof makeFilesBox>[0]]>([
    ['of a user', { userQuota: () => 3 * MiB }],
    ['of a dataset', { datasetQuota: () => 3 * MiB }],
  ])('ends with the quota %s, for many uploads together, and comes back with what is removed', (_, options) =>
    limited(options, async (small) => {
      const files = small.files('eve', ['engineer']);
      const piece = Buffer.alloc(MiB / 4);
      const opened = await Promise.all([0, 1, 2, 3].map((index) => files.openWrite(`/claims-raw/${index}`, NEW)));
      let taken = 0;
      const fill = async (file: OpenForWriting) => {
        for (let at = 0; at < 2 * MiB; at += piece.length) {
          await file.write(Buffer.from(piece), at);
          taken += piece.length;
        }
      };
      const outcomes = await Promise.allSettled(opened.map(fill));
      expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'NO_SPACE' });
      }
      // What the four had under way together may be too much.
      expect(taken).toBeLessThanOrEqual(3 * MiB + opened.length * piece.length);
      for (const file of opened) await file.close();
      expect(await sftpCodeOf(files.openWrite('/claims-raw/more', NEW))).toBe('NO_SPACE');
      const { blocks, freeBlocks } = await files.space('/claims-raw');
      expect({ blocks, freeBlocks }).toEqual({ blocks: (3 * MiB) / 4096, freeBlocks: 0 });
      for (const index of [0, 1, 2, 3]) await files.remove(`/claims-raw/${index}`);
      const again = await files.openWrite('/claims-raw/more', NEW);
      await again.write(Buffer.from('there is room again'), 0);
      await again.close();
    }),
  );

  it('ends where the disk is nearly full, and what was sent stays to go on with', () => {
    let free = 10 * MiB;
    const spaceAt = async () => ({ free, total: 100 * MiB });
    return limited({ minFreeBytes: 9 * MiB, spaceAt }, async (small) => {
      const files = small.files('eve', ['engineer']);
      const file = await files.openWrite('/claims-raw/x', NEW);
      await file.write(Buffer.alloc(MiB / 2), 0);
      await file.write(Buffer.alloc(MiB / 2), MiB / 2);
      await expect(file.write(Buffer.alloc(1), MiB)).rejects.toMatchObject({ code: 'NO_SPACE' });
      await file.abort();
      free = 50 * MiB;
      await sleep(1100); // until it is looked at again
      const on = await files.openWrite('/claims-raw/x', OLD);
      expect((await on.stat()).size).toBe(MiB);
      await on.write(Buffer.from('x'), MiB);
      await on.close();
      expect((await files.stat('/claims-raw/x')).size).toBe(MiB + 1);
    });
  });
});
