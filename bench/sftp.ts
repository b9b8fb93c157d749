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
const NAMES = ['sftp-up/sshd', 'sftp-down/sshd', 'sftp-8-up/sshd', 'sftp-up-50ms/sshd', 'push/sftp', 'pull/sftp'];
for (const name of wanted ?? []) if (!NAMES.includes(name)) throw new Error(`there is no ${name}: ${NAMES.join(', ')}`);
const isWanted = (name: string) => wanted?.includes(name) ?? true;
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

/** Makes a file of random bytes. @returns its digest */
async function fill(file: string, length: number): Promise<string> {
  const { code } = await runProgram('sh', ['-c', `mkdir -p ${folder}/in && head -c ${length} /dev/urandom > ${file}`]);
  if (code !== 0) throw new Error('no file');
  return digestOf(file);
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
let peak = 0;
const watching = setInterval(() => {
  peak = Math.max(peak, treeBytes(gateway.pid()));
}, 250);

async function compare(name: string, length: number, sides: [ours: () => Promise<void>, theirs: () => Promise<void>]) {
  if (!isWanted(name)) return;
  // Once beforehand: what is only done the first time is done.
  for (const side of sides) await side();
  const seconds = await alternate(rounds, { ours: sides[0], theirs: sides[1] });
  const ratio = throughputRatio(seconds.ours, seconds.theirs);
  ratios[name] = ratio;
  const rate = (list: number[]) => `${(length / median(list) / 1e6).toFixed(0)} MB/s`;
  const spread = `${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)}`;
  const line = [name, ratio.middle.toFixed(2), spread, rate(seconds.ours), rate(seconds.theirs)];
  process.stdout.write(`${line.join('  ')}\n`);
}

/** @throws Error unless what `side` has is what was sent */
async function check(side: Side, name: string, digest: string): Promise<void> {
  const back = join(folder, 'checked');
  await sftp(side, [`get ${side.to}/${name} ${back}`]);
  await checkFile(back, digest);
}

async function checkFile(file: string, digest: string): Promise<void> {
  if ((await digestOf(file)) !== digest) throw new Error(`${file} is not what was sent`);
  await rm(file);
}

async function compareOneStream(): Promise<void> {
  const file = join(folder, 'file');
  const digest = await fill(file, bytes);
  const up = (side: Side) => sftp(side, [`put ${file} ${side.to}/one`]);
  const down = (side: Side, to: string) => sftp(side, [`get ${side.to}/one ${join(folder, to)}`]);
  for (const side of [ours, theirs]) await up(side);
  await compare('sftp-up/sshd', bytes, [() => up(ours), () => up(theirs)]);
  for (const side of [ours, theirs]) await check(side, 'one', digest);
  await compare('sftp-down/sshd', bytes, [() => down(ours, 'one'), () => down(theirs, 'two')]);
  if (isWanted('sftp-down/sshd')) for (const name of ['one', 'two']) await checkFile(join(folder, name), digest);
}

async function compareEightStreams(): Promise<void> {
  if (!isWanted('sftp-8-up/sshd')) return;
  const part = join(folder, 'part');
  const digest = await fill(part, bytes / 8);
  const names = Array.from({ length: 8 }, (_, index) => `part${index}`);
  const up = async (side: Side) => {
    await Promise.all(names.map((name) => sftp(side, [`put ${part} ${side.to}/${name}`])));
  };
  await compare('sftp-8-up/sshd', bytes, [() => up(ours), () => up(theirs)]);
  for (const side of [ours, theirs]) for (const name of names) await check(side, name, digest);
}

async function compareFar(): Promise<void> {
  if (!isWanted('sftp-up-50ms/sshd')) return;
  const far = join(folder, 'far');
  const digest = await fill(far, bytes / 4);
  const proxies = await Promise.all([ours, theirs].map(({ port }) => startProxy({ to: port, delay: 25 })));
  const ports = proxies.map(({ port }) => port);
  const up = async (side: Side, at = 0) => {
    const options = [...side.options, '-o', `HostKeyAlias=[127.0.0.1]:${side.port}`];
    await sftp({ ...side, options }, [`put ${far} ${side.to}/far`], at);
  };
  await compare('sftp-up-50ms/sshd', bytes / 4, [() => up(ours, ports[0]), () => up(theirs, ports[1])]);
  for (const side of [ours, theirs]) await check(side, 'far', digest);
  for (const proxy of proxies) await proxy.stop();
}

async function compareClients(): Promise<void> {
  if (!isWanted('push/sftp') && !isWanted('pull/sftp')) return;
  const file = join(folder, 'local');
  const digest = await fill(file, bytes);
  const url = (name: string) => `sftp://${theirs.user}@127.0.0.1:${theirs.port}${theirs.to}/${name}`;
  const cipher = CIPHER[1] ?? '';
  const ssh = ['--ssh-option', `UserKnownHostsFile=${sshd.knownHosts}`, '--ssh-option', cipher, '-i', sshd.keyFile];
  await compare('push/sftp', bytes, [
    () => glovebox(['push', ...ssh, file, url('pushed')]),
    () => sftp(theirs, [`put ${file} ${theirs.to}/put`]),
  ]);
  if (isWanted('push/sftp')) for (const name of ['pushed', 'put']) await check(theirs, name, digest);
  await sftp(theirs, [`put ${file} ${theirs.to}/there`]);
  const [pulled, got] = [join(folder, 'pulled'), join(folder, 'got')];
  await compare('pull/sftp', bytes, [
    () => glovebox(['pull', ...ssh, '--again', '--plaintext', url('there'), pulled]),
    () => sftp(theirs, [`get ${theirs.to}/there ${got}`]),
  ]);
  if (isWanted('pull/sftp')) for (const name of [pulled, got]) await checkFile(name, digest);
}

try {
  await compareOneStream();
  await compareEightStreams();
  await compareFar();
  await compareClients();
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
