// I6: sealing and opening take less than 150 MB over what a bare Node takes, whatever the size: 1 GiB in `npm test`,
// 10 GiB with --full. Each way in a process of its own, with the default frame length and threads.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMAND } from '../support/cli.ts';

const FULL = process.env.GLOVEBOX_FULL === '1';
const SIZE = (FULL ? 10 : 1) * 1024 ** 3;
const LIMIT = 150e6;
/** Chunks of a stream that nobody gives back wait for the garbage collector, which comes after some 64 to 128 MB. */
const GARBAGE = 128e6;
const CHILD = fileURLToPath(new URL('./seal-memory-child.ts', import.meta.url));
const BARE = fileURLToPath(new URL('./bare-node.ts', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-memory-'));
  execFileSync('mkfifo', ['-m', '600', join(folder, 'fifo')]);
  const plain = await open(join(folder, 'plain'), 'w');
  await plain.truncate(SIZE); // a hole, which reads as zeros
  await plain.close();
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `command` with the child and its arguments as "$@"; gives the highest resident memory of it in bytes. */
async function peakOf(command: string, args: string[]): Promise<number> {
  const { stderr } = await promisify(execFile)('sh', ['-c', command, 'sh', process.execPath, ...args]);
  if (!stderr.startsWith('{')) throw new Error(`${args.join(' ')}: ${stderr}`);
  return JSON.parse(stderr).peak;
}

const WAYS: [string, { command?: string; limit?: number }][] = [
  ['nothing', {}],
  ['sealFile', {}],
  ['verify', {}],
  ['openFile', {}],
  ['sealStream', {}],
  ['openStream', {}],
  ['sealStream as a filter', { command: `head -c ${SIZE} /dev/zero | "$@" | cat > /dev/null` }],
  ['openChunks as a filter', { command: 'cat "$5/sealed" | "$@" | cat > /dev/null' }],
  ['sealFromPipe', {}],
  ['openToPipe', {}],
  ['sealStream, garbage left', { limit: LIMIT + GARBAGE }],
  ['openStream, garbage left', { limit: LIMIT + GARBAGE }],
];

test(
  `sealing and opening ${FULL ? '10 GiB' : '1 GiB'} stays within bounds`,
  async () => {
    const bare = await peakOf('"$@"', [BARE]);
    const over: { way: string; above: number; limit: number }[] = [];
    for (const [way, { command = '"$@"', limit = LIMIT }] of WAYS) {
      const above = (await peakOf(command, [CHILD, way, String(SIZE), folder])) - bare;
      over.push({ way, above, limit });
    }
    const rows = over.map(({ way, above }) => `${way}: ${(above / 1e6).toFixed(0)}`);
    console.log(`MB over the ${(bare / 1e6).toFixed(0)} of a bare Node: ${rows.join(', ')}`);
    for (const { way, above, limit } of over) expect(above, way).toBeLessThan(limit);
  },
  FULL ? 1_800_000 : 240_000,
);

/** Runs `glovebox` as a filter behind the command `source`, into the file `target`; gives its highest resident memory in bytes. */
async function peakOfFilter(args: string[], source: string, target: string): Promise<number> {
  // A FIFO between the two, and not a stream of this process: that would read some of the bytes itself.
  const line = 'eval "$SOURCE" > "$FIFO" & exec "$@" < "$FIFO" > "$TARGET"';
  const filter = spawn('sh', ['-c', line, 'sh', process.execPath, COMMAND, ...args], {
    env: { ...process.env, SOURCE: source, FIFO: join(folder, 'fifo'), TARGET: target },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peak = 0;
  const timer = setInterval(() => {
    const status = readFileSync(`/proc/${filter.pid}/status`, 'utf8');
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024);
  }, 10);
  const code = await new Promise((resolve) => filter.once('exit', resolve));
  clearInterval(timer);
  expect(code).toBe(0);
  return peak;
}

test(
  'the commands seal and open, as filters, too',
  async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const at = (name: string): string => join(folder, name);
    await writeFile(at('public.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(at('private.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const bare = await peakOf('"$@"', [BARE]);
    const seal = await peakOfFilter(['seal', '--to', at('public.pem')], `head -c ${SIZE} /dev/zero`, at('filtered'));
    const opening = ['open', '--key', at('private.pem')];
    const opened = await peakOfFilter(opening, `cat "${at('filtered')}"`, at('opened'));
    expect((await stat(at('opened'))).size).toBe(SIZE);
    console.log(`MB over a bare Node: seal ${(seal - bare) / 1e6}, open ${(opened - bare) / 1e6}`);
    for (const peak of [seal, opened]) {
      expect(peak).toBeGreaterThan(bare / 2);
      expect(peak - bare).toBeLessThan(LIMIT);
    }
  },
  FULL ? 1_800_000 : 120_000,
);
