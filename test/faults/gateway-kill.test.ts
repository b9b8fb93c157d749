// I1 and I3 at the gateway: killed with -9 during uploads, it has no plaintext on the disk and nothing half done to
// show; started again, the clients go on where they were: `sftp` when it is told to, `push` by itself. Ten times; a
// hundred times with --full.
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchFolder } from '../support/canary.ts';
import { type Proxy as Narrow, startProxy } from '../support/delay-proxy.ts';
import { COMMAND, type GatewayBox, makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { type Ran, runProgram } from '../support/programs.ts';
import { makeRandom } from '../support/random.ts';
import { clientOptions } from '../support/sshd.ts';

const ROUNDS = process.env.GLOVEBOX_FULL === '1' ? 100 : 10;
const CANARY = 'CANARY-4d1b7e';
const LINES = 100_000;
const LINES_PUSHED = 350_000;
/** So that a kill comes in the middle: Kbit/s of `sftp`, bytes a second of `push`. */
const RATE = 30_000;
const RATE_PUSHED = 10_000_000;

let box: GatewayBox;
let narrow: Narrow;
const running: ChildProcess[] = [];
beforeAll(async () => {
  box = await makeGatewayBox();
  narrow = await startProxy({ to: box.port, rate: RATE_PUSHED });
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await narrow?.stop();
  await box?.remove();
});

function sftp(commands: string[], more: string[] = []): Promise<Ran> {
  const args = [...clientOptions(box), ...more, '-P', String(box.port), '-b', '-', 'acme@127.0.0.1'];
  return runProgram('sftp', args, { input: `${commands.join('\n')}\n` });
}

/** Goes on by itself, once the gateway is there again. */
function push(file: string, path: string): Promise<Ran> {
  const [, , ...pairs] = [...clientOptions(box), `HostKeyAlias=[127.0.0.1]:${box.port}`];
  const options = pairs.flatMap((each) => (each === '-o' ? [] : ['--ssh-option', each]));
  const all = [COMMAND, '-C', box.workspace, 'push', '--json', '--retries', '20', ...options];
  return runProgram(process.execPath, [...all, file, `sftp://acme@127.0.0.1:${narrow.port}/claims-raw/${path}`], {
    env: box.env,
    onStart: (child) => running.push(child),
  });
}

async function said(text: string): Promise<void> {
  for (let tries = 0; !box.log().includes(text); tries++) {
    if (tries > 2400) throw new Error(`the log does not say "${text}"`);
    await sleep(25);
  }
}
const begun = (path: string) => said(`"path":"${path}","bytes":0,"msg":"upload begun"`);

interface Sent {
  name: string;
  file: string;
  sha256: string;
}

async function makeFile(name: string, lines: number): Promise<Sent> {
  const content = Buffer.from(`${CANARY},${name},a line of somebody's data\n`.repeat(lines));
  const file = join(box.folder, name);
  await writeFile(file, content);
  return { name, file, sha256: createHash('sha256').update(content).digest('hex') };
}

/** I1: nothing in the clear, neither of the gateway nor of `push`. */
async function expectNoPlaintext(): Promise<void> {
  for (const folder of [box.workspace, join(box.folder, 'tmp'), join(box.folder, '.local')]) {
    if (existsSync(folder)) expect((await searchFolder(folder, CANARY)).found).toEqual([]);
  }
}

async function expectContent(file: string, { sha256 }: Sent): Promise<void> {
  expect((await runProgram('sha256sum', [file])).stdout.slice(0, 64)).toBe(sha256);
  await rm(file);
}

/** I3: what is there is whole, also while the gateway is gone. */
async function expectWhole(sent: Sent): Promise<void> {
  const back = join(box.folder, 'whole');
  box.glovebox(['get', `claims-raw/${sent.name}`, '-o', back]);
  await expectContent(back, sent);
}

async function expectDelivered(sent: Sent): Promise<void> {
  const back = join(box.folder, 'back');
  expect(await sftp([`get /claims-raw/${sent.name} ${back}`])).toMatchObject({ code: 0 });
  await expectContent(back, sent);
  expect(await sftp([`rm /claims-raw/${sent.name}`])).toMatchObject({ code: 0 });
}

test(`kill -9 during uploads, ${ROUNDS} times`, { timeout: ROUNDS * 90_000 }, async (context) => {
  const missing = missingTool('openssh-client');
  if (missing !== undefined) context.skip(missing);
  const random = makeRandom(5);
  const count = { interrupted: 0, resumed: 0, pushed: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const files = [await makeFile(`${round}-0.csv`, LINES), await makeFile(`${round}-1.csv`, LINES)];
    const large = await makeFile(`${round}-pushed.csv`, LINES_PUSHED);
    const pushing = push(large.file, large.name);
    const going = files.map(({ name, file }) => sftp([`put ${file} /claims-raw/${name}`], ['-l', String(RATE)]));
    for (const { name } of [...files, large]) await begun(name);
    await sleep(100 + random() * 500);
    await box.stop('SIGKILL');
    const ended = await Promise.all(going);
    await expectNoPlaintext();
    const listed = box.glovebox(['ls', 'claims-raw']);
    for (const sent of [...files, large]) if (listed.includes(sent.name)) await expectWhole(sent);
    for (const [index, { name }] of files.entries()) {
      // What the client was told is complete is there.
      if (ended[index]?.code === 0) expect(listed).toContain(name);
      else if (!listed.includes(name)) count.interrupted += 1;
    }
    await box.start();
    // Nothing half done is to be seen by clients either, as long as nobody has gone on with it.
    const { stdout } = await sftp(['ls -1 /claims-raw']);
    for (const { name } of files) expect(stdout.includes(name)).toBe(listed.includes(name));
    for (const sent of files) {
      const { name, file } = sent;
      // `reput` wants something to go on with; of an upload that had just begun there is nothing.
      const isResumed = !listed.includes(name) && (await sftp([`reput ${file} /claims-raw/${name}`])).code === 0;
      if (isResumed) count.resumed += 1;
      else if (!listed.includes(name)) {
        expect(await sftp([`put ${file} /claims-raw/${name}`])).toMatchObject({ code: 0 });
      }
      await expectDelivered(sent);
    }
    const pushed = await pushing;
    expect(pushed).toMatchObject({ code: 0 });
    if (pushed.stderr.includes('"event":"retry"')) count.pushed += 1;
    await expectDelivered(large);
    await expectNoPlaintext();
    for (const { file } of [...files, large]) await rm(file);
  }
  console.log(`cut off: ${count.interrupted} of sftp, ${count.pushed} of push; resumed by sftp: ${count.resumed}`);
  // It was about something.
  for (const each of Object.values(count)) expect(each).toBeGreaterThan(ROUNDS / 2);
  expect(box.log()).toMatch(/pushed\.csv","bytes":[1-9][0-9]*,"msg":"upload resumed"/);
  expect(box.log()).not.toContain(CANARY);
});
