// What a server calls its files, and what it says: none of it leads out of a folder, or reaches a terminal as it is.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { honestAnswers, startScript } from '../../test/support/sftp-script.ts';
import { sftpCodeOf } from '../../test/support/sftp-session.ts';
import { openSftp, STATUS } from './index.ts';

const FILE = Buffer.from('a file');

describe('names and words of a server', () => {
  const listing = async (names: Buffer[]) => {
    let listed = false;
    const honest = honestAnswers(FILE);
    const { channel } = startScript({
      answer(request, server) {
        if (request.type !== 'readdir' || listed) {
          server.reply(
            request,
            request.type === 'readdir' ? { type: 'status', code: STATUS.eof, message: '' } : honest.bodyFor(request),
          );
          return;
        }
        listed = true;
        // By hand: names are bytes.
        const parts = names.flatMap((name) => [uint32(name.length), name, uint32(0), uint32(0)]);
        const body = Buffer.concat([Buffer.from([104]), uint32(request.id), uint32(names.length), ...parts]);
        server.send(Buffer.concat([uint32(body.length), body]));
      },
    });
    const client = await openSftp(channel);
    const found = await client.list('folder');
    await client.end();
    return found;
  };
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };

  it('never lead out of a folder', async () => {
    const evil = ['../../etc/passwd', '/etc/passwd', 'a/b', '', 'a\0b', '..', 'x'.repeat(1025)];
    const good = ['a', '...', ' ', '~', '-rf', '\u001b[2J', 'line\nfeed', 'C:\\x', '\u202egpj.exe', 'naïve', '日本'];
    const found = await listing([...evil, '.', '..', '.', ...good].map((name) => Buffer.from(name)));
    expect(found.entries.map((entry) => entry.name)).toEqual(good);
    // `.` and `..` were there twice.
    expect(found.refused).toBe(evil.length - 1 + 2);
  });

  it('are one part of a path, and can be asked for as they are, whatever bytes come', async () => {
    const byte = fc.oneof(
      fc.constantFrom(0x2e, 0x2f, 0, 0x61, 0xc3, 0xa9, 0xff, 0xed),
      fc.integer({ min: 0, max: 255 }),
    );
    const names = fc.array(
      fc.array(byte, { maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
      { minLength: 1, maxLength: 50 },
    );
    const property = fc.asyncProperty(names, async (sent) => {
      const { entries, refused } = await listing(sent);
      const dots = sent.length - entries.length - refused;
      expect([0, 1, 2]).toContain(dots);
      const hexes = new Set(sent.map((name) => name.toString('hex')));
      for (const { name } of entries) {
        expect(hexes.has(Buffer.from(name).toString('hex'))).toBe(true);
        expect(name).not.toMatch(/^\.{0,2}$|[/\0]/);
      }
    });
    await fc.assert(property, { seed: 6, numRuns: 200 });
  });

  it('end: a folder without one is left at the limit', async () => {
    const honest = honestAnswers(FILE);
    const { channel, server } = startScript({
      answer(request, { reply }) {
        const entries = [{ name: 'again', longname: '', attributes: {} }];
        reply(request, request.type === 'readdir' ? { type: 'name', entries } : honest.bodyFor(request));
      },
    });
    const client = await openSftp(channel);
    expect(await sftpCodeOf(client.list('folder', { limit: 500 }))).toBe('LIMIT');
    expect(server.requests.filter((request) => request.type === 'readdir')).toHaveLength(501);
    expect((await client.stat('file')).size).toBe(FILE.length);
    await client.end();
  });

  it('that are no path are not taken from REALPATH', async () => {
    const attributes = {};
    for (const names of [[], ['/a', '/b'], ['/a\0b']]) {
      const entries = names.map((name) => ({ name, longname: '', attributes }));
      const { channel } = startScript({
        answer: (request, server) => server.reply(request, { type: 'name', entries }),
      });
      const client = await openSftp(channel);
      expect(await sftpCodeOf(client.realpath('.'))).toBe('PATH');
      await client.end();
    }
  });

  it('are shown without what a terminal would obey', async () => {
    const message = '\u001b[2J\u001b]0;title\u0007no\r\n\u202edrowssap';
    const { channel } = startScript({
      answer: (request, server) => server.reply(request, { type: 'status', code: 4, message }),
    });
    const client = await openSftp(channel);
    const error = await client.stat('file').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'FAILED', message: expect.not.stringMatching(/\p{C}/u) });
    await client.end();
  });
});
