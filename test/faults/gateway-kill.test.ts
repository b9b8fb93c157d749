// I1 and I3 at the gateway: killed with -9 during uploads, it has no plaintext on the disk and nothing half done to
// show; started again, the clients go on where they were. Ten times; a hundred times with --full.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchFolder } from '../support/canary.ts';
import { type GatewayBox, makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { type Ran, runProgram } from '../support/programs.ts';
import { makeRandom } from '../support/random.ts';
import { clientOptions } from '../support/sshd.ts';

const ROUNDS = process.env.GLOVEBOX_FULL === '1' ? 100 : 10;
const CANARY = 'CANARY-4d1b7e';
const FILES = 3;
const LINES = 100_000;
/** Kbit/s: so that a kill comes in the middle. */
const RATE = 100_000;

let box: GatewayBox;
beforeAll(async () => {
  box = await makeGatewayBox();
});
afterAll(() => box?.remove());

function sftp(commands: string[], more: string[] = []): Promise<Ran> {
  const args = [...clientOptions(box), ...more, '-P', String(box.port), '-b', '-', 'acme@127.0.0.1'];
  return runProgram('sftp', args, { input: `${commands.join('\n')}\n` });
}

async function said(text: string): Promise<void> {
  for (let tries = 0; !box.log().includes(text); tries++) {
    if (tries > 1200) throw new Error(`the log does not say "${text}"`);
    await sleep(25);
  }
}

test(`kill -9 during uploads, ${ROUNDS} times`, { timeout: ROUNDS * 60_000 }, async (context) => {
  const missing = missingTool('openssh-client');
  if (missing !== undefined) context.skip(missing);
  const random = makeRandom(5);
  let interrupted = 0;
  let resumed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const files = await Promise.all(
      Array.from({ length: FILES }, async (_, index) => {
        const name = `round${round}-${index}.csv`;
        const content = Buffer.from(`${CANARY},${round},${index},a line of somebody's data\n`.repeat(LINES));
        await writeFile(join(box.folder, name), content);
        return { name, file: join(box.folder, name), sha256: createHash('sha256').update(content).digest('hex') };
      }),
    );
    const going = files.map(({ name, file }) => sftp([`put ${file} /claims-raw/${name}`], ['-l', String(RATE)]));
    await said(`"path":"round${round}-0.csv","bytes":0,"msg":"upload begun"`);
    await sleep(100 + random() * 300);
    await box.stop('SIGKILL');
    const ended = await Promise.all(going);
    expect((await searchFolder(box.workspace, CANARY)).found).toEqual([]);
    const listed = box.glovebox(['ls', 'claims-raw']);
    for (const [index, { name }] of files.entries()) {
      // What the client was told is complete is there; what is there is whole, which the end shows.
      if (ended[index]?.code === 0) expect(listed).toContain(name);
      else if (!listed.includes(name)) interrupted += 1;
    }
    await box.start();
    for (const { name, file, sha256 } of files) {
      // `reput` wants something to go on with; of an upload that had just begun there is nothing.
      const isResumed = !listed.includes(name) && (await sftp([`reput ${file} /claims-raw/${name}`])).code === 0;
      if (isResumed) resumed += 1;
      else if (!listed.includes(name))
        expect(await sftp([`put ${file} /claims-raw/${name}`])).toMatchObject({ code: 0 });
      const back = join(box.folder, 'back');
      expect(await sftp([`get /claims-raw/${name} ${back}`])).toMatchObject({ code: 0 });
      expect((await runProgram('sha256sum', [back])).stdout.slice(0, 64)).toBe(sha256);
      expect(await sftp([`rm /claims-raw/${name}`])).toMatchObject({ code: 0 });
    }
    expect((await searchFolder(box.workspace, CANARY)).found).toEqual([]);
  }
  // It was about something.
  expect(interrupted).toBeGreaterThan(ROUNDS / 2);
  expect(resumed).toBeGreaterThan(ROUNDS / 2);
  expect(box.log()).toContain('upload resumed');
  expect(box.log()).not.toContain(CANARY);
});
