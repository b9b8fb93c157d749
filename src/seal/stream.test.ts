import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  boundarySizes,
  CONTEXT,
  chunked,
  codeOf,
  collect,
  official,
  openBytes,
  randomPlaintext,
  rawKeyring,
  sealBytes,
  sourceOf,
} from '../../test/support/seal.ts';
import { combineKeyrings, initLocalKeys } from '../keys/index.ts';
import { inspect, MAX_WRAPPED_KEYS, openStream, sealStream } from './index.ts';

const CONTEXTS = [
  {},
  { 'glovebox:dataset': 'réclamations', 日本: '語', '\u{1F511}': 'key', '\uFFFD': 'sorts after by UTF-16' },
];

describe('sealed streams', () => {
  for (const frameLength of [1, 128, 65_537, 262_144]) {
    it(`give back what went in, frames of ${frameLength} bytes`, async () => {
      for (const size of boundarySizes(frameLength)) {
        const plaintext = randomPlaintext(size);
        const { bytes, summary, messageId } = await sealBytes(plaintext, { frameLength });
        expect(summary).toEqual({
          messageId,
          plaintextSize: size,
          sealedSize: bytes.byteLength,
          sha256: createHash('sha256').update(plaintext).digest('hex'),
        });
        const opened = await openBytes(bytes, { messageId, plaintextSize: size });
        expect(opened.plaintext.equals(plaintext)).toBe(true);
        expect(opened).toMatchObject({ messageId, plaintextSize: size, context: CONTEXT });
        expect(await inspect(sourceOf(bytes))).toMatchObject({
          messageId,
          committing: true,
          context: CONTEXT,
          frameLength,
          plaintextSize: size,
          sealedSize: bytes.byteLength,
          wrappedKeys: [{ provider: 'glovebox', info: 'k/1' }],
        });
      }
    });
  }

  it('are not sealed for more keys than are opened', async () => {
    const keyrings = Array.from({ length: MAX_WRAPPED_KEYS + 1 }, (_, index) => rawKeyring(`k/${index}`));
    const [first = rawKeyring(), ...others] = keyrings.slice(1);
    const most = combineKeyrings(first, others);
    const { bytes } = await sealBytes(Buffer.from('text'), { keyring: most });
    expect((await openBytes(bytes, { keyring: most })).plaintext.toString()).toBe('text');
    const tooMany = combineKeyrings(first, keyrings);
    expect(await codeOf(sealBytes(Buffer.from('text'), { keyring: tooMany }))).toBe('LIMIT');
  });

  it('open with the official client, and the other way', async () => {
    for (const frameLength of [128, 4096]) {
      for (const [index, size] of boundarySizes(frameLength).entries()) {
        const plaintext = randomPlaintext(size);
        const context = CONTEXTS[index % CONTEXTS.length] ?? {};
        const ours = await sealBytes(plaintext, { frameLength, context });
        const theirOpening = await official.decrypt(rawKeyring(), ours.bytes);
        expect(theirOpening.plaintext.equals(plaintext)).toBe(true);
        expect({ ...theirOpening.messageHeader.encryptionContext }).toEqual(context);
        const theirs = await official.encrypt(rawKeyring(), plaintext, {
          frameLength,
          encryptionContext: context,
          suiteId: 0x0478,
        });
        const ourOpening = await openBytes(theirs.result, { context });
        expect(ourOpening.plaintext.equals(plaintext)).toBe(true);
      }
    }
  });

  it('open with the official client given the exported key, also after the key was rotated', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'glovebox-seal-'));
    try {
      const keys = await initLocalKeys({ directory: join(folder, 'keys'), root: { file: join(folder, 'root.key') } });
      await keys.create('raw');
      const plaintext = randomPlaintext(100_000);
      const { bytes } = await sealBytes(plaintext, { keyring: await keys.keyring('raw') });
      await keys.rotate('raw');
      expect((await openBytes(bytes, { keyring: await keys.keyring('raw') })).plaintext.equals(plaintext)).toBe(true);
      const { keyName, keyMaterial } = await keys.exportKey('raw', 1);
      const opened = await official.decrypt(rawKeyring(keyName, keyMaterial), bytes);
      expect(opened.plaintext.equals(plaintext)).toBe(true);
      const newer = await keys.exportKey('raw', 2);
      expect(await codeOf(openBytes(bytes, { keyring: rawKeyring(newer.keyName, newer.keyMaterial) }))).toBe(
        'UNWRAP_FAILED',
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuse what is not the expected object', async () => {
    const { bytes, messageId } = await sealBytes(Buffer.from('plain'));
    expect(await codeOf(openBytes(bytes, { context: { ...CONTEXT, 'glovebox:dataset': 'other' } }))).toBe(
      'CONTEXT_MISMATCH',
    );
    expect(await codeOf(openBytes(bytes, { context: { toString: 'x' } }))).toBe('CONTEXT_MISMATCH');
    expect(await codeOf(openBytes(bytes, { messageId: 'f'.repeat(64) }))).toBe('MESSAGE_MISMATCH');
    expect(await codeOf(openBytes(bytes, { messageId, plaintextSize: 6 }))).toBe('SIZE_MISMATCH');
    expect(await codeOf(openBytes(bytes, { keyring: rawKeyring('k/1', Buffer.alloc(32, 8)) }))).toBe('UNWRAP_FAILED');
    expect(await codeOf(openBytes(Buffer.from('a,b\n1,2\n')))).toBe('HEADER_INVALID');
    expect(await codeOf(openBytes(Buffer.alloc(0)))).toBe('TRUNCATED');
  });

  it('refuse headers of no known kind, and frame lengths out of bounds', async () => {
    const { bytes } = await sealBytes(Buffer.from('x'));
    const version1 = Buffer.from(bytes);
    version1[0] = 1;
    expect(await codeOf(openBytes(version1))).toBe('HEADER_INVALID');
    const { headerSize } = await inspect(sourceOf(bytes));
    // Behind the frame length: 32 bytes of commitment and the tag.
    const huge = Buffer.from(bytes);
    huge.writeUInt32BE(0xffff_ffff, headerSize - 16 - 32 - 4);
    expect(await codeOf(openBytes(huge))).toBe('LIMIT');
    const longContext = Buffer.from(bytes);
    longContext.writeUInt16BE(0xffff, 35);
    expect(await codeOf(openBytes(longContext))).toBe('LIMIT');
    for (const frameLength of [0, -1, 1.5, 2 ** 27]) {
      expect(await codeOf(sealBytes(Buffer.from('x'), { frameLength }))).toBe('LIMIT');
    }
    expect(await codeOf(sealBytes(Buffer.from('x'), { context: { big: 'x'.repeat(9000) } }))).toBe('LIMIT');
  });

  it('read ahead a few frames and no more', async () => {
    let taken = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        taken++;
        yield Buffer.alloc(1024);
      }
    }
    const sealing = await sealStream(endless(), { keyring: rawKeyring(), context: CONTEXT, frameLength: 1024 });
    let frames = 0;
    for await (const _ of sealing.chunks) {
      await sleep(1);
      if (++frames === 50) break;
    }
    expect(taken).toBeLessThan(60);
    expect(await codeOf(sealing.summary)).toBe('ABORTED');
  });

  it('stop for a signal, also while the source does not answer', async () => {
    const stop = new AbortController();
    let returned = false;
    async function* hanging(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.alloc(10);
        await sleep(100_000, undefined, { ref: false });
      } finally {
        returned = true;
      }
    }
    const sealing = await sealStream(hanging(), { keyring: rawKeyring(), context: CONTEXT, signal: stop.signal });
    setTimeout(() => stop.abort(), 20);
    expect(await codeOf(collect(sealing.chunks))).toBe('ABORTED');
    expect(await codeOf(sealing.summary)).toBe('ABORTED');
    expect(returned).toBe(false);

    const { bytes } = await sealBytes(randomPlaintext(100_000), { frameLength: 1000 });
    const second = new AbortController();
    const opening = await openStream(sourceOf(bytes), {
      keyring: rawKeyring(),
      context: CONTEXT,
      signal: second.signal,
    });
    let frames = 0;
    const reading = async () => {
      for await (const _ of opening.chunks) if (++frames === 3) second.abort();
    };
    expect(await codeOf(reading())).toBe('ABORTED');
    expect(frames).toBe(3);
    expect(
      await codeOf(openStream(sourceOf(bytes), { keyring: rawKeyring(), context: {}, signal: second.signal })),
    ).toBe('ABORTED');
  });

  it('pass the errors of source and reader on', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(10);
      throw new RangeError('source');
    }
    const sealing = await sealStream(failing(), { keyring: rawKeyring(), context: CONTEXT });
    await expect(collect(sealing.chunks)).rejects.toThrow(RangeError);
    await expect(sealing.summary).rejects.toThrow(RangeError);
    const { bytes } = await sealBytes(randomPlaintext(5000), { frameLength: 1000 });
    const source = sourceOf(bytes);
    const opening = await openStream(source, { keyring: rawKeyring(), context: CONTEXT });
    source.read = () => Promise.reject(new RangeError('disk'));
    await expect(collect(opening.chunks)).rejects.toThrow(RangeError);
  });

  it('run several at once', async () => {
    const plaintexts = Array.from({ length: 8 }, (_, index) => randomPlaintext(300_000 + index));
    const sealed = await Promise.all(plaintexts.map((plaintext) => sealBytes(plaintext, { frameLength: 4096 })));
    const opened = await Promise.all(sealed.map(({ bytes }) => openBytes(bytes)));
    expect(opened.map(({ plaintext }, index) => plaintext.equals(plaintexts[index] ?? Buffer.alloc(0)))).toEqual(
      Array(8).fill(true),
    );
    expect(await collect(chunked(Buffer.from('abc'), 2))).toEqual(Buffer.from('abc'));
  });
});
