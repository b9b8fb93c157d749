// Servers that do what none may: everything pending fails with one clear error, the channel is destroyed, nothing hangs.
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { honestAnswers, type Script, type ScriptedServer, startScript } from '../../test/support/sftp-script.ts';
import { collect, piecesOf, sftpCodeOf } from '../../test/support/sftp-session.ts';
import { uploadSource } from '../../test/support/upload-source.ts';
import { openSftp, type Request, type SftpClient, STATUS } from './index.ts';
import { encodeReply, type ReplyBody } from './replies.ts';
import { encodeVersion } from './versions.ts';

const SOURCE = uploadSource(4, 300_000);
const LIMITS = [{ name: 'limits@openssh.com', version: '1' }];

/** What takes the place of a right reply. */
type Fault = (right: Buffer, request: Request, server: ScriptedServer) => void;

const instead = (request: Request, body: ReplyBody): Buffer => encodeReply({ id: request.id, ...body });

const FAULTS: Record<string, { fault: Fault; code: 'PROTOCOL' | 'LOST' }> = {
  'an id that nobody waits for': {
    code: 'PROTOCOL',
    fault: (right, request, server) => {
      const bytes = Buffer.from(right);
      bytes.writeUInt32BE((request.id ^ 0x8000_0000) >>> 0, 5);
      server.send(bytes);
    },
  },
  'the same reply twice': {
    code: 'PROTOCOL',
    fault: (right, _request, server) => server.send(Buffer.concat([right, right])),
  },
  'another type': {
    code: 'PROTOCOL',
    fault: (right, request, server) =>
      server.send(
        right[4] === 102
          ? instead(request, { type: 'data', data: SOURCE.subarray(0, 1) })
          : instead(request, { type: 'handle', handle: Buffer.from('x') }),
      ),
  },
  'a type that there is not': {
    code: 'PROTOCOL',
    fault: (right, _request, server) => {
      const bytes = Buffer.from(right);
      bytes.writeUInt8(99, 4);
      server.send(bytes);
    },
  },
  'a second VERSION': { code: 'PROTOCOL', fault: (_right, _request, server) => server.send(encodeVersion([])) },
  'a length of 4 GB': { code: 'PROTOCOL', fault: (_right, _request, server) => server.send(Buffer.alloc(16, 0xff)) },
  'a length just above the bound': {
    code: 'PROTOCOL',
    fault: (_right, _request, server) => server.send(Buffer.from([0, 4, 0, 1, 101])),
  },
  'a length of 0': { code: 'PROTOCOL', fault: (_right, _request, server) => server.send(Buffer.alloc(4)) },
  'a packet that is too short to have an id': {
    code: 'PROTOCOL',
    fault: (_right, _request, server) => server.send(Buffer.from([0, 0, 0, 3, 101, 0, 0])),
  },
  'a reply that ends too early': {
    code: 'PROTOCOL',
    fault: (right, _request, server) => {
      const bytes = Buffer.from(right.subarray(0, 10));
      bytes.writeUInt32BE(6, 0);
      server.send(bytes);
    },
  },
  'half a packet, and the end': {
    code: 'LOST',
    fault: (right, _request, server) => {
      server.send(right.subarray(0, 9));
      server.end();
    },
  },
  'the end': { code: 'LOST', fault: (_right, _request, server) => server.end() },
};

/** A right server, up to the reply `at`. */
function faulty(at: number, fault: Fault): Script {
  const honest = honestAnswers(SOURCE);
  let count = 0;
  return {
    hello: LIMITS,
    answer(request, server) {
      const right = instead(request, honest.bodyFor(request));
      if (count === at) fault(right, request, server);
      else server.send(right);
      count += 1;
    },
  };
}

/** Everything that a client does, at once; each with its code, or undefined where it worked. */
async function doEverything(client: SftpClient): Promise<(string | undefined)[]> {
  const write = async () => {
    const handle = await client.open('file', 2);
    await client.upload(handle, piecesOf(SOURCE, 40_000), { window: 65_536 });
    await client.fstat(handle);
    await client.close(handle);
  };
  const works = [
    write(),
    collect(client.download('file', { parallel: 3 })),
    client.list('folder'),
    client.stat('file'),
    client.realpath('.'),
    client.mkdir('folder'),
    client.posixRename('a', 'b'),
  ];
  return Promise.all(works.map(sftpCodeOf));
}

