// Large transfers in both directions, cut short in every way: with OpenSSH's server and the engine of this room.
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { missingTool } from '../../test/support/missing-tool.ts';
import { makeRandom } from '../../test/support/random.ts';
import {
  collect,
  endless,
  piecesOf,
  SERVERS,
  type Session,
  sftpCodeOf,
  stalling,
} from '../../test/support/sftp-session.ts';
import { uploadSource } from '../../test/support/upload-source.ts';
import { OPEN_FLAG } from './index.ts';

const MIB = 1024 * 1024;
const PUT = OPEN_FLAG.write | OPEN_FLAG.create | OPEN_FLAG.truncate;
const SOURCE = uploadSource(1, 64 * MIB);
const DIGEST = digestOf(SOURCE);

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function needsServer(name: string): void {
  beforeEach((context) => {
    const reason = name.startsWith('OpenSSH') ? missingTool('openssh-sftp-server') : undefined;
    if (reason !== undefined) context.skip(reason);
  });
}

describe.each(SERVERS)('with %s', (name, start) => {
  needsServer(name);
  const begin = async (): Promise<Session> => {
    const session = await start();
    onTestFinished(() => session.stop());
    return session;
  };

  it('moves 64 MiB both ways unchanged', async () => {
    const { client, content } = await begin();
    const handle = await client.open('file', PUT);
    const positions: number[] = [];
    const onWritten = (position: number) => positions.push(position);
    expect(await client.upload(handle, piecesOf(SOURCE, 1_000_001), { onWritten })).toBe(SOURCE.length);
    await client.close(handle);
    expect(digestOf(content('file'))).toBe(DIGEST);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(positions.at(-1)).toBe(SOURCE.length);
    expect(digestOf(await collect(client.download('file')))).toBe(DIGEST);
  });

  it('goes on at an offset, both ways', async () => {
    const { client, put, content } = await begin();
    const cut = 21 * MIB + 17;
    put('file', SOURCE.subarray(0, cut));
    const handle = await client.open('file', OPEN_FLAG.write);
    expect(await client.upload(handle, piecesOf(SOURCE.subarray(cut), 70_000), { at: cut })).toBe(SOURCE.length - cut);
    await client.close(handle);
    expect(digestOf(content('file'))).toBe(DIGEST);
    const [head, tail] = await Promise.all([
      collect(client.download('file', { to: cut })),
      collect(client.download('file', { from: cut })),
    ]);
    expect(digestOf(Buffer.concat([head, tail]))).toBe(DIGEST);
  });

  it('moves many files at once', async () => {
    const { client, put, content } = await begin();
    const random = makeRandom(7);
    const parts = Array.from({ length: 20 }, () => {
      const from = Math.floor(random() * 60 * MIB);
      return SOURCE.subarray(from, from + Math.floor(random() * 2 * MIB));
    });
    for (const [index, part] of parts.entries()) put(`down-${index}`, part);
    const moves = parts.map(async (part, index) => {
      const down = collect(client.download(`down-${index}`, { parallel: 1 + (index % 5) }));
      const handle = await client.open(`up-${index}`, PUT);
      await client.upload(handle, piecesOf(part, 50_000 + index), { window: 1 + index * 100_000 });
      await client.close(handle);
      return [digestOf(await down), digestOf(content(`up-${index}`))];
    });
    expect(await Promise.all(moves)).toEqual(parts.map((part) => [digestOf(part), digestOf(part)]));
  });

  it('stops a download when told, and the session goes on', async () => {
    const { client, put } = await begin();
    put('file', SOURCE);
    const stopping = new AbortController();
    const chunks = client.download('file', { signal: stopping.signal })[Symbol.asyncIterator]();
    await chunks.next();
    const waiting = [chunks.next(), chunks.next()];
    stopping.abort();
    const codes = await Promise.all(waiting.map(sftpCodeOf));
    expect(codes).toContain('ABORTED');
    const early = new AbortController();
    early.abort();
    expect(await sftpCodeOf(collect(client.download('file', { signal: early.signal })))).toBe('ABORTED');
    expect(await sftpCodeOf(client.list('.', { signal: early.signal }))).toBe('ABORTED');
    expect(digestOf(await collect(client.download('file')))).toBe(DIGEST);
  });

  it('stops an upload when told, also while the source gives nothing', async () => {
    const { client, content } = await begin();
    const handle = await client.open('file', PUT);
    const { source, isClosed } = endless(SOURCE.subarray(0, MIB));
    const stopping = new AbortController();
    let last = 0;
    const onWritten = (position: number) => {
      last = position;
      if (position > 5 * MIB) stopping.abort();
    };
    expect(await sftpCodeOf(client.upload(handle, source, { onWritten, signal: stopping.signal }))).toBe('ABORTED');
    expect(isClosed()).toBe(true);
    const stalled = new AbortController();
    const upload = client.upload(handle, stalling(SOURCE.subarray(0, 10)), { at: 0, signal: stalled.signal });
    setImmediate(() => stalled.abort());
    expect(await sftpCodeOf(upload)).toBe('ABORTED');
    await client.close(handle);
    // What it heard of last is there.
    expect(content('file').length).toBeGreaterThanOrEqual(last);
    expect(content('file').subarray(0, MIB).equals(SOURCE.subarray(0, MIB))).toBe(true);
  });

  it('passes on what the source or the listener throws, and stops at the first write that fails', async () => {
    const { client, put } = await begin();
    put('file', SOURCE.subarray(0, 10));
    const failing = async function* () {
      yield SOURCE.subarray(0, MIB);
      throw new RangeError('the source broke');
    };
    const handle = await client.open('file', OPEN_FLAG.write);
    await expect(client.upload(handle, failing())).rejects.toThrow(RangeError);
    const onWritten = () => {
      throw new RangeError('the listener broke');
    };
    await expect(client.upload(handle, endless(SOURCE.subarray(0, MIB)).source, { onWritten })).rejects.toThrow(
      RangeError,
    );
    await client.close(handle);
    const readOnly = await client.open('file', OPEN_FLAG.read);
    const { source, isClosed } = endless(SOURCE.subarray(0, MIB));
    // OpenSSH's word for a bad descriptor is "no such file".
    expect(await sftpCodeOf(client.upload(readOnly, source))).toMatch(/^(FAILED|NOT_FOUND)$/);
    expect(isClosed()).toBe(true);
    expect(await sftpCodeOf(client.upload(readOnly, stalling(SOURCE.subarray(0, MIB))))).toMatch(
      /^(FAILED|NOT_FOUND)$/,
    );
  });

  it('fails what is pending when the session is ended', async () => {
    const { client, put } = await begin();
    put('file', SOURCE);
    const handle = await client.open('other', PUT);
    const pending = [
      sftpCodeOf(collect(client.download('file'))),
      sftpCodeOf(client.upload(handle, endless(SOURCE.subarray(0, MIB)).source)),
      sftpCodeOf(client.upload(handle, stalling(SOURCE.subarray(0, 10)))),
      sftpCodeOf(client.stat('file')),
    ];
    await client.end();
    expect(await Promise.all(pending)).toEqual(['LOST', 'LOST', 'LOST', 'LOST']);
    expect(await sftpCodeOf(client.stat('file'))).toBe('LOST');
  });
});
