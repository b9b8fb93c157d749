// `glovebox pull`, as built, from a real sshd and from `glovebox serve`: kills, exit codes, what is said and recorded.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BOX_YAML } from '../support/box.ts';
import {
  type CliBox,
  COMMAND,
  expectDone,
  makeCliBox,
  type Outcome,
  type Running,
  startCommand,
  until,
} from '../support/cli.ts';
import { startProxy } from '../support/delay-proxy.ts';
import { makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { clientOptions, type Sshd, startSshd } from '../support/sshd.ts';

const MIB = 1024 * 1024;
const missing = missingTool('openssh-server');
const digestOf = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

interface Document {
  files: { path: string; to: string; size: number; sha256: string }[];
  summary: { files: number; failed: number; skipped: number };
}

describe.skipIf(missing !== undefined)(`pull${missing === undefined ? '' : `: ${missing}`}`, () => {
  let sshd: Sshd;
  let box: CliBox;
  let there: string;
  let here: string;
  beforeAll(async () => {
    sshd = await startSshd();
    box = await makeCliBox({ yaml: BOX_YAML, pipelines: {} });
    there = join(box.folder, 'there');
    here = join(box.folder, 'here');
    mkdirSync(there);
  });
  afterAll(async () => {
    await box?.remove();
    await sshd?.stop();
  });

  const makeFile = (name: string, size: number): Buffer => {
    const data = randomBytes(size);
    writeFileSync(join(there, name), data);
    return data;
  };
  const remote = (path: string, port = sshd.port): string => `sftp://${sshd.user}@127.0.0.1:${port}${there}/${path}`;
  const sshOptions = (): string[] => {
    const [, , ...pairs] = clientOptions(sshd);
    const all = [...pairs.filter((each) => each !== '-o'), `HostKeyAlias=[127.0.0.1]:${sshd.port}`];
    return all.flatMap((option) => ['--ssh-option', option]);
  };
  const start = (args: string[]): Running => box.start(['pull', ...sshOptions(), ...args]);
  const pull = (args: string[]): Promise<Outcome> => start(args).outcome;
  const documentOf = ({ stdout }: Outcome): Document => JSON.parse(stdout.toString()) as Document;
  const listed = async (): Promise<Record<string, string>> => {
    const { objects } = await box.json<{ objects: { path: string; sha256: string }[] }>(['ls', 'claims-raw']);
    return Object.fromEntries(objects.map(({ path, sha256 }) => [path, sha256]));
  };

  test('a folder into a dataset: sealed, told file by file, and recorded', async () => {
    mkdirSync(join(there, 'in/x'), { recursive: true });
    const [a, b] = [makeFile('in/a.csv', 3 * MIB), makeFile('in/x/b.csv', 100)];
    const outcome = expectDone(await pull(['--json', remote('in'), 'claims-raw/2026/']));
    expect(documentOf(outcome)).toMatchObject({ summary: { files: 2, failed: 0 } });
    expect(outcome.stderr.match(/"event":"file"/g)).toHaveLength(2);
    expect(outcome.stderr).not.toContain('warning');
    expect(await listed()).toMatchObject({ '2026/in/a.csv': digestOf(a), '2026/in/x/b.csv': digestOf(b) });
    const { records } = await box.json<{ records: { eventName: string; requestParameters: object }[] }>([
      'audit',
      'ls',
    ]);
    expect(records).toContainEqual(
      expect.objectContaining({
        eventName: 'write',
        requestParameters: { subject: 'claims-raw', name: '2026/in/a.csv' },
      }),
    );
  });

  test('plaintext is said aloud and recorded; outside of a workspace it is said', async () => {
    const data = makeFile('p.csv', 1000);
    const outcome = expectDone(await pull([remote('p.csv'), `${here}/`]));
    expect(outcome.stderr).toContain('is plaintext on your disk');
    expect(outcome.stdout.toString()).toContain(digestOf(data));
    expect(readFileSync(join(here, 'p.csv')).equals(data)).toBe(true);
    const { records } = await box.json<{ records: { eventName: string; requestParameters: object }[] }>([
      'audit',
      'ls',
    ]);
    expect(records).toContainEqual(
      expect.objectContaining({
        eventName: 'pull',
        requestParameters: { subject: expect.stringContaining('p.csv'), to: here },
      }),
    );
    const elsewhere = await mkdtemp(join(tmpdir(), 'glovebox-elsewhere-'));
    const args = [COMMAND, 'pull', ...sshOptions(), remote('p.csv'), '--plaintext', join(elsewhere, 'q.csv')];
    const run = startCommand(
      ['--import', `data:text/javascript,process.chdir(${JSON.stringify(elsewhere)})`, ...args],
      {
        env: box.env,
      },
    );
    expect(expectDone(await run.outcome).stderr).toContain('is plaintext on your disk');
    expect(readdirSync(elsewhere)).toEqual(['q.csv']);
    await rm(elsewhere, { recursive: true });
  });

  test.each(['claims-raw/k.csv', 'HERE/k.csv'])(
    'killed twice, %s goes on where it was',
    async (given) => {
      const dest = given.replace('HERE', here);
      mkdirSync(here, { recursive: true });
      const data = makeFile('k.csv', 160 * MIB);
      // Long enough on the way to be killed in the middle.
      const proxy = await startProxy({ to: sshd.port, delay: 15 });
      const args = ['--json', remote('k.csv', proxy.port), dest];
      for (let round = 0; round < 2; round += 1) {
        const { child, pid, outcome } = start(args);
        let stderr = '';
        child.stderr?.on('data', (chunk) => {
          stderr += chunk;
        });
        await until(async () => (stderr.includes('"progress"') ? true : undefined));
        // A first note of what is certain: see CHECKPOINT_BYTES, and the frames of an upload.
        await until(async () => {
          const told = [...stderr.matchAll(/"doneBytes":(\d+)/g)].at(-1)?.[1] ?? '0';
          return Number(told) > (round + 1) * 40 * MIB || existsSync(join(here, '.k.csv.part.json')) ? true : undefined;
        });
        process.kill(pid, 'SIGKILL');
        await outcome;
        if (given.startsWith('HERE')) expect(existsSync(join(here, 'k.csv'))).toBe(false);
        else expect(Object.keys(await listed())).not.toContain('k.csv');
      }
      const outcome = expectDone(await pull(args));
      await proxy.stop();
      const told = outcome.stderr.split('\n').find((line) => line.includes('"event":"file"')) ?? '{}';
      expect((JSON.parse(told) as { resumedFrom: number }).resumedFrom).toBeGreaterThan(0);
      expect(documentOf(outcome).files).toMatchObject([{ size: data.length, sha256: digestOf(data) }]);
      if (given.startsWith('HERE')) {
        expect(readFileSync(join(here, 'k.csv')).equals(data)).toBe(true);
        expect(readdirSync(here).filter((name) => name.startsWith('.'))).toEqual([]);
      } else {
        expect(await listed()).toMatchObject({ 'k.csv': digestOf(data) });
        expectDone(await box.glovebox(['verify-object', 'claims-raw/k.csv']));
      }
    },
    120_000,
  );

  test('interrupted, it says that the same command goes on, and it does', async () => {
    const data = makeFile('i.csv', 120 * MIB);
    const proxy = await startProxy({ to: sshd.port, delay: 15 });
    const args = ['--json', remote('i.csv', proxy.port), 'claims-raw/i.csv'];
    const { child, outcome } = start(args);
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    await until(async () => (stderr.includes('"progress"') ? true : undefined));
    child.kill('SIGINT');
    const stopped = await outcome;
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain('the same command goes on where it was');
    const done = expectDone(await pull(args));
    await proxy.stop();
    expect(done.stderr).toMatch(/"resumedFrom":[1-9]/);
    expect(await listed()).toMatchObject({ 'i.csv': digestOf(data) });
  });

  test('some cannot come: the worst decides the exit code, and each is named', async () => {
    mkdirSync(join(there, 'odd'));
    makeFile('odd/good.csv', 10);
    makeFile('odd/bad\tname.csv', 10);
    const outcome = await pull([remote('odd/'), join(here, 'odd')]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('1 of 2 did not come over: bad\\u{9}name.csv');
    expect(outcome.stdout.toString()).toContain('good.csv');
    expect(readdirSync(join(here, 'odd'))).toEqual(['good.csv']);
  });

  test('mistakes in what was typed, and an unknown host', async () => {
    makeFile('m.csv', 10);
    for (const dest of ['claims-features', 'nothing-there', 'claims-raw@v1/x', 'Not an address', '']) {
      expect((await pull([remote('m.csv'), dest])).code).toBe(2);
    }
    expect((await pull([remote('none.csv'), 'claims-raw'])).stderr).toContain('none.csv');
    const unknown = await box.glovebox([
      '--json',
      'pull',
      '--ssh-option',
      'UserKnownHostsFile=/dev/null',
      remote('m.csv'),
      'claims-raw',
    ]);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('transfer/HOST_UNKNOWN') });
    const dry = await pull(['--json', '--dry-run', remote('m.csv'), 'claims-raw/x/']);
    expect(JSON.parse(dry.stdout.toString())).toMatchObject({
      files: [{ to: 'claims-raw/x/m.csv', size: 10 }],
      bytes: 10,
    });
    expect(Object.keys(await listed())).not.toContain('x/m.csv');
  });

  test('from a gateway, into the dataset of another workspace', async () => {
    const gateway = await makeGatewayBox();
    try {
      const data = randomBytes(2 * MIB);
      writeFileSync(join(gateway.folder, 'g.csv'), data);
      gateway.glovebox(['put', join(gateway.folder, 'g.csv'), 'claims-raw/out/g.csv']);
      const [, , ...pairs] = clientOptions(gateway);
      const options = pairs.filter((each) => each !== '-o').flatMap((option) => ['--ssh-option', option]);
      const from = `sftp://acme@127.0.0.1:${gateway.port}/claims-raw/out/`;
      expectDone(await box.glovebox(['pull', ...options, '--verify', from, 'claims-raw/from/']));
      expect(await listed()).toMatchObject({ 'from/g.csv': digestOf(data) });
    } finally {
      await gateway.remove();
    }
  });
});
