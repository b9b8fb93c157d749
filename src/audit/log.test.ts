import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditRecord, openAuditLog } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-audit-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (): string => join(folder, 'state', 'audit.jsonl');

function record(subject: string): AuditRecord {
  return {
    eventVersion: '1.11',
    eventID: crypto.randomUUID(),
    eventTime: new Date().toISOString(),
    eventSource: 'glovebox',
    eventName: 'read',
    awsRegion: 'local',
    userIdentity: { type: 'Root', arn: 'arn:aws:iam::000000000000:root', accountId: '000000000000', userName: 'me' },
    requestParameters: { subject },
    resources: [{ ARN: 'arn:aws:s3:::box/x' }],
  };
}

async function subjects(): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for await (const { requestParameters } of openAuditLog(at()).read()) found.push(requestParameters.subject);
  return found;
}

describe('the log', () => {
  it('is empty before the first record, and keeps their order', async () => {
    expect(await subjects()).toEqual([]);
    for (const subject of ['a', 'b\nc', 'd']) openAuditLog(at()).append(record(subject));
    expect(await subjects()).toEqual(['a', 'b\nc', 'd']);
    expect((await readFile(at(), 'utf8')).trimEnd().split('\n')).toHaveLength(3);
  });

  it('is closed to others, also where somebody opened it', async () => {
    openAuditLog(at()).append(record('a'));
    expect((await stat(at())).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'state'))).mode & 0o777).toBe(0o700);
    await chmod(at(), 0o644);
    openAuditLog(at()).append(record('b'));
    expect((await stat(at())).mode & 0o777).toBe(0o600);
  });

  it('takes records of several processes whole', async () => {
    const index = new URL('./index.ts', import.meta.url).href;
    const script = `const { openAuditLog } = await import(${JSON.stringify(index)});
      for (let i = 0; i < 300; i++) openAuditLog(process.argv[1]).append({ ...JSON.parse(process.argv[2]), requestParameters: { subject: process.argv[3] + i } });`;
    const ends = ['x', 'y', 'z'].map((name) => {
      const args = ['--input-type=module', '-e', script, at(), JSON.stringify(record('')), name];
      return once(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
    });
    expect(await Promise.all(ends)).toEqual(ends.map(() => [0, null]));
    const found = await subjects();
    expect(found).toHaveLength(900);
    for (const name of ['x', 'y', 'z']) {
      const own = found.filter((subject) => subject?.startsWith(name));
      expect(own).toEqual(Array.from({ length: 300 }, (_, index_) => `${name}${index_}`));
    }
  });

  it('names the line that is no record, after those before it', async () => {
    openAuditLog(at()).append(record('a'));
    for (const bad of ['{"eventID":"x"}', '{"event', '[]', 'null']) {
      const good = await readFile(at(), 'utf8');
      await appendFile(at(), `${bad}\n`);
      await expect(subjects()).rejects.toMatchObject({ code: 'FORM', message: expect.stringMatching(/:2: /) });
      await writeFile(at(), good);
    }
    expect(await subjects()).toEqual(['a']);
  });

  it('follows no link, and says so where it takes nothing', async () => {
    const elsewhere = join(folder, 'elsewhere');
    await writeFile(elsewhere, '');
    openAuditLog(at()).append(record('a'));
    await rm(at());
    await symlink(elsewhere, at());
    expect(() => openAuditLog(at()).append(record('b'))).toThrow(expect.objectContaining({ code: 'WRITE' }));
    expect(await readFile(elsewhere, 'utf8')).toBe('');
    // Nothing but a plain file, whose mode alone is changed.
    await rm(at());
    execFileSync('mkfifo', ['-m', '644', at()]);
    expect(() => openAuditLog(at()).append(record('c'))).toThrow(expect.objectContaining({ code: 'WRITE' }));
    expect((await stat(at())).mode & 0o777).toBe(0o644);
    expect(() => openAuditLog('/dev/null').append(record('d'))).toThrow(expect.objectContaining({ code: 'WRITE' }));
    // The folder is a file.
    const inside = openAuditLog(join(elsewhere, 'audit.jsonl'));
    expect(() => inside.append(record('e'))).toThrow(expect.objectContaining({ code: 'WRITE' }));
  });
});
