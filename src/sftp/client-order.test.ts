// Servers that keep to the protocol, but answer in any order, in any pieces, and less than was asked for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeRandom } from '../../test/support/random.ts';
import { honestAnswers, type Script, type ScriptedServer, startScript } from '../../test/support/sftp-script.ts';
import { collect, piecesOf, sftpCodeOf } from '../../test/support/sftp-session.ts';
import { uploadSource } from '../../test/support/upload-source.ts';
import { openSftp, type Request, type SftpClient, STATUS } from './index.ts';
import { encodeReply } from './replies.ts';

const SOURCE = uploadSource(3, 2_000_000);

/** Answers rightly, but short reads, in an order and in pieces that `seed` decides. */
function awkward(seed: number, content: Buffer): Script & { content(): Buffer } {
  const random = makeRandom(seed);
  const honest = honestAnswers(content);
  let waiting: Buffer[] = [];
  const flush = (server: ScriptedServer) => {
    const replies = waiting;
    waiting = [];
    const bytes = Buffer.concat(replies.toSorted(() => random() - 0.5));
    for (let position = 0; position < bytes.length; ) {
      const length = 1 + Math.floor(random() ** 4 * 100_000);
      server.send(bytes.subarray(position, position + length));
      position += length;
    }
  };
  return {
    content: honest.content,
    answer(request, server) {
      const body = honest.bodyFor(request);
      if (body.type === 'data' && random() < 0.3) body.data = body.data.subarray(0, 1 + random() * body.data.length);
      waiting.push(encodeReply({ id: request.id, ...body }));
      if (waiting.length === 1) setImmediate(flush, server);
    },
  };
}

const range = fc.tuple(fc.nat(SOURCE.length), fc.nat(SOURCE.length)).map((pair) => pair.toSorted((a, b) => a - b));

describe('replies in any order, in any pieces', () => {
  it('give the bytes in order', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1e9 }),
      range,
      fc.integer({ min: 1, max: 64 }),
      async (seed, [from = 0, to = 0], parallel) => {
        const client = await openSftp(startScript(awkward(seed, SOURCE)).channel);
        const [part, rest] = await Promise.all([
          collect(client.download('file', { from, to, parallel })),
          collect(client.download('file', { from: to, parallel })),
        ]);
        expect(part.equals(SOURCE.subarray(from, to)) && rest.equals(SOURCE.subarray(to))).toBe(true);
        await client.end();
      },
    );
    await fc.assert(property, { seed: 5, numRuns: 25 });
  });

  it('are counted without a gap', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1e9 }),
      range,
      fc.integer({ min: 1, max: 3_000_000 }),
      async (seed, [at = 0, end = 0], window) => {
        const server = awkward(seed, SOURCE.subarray(0, at));
        const client = await openSftp(startScript(server).channel);
        const handle = await client.open('file', 2);
        const positions = [at];
        const source = piecesOf(SOURCE.subarray(at, end), 1 + (seed % 100_000));
        const onWritten = (position: number) => {
          // Whatever order they were answered in, up to here all is there.
          expect(server.content().subarray(0, position).equals(SOURCE.subarray(0, position))).toBe(true);
          positions.push(position);
        };
        expect(await client.upload(handle, source, { at, window, onWritten })).toBe(end - at);
        expect(server.content().equals(SOURCE.subarray(0, end))).toBe(true);
        expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
        expect(positions.at(-1)).toBe(end);
        await client.end();
      },
    );
    await fc.assert(property, { seed: 5, numRuns: 25 });
  });

  it('a byte at a time is enough', async () => {
    const honest = honestAnswers(SOURCE.subarray(0, 10_000));
    const { channel } = startScript({
      answer: (request, server) =>
        server.reply(request, honest.bodyFor(request.type === 'read' ? { ...request, length: 1 } : request)),
    });
    const client = await openSftp(channel);
    expect((await collect(client.download('file'))).equals(SOURCE.subarray(0, 10_000))).toBe(true);
    await client.end();
  });

  it('a file without a size is read to its end', async () => {
    const honest = honestAnswers(SOURCE);
    const { channel } = startScript({
      answer(request, server) {
        const body = honest.bodyFor(request);
        server.reply(request, body.type === 'attributes' ? { type: 'attributes', attributes: {} } : body);
      },
    });
    const client = await openSftp(channel);
    expect((await collect(client.download('file', { from: 10 }))).equals(SOURCE.subarray(10))).toBe(true);
    await client.end();
  });
});

describe('a file that is not as it says', () => {
  const readWith = async (size: number | undefined, change: (request: Request & { type: 'read' }) => boolean) => {
    const honest = honestAnswers(SOURCE);
    const { channel } = startScript({
      answer(request, server) {
        const body = honest.bodyFor(request);
        if (body.type === 'attributes') body.attributes = size === undefined ? {} : { size };
        const isEnd = request.type === 'read' && change(request);
        server.reply(request, isEnd ? { type: 'status', code: STATUS.eof, message: '' } : body);
      },
    });
    const client = await openSftp(channel);
    const code = await sftpCodeOf(collect(client.download('file')));
    await client.end();
    return code;
  };

  it('goes on behind its end', async () => {
    expect(await readWith(0, () => false)).toBe('CHANGED');
    expect(await readWith(SOURCE.length - 1, () => false)).toBe('CHANGED');
  });

  it('has a hole', async () => {
    expect(await readWith(undefined, ({ offset }) => offset === 32_768)).toBe('CHANGED');
    expect(await readWith(SOURCE.length, ({ offset }) => offset === 32_768)).toBe('CHANGED');
    expect(await readWith(undefined, () => false)).toBeUndefined();
  });
});

describe('what is under way is bounded', () => {
  const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
  const countOf = (server: ScriptedServer, type: Request['type']) =>
    server.requests.filter((request) => request.type === type).length;

  const begin = async (silentOn: Request['type']): Promise<{ client: SftpClient; server: ScriptedServer }> => {
    const honest = honestAnswers(SOURCE);
    const { channel, server } = startScript({
      answer(request) {
        if (request.type !== silentOn) server.reply(request, honest.bodyFor(request));
      },
    });
    return { client: await openSftp(channel), server };
  };

  it('where READs are not answered, and where the chunks are not taken', async () => {
    const { client, server } = await begin('read');
    const reading = sftpCodeOf(collect(client.download('file', { parallel: 9 })));
    await settled();
    expect(countOf(server, 'read')).toBe(9);
    await client.end();
    expect(await reading).toBe('LOST');

    const slow = await begin('mkdir');
    const chunks = slow.client.download('file', { parallel: 9 })[Symbol.asyncIterator]();
    for (let taken = 1; taken <= 3; taken += 1) {
      await chunks.next();
      await settled();
      expect(countOf(slow.server, 'read')).toBe(8 + taken);
    }
    await slow.client.end();
  });

  it('where WRITEs are not answered, and then the source is not asked for more', async () => {
    const { client, server } = await begin('write');
    const handle = await client.open('file', 2);
    let given = 0;
    const source = async function* () {
      for (; ; given += 10_000) yield SOURCE.subarray(0, 10_000);
    };
    const writing = sftpCodeOf(client.upload(handle, source(), { window: 300_000 }));
    await settled();
    expect(countOf(server, 'write')).toBe(Math.floor(300_000 / 32_768));
    expect(given).toBeLessThanOrEqual(310_000);
    await client.end();
    expect(await writing).toBe('LOST');
  });
});
