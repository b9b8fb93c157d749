import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  boundarySizes,
  CONTEXT,
  codeOf,
  openBytes,
  randomPlaintext,
  rawKeyring,
  sealBytes,
} from '../../test/support/seal.ts';
import { isErrnoError } from '../lib/index.ts';
import { openToPipe, type PipeTarget, SealError, sealFromPipe } from './index.ts';

const OPTIONS = { keyring: rawKeyring(), context: CONTEXT };
let folder: string;
let fifo: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-pipe-'));
  fifo = join(folder, 'fifo');
  execFileSync('mkfifo', ['-m', '600', fifo]);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** The test's own files and pipes that this process holds open. */
function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    let path = '';
    try {
      path = readlinkSync(`/proc/self/fd/${descriptor}`, 'utf8');
    } catch (error) {
      // Closed meanwhile, as the descriptor of the listing itself.
      if (!isErrnoError(error, 'ENOENT')) throw error;
    }
    return path.startsWith(folder) ? [path] : [];
  });
}

/** `sh -c command` with `$FIFO`; resolves to what it printed. */
function shell(command: string): { child: ChildProcess; output: Promise<Buffer>; soFar(): number } {
  const child = spawn('sh', ['-c', command], {
    env: { ...process.env, FIFO: fifo },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const parts: Buffer[] = [];
  child.stdout.on('data', (part) => parts.push(part));
  const output = new Promise<Buffer>((resolve) => child.on('close', () => resolve(Buffer.concat(parts))));
  return { child, output, soFar: () => Buffer.concat(parts).byteLength };
}

async function startOpening(sealed: Uint8Array, target: Partial<PipeTarget> = {}, signal?: AbortSignal) {
  const path = join(folder, 'sealed');
  await writeFile(path, sealed);
  const file = await open(path, 'r');
  const source = {
    size: sealed.byteLength,
    descriptor: file.fd,
    read: async (buffer: Uint8Array, offset: number) =>
      (await file.read(buffer, 0, buffer.byteLength, offset)).bytesRead,
  };
  const options = signal ? { ...OPTIONS, signal } : OPTIONS;
  const close = () => file.close();
  const opening = await openToPipe(source, options, { path: fifo, ...target }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  void opening.done.then(close, close);
  return opening;
}

async function throughPipe(sealed: Uint8Array, target: Partial<PipeTarget> = {}): Promise<Buffer> {
  const reader = shell('cat "$FIFO"');
  const opening = await startOpening(sealed, target);
  const { bytes, endedEarly } = await opening.done;
  const output = await reader.output;
  expect({ bytes, endedEarly }).toEqual({ bytes: output.byteLength, endedEarly: false });
  return output;
}

/** Starts a reader, waits for the failure, and checks that the reader saw no end before `release`. */
async function failureThroughPipe(sealed: Uint8Array, target: Partial<PipeTarget> = {}) {
  const reader = shell('cat "$FIFO"; echo END');
  const opening = await startOpening(sealed, target);
  const code = await codeOf(opening.done);
  const ended = await Promise.race([reader.output.then(() => true), sleep(50, false)]);
  expect(ended).toBe(false);
  const got = reader.soFar();
  opening.release();
  expect((await reader.output).toString('latin1')).toMatch(/END\n$/);
  return { code, got };
}

describe('openToPipe', () => {
  it('writes the plaintext, whatever its size', async () => {
    for (const size of boundarySizes(1024)) {
      const plaintext = randomPlaintext(size);
      const { bytes } = await sealBytes(plaintext, { frameLength: 1024 });
      expect((await throughPipe(bytes)).equals(plaintext)).toBe(true);
    }
    const large = randomPlaintext(3_000_001);
    const { bytes } = await sealBytes(large);
    expect((await throughPipe(bytes)).equals(large)).toBe(true);
  });

  it('skips bytes at the start and adds a missing line feed', async () => {
    const { bytes } = await sealBytes(Buffer.from('a,b\n1,2\n3,4'), { frameLength: 3 });
    expect(String(await throughPipe(bytes, { skipBytes: 4, endWithNewline: true }))).toBe('1,2\n3,4\n');
    expect(String(await throughPipe(bytes, { skipBytes: 8 }))).toBe('3,4');
    expect(String(await throughPipe(bytes, { skipBytes: 1000, endWithNewline: true }))).toBe('');
    const { bytes: ended } = await sealBytes(Buffer.from('a\n'));
    expect(String(await throughPipe(ended, { endWithNewline: true }))).toBe('a\n');
  });

  it('decompresses, also several members in a row', async () => {
    const plaintext = Buffer.from(`id,name\n${'1,abc\n2,def\n'.repeat(60_000)}3,end`);
    for (const [compression, compress] of [
      ['gzip', gzipSync],
      ['zstd', zstdCompressSync],
    ] as const) {
      const whole = await sealBytes(compress(plaintext), { frameLength: 4096 });
      const target = { compression, skipBytes: 8, endWithNewline: true };
      expect(String(await throughPipe(whole.bytes, target))).toBe(`${plaintext.subarray(8)}\n`);
      const random = randomPlaintext(200_000);
      const two = await sealBytes(Buffer.concat([compress(random), compress(plaintext)]), { frameLength: 4096 });
      expect((await throughPipe(two.bytes, { compression })).equals(Buffer.concat([random, plaintext]))).toBe(true);
      // The second one begins with a frame of its own.
      const first = compress(random);
      const aligned = Buffer.concat([first, first]);
      const { bytes } = await sealBytes(aligned, { frameLength: first.byteLength });
      expect((await throughPipe(bytes, { compression })).equals(Buffer.concat([random, random]))).toBe(true);
    }
  });

  it('reports damaged, truncated or continued compressed data without ending the pipe', async () => {
    for (const [compression, compress] of [
      ['gzip', gzipSync],
      ['zstd', zstdCompressSync],
    ] as const) {
      const good = compress(randomPlaintext(100_000));
      const damaged = Buffer.from(good);
      damaged.fill(0xff, 0, 4);
      for (const bad of [
        good.subarray(0, -1),
        good.subarray(0, 50_000),
        Buffer.concat([good, Buffer.from('more')]),
        Buffer.concat([good, Buffer.alloc(100)]),
        Buffer.alloc(0),
        damaged,
      ]) {
        const { bytes } = await sealBytes(bad, { frameLength: 4096 });
        expect((await failureThroughPipe(bytes, { compression })).code).toBe('COMPRESSION');
      }
    }
    expect(openDescriptors()).toEqual([]);
  });

  it('bounds what decompression may make of little', async () => {
    const { bytes } = await sealBytes(gzipSync(Buffer.alloc(80 * 1024 * 1024)));
    const reader = shell('cat "$FIFO" >/dev/null');
    const opening = await startOpening(bytes, { compression: 'gzip' });
    expect(await codeOf(opening.done)).toBe('LIMIT');
    opening.release();
    await reader.output;
    expect((await throughPipe(bytes, { compression: 'gzip', maxRatio: 2000 })).byteLength).toBe(80 * 1024 * 1024);
  });

  it('hands on nothing behind a damaged frame, and does not end the pipe', async () => {
    const plaintext = randomPlaintext(100_000);
    const { bytes } = await sealBytes(plaintext, { frameLength: 1000 });
    const bad = Buffer.from(bytes);
    bad[50_000] = (bad[50_000] ?? 0) ^ 1;
    const { code, got } = await failureThroughPipe(bad);
    expect(code).toBe('FRAME_AUTH');
    expect(got).toBeLessThan(50_000);
    expect(got % 1000).toBe(0);
    expect(got).toBeGreaterThan(40_000);
    const compressed = await sealBytes(gzipSync(plaintext), { frameLength: 1000 });
    compressed.bytes[50_000] = (compressed.bytes[50_000] ?? 0) ^ 1;
    expect((await failureThroughPipe(compressed.bytes, { compression: 'gzip' })).code).toBe('FRAME_AUTH');
    expect(openDescriptors()).toEqual([]);
    await expect(startOpening(bad.subarray(0, -1))).rejects.toMatchObject({ code: 'TRUNCATED' });
  });

  it('ends early when the reader leaves', async () => {
    const { bytes } = await sealBytes(randomPlaintext(3_000_000));
    const reader = shell('head -c 10 "$FIFO"');
    const opening = await startOpening(bytes);
    expect(await opening.done).toMatchObject({ endedEarly: true });
    expect((await reader.output).byteLength).toBe(10);
    await sleep(10);
    expect(openDescriptors()).toEqual([]);
  });

  it('waits for a reader, and stops when told to: no reader, a reader that stalls, a signal', async () => {
    const plaintext = randomPlaintext(3_000_000);
    const { bytes } = await sealBytes(plaintext);
    const late = await startOpening(bytes);
    await sleep(50);
    const reader = shell('cat "$FIFO"');
    await late.done;
    expect((await reader.output).equals(plaintext)).toBe(true);

    const unread = await startOpening(bytes);
    setTimeout(unread.cancel, 20);
    expect(await codeOf(unread.done)).toBe('ABORTED');
    unread.release();

    const stop = new AbortController();
    const stalled = shell('exec sleep 100 < "$FIFO"');
    const opening = await startOpening(bytes, {}, stop.signal);
    setTimeout(() => stop.abort(), 100);
    expect(await codeOf(opening.done)).toBe('ABORTED');
    stalled.child.kill('SIGKILL');
    opening.release();
    await stalled.output;
    await sleep(20);
    expect(openDescriptors()).toEqual([]);
  });

  it('refuses what is not a FIFO', async () => {
    const { bytes } = await sealBytes(Buffer.from('x'));
    const path = join(folder, 'plain');
    await writeFile(path, '');
    const opening = await startOpening(bytes, { path });
    expect(await codeOf(opening.done)).toBe('UNSUPPORTED');
    expect(await readFile(path)).toHaveLength(0);
    await expect(sealFromPipe(path, OPTIONS, { descriptor: 1 })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});

async function startSealing(frameLength = 1024, signal?: AbortSignal) {
  const path = join(folder, 'out');
  const descriptor = openSync(path, 'w+', 0o600);
  const options = { ...OPTIONS, frameLength, ...(signal ? { signal } : {}) };
  const sealing = await sealFromPipe(fifo, options, { descriptor });
  const close = () => closeSync(descriptor);
  void sealing.done.then(close, close);
  return { ...sealing, path };
}

describe('sealFromPipe', () => {
  it('seals what was written, once told that it is complete', async () => {
    for (const size of [...boundarySizes(1024), 3_000_001]) {
      const plaintext = randomPlaintext(size);
      await writeFile(join(folder, 'plain'), plaintext);
      const sealing = await startSealing(size > 100_000 ? 262_144 : 1024);
      await shell(`cat "${folder}/plain" > "$FIFO"`).output;
      sealing.finish();
      const outcome = await sealing.done;
      const sealed = await readFile(sealing.path);
      if (size === 0) {
        expect(outcome).toEqual({ empty: true });
        expect(sealed).toHaveLength(0);
        continue;
      }
      const opened = await openBytes(sealed, { messageId: sealing.messageId });
      expect(opened.plaintext.equals(plaintext)).toBe(true);
      const { summary } = await sealBytes(plaintext);
      expect(outcome).toEqual({
        empty: false,
        summary: {
          messageId: sealing.messageId,
          plaintextSize: size,
          sealedSize: sealed.byteLength,
          sha256: summary.sha256,
        },
      });
    }
  });

  it('does not take a closed pipe for the end', async () => {
    const sealing = await startSealing();
    await shell('printf one > "$FIFO"').output;
    await sleep(30);
    await shell('printf two > "$FIFO"').output;
    expect(await Promise.race([sealing.done, sleep(50, 'waiting')])).toBe('waiting');
    sealing.finish();
    await sealing.done;
    expect(String((await openBytes(await readFile(sealing.path))).plaintext)).toBe('onetwo');
  });

  it('reads to the end what is still on its way when told to finish', async () => {
    const sealing = await startSealing();
    const writer = shell('(printf one; sleep 0.2; printf two) > "$FIFO"');
    await sleep(100);
    sealing.finish();
    await sealing.done;
    await writer.output;
    expect(String((await openBytes(await readFile(sealing.path))).plaintext)).toBe('onetwo');
  });

  it('stops when told to: no writer, a writer that stalls, a signal', async () => {
    const idle = await startSealing();
    setTimeout(idle.abort, 20);
    expect(await codeOf(idle.done)).toBe('ABORTED');
    const stop = new AbortController();
    const stalled = shell('exec sleep 100 > "$FIFO"');
    const sealing = await startSealing(1024, stop.signal);
    setTimeout(() => stop.abort(), 100);
    expect(await codeOf(sealing.done)).toBe('ABORTED');
    stalled.child.kill('SIGKILL');
    await stalled.output;
    await sleep(20);
    expect(openDescriptors()).toEqual([]);
  });

  it('reports a full disk', async () => {
    const full = openSync('/dev/full', 'w');
    try {
      const sealing = await sealFromPipe(fifo, OPTIONS, { descriptor: full });
      await shell('printf one > "$FIFO"').output;
      sealing.finish();
      const error = await sealing.done.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SealError);
      expect(error).toMatchObject({ code: 'IO', cause: { code: 'ENOSPC' } });
    } finally {
      closeSync(full);
    }
  });
});

describe('the worker threads', () => {
  it('do not keep the process alive', async () => {
    const support = new URL('../../test/support/seal.ts', import.meta.url).href;
    const script = `
      import { sealBytes, openBytes, rawKeyring, CONTEXT } from ${JSON.stringify(support)};
      import { sealFromPipe } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
      const { bytes } = await sealBytes(Buffer.alloc(1e6));
      const plaintext = process.argv[2] === 'seal' ? [] : (await openBytes(bytes)).plaintext;
      const sealing = await sealFromPipe(process.argv[1], { keyring: rawKeyring(), context: CONTEXT }, { descriptor: 1 });
      sealing.finish();
      console.log(plaintext.length, (await sealing.done).empty);
    `;
    const run = async (what: string) => {
      const args = ['--input-type=module', '-e', script, fifo, what];
      return (await promisify(execFile)(process.execPath, args, { timeout: 20_000 })).stdout;
    };
    expect(await run('seal')).toBe('0 true\n');
    expect(await run('seal and open')).toBe('1000000 true\n');
  });
});