describe('a server that breaks the protocol or the connection', () => {
  test.each(Object.entries(FAULTS))('with %s', async (_name, { fault, code }) => {
    const property = fc.asyncProperty(fc.nat(30), async (at) => {
      const { channel } = startScript(faulty(at, fault));
      const opening = openSftp(channel);
      const early = await sftpCodeOf(opening);
      if (early !== undefined) {
        // The first question is for the limits.
        expect([at, early]).toEqual([0, code]);
      } else {
        const client = await opening;
        const codes = await doEverything(client);
        expect(codes.filter((each) => each !== undefined && each !== code)).toEqual([]);
        expect(codes).toContain(code);
        expect(await sftpCodeOf(client.stat('file'))).toBe(code);
      }
      expect(channel.destroyed).toBe(true);
    });
    await fc.assert(property, { seed: 6, numRuns: 15 });
  });

  it('with too much or nothing in answer to READ', async () => {
    for (const length of [0, 32_769]) {
      const honest = honestAnswers(SOURCE);
      const { channel } = startScript({
        answer: (request, server) =>
          server.reply(
            request,
            request.type === 'read' ? { type: 'data', data: SOURCE.subarray(0, length) } : honest.bodyFor(request),
          ),
      });
      const client = await openSftp(channel);
      expect(await sftpCodeOf(collect(client.download('file')))).toBe('PROTOCOL');
      expect(channel.destroyed).toBe(true);
    }
  });

  it('with damaged bytes: whatever they are, all ends, in errors of one kind', async () => {
    const damage = fc.tuple(fc.nat(40), fc.nat(200), fc.integer({ min: 1, max: 255 }));
    const property = fc.asyncProperty(damage, async ([at, place, change]) => {
      const { channel } = startScript(
        faulty(at, (right, _request, server) => {
          const bytes = Buffer.from(right);
          const index = place % bytes.length;
          bytes.writeUInt8(bytes.readUInt8(index) ^ change, index);
          server.send(bytes);
          setImmediate(() => server.end());
        }),
      );
      // `sftpCodeOf` passes on every error of another kind.
      const opening = openSftp(channel);
      if ((await sftpCodeOf(opening)) === undefined) {
        const client = await opening;
        await doEverything(client);
        await client.end();
        expect(await sftpCodeOf(client.stat('file'))).toMatch(/^(PROTOCOL|LOST)$/);
      }
      expect(channel.destroyed).toBe(true);
    });
    await fc.assert(property, { seed: 6, numRuns: 200 });
  });
});

describe('at the start', () => {
  const openingOf = (
    hello: Buffer,
    options?: { signal: AbortSignal },
  ): { channel: Duplex; code: Promise<string | undefined> } => {
    const { channel } = startScript({ hello, answer: () => {} });
    return { channel, code: sftpCodeOf(openSftp(channel, options)) };
  };
  const versionOf = (version: number) => {
    const bytes = encodeVersion([]);
    bytes.writeUInt32BE(version, 5);
    return bytes;
  };

  test.each([
    ['a greeting of the shell', Buffer.from('Welcome to this machine!\n'), 'PROTOCOL'],
    ['a reply', instead({ id: 1, type: 'limits' }, { type: 'status', code: 0, message: '' }), 'PROTOCOL'],
    ['version 2', versionOf(2), 'UNSUPPORTED'],
    ['version 6', versionOf(6), 'PROTOCOL'],
    [
      '65 extensions',
      encodeVersion(Array.from({ length: 65 }, (_, i) => ({ name: `x${i}@y`, version: '1' }))),
      'PROTOCOL',
    ],
    [
      'an extension without its end',
      Buffer.concat([Buffer.from([0, 0, 0, 9]), encodeVersion([]).subarray(4), Buffer.alloc(4, 9)]),
      'PROTOCOL',
    ],
  ])('%s is refused', async (_name, hello, expected) => {
    const { channel, code } = openingOf(hello);
    expect(await code).toBe(expected);
    expect(channel.destroyed).toBe(true);
  });

  it('says what a talkative shell does', async () => {
    const { channel } = startScript({ hello: Buffer.from('Welcome to this machine!\n'), answer: () => {} });
    await expect(openSftp(channel)).rejects.toMatchObject({ hint: expect.stringContaining('ssh HOST true') });
  });

  it('silence ends when the signal fires, and all later on too', async () => {
    const stopping = new AbortController();
    const { channel, code } = openingOf(Buffer.alloc(0), { signal: stopping.signal });
    setImmediate(() => stopping.abort());
    expect(await code).toBe('ABORTED');
    expect(channel.destroyed).toBe(true);

    const later = new AbortController();
    const { channel: second } = startScript({ answer: () => {} });
    const client = await openSftp(second, { signal: later.signal });
    const asking = [client.stat('file'), collect(client.download('file')), client.list('.')].map(sftpCodeOf);
    later.abort();
    expect(await Promise.all(asking)).toEqual(['ABORTED', 'ABORTED', 'ABORTED']);
  });

  test.each([
    ['none stated', [0n, 0n, 0n, 0n], 32_768, 32_768, undefined],
    ['absurdly small', [1n, 1n, 1n, 1n], 32_768, 32_768, 1],
    ['absurdly large', [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n - 1n, 2n ** 64n - 1n], 32_768, 261_120, undefined],
    ['packets that hold less than the writes', [65_536n, 65_536n, 65_536n, 9n], 65_536, 64_512, 9],
  ] as const)('limits: %s', async (_name, limits, readLength, writeLength, openHandles) => {
    const body = Buffer.concat(
      limits.map((value) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64BE(value);
        return bytes;
      }),
    );
    const { channel } = startScript({
      hello: LIMITS,
      answer: (request, server) => server.reply(request, { type: 'extended', body }),
    });
    expect(await openSftp(channel)).toMatchObject({ readLength, writeLength, openHandles });
  });

  it('limits that are refused, or cut off', async () => {
    const refused = startScript({
      hello: LIMITS,
      answer: (request, server) => server.reply(request, { type: 'status', code: STATUS.unsupported, message: '' }),
    });
    expect(await openSftp(refused.channel)).toMatchObject({ readLength: 32_768, writeLength: 32_768 });
    const cut = startScript({
      hello: LIMITS,
      answer: (request, server) => server.reply(request, { type: 'extended', body: Buffer.alloc(20) }),
    });
    expect(await sftpCodeOf(openSftp(cut.channel))).toBe('PROTOCOL');
    expect(cut.channel.destroyed).toBe(true);
  });
});
