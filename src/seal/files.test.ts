import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildClient, CommitmentPolicy } from '@aws-crypto/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  boundarySizes,
  CONTEXT,
  codeOf,
  official,
  openBytes,
  randomPlaintext,
  rawKeyring,
  sealBytes,
  sourceOf,
} from '../../test/support/seal.ts';
import { isErrnoError } from '../lib/index.ts';
import { digestFile, openFile, type SealedSource, sealFile, verify } from './index.ts';

const OPTIONS = { keyring: rawKeyring(), context: CONTEXT };
const FRAME = 4096;
let folder: string;
const descriptors: number[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-files-'));
});
afterEach(async () => {
  for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
  await rm(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

function descriptorOf(name: string, flags = 'r'): number {
  const descriptor = openSync(at(name), flags, 0o600);
  descriptors.push(descriptor);
  return descriptor;
}

async function plainFile(plaintext: Uint8Array): Promise<{ descriptor: number; size: number }> {
  await writeFile(at('plain'), plaintext);
  return { descriptor: descriptorOf('plain'), size: plaintext.byteLength };
}

async function sealedFile(bytes: Uint8Array): Promise<SealedSource & { descriptor: number }> {
  await writeFile(at('sealed'), bytes);
  const descriptor = descriptorOf('sealed');
  return {
    size: bytes.byteLength,
    descriptor,
    read: async (buffer, offset) => readSync(descriptor, buffer, 0, buffer.byteLength, offset),
  };
}

describe('files', () => {
  it('come back as they were, with any number of threads, and are messages like any other', async () => {
    for (const size of [...boundarySizes(FRAME), 40 * FRAME, 40 * FRAME + 1]) {
      for (const threads of [1, 2, 5]) {
        const plaintext = randomPlaintext(size);
        const target = { descriptor: descriptorOf('target', 'w+') };
        const options = { ...OPTIONS, frameLength: FRAME };
        const summary = await sealFile(await plainFile(plaintext), options, target, { threads });
        const bytes = await readFile(at('target'));
        expect(summary).toEqual({ messageId: summary.messageId, plaintextSize: size, sealedSize: bytes.byteLength });
        const { messageId } = summary;
        expect((await openBytes(bytes, { messageId, plaintextSize: size })).plaintext.equals(plaintext)).toBe(true);
        const out = { descriptor: descriptorOf('out', 'w+') };
        const opened = await openFile(await sealedFile(bytes), { ...OPTIONS, messageId }, out, { threads });
        const frames = Math.floor(size / FRAME) + 1; // on an exact multiple the last one is empty
        expect(opened).toEqual({ messageId, context: CONTEXT, plaintextSize: size, frames });
        expect((await readFile(at('out'))).equals(plaintext)).toBe(true);
        expect(await verify(await sealedFile(bytes), OPTIONS, { threads })).toEqual(opened);
        expect(await verify(sourceOf(bytes), OPTIONS)).toEqual(opened);
      }
    }
  });

  it('open with the official client', async () => {
    const plaintext = randomPlaintext(20 * FRAME + 3);
    const target = { descriptor: descriptorOf('target', 'w+') };
    await sealFile(await plainFile(plaintext), { ...OPTIONS, frameLength: FRAME }, target, { threads: 3 });
    const opened = await official.decrypt(rawKeyring(), await readFile(at('target')));
    expect(opened.plaintext.equals(plaintext)).toBe(true);
  });

  it('have a digest', async () => {
    for (const size of [0, 1, 300_000, 1_000_000]) {
      const plaintext = randomPlaintext(size);
      const expected = createHash('sha256').update(plaintext).digest('hex');
      expect(await digestFile(await plainFile(plaintext))).toBe(expected);
    }
  });

  it('tell how far they are', async () => {
    const plaintext = randomPlaintext(200 * FRAME);
    const { bytes } = await sealBytes(plaintext, { frameLength: 16 });
    const seen: number[] = [];
    const onProgress = ({ read }: { read: number }) => void seen.push(read);
    await verify(await sealedFile(bytes), OPTIONS, { threads: 2, onProgress });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBeLessThanOrEqual(plaintext.byteLength);
  });
});

describe('a failure', () => {
  it('in any frame is found by every way, whichever worker has it', async () => {
    const { bytes } = await sealBytes(randomPlaintext(50 * FRAME), { frameLength: FRAME });
    for (const position of [0.3, 0.5, 0.7, 0.999]) {
      const bad = Buffer.from(bytes);
      const index = Math.floor(bad.byteLength * position);
      bad[index] = (bad[index] ?? 0) ^ 1;
      const out = { descriptor: descriptorOf('out', 'w+') };
      for (const threads of [1, 2, 4]) {
        expect(await codeOf(openFile(await sealedFile(bad), OPTIONS, out, { threads }))).toBe('FRAME_AUTH');
        expect(await codeOf(verify(await sealedFile(bad), OPTIONS, { threads }))).toBe('FRAME_AUTH');
      }
      expect(await codeOf(verify(sourceOf(bad), OPTIONS))).toBe('FRAME_AUTH');
    }
  });

  it('of the disk is told with its cause', async () => {
    const full = openSync('/dev/full', constants.O_WRONLY);
    descriptors.push(full);
    const error = await sealFile(await plainFile(randomPlaintext(FRAME)), OPTIONS, { descriptor: full }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'IO', cause: { code: 'ENOSPC' } });
    const { encrypt } = buildClient(CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT);
    const { result } = await encrypt(rawKeyring(), 'x', { encryptionContext: CONTEXT, suiteId: 0x0178 });
    const { bytes } = await sealBytes(Buffer.from('x'));
    for (const sealed of [bytes, result]) {
      const opening = openFile(
        await sealedFile(sealed),
        { ...OPTIONS, allowNonCommitting: true },
        { descriptor: full },
      );
      await expect(opening).rejects.toMatchObject({ code: 'IO', cause: { code: 'ENOSPC' } });
    }
  });

  it('to find what the size promised is an error', async () => {
    const source = await plainFile(randomPlaintext(10 * FRAME));
    await truncate(at('plain'), 9 * FRAME);
    const target = { descriptor: descriptorOf('target', 'w+') };
    expect(await codeOf(sealFile(source, { ...OPTIONS, frameLength: FRAME }, target))).toBe('TRUNCATED');
    expect(await codeOf(digestFile(source))).toBe('TRUNCATED');
    const { bytes } = await sealBytes(randomPlaintext(10 * FRAME), { frameLength: FRAME });
    const sealed = await sealedFile(bytes);
    await truncate(at('sealed'), bytes.byteLength - 1);
    expect(await codeOf(verify(sealed, OPTIONS))).toBe('TRUNCATED');
  });

  it('to say how many threads, or whose file, is one of the caller', async () => {
    const source = await plainFile(randomPlaintext(1));
    const target = { descriptor: descriptorOf('target', 'w+') };
    for (const threads of [0, -1, 1.5, 65, Number.NaN]) {
      expect(await codeOf(sealFile(source, OPTIONS, target, { threads }))).toBe('LIMIT');
    }
    const { bytes } = await sealBytes(Buffer.from('x'));
    expect(await codeOf(openFile(sourceOf(bytes), OPTIONS, target))).toBe('UNSUPPORTED');
  });
});

describe('stopping', () => {
  it('ends all workers, and leaves no descriptor open', async () => {
    // More frames than any delay of the timer below lets pass.
    const plaintext = randomPlaintext(250_000);
    const { bytes } = await sealBytes(plaintext, { frameLength: 1 });
    const source = await plainFile(plaintext);
    const sealed = await sealedFile(bytes);
    const target = { descriptor: descriptorOf('target', 'w+') };
    const before = openFiles();
    for (const start of [
      (signal: AbortSignal) => sealFile(source, { ...OPTIONS, frameLength: 1, signal }, target, { threads: 3 }),
      (signal: AbortSignal) => openFile(sealed, { ...OPTIONS, signal }, target, { threads: 3 }),
      (signal: AbortSignal) => verify(sealed, { ...OPTIONS, signal }, { threads: 3 }),
    ]) {
      const stop = new AbortController();
      const running = codeOf(start(stop.signal));
      setTimeout(() => stop.abort(), 15);
      expect(await running).toBe('ABORTED');
      expect(await codeOf(start(stop.signal))).toBe('ABORTED');
    }
    const aborted = AbortSignal.abort();
    expect(await codeOf(digestFile(source, aborted))).toBe('ABORTED');
    expect(openFiles()).toEqual(before);
    // The workers are free again.
    expect((await verify(sealed, OPTIONS, { threads: 3 })).plaintextSize).toBe(plaintext.byteLength);
  });
});

/** The test's own files that this process holds open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(folder) ? [path] : [];
    } catch (error) {
      if (isErrnoError(error, 'ENOENT')) return [];
      throw error;
    }
  });
}

describe('a legacy message', () => {
  it('opens into a file too, where that is allowed', async () => {
    const { encrypt } = buildClient(CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT);
    const plaintext = randomPlaintext(20_000);
    const { result } = await encrypt(rawKeyring(), plaintext, { encryptionContext: CONTEXT, suiteId: 0x0178 });
    const source = await sealedFile(result);
    const out = { descriptor: descriptorOf('out', 'w+') };
    expect(await codeOf(openFile(source, OPTIONS, out))).toBe('NON_COMMITTING');
    const allowed = { ...OPTIONS, allowNonCommitting: true };
    expect(await openFile(source, allowed, out)).toMatchObject({ plaintextSize: 20_000, frames: 0 });
    expect((await readFile(at('out'))).equals(plaintext)).toBe(true);
    expect(await verify(source, allowed)).toMatchObject({ plaintextSize: 20_000 });
    const bad = Buffer.from(result);
    bad[10_000] = (bad[10_000] ?? 0) ^ 1;
    expect(await codeOf(verify(await sealedFile(bad), allowed))).toBe('FRAME_AUTH');
  });
});
