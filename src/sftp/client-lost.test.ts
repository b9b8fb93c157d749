// What is left of a session whose server dies, or whose transfers are given up: no promise, no open file.
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { missingTool } from '../../test/support/missing-tool.ts';
import { makeRandom } from '../../test/support/random.ts';
import { collect, endless, sftpCodeOf, stalling, startOpenSsh } from '../../test/support/sftp-session.ts';
import { uploadSource } from '../../test/support/upload-source.ts';
import { type Handle, OPEN_FLAG, type SftpClient } from './index.ts';

const SOURCE = uploadSource(2, 16_000_000);
const PUT = OPEN_FLAG.write | OPEN_FLAG.create | OPEN_FLAG.truncate;

beforeEach((context) => {
  const reason = missingTool('openssh-sftp-server');
  if (reason !== undefined) context.skip(reason);
});

describe("with OpenSSH's sftp-server as a process", () => {
  it('fails all that is pending with LOST when it is killed, at any time', async () => {
    const random = makeRandom(11);
    for (let round = 0; round < 5; round += 1) {
      const session = await startOpenSsh();
      onTestFinished(() => session.stop());
      const { client, put, kill } = session;
      put('file', SOURCE);
      const handle = await client.open('other', PUT);
      const after = random() * SOURCE.length * 0.9;
      let seen = 0;
      const countDown = async () => {
        for await (const chunk of client.download('file')) {
          seen += chunk.length;
          if (seen > after) kill();
        }
      };
      const codes = [
        countDown(),
        client.upload(handle, endless(SOURCE).source),
        client.upload(handle, stalling(SOURCE.subarray(0, 10))),
      ].map(sftpCodeOf);
      expect(await Promise.all(codes)).toEqual(['LOST', 'LOST', 'LOST']);
      expect(await sftpCodeOf(client.stat('file'))).toBe('LOST');
      expect(await sftpCodeOf(client.upload(handle, stalling(SOURCE)))).toBe('LOST');
    }
  });

  it('closes what it opened, however a transfer ended', async () => {
    // It may open so few files that any that was left open is missed.
    const session = await startOpenSsh([], 12);
    onTestFinished(() => session.stop());
    const { client, put } = session;
    put('file', SOURCE);
    const free = await openable(client);
    expect(free).toBeGreaterThan(4);
    for await (const _ of client.download('file')) break;
    await collect(client.download('file', { to: 10 }));
    await sftpCodeOf(collect(client.download('file', { from: SOURCE.length + 1 })));
    // Told to stop at once: the server opens it all the same.
    for (let turn = 0; turn < 40; turn += 1) {
      const stopping = new AbortController();
      const reading = sftpCodeOf(collect(client.download('file', { signal: stopping.signal })));
      const listing = sftpCodeOf(client.list('.', { signal: stopping.signal }));
      for (let tick = 0; tick < turn % 8; tick += 1) await sleep(0);
      stopping.abort();
      await Promise.all([reading, listing]);
    }
    // The answer comes behind those of the requests before, and the CLOSEs that these caused.
    await client.stat('file');
    await client.stat('file');
    expect(await openable(client)).toBe(free);
  });
});

/** How many files the server opens before it can no more. */
async function openable(client: SftpClient): Promise<number> {
  const handles: Handle[] = [];
  try {
    for (;;) handles.push(await client.open('file', OPEN_FLAG.read));
  } catch (error) {
    expect(error).toMatchObject({ code: 'FAILED' });
  }
  for (const handle of handles) await client.close(handle);
  return handles.length;
}
