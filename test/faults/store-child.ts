// A process that works on a directory store, for tests that kill it, race it, or starve it of space.
// `node store-child.ts JOB ROOT [ARGUMENT]`
import { createHash, randomBytes } from 'node:crypto';
import { openDirectoryStore, type Store, StoreError } from '../../src/store/index.ts';

const [job = '', root = '', argument = ''] = process.argv.slice(2);

const jobs: Record<string, (store: Store) => Promise<void>> = {
  /** Adds 1 to a counter, ARGUMENT times, by compare-and-swap. */
  async count(store) {
    for (let done = 0; done < Number(argument); ) {
      const entry = await store.getEntry('shared', 'heads', 'counter');
      const next = Number(Buffer.from(entry?.bytes ?? []).toString() || '0') + 1;
      try {
        await store.putEntry('shared', 'heads', 'counter', Buffer.from(`${next}`), entry?.etag ?? null);
        done += 1;
      } catch (error) {
        if (!(error instanceof StoreError && error.code === 'CONFLICT')) throw error;
      }
    }
  },

  /** Replaces an entry and commits objects without end; each carries its own digest. Says so before each. */
  async write(store) {
    for (let i = 0; ; i += 1) {
      const body = randomBytes(200_000);
      const content = Buffer.concat([createHash('sha256').update(body).digest(), body]);
      const writer = await store.createObject('shared');
      for (let at = 0; at < content.length; at += 65_536) await writer.write(content.subarray(at, at + 65_536));
      await writer.commit(createHash('sha256').update(content).digest('hex'));
      await store.putEntry('shared', 'names', 'file', content);
      await store.moveEntry('shared', 'names', 'file', `moved-${i % 2}`, true);
      process.stdout.write('.');
    }
  },

  /** Makes one of everything under the umask ARGUMENT (octal). */
  async modes(store) {
    process.umask(Number.parseInt(argument, 8));
    const writer = await store.createObject('shared');
    await writer.write(Buffer.from('x'));
    await writer.commit('0'.repeat(64));
    await store.createObject('shared');
    const segment = await store.createSegment('shared', '0'.repeat(32), 0);
    await segment.sync();
    await store.createSegment('shared', '0'.repeat(32), 1);
    await store.putEntry('shared', 'names', 'A'.repeat(200), Buffer.from('x'));
    await store.putEntry('shared', 'names', 'a', Buffer.from('x'));
  },

  /** Fills the disk; prints what failed and what is left, as JSON. */
  async fill(store) {
    await store.putEntry('shared', 'names', 'old', Buffer.from('old'));
    const writer = await store.createObject('shared');
    const failures: unknown[] = [];
    const note = (error: unknown) => failures.push(error instanceof StoreError ? [error.code, error.hint] : `${error}`);
    for (let i = 0; i < 1000 && failures.length === 0; i += 1) await writer.write(Buffer.alloc(16_384, 1)).catch(note);
    await store.putEntry('shared', 'names', 'old', Buffer.alloc(3_000_000)).catch(note);
    const old = await store.getEntry('shared', 'names', 'old');
    await store.putEntry('shared', 'names', 'new', Buffer.from('new'));
    const names: string[] = [];
    for await (const name of store.listEntries('shared', 'names')) names.push(name);
    process.stdout.write(JSON.stringify({ failures, names, old: Buffer.from(old?.bytes ?? []).toString() }));
  },
};

await jobs[job]?.(openDirectoryStore(root));
