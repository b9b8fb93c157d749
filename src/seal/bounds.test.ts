// What an attacker wrote is bounded before memory is reserved: lengths that lie, objects that never end.
import { describe, expect, it } from 'vitest';
import { forge, u16, u64 } from '../../test/support/forge.ts';
import { mapMessage, replacePart } from '../../test/support/message-map.ts';
import { recipe, sample } from '../../test/support/samples.ts';
import { CONTEXT, codeOf, collect } from '../../test/support/seal.ts';
import { readKeys } from '../../test/support/vectors.ts';
import { keyringOf } from '../../test/support/wrapping-keys.ts';
import { inspect, openChunks, openMessage, openStream, type SealedSource, verify } from './index.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const { aes } = readKeys();
const OPTIONS = { keyring: keyringOf(aes ? [aes] : []), context: CONTEXT };

/** A source of `size` bytes: `start`, then `fill` without end. Counts what is read. */
function endless(
  start: Uint8Array,
  size: number,
  fill: number,
): SealedSource & { bytesRead(): number; largest(): number } {
  let bytesRead = 0;
  let largest = 0;
  return {
    size,
    async read(buffer, offset) {
      const count = Math.max(0, Math.min(buffer.byteLength, size - offset));
      bytesRead += count;
      largest = Math.max(largest, buffer.byteLength);
      buffer.fill(fill);
      if (offset < start.byteLength) buffer.set(start.subarray(offset, offset + buffer.byteLength));
      return count;
    },
    bytesRead: () => bytesRead,
    largest: () => largest,
  };
}

/** The same in chunks; ends only when its reader leaves. */
async function* endlessChunks(start: Uint8Array, fill: number, taken: { bytes: number }): AsyncGenerator<Uint8Array> {
  yield start;
  for (;;) {
    taken.bytes += 64 * KIB;
    yield Buffer.alloc(64 * KIB, fill);
  }
}

async function codesOf(makeSource: () => SealedSource, allowNonCommitting = false) {
  const options = { ...OPTIONS, allowNonCommitting };
  return {
    inspect: await codeOf(inspect(makeSource())),
    stream: await codeOf(openStream(makeSource(), options)),
    range: await codeOf(openMessage(makeSource(), options)),
    verify: await codeOf(verify(makeSource(), options)),
  };
}

function all<Code>(code: Code) {
  return { inspect: code, stream: code, range: code, verify: code };
}

const whole = sample('bounds', 300);
const map = mapMessage(whole.message);

describe('what is read of a hostile object', () => {
  it.each([
    ['zeros', 0],
    ['ones, which look like final markers', 255],
  ])('10 GiB of %s behind a message: a header, and what tells one error from another', async (_, fill) => {
    const sources: ReturnType<typeof endless>[] = [];
    const codes = await codesOf(() => {
      const source = endless(whole.message, 10 * GIB, fill);
      sources.push(source);
      return source;
    });
    expect(codes).toEqual(all(codes.inspect));
    expect(['FRAME_ORDER', 'TRUNCATED']).toContain(codes.inspect);
    for (const source of sources) expect(source.bytesRead()).toBeLessThan(64 * KIB);
  });

  it('a header of more than 64 KiB', async () => {
    const long = Buffer.concat([u16(1), Buffer.from('x'), u16(1), Buffer.from('y'), u16(0xffff), Buffer.alloc(0xffff)]);
    const { header } = forge(recipe('long header', { wrapped: (own) => [long, own] }));
    expect(header.byteLength).toBeGreaterThan(64 * KIB);
    const source = endless(header, header.byteLength + GIB, 0);
    expect(await codesOf(() => source)).toEqual(all('LIMIT'));
    expect(source.largest()).toBe(64 * KIB);
    const taken = { bytes: 0 };
    expect(await codeOf(openChunks(endlessChunks(header, 0, taken), OPTIONS))).toBe('LIMIT');
    expect(taken.bytes).toBeLessThanOrEqual(64 * KIB);
  });

  it('wrapped keys whose lengths lead far beyond', async () => {
    const [wrapped] = map.wrappedKeys;
    if (!wrapped) throw new Error('no wrapped key');
    const lies = replacePart(whole.message, { at: wrapped.info.end, end: wrapped.key.at }, u16(0xffff));
    expect(await codesOf(() => endless(lies, GIB, 0))).toEqual(all('LIMIT'));
    expect(await codesOf(() => endless(lies, 5000, 0))).toEqual(all('TRUNCATED'));
  });

  it('an unframed body of more than 64 MiB', async () => {
    const { header } = forge(recipe('unframed bound', { contentType: 1, frameLength: 0 }));
    const saying = (length: bigint) => Buffer.concat([header, Buffer.alloc(12), u64(length)]);
    for (const length of [64 * MIB + 1, 9 * GIB, Number.MAX_SAFE_INTEGER]) {
      const source = endless(saying(BigInt(length)), length + 10 * KIB, 0);
      expect(await codesOf(() => source, true), `${length}`).toEqual(all('LIMIT'));
      expect(source.bytesRead()).toBeLessThan(64 * KIB);
    }
    for (const length of [2n ** 63n, 2n ** 64n - 1n, BigInt(10 * GIB + 1)]) {
      expect(await codesOf(() => endless(saying(length), 10 * GIB, 0), true), `${length}`).toEqual(all('TRUNCATED'));
    }
  });

  it('frames of 64 MiB in a pipe: no more is kept than has come', async () => {
    const { header } = forge(recipe('large frames', { frameLength: 64 * MIB }));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    async function* few(): AsyncGenerator<Uint8Array> {
      yield header;
      for (let index = 0; index < 100; index++) {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        yield Buffer.from([0, 0, 0, 1]);
      }
    }
    const { chunks } = await openChunks(few(), OPTIONS);
    expect(await codeOf(collect(chunks))).toBe('TRUNCATED');
    expect(most).toBeLessThan(MIB);
  });
});

describe('a source that is not as it says', () => {
  it('ends earlier than its size', async () => {
    for (const size of [10, map.header.end, map.header.end + 50, map.end - 1]) {
      const { message } = whole;
      const short: SealedSource = {
        size: message.byteLength,
        async read(buffer, offset) {
          const part = message.subarray(offset, Math.max(offset, Math.min(size, offset + buffer.byteLength)));
          buffer.set(part);
          return part.byteLength;
        },
      };
      const opening = openStream(short, OPTIONS).then(({ chunks }) => collect(chunks));
      expect(await codeOf(opening), `${size}`).toBe('TRUNCATED');
    }
  });

  it('gives byte by byte what a frame needs', async () => {
    const { message, plaintext } = sample('byte by byte', 300_000, { frameLength: 250_000 });
    async function* bytes(): AsyncGenerator<Uint8Array> {
      for (const byte of message) yield Buffer.of(byte);
    }
    const { chunks } = await openChunks(bytes(), OPTIONS);
    expect((await collect(chunks)).equals(plaintext)).toBe(true);
  });
});
