// Changed packets against the server engine, always the same; a million of them in full mode.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { randomOf } from './fuzz/random.ts';
import { makeMemoryFiles } from './support/memory-files.ts';
import { converse } from './support/sftp-conversation.ts';
import { mutatedPacket, randomRequest } from './support/sftp-packets.ts';

const FULL = process.env.GLOVEBOX_FULL === '1';
const PACKETS = FULL ? 1_000_000 : 20_000;
const PER_SESSION = 200;
/** Beyond what a session may hold: requests and replies of 1 MiB, and 64 KiB in each buffer of the channel. */
const MEMORY_LIMIT = 64 * 1024 * 1024;

/** Runs a session; gives the statuses and other replies that it had, and how it ended. */
async function runSession(number: number): Promise<{ sent: number; end: string; answers: string[]; leaks: string[] }> {
  const random = randomOf(7, number);
  const files = makeMemoryFiles(1024 * 1024);
  let opened = 0;
  const { openWrite } = files;
  files.openWrite = async (path, flags) => {
    const file = await openWrite(path, flags);
    opened += 1;
    return file;
  };
  const session = await converse(files, { maxBytes: 1024 * 1024, maxHandles: 20 });
  let isOver = false;
  void session.served.then(() => {
    isOver = true;
  });
  let sent = 0;
  /** Else packets swallow others, and by chance it ends well. */
  let isFramed = true;
  while (sent < PER_SESSION && !isOver) {
    const handles = session.replies.flatMap((reply) => (reply.type === 'handle' ? [reply.handle] : []));
    const packet = mutatedPacket(randomRequest(sent, handles, random), random);
    isFramed &&= packet.readUInt32BE() === packet.length - 4;
    session.channel.write(packet);
    sent += 1;
    if (random.below(4) === 0) await turn();
  }
  const isCut = random.below(10) === 0;
  if (isCut) session.cut();
  const end = await (isCut ? session.served : session.end());
  const leaks = session.reports.map((report) => `${report}`);
  if (files.ends.length !== opened) leaks.push(`${opened} files were opened and ${files.ends.length} let go`);
  if (end === 'done' && isFramed && session.replies.length !== sent)
    leaks.push(`${sent} requests, ${session.replies.length} replies`);
  const answers = session.replies.map((reply) => (reply.type === 'status' ? `status ${reply.code}` : reply.type));
  return { sent, end, answers, leaks };
}

describe('fuzzing the server engine', () => {
  it(
    'finds no crash, no hang, no file left open, no answer missing and no memory over the bound',
    async () => {
      const seen = new Map<string, number>();
      const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
      const before = process.memoryUsage().external;
      let peak = 0;
      let sent = 0;
      for (let number = 0; sent < PACKETS; number += 1) {
        const session = await runSession(number);
        expect(session.leaks, `session ${number}`).toEqual([]);
        sent += session.sent;
        note(`ends: ${session.end}`);
        for (const answer of session.answers) note(answer);
        peak = Math.max(peak, process.memoryUsage().external - before);
      }
      console.log(`fuzzed ${sent} packets: ${JSON.stringify(Object.fromEntries(seen))}`);
      expect(peak).toBeLessThan(MEMORY_LIMIT);
      // It gets past the parser, and to every kind of answer.
      const statuses = [0, 1, 2, 4, 5, 8].map((code) => `status ${code}`);
      const ends = ['done', 'LIMIT', 'MALFORMED', 'LOST'].map((end) => `ends: ${end}`);
      const replies = ['handle', 'data', 'name', 'attributes', 'extended'];
      expect([...seen.keys()]).toEqual(expect.arrayContaining([...statuses, ...ends, ...replies]));
    },
    FULL ? 1_200_000 : 60_000,
  );
});
