// What sealing and opening cost, from file to file and in memory: against what node:crypto alone can do with
// the same frames (the ceiling), with two threads against one, and beside the official JavaScript client, age
// and rclone. Ratios are of throughput: higher is better. Results are checked to be what went in.
import { spawnSync } from 'node:child_process';
import { createHash, createSecretKey, randomBytes, randomFillSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node';
import { openFrame, releaseAll, sealFrame, wipeAll } from '../src/seal/frame.ts';
import { openFile, openMessage, sealFile } from '../src/seal/index.ts';
import { betweenFiles, decryptAll, encryptAll, inMemory, PIECES } from './seal/ceiling.ts';
import { glovebox } from './seal/glovebox.ts';
import { age, officialClient, type Peer, rclone } from './seal/peers.ts';
import { alternate, type Ratio, throughputRatio } from './support/alternate.ts';
import { median } from './support/measure.ts';

const MIB = 2 ** 20;
const { values } = parseArgs({
  options: {
    /** MiB of plaintext. */
    size: { type: 'string', default: '1024' },
    /** MiB for the official client, which would take minutes otherwise. */
    small: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '7' },
    memory: { type: 'string', default: '/dev/shm' },
    disk: { type: 'string', default: tmpdir() },
    only: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const size = Number(values.size) * MIB;
const smallSize = Number(values.small) * MIB;
const FRAME = 256 * 1024;
const TAG = 16;

const keyring = new RawAesKeyringNode({
  keyNamespace: 'bench',
  keyName: 'bench',
  unencryptedMasterKey: new Uint8Array(randomBytes(32)),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  utf8Sorting: true,
});
const options = { keyring, context: { bench: 'seal' } };
const key = createSecretKey(randomBytes(32));

const ratios: Record<string, number> = {};
const spread: Record<string, [number, number]> = {};
const gigabytes: Record<string, number> = {};

function note(name: string, { middle, lowest, highest }: Ratio): void {
  const three = (value: number): number => Number(value.toPrecision(3));
  ratios[name] = three(middle);
  spread[name] = [three(lowest), three(highest)];
  console.log(
    `${name.padEnd(34)} ${middle.toFixed(3).padStart(8)}  ${lowest.toFixed(3).padStart(8)}  ${highest.toFixed(3).padStart(8)}`,
  );
}

function noteSpeed(name: string, bytes: number, seconds: number[]): void {
  gigabytes[name] = Number((bytes / 1e9 / median(seconds)).toFixed(2));
}

/** Opens two files for `work`, and closes them. */
async function withFiles<Result>(
  source: string,
  target: string,
  work: (source: number, target: number) => Promise<Result> | Result,
): Promise<Result> {
  const from = openSync(source, 'r');
  const to = openSync(target, 'w+', 0o600);
  try {
    return await work(from, to);
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

const sealTo = (source: string, target: string, threads: number, frameLength = FRAME): Promise<void> =>
  withFiles(source, target, async (from, to) => {
    const file = { descriptor: from, size: statSync(source).size };
    await sealFile(file, { ...options, frameLength }, { descriptor: to }, { threads });
  });

const openTo = (source: string, target: string, threads: number): Promise<void> =>
  withFiles(source, target, async (from, to) => {
    await openFile(sealedSource(from, statSync(source).size), options, { descriptor: to }, { threads });
  });

function sealedSource(descriptor: number, bytes: number) {
  const read = async (buffer: Uint8Array, offset: number) => readSync(descriptor, buffer, 0, buffer.byteLength, offset);
  return { size: bytes, descriptor, read };
}

/** The bytes for one `update` with which node:crypto is fastest here: of three rounds each, the best median. */
async function findPiece(): Promise<number> {
  const frame = randomFillSync(Buffer.allocUnsafeSlow(FRAME));
  const seconds = await alternate(
    3,
    Object.fromEntries(PIECES.map((piece) => [piece, () => encryptAll(key, inMemory(frame, 1024), piece)])),
  );
  const [fastest] = PIECES.toSorted((a, b) => median(seconds[a] ?? []) - median(seconds[b] ?? []));
  return fastest ?? 64 * 1024;
}

/** Frames in memory, the same one again and again: the cipher and the format, and no storage. */
async function measureFrames(piece: number): Promise<void> {
  const count = size / FRAME;
  const frame = randomFillSync(Buffer.allocUnsafeSlow(FRAME));
  const frameKey = { key, messageId: randomBytes(32) };
  const sealed = Buffer.concat(sealFrame(frameKey, frame, 1, false));
  const place = { sequence: 1, final: false, offset: 0, sealedLength: sealed.length, length: FRAME };
  const copies: Buffer[] = [];
  const keep = (_: number, pieces: Uint8Array[]) => void copies.push(Buffer.concat(pieces));
  encryptAll(key, { count: 1, read: () => frame, write: keep }, FRAME);
  const encrypted = Buffer.concat(copies);
  const seal = await alternate(rounds, {
    ours: () => {
      for (let index = 1; index <= count; index++) releaseAll(sealFrame(frameKey, frame, index, false));
    },
    ceiling: () => encryptAll(key, inMemory(frame, count), piece),
  });
  note('seal/ceiling', throughputRatio(seal.ours, seal.ceiling));
  noteSpeed('ceiling-seal', size, seal.ceiling);
  const open = await alternate(rounds, {
    ours: () => {
      for (let index = 1; index <= count; index++) wipeAll(openFrame(frameKey, sealed, place));
    },
    ceiling: () => {
      for (let index = 0; index < count; index++) decryptAll(key, inMemory(encrypted, 1), piece);
    },
  });
  note('open/ceiling', throughputRatio(open.ours, open.ceiling));
  noteSpeed('ceiling-open', size, open.ceiling);
}

/** From file to file in `folder`: one thread against the ceiling with the same reads and writes; two against one. */
async function measureFiles(folder: string, storage: string, piece: number): Promise<void> {
  const at = (name: string): string => join(folder, name);
  writeRandom(at('plain'), size);
  const count = size / FRAME;
  const targets = ['one', 'two', 'ceiling'].map(at);
  // Neither the removal of old files nor the disk's work on them counts.
  const prepare = (): void => {
    for (const path of targets) rmSync(path, { force: true });
    if (storage === 'disk') spawnSync('sync');
  };
  const toEncrypted = { count, length: FRAME, targetLength: FRAME + TAG };
  const seal = await alternate(
    rounds,
    {
      one: () => sealTo(at('plain'), at('one'), 1),
      two: () => sealTo(at('plain'), at('two'), 2),
      ceiling: () =>
        withFiles(at('plain'), at('ceiling'), (from, to) =>
          encryptAll(key, betweenFiles(from, to, toEncrypted), piece),
        ),
    },
    prepare,
  );
  note(`seal/ceiling-${storage}`, throughputRatio(seal.one, seal.ceiling));
  note(`seal-2/seal-1-${storage}`, throughputRatio(seal.two, seal.one));
  for (const [side, seconds] of Object.entries(seal)) noteSpeed(`seal-${side}-${storage}`, size, seconds);
  await sealTo(at('plain'), at('sealed'), 2);
  await withFiles(at('plain'), at('encrypted'), (from, to) =>
    encryptAll(key, betweenFiles(from, to, toEncrypted), piece),
  );
  const toPlain = { count, length: FRAME + TAG, targetLength: FRAME };
  const open = await alternate(
    rounds,
    {
      one: () => openTo(at('sealed'), at('one'), 1),
      two: () => openTo(at('sealed'), at('two'), 2),
      ceiling: () =>
        withFiles(at('encrypted'), at('ceiling'), (from, to) =>
          decryptAll(key, betweenFiles(from, to, toPlain), piece),
        ),
    },
    prepare,
  );
  note(`open/ceiling-${storage}`, throughputRatio(open.one, open.ceiling));
  note(`open-2/open-1-${storage}`, throughputRatio(open.two, open.one));
  for (const [side, seconds] of Object.entries(open)) noteSpeed(`open-${side}-${storage}`, size, seconds);
  for (const threads of [1, 2]) {
    rmSync(at('one'), { force: true });
    await openTo(at('sealed'), at('one'), threads);
    expectSame(at('plain'), at('one'));
  }
  for (const name of ['one', 'two', 'ceiling', 'sealed', 'encrypted', 'plain']) rmSync(at(name), { force: true });
}

/** Against another tool, both from file to file with their defaults; ours with all cores. */
async function comparePeer(peer: Peer, ours: Peer, folder: string, bytes: number): Promise<void> {
  const plain = join(folder, 'plain');
  if (statSync(plain).size !== bytes) writeRandom(plain, bytes);
  const at = (name: string): string => join(folder, name);
  const both = (work: (side: Peer, name: string) => Promise<void>) => ({
    ours: () => work(ours, 'ours'),
    theirs: () => work(peer, 'theirs'),
  });
  // rclone adds `.bin` to the names in its remote.
  const clear = (ending: string) => (): void => {
    for (const name of ['ours', 'theirs']) {
      for (const more of ['', '.bin']) rmSync(`${at(name)}.${ending}${more}`, { force: true });
    }
  };
  const sealing = both((side, name) => side.seal(plain, at(`${name}.sealed`)));
  const seal = await alternate(rounds, sealing, clear('sealed'));
  note(`seal/${peer.name}`, throughputRatio(seal.ours, seal.theirs));
  noteSpeed(`seal-${peer.name}`, bytes, seal.theirs);
  clear('sealed')();
  await sealing.ours();
  await sealing.theirs();
  const opening = both((side, name) => side.open(at(`${name}.sealed`), at(`${name}.opened`)));
  const open = await alternate(rounds, opening, clear('opened'));
  clear('opened')();
  note(`open/${peer.name}`, throughputRatio(open.ours, open.theirs));
  noteSpeed(`open-${peer.name}`, bytes, open.theirs);
  await opening.ours();
  await opening.theirs();
  for (const name of ['ours.opened', 'theirs.opened']) expectSame(plain, at(name));
}

/** Microseconds of a 1 KiB range at random places: the key unwrapped once, and each time. */
async function measureRange(folder: string): Promise<{ range: number; unwrapAndRange: number }> {
  const sealed = join(folder, 'sealed');
  await sealTo(join(folder, 'plain'), sealed, 2);
  const descriptor = openSync(sealed, 'r');
  try {
    const source = sealedSource(descriptor, statSync(sealed).size);
    const message = await openMessage(source, options);
    const offset = (): number => Math.floor(Math.random() * (message.plaintextSize - 1024));
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const each: number[] = [];
      for (let run = 0; run < 400; run++) {
        const start = performance.now();
        await work();
        each.push((performance.now() - start) * 1000);
      }
      return Math.round(each.toSorted((a, b) => a - b)[200] ?? 0);
    };
    const range = await timed(() => drain(message.openRange(offset(), 1024)));
    const unwrapAndRange = await timed(async () =>
      drain((await openMessage(source, options)).openRange(offset(), 1024)),
    );
    return { range, unwrapAndRange };
  } finally {
    closeSync(descriptor);
  }
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) chunk.fill(0);
}

function writeRandom(path: string, bytes: number): void {
  const descriptor = openSync(path, 'w', 0o600);
  const piece = Buffer.allocUnsafe(MIB);
  for (let written = 0; written < bytes; written += MIB) {
    writeSync(descriptor, randomFillSync(piece), 0, Math.min(MIB, bytes - written));
  }
  closeSync(descriptor);
}

function expectSame(one: string, other: string): void {
  if (digestOf(one) !== digestOf(other)) throw new Error(`${other} is not what was sealed`);
}

function digestOf(path: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(path, 'r');
  const piece = Buffer.allocUnsafe(MIB);
  for (let count = readSync(descriptor, piece); count > 0; count = readSync(descriptor, piece)) {
    hash.update(piece.subarray(0, count));
  }
  closeSync(descriptor);
  return hash.digest('hex');
}

const wants = (part: string): boolean => values.only === undefined || values.only.split(',').includes(part);
// The disk first, before its queue is full of what others wrote.
const folders = {
  disk: mkdtempSync(join(values.disk, 'glovebox-bench-')),
  memory: mkdtempSync(join(values.memory, 'glovebox-bench-')),
};
try {
  console.log(`${'ratio (throughput)'.padEnd(34)}   median    lowest   highest`);
  const piece = await findPiece();
  if (wants('frames')) await measureFrames(piece);
  for (const [storage, folder] of Object.entries(folders)) {
    if (wants(storage)) await measureFiles(folder, storage, piece);
  }
  let microseconds: unknown;
  const plain = join(folders.memory, 'plain');
  if (wants('range')) {
    writeRandom(plain, size);
    microseconds = await measureRange(folders.memory);
    console.log(`range of 1 KiB, microseconds: ${JSON.stringify(microseconds)}`);
  }
  if (wants('official')) {
    writeRandom(plain, smallSize);
    for (const [name, frameLength] of [
      ['official-default', 4096],
      ['official-1MiB', MIB],
    ] as const) {
      const ours: Peer = {
        name: 'glovebox',
        seal: (source, target) =>
          sealTo(source, target, 2, Math.max(frameLength, name === 'official-1MiB' ? MIB : FRAME)),
        open: (source, target) => openTo(source, target, 2),
      };
      await comparePeer({ ...officialClient(keyring, frameLength), name }, ours, folders.memory, smallSize);
    }
  }
  if (wants('tools')) {
    writeRandom(plain, size);
    for (const peer of [age(folders.memory), rclone(folders.memory)]) {
      if (peer === undefined) console.log('left out: age and rclone: apt-get install age rclone');
      else await comparePeer(peer, glovebox(folders.memory), folders.memory, size);
    }
  }
  console.log(
    JSON.stringify({
      bench: 'seal',
      ratios,
      spread,
      gigabytesPerSecond: gigabytes,
      microseconds,
      peakMemoryMB: { all: Math.round(process.resourceUsage().maxRSS / 1000) },
      node: process.versions.node,
      bytes: size,
      smallBytes: smallSize,
      rounds,
    }),
  );
} finally {
  for (const folder of Object.values(folders)) rmSync(folder, { recursive: true, force: true });
}
