// What SFTP costs here: the gateway, which seals what comes, against OpenSSH's sshd, which writes it down as it is; and
// our client against OpenSSH's, both to the same sshd. All on loopback and a memory file system. Ratios are of
// throughput: higher is better.
//   sftp-up/sshd, sftp-down/sshd   one stream, OpenSSH's sftp as the client of both
//   sftp-8-up/sshd                 eight at once
//   sftp-up-50ms/sshd              one, with 25 ms each way between them
//   push/sftp, pull/sftp           glovebox push and pull against OpenSSH's sftp
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startProxy } from '../test/support/delay-proxy.ts';
import { COMMAND, makeGatewayBox } from '../test/support/gateway.ts';
import { runProgram } from '../test/support/programs.ts';
import { clientOptions, startSshd } from '../test/support/sshd.ts';
import { alternate, type Ratio, throughputRatio } from './support/alternate.ts';
import { median, treeBytes } from './support/measure.ts';

const { values } = parseArgs({
  options: {
    /** MiB of the file; a quarter of it where the way is long, an eighth for each of eight streams. */
    size: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '5' },
    /** Only these, with commas. */
    only: { type: 'string' },
  },
});
const MIB = 1024 * 1024;
const rounds = Number(values.rounds);
const bytes = Number(values.size) * MIB;
const wanted = values.only?.split(',');
const CIPHER = ['-o', 'Ciphers=aes128-gcm@openssh.com'];

const gateway = await makeGatewayBox({ base: '/dev/shm' });
const sshd = await startSshd({ base: '/dev/shm' });
const folder = sshd.folder;

interface Side {
  port: number;
  user: string;
  options: string[];
  /** The folder that uploads go to. */
  to: string;
}
const ours: Side = { port: gateway.port, user: 'acme', options: clientOptions(gateway), to: '/claims-raw' };
const theirs: Side = { port: sshd.port, user: sshd.user, options: clientOptions(sshd), to: join(folder, 'in') };

async function fill(file: string, length: number): Promise<void> {
  const { code } = await runProgram('sh', ['-c', `mkdir -p ${folder}/in && head -c ${length} /dev/urandom > ${file}`]);
  if (code !== 0) throw new Error('no file');
}

async function sftp({ port, user, options }: Side, commands: string[], at = port): Promise<void> {
  const args = ['-q', ...options, ...CIPHER, '-P', String(at), '-b', '-', `${user}@127.0.0.1`];
  const { code, stderr } = await runProgram('sftp', args, { input: `${commands.join('\n')}\n` });
  if (code !== 0) throw new Error(`sftp ${commands.join('; ')}: ${stderr}`);
}

async function glovebox(args: string[]): Promise<void> {
  const { code, stderr } = await runProgram(process.execPath, [COMMAND, ...args], { env: gateway.env });
  if (code !== 0) throw new Error(`glovebox ${args.join(' ')}: ${stderr}`);
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

const ratios: Record<string, Ratio> = {};
const table: string[][] = [];
let peak = 0;
const watching = setInterval(() => {
  peak = Math.max(peak, treeBytes(gateway.pid()));
}, 100);

async function compare(name: string, length: number, sides: [ours: () => Promise<void>, theirs: () => Promise<void>]) {
  if (wanted !== undefined && !wanted.includes(name)) return;
  // Once beforehand: what is only done the first time is done.
  for (const side of sides) await side();
  const seconds = await alternate(rounds, { ours: sides[0], theirs: sides[1] });
  const ratio = throughputRatio(seconds.ours, seconds.theirs);
  ratios[name] = ratio;
  const rate = (list: number[]) => `${(length / median(list) / 1e6).toFixed(0)} MB/s`;
  table.push([
    name,
    ratio.middle.toFixed(2),
    `${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)}`,
    rate(seconds.ours),
    rate(seconds.theirs),
  ]);
  process.stdout.write(`${table.at(-1)?.join('  ')}\n`);
}

try {
  const file = join(folder, 'file');
  await fill(file, bytes);
  const digest = await digestOf(file);
  const back = join(folder, 'back');
  const check = async () => {
    if ((await digestOf(back)) !== digest) throw new Error('what came back is not what was sent');
    await rm(back);
  };
  const up = (side: Side, at?: number) => sftp(side, [`put ${file} ${side.to}/one`], at);
  const down = (side: Side) => sftp(side, [`get ${side.to}/one ${back}`]);
  await up(ours);
  await up(theirs);
  for (const side of [ours, theirs]) {
    await down(side);
    await check();
  }
  await compare('sftp-up/sshd', bytes, [() => up(ours), () => up(theirs)]);
  await compare('sftp-down/sshd', bytes, [() => down(ours), () => down(theirs)]);
  const part = join(folder, 'part');
  await fill(part, bytes / 8);
  const eight = (side: Side) =>
    Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((index) => sftp(side, [`put ${part} ${side.to}/part${index}`]))).then(
      () => undefined,
    );
  await compare('sftp-8-up/sshd', bytes, [() => eight(ours), () => eight(theirs)]);
  if (wanted === undefined || wanted.includes('sftp-up-50ms/sshd')) {
    const far = join(folder, 'far');
    await fill(far, bytes / 4);
    const toOurs = await startProxy({ to: ours.port, delay: 25 });
    const toTheirs = await startProxy({ to: theirs.port, delay: 25 });
    const farUp = (side: Side, at: number) =>
      sftp(
        { ...side, options: [...side.options, '-o', `HostKeyAlias=[127.0.0.1]:${side.port}`] },
        [`put ${far} ${side.to}/far`],
        at,
      );
    await compare('sftp-up-50ms/sshd', bytes / 4, [() => farUp(ours, toOurs.port), () => farUp(theirs, toTheirs.port)]);
    await toOurs.stop();
    await toTheirs.stop();
  }
  if (wanted === undefined || wanted.some((name) => name.startsWith('pu'))) {
    const url = `sftp://${sshd.user}@127.0.0.1:${sshd.port}${folder}/in/pushed`;
    const ssh = [
      '--ssh-option',
      `UserKnownHostsFile=${sshd.knownHosts}`,
      '--ssh-option',
      CIPHER[1] ?? '',
      '-i',
      sshd.keyFile,
    ];
    await compare('push/sftp', bytes, [
      () => glovebox(['push', ...ssh, file, url]),
      () => sftp(theirs, [`put ${file} ${theirs.to}/one`]),
    ]);
    await compare('pull/sftp', bytes, [
      () => glovebox(['pull', ...ssh, '--again', '--plaintext', url, join(folder, 'pulled')]),
      () => down(theirs),
    ]);
  }
} finally {
  clearInterval(watching);
  await gateway.remove();
  await sshd.stop();
}

const round = (value: number) => Number(value.toFixed(3));
const entries = Object.entries(ratios);
process.stdout.write(
  `${JSON.stringify({
    bench: 'sftp',
    ratios: Object.fromEntries(entries.map(([name, { middle }]) => [name, round(middle)])),
    spread: Object.fromEntries(entries.map(([name, { lowest, highest }]) => [name, [round(lowest), round(highest)]])),
    peakMemoryMB: { gateway: Math.round(peak / 1e6) },
    node: process.versions.node,
    bytes,
    rounds,
  })}\n`,
);
