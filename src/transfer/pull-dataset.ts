// A raw dataset that files are pulled into: sealed as they come, through the vault's uploads, which survive a kill.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withProcessLock } from '../lib/index.ts';
import { type Upload, type Vault, VaultError } from '../vault/index.ts';
import { TransferError } from './error.ts';
import { badName, collisions } from './local-names.ts';
import { openPullJournal, type PullJournal } from './pull-journal.ts';
import type { PullSink, PullStore, RemoteFile } from './pull-types.ts';

/** What is shorter comes again as a whole, and is held in memory until it is there: an upload costs more. */
const LEAST_UPLOAD_BYTES = 1024 * 1024;

/**
 * The dataset, below `prefix` (empty, or with a `/` at the end).
 * @param journal the path of the journal of this very command
 * @param note hears why what came earlier is not gone on with
 */
export function openDatasetStore(
  vault: Vault,
  dataset: string,
  prefix: string,
  { journal: path, note, signal }: { journal: string; note: (message: string) => void; signal: AbortSignal },
): PullStore {
  let opened: Promise<PullJournal> | undefined;
  const journalOf = (): Promise<PullJournal> => {
    opened ??= openPullJournal(path);
    return opened;
  };
  const nameOf = (name: string): string => `${prefix}${name}`.normalize('NFC');
  const addressOf = (name: string): string => `${dataset}/${nameOf(name)}`;

  return {
    isPlaintext: false,
    addressOf,
    async exclusively(work) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      return withProcessLock(`${path}.lock`, () => {
        opened = undefined; // not what it was before
        return work();
      });
    },
    check(files) {
      const bad = new Map<RemoteFile, Error>();
      const names = files.map(({ name }) => name);
      // In a dataset, both `a` and `a/b` may be: only equal names clash.
      const clashes = collisions(names, { foldCase: false, isTree: false, taken: () => [] });
      for (const file of files) {
        const error = badName(file.name) ?? clashes.get(file.name);
        if (error !== undefined) bad.set(file, error);
      }
      return bad;
    },
    // How much the store can take is not known here.
    makeRoom: async () => undefined,
    async has(file) {
      const messageId = (await journalOf()).done(file);
      const name = nameOf(file.name);
      // Who may not look pulls it again.
      if (messageId === undefined || !vault.allows('list', dataset, name)) return false;
      try {
        return (await vault.stat(dataset, name)).messageId === messageId;
      } catch (error) {
        if (error instanceof VaultError && error.code === 'NOT_FOUND') return false;
        throw error;
      }
    },
    async open(file) {
      if (file.size !== undefined && file.size < LEAST_UPLOAD_BYTES) return openSmall(file);
      return openLarge(file, await takeUp(file));
    },
    async finish() {
      await (await journalOf()).remove();
    },
  };

  async function takeUp(file: RemoteFile): Promise<Upload> {
    const journal = await journalOf();
    const [begun, stale] = [journal.begun(file), journal.stale(file)];
    if (begun !== undefined) {
      const address = addressOf(file.name);
      if (!vault.allows('ingest', dataset)) {
        note(`${address}: what came earlier is not gone on with: that takes a role that may ingest`);
      } else {
        try {
          const upload = await vault.resumeUpload(dataset, begun);
          if (upload.size <= (file.size ?? 0)) return upload;
          await upload.abort();
        } catch (error) {
          if (!(error instanceof VaultError)) throw error;
          // It expired, or what is on the disk does not verify (I2).
          if (error.code !== 'NOT_FOUND' && error.code !== 'TAMPERED') throw error;
          note(`${address}: what came earlier is gone or does not verify: it begins anew`);
        }
      }
    }
    for (const id of [begun, stale]) if (id !== undefined) await forget(id);
    const upload = await vault.beginUpload(dataset, nameOf(file.name));
    await (await journalOf()).noteBegun(file, upload.id);
    return upload;
  }

  /** Who may not remove it leaves it: it expires. */
  async function forget(id: string): Promise<void> {
    await vault.removeUpload(dataset, id).catch((error: unknown) => {
      if (!(error instanceof VaultError) || (error.code !== 'NOT_FOUND' && error.code !== 'DENIED')) throw error;
    });
  }

  function openLarge(given: RemoteFile, begun: Upload): PullSink {
    let file = given;
    let upload = begun;
    return {
      get position() {
        return upload.size;
      },
      async write(chunk) {
        await upload.write(chunk);
        chunk.fill(0);
      },
      async restart(next) {
        file = next;
        await upload.abort();
        upload = await vault.beginUpload(dataset, nameOf(file.name));
        await (await journalOf()).noteBegun(file, upload.id);
      },
      async complete(expected) {
        const { size, sha256, messageId } = await upload.complete({ signal });
        await (await journalOf()).noteDone(file, messageId);
        return confirmed({ size, sha256 }, expected, file);
      },
      suspend: () => suspendUpload(upload),
    };
  }

  function openSmall(given: RemoteFile): PullSink {
    let file = given;
    let parts: Buffer[] = [];
    let position = 0;
    const drop = (): void => {
      for (const part of parts) part.fill(0);
      parts = [];
      position = 0;
    };
    return {
      get position() {
        return position;
      },
      async write(chunk) {
        parts.push(Buffer.from(chunk));
        position += chunk.length;
        chunk.fill(0);
      },
      async restart(next) {
        file = next;
        drop();
      },
      async complete(expected) {
        const { size, sha256, messageId } = await vault.put(dataset, nameOf(file.name), give(parts), { signal });
        drop();
        await (await journalOf()).noteDone(file, messageId);
        return confirmed({ size, sha256 }, expected, file);
      },
      suspend: async () => drop(),
    };
  }

  function confirmed(
    result: { size: number; sha256: string },
    expected: string | undefined,
    { name }: RemoteFile,
  ): { size: number; sha256: string } {
    if (expected === undefined || expected === result.sha256) return result;
    throw new TransferError('DIGEST', `${addressOf(name)}: the server gave other bytes when it was read again`, {
      hint: 'the object is there, and not what the server has now: remove it, and ask whoever runs the server',
    });
  }
}

/** An upload that is over, or that somebody else has by now, needs nothing. */
async function suspendUpload(upload: Upload): Promise<void> {
  await upload.suspend().catch((error: unknown) => {
    if (!(error instanceof VaultError) || error.code !== 'CONFLICT') throw error;
  });
}

async function* give(parts: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
