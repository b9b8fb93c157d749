// Other people's SFTP clients at `glovebox serve`: put, get, going on after a cut, rename, list, delete.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProxy } from '../support/delay-proxy.ts';
import { type GatewayBox, gatewayYaml, makeGatewayBox } from '../support/gateway.ts';
import { runOrThrow } from '../support/programs.ts';
import {
  type Client,
  curl,
  lftp,
  openssh,
  paramiko,
  rclone,
  runLftp,
  runMounted,
  runParamiko,
  sshfs,
} from '../support/sftp-clients.ts';

const MIB = 1024 * 1024;
const SIZE = 12 * MIB + 4321;
const CUT = 5 * MIB;

interface Event {
  msg: string;
  path: string;
  bytes: number;
  sha256: string;
}

describe('clients at the gateway', () => {
  let box: GatewayBox;
  const at = (name: string) => join(box.folder, name);
  beforeAll(async () => {
    box = await makeGatewayBox();
  });
  afterAll(() => box?.remove());

  async function makeFile(name: string, bytes: number): Promise<{ file: string; content: Buffer; sha256: string }> {
    const content = randomBytes(bytes);
    await writeFile(at(name), content);
    return { file: at(name), content, sha256: digest(content) };
  }
  const digest = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  const digestOf = async (file: string) => digest(await readFile(file));
  const listed = () => box.glovebox(['ls', 'claims-raw']);
  const events = (path: string): Event[] => {
    const lines = box
      .log()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'));
    return lines.map((line): Event => JSON.parse(line)).filter((event) => event.path === path);
  };
  /** What the log says of a file, once it says it for the `count`th time. */
  async function said(path: string, msg: string, count = 1): Promise<Event> {
    for (let tries = 0; ; tries++) {
      const event = events(path).filter((each) => each.msg === msg)[count - 1];
      if (event !== undefined) return event;
      if (tries > 1200) throw new Error(`no "${msg}" of ${path} in the log: ${box.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Sends a file on a connection that is cut off, and goes on with it on another one. */
  async function uploadWithCut(client: Client, name: string): Promise<string> {
    const { file, sha256 } = await makeFile(name, SIZE);
    const proxy = await startProxy({ to: box.port, cutAfter: CUT });
    const cut = await client.put(file, `/claims-raw/${name}`, proxy.port);
    await proxy.stop();
    expect(cut.code).not.toBe(0);
    const kept = await said(name, 'upload kept');
    expect(kept.bytes).toBeGreaterThan(0);
    expect(kept.bytes).toBeLessThanOrEqual(CUT);
    // I3: what is not complete is not there.
    expect(listed()).not.toContain(name);
    expect((await client.list('/claims-raw')).stdout).not.toContain(name);
    expect(await client.putRest(file, `/claims-raw/${name}`)).toMatchObject({ code: 0 });
    expect(await said(name, 'uploaded')).toMatchObject({ bytes: SIZE, sha256 });
    const resumed = events(name).filter(({ msg }) => msg === 'upload resumed');
    if (client.startsAnew?.includes('putRest')) expect(resumed).toEqual([]);
    else expect(resumed.at(-1)?.bytes).toBeGreaterThan(0);
    return sha256;
  }

  async function downloadWithCut(client: Client, name: string, sha256: string): Promise<void> {
    const back = at(`${name}.back`);
    expect(await client.get(`/claims-raw/${name}`, back)).toMatchObject({ code: 0 });
    expect(await digestOf(back)).toBe(sha256);
    // Some clients do not wait for an answer to their last word.
    expect(await said(name, 'read')).toMatchObject({ bytes: SIZE });
    await writeFile(back, (await readFile(back)).subarray(0, CUT + 3));
    expect(await client.getRest(`/claims-raw/${name}`, back)).toMatchObject({ code: 0 });
    expect(await digestOf(back)).toBe(sha256);
    // What was there was not fetched again.
    const { bytes } = await said(name, 'read', 2);
    if (client.startsAnew?.includes('getRest')) expect(bytes).toBe(SIZE);
    else expect(bytes).toBeLessThan(SIZE - CUT + MIB);
  }

  /** With what it is called in the log: nothing else may have that name. */
  async function doEverything(client: Client, name: string): Promise<void> {
    const sha256 = await uploadWithCut(client, name);
    await downloadWithCut(client, name, sha256);
    const { code, stdout } = await client.list('/claims-raw');
    expect(code).toBe(0);
    expect(stdout).toContain(name);
    expect(stdout).toContain(String(SIZE));
    const [from, to] = [`/claims-raw/${name}`, `/claims-raw/moved/${name}`];
    expect(await client.rename(from, to)).toMatchObject({ code: 0 });
    expect(listed()).toContain(`moved/${name}`);
    expect(listed()).not.toMatch(new RegExp(`^${name}`, 'm'));
    expect(await client.get(to, at(`${name}.moved`))).toMatchObject({ code: 0 });
    expect(await digestOf(at(`${name}.moved`))).toBe(sha256);
    expect(await client.remove(to)).toMatchObject({ code: 0 });
    expect(listed()).not.toContain(name);
  }

  /** Has the gateway read its configuration anew. */
  async function configure(gateway: string): Promise<void> {
    const publicKey = runOrThrow('ssh-keygen', ['-y', '-f', box.keyFile]).trim();
    await box.writeConfig(gatewayYaml(publicKey, gateway));
    const count = () => box.log().split('configuration read').length;
    const before = count();
    process.kill(box.pid(), 'SIGHUP');
    for (let tries = 0; count() === before; tries++) {
      if (tries > 1200) throw new Error(`no new configuration: ${box.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  test.for([
    ['sftp of OpenSSH', openssh],
    ['lftp', lftp],
    ['rclone, which does not resume: it sends and fetches anew', rclone],
    ['paramiko', paramiko],
    ['sshfs, which resumes by appending', sshfs],
  ] as const)('%s', async ([name, make], context) => {
    const client = make(box);
    if (client.missing !== undefined) context.skip(client.missing);
    await doEverything(client, `${name.replace(/[ ,].*/, '')}.bin`);
  });

  // Its libssh2 has neither AES-GCM nor encrypt-then-MAC before 1.11.
  test('curl, with the profile for old clients', async (context) => {
    const client = await curl(box);
    if (client.missing !== undefined) context.skip(client.missing);
    const uploads = 'uploads: { minFree: 1MiB }';
    await configure(`${uploads}, sftp: { profile: compatible }`);
    try {
      await doEverything(client, 'curl.bin');
    } finally {
      await configure(uploads);
    }
  });

  test('lftp mirrors a folder, both ways', async (context) => {
    const { missing } = lftp(box);
    if (missing !== undefined) context.skip(missing);
    const sums: Record<string, string> = {};
    for (const name of ['mirror/one.bin', 'mirror/deep/er/two.bin', 'mirror/deep/empty.bin']) {
      await mkdir(at(join(name, '..')), { recursive: true });
      sums[name] = (await makeFile(name, name.includes('empty') ? 0 : 2 * MIB + 1)).sha256;
    }
    const there = await runLftp(box, [`mirror --reverse ${at('mirror')} /claims-raw/mirror`]);
    expect(there).toMatchObject({ code: 0 });
    const back = await runLftp(box, [`mirror --parallel=2 /claims-raw/mirror ${at('back/mirror')}`]);
    expect(back).toMatchObject({ code: 0 });
    for (const [name, sum] of Object.entries(sums)) {
      expect(await digestOf(at(join('back', name)))).toBe(sum);
      expect(await said(name, 'uploaded')).toMatchObject({ sha256: sum });
    }
    // Nothing has changed: nothing is sent again.
    expect(await runLftp(box, [`mirror --reverse ${at('mirror')} /claims-raw/mirror`])).toMatchObject({ code: 0 });
    for (const name of Object.keys(sums)) {
      expect(events(name).filter(({ msg }) => msg === 'uploaded')).toHaveLength(1);
    }
    expect(await runLftp(box, ['rm -r /claims-raw/mirror'])).toMatchObject({ code: 0 });
    expect(listed()).not.toContain('mirror');
  });

  test('lftp fetches one file in four pieces at once', async (context) => {
    const { missing, put } = lftp(box);
    if (missing !== undefined) context.skip(missing);
    const { file, sha256 } = await makeFile('pieces', SIZE);
    expect(await put(file, '/claims-raw/pieces')).toMatchObject({ code: 0 });
    const ran = await runLftp(box, [`pget -n 4 /claims-raw/pieces -o ${at('pieces.back')}`]);
    expect(ran).toMatchObject({ code: 0 });
    expect(await digestOf(at('pieces.back'))).toBe(sha256);
  });

  test('paramiko reads at an offset', async (context) => {
    const { missing, put } = paramiko(box);
    if (missing !== undefined) context.skip(missing);
    const { file, content } = await makeFile('offset', 3 * MIB);
    expect(await put(file, '/claims-raw/offset')).toMatchObject({ code: 0 });
    for (const at of [0, 5, MIB - 3, 2 * MIB, 3 * MIB - 10]) {
      const { code, stdout } = await runParamiko(box, ['read-at', '/claims-raw/offset', String(at), '100']);
      expect({ code, stdout }).toEqual({ code: 0, stdout: `${content.subarray(at, at + 100).toString('hex')}\n` });
    }
  });

  test('sshfs as a folder: adding to a file, copying in it, removing folders', async (context) => {
    const { missing } = sshfs(box);
    if (missing !== undefined) context.skip(missing);
    const script = `
      cd claims-raw
      mkdir -p as/folder && printf one > as/folder/log && printf two >> as/folder/log
      cp as/folder/log as/folder/copy && cat as/folder/copy && ls as/folder
      rm as/folder/log as/folder/copy && rmdir as/folder as && ls`;
    const ran = await runMounted(box, script);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).toMatch(/^onetwocopy\nlog\n/);
    expect(ran.stdout).not.toContain('as\n');
    expect(listed()).not.toContain('as/');
  });
});
