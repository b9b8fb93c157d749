// Changes that know where the fields of a message lie: lengths, counts and numbers get values that parsers
// stumble over; blocks and frames are copied, moved, dropped and taken from another message.
import { type MessageMap, mapMessage, type Part, replacePart } from '../support/message-map.ts';
import type { Random } from './random.ts';

/** Nothing that is fuzzed is larger. */
export const MAX_SIZE = 64 * 1024;

const MAGIC = [
  ...[0, 1, 2, 3, 7, 8, 12, 16, 17, 32, 64, 127, 128, 255, 256, 4095, 4096, 8192, 8193],
  ...[0x7fff, 0x8000, 0xffff, 0x1_0000, 0x00ff_ffff, 0x0400_0000, 0x0400_0001, 0x7fff_ffff, 0x8000_0000],
  ...[0xffff_fffe, 0xffff_ffff],
];

type Mutation = (message: Buffer, random: Random, other: Buffer) => Buffer;

const MUTATIONS: Mutation[] = [
  field,
  field,
  field,
  frames,
  frames,
  bits,
  number,
  copyBlock,
  (message, random) => cut(message, random.below(message.byteLength + 1), 1 + random.below(100)),
  (message, random) => message.subarray(0, random.below(message.byteLength + 1)),
  (message, random) => insert(message, random.below(message.byteLength + 1), random.bytes(1 + random.below(40))),
  (message, random) =>
    insert(
      message,
      random.below(message.byteLength + 1),
      Buffer.alloc(1 + random.below(30_000), random.pick([0, 255])),
    ),
  (message, random, other) =>
    Buffer.concat([
      message.subarray(0, random.below(message.byteLength + 1)),
      other.subarray(random.below(other.byteLength)),
    ]),
  (message, random, other) => insert(message, message.byteLength, other.subarray(random.below(other.byteLength))),
];

/** `message` with one to four changes, of at most 64 KiB. */
export function mutate(message: Buffer, random: Random, other: Buffer): Buffer {
  let changed = Buffer.from(message);
  for (let left = 1 + random.below(4); left > 0; left--) {
    changed = Buffer.from(random.pick(MUTATIONS)(changed, random, other)).subarray(0, MAX_SIZE);
  }
  return changed;
}

/** A field of a message that is still whole gets another value, of the same size or not. */
function field(message: Buffer, random: Random): Buffer {
  const map = tryMap(message);
  if (!map) return number(message, random);
  const part = random.pick(fieldsOf(map));
  const size = part.end - part.at;
  const kind = random.below(4);
  if (kind === 0) return replacePart(message, part, random.bytes(random.below(size + 5)));
  if (size > 8 || size === 0) return bits(message, random);
  const old = size > 6 ? 0 : message.readUIntBE(part.at, size);
  const value = kind === 1 ? old + random.pick([-1, 1, -2, 16, -16]) : random.pick(MAGIC);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)));
  return replacePart(message, part, bytes.subarray(8 - size));
}

function fieldsOf(map: MessageMap): Part[] {
  const { suite, contextLength, context, wrappedCount, wrappedKeys, contentType, frameLength, headerTag, footer } = map;
  const keys = wrappedKeys.flatMap(({ at, provider, info, key }) => [
    ...[
      { at, end: at + 2 },
      { at: provider.end, end: provider.end + 2 },
      { at: info.end, end: info.end + 2 },
    ],
    ...[provider, info, key],
  ]);
  const bodies = map.frames.flatMap(({ at, sequence, iv, length, content, tag }) => [
    ...[{ at, end: at + 4 }, sequence, iv, content, tag],
    ...(length ? [length, length] : []),
  ]);
  const some = [map.reserved, map.ivLength, map.commitment, footer?.length, footer?.signature];
  return [
    ...[suite, contextLength, context, wrappedCount, contentType, frameLength, headerTag, { at: 0, end: 1 }],
    ...keys,
    ...bodies,
    ...some.filter((part) => part !== undefined),
  ];
}

/** Frames of a message that is still whole in another order, dropped, repeated, or some of the other's. */
function frames(message: Buffer, random: Random, other: Buffer): Buffer {
  const map = tryMap(message);
  if (!map) return copyBlock(message, random);
  const bytesOf = (from: Buffer, part: Part) => from.subarray(part.at, part.end);
  const list = map.frames.map((frame) => bytesOf(message, frame));
  const theirs = (tryMap(other)?.frames ?? []).map((frame) => bytesOf(other, frame));
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(list.length + 1);
    const taken = random.below(3) === 0 && theirs.length > 0 ? random.pick(theirs) : list[random.below(list.length)];
    list.splice(at, random.below(3), ...(taken && random.below(2) === 0 ? [taken] : []));
  }
  return Buffer.concat([bytesOf(message, map.header), ...list, message.subarray(map.frames.at(-1)?.end)]);
}

function bits(message: Buffer, random: Random): Buffer {
  const changed = Buffer.from(message);
  for (let left = 1 + random.below(3); left > 0 && changed.byteLength > 0; left--) {
    const at = random.below(changed.byteLength);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
  }
  return changed;
}

/** A number of 1, 2, 4 or 8 bytes anywhere. */
function number(message: Buffer, random: Random): Buffer {
  const size = random.pick([1, 2, 4, 8]);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(random.pick([...MAGIC, -1, -(2 ** 31), 2 ** 53]))));
  const changed = Buffer.from(message);
  changed.set(
    bytes.subarray(8 - size).subarray(0, changed.byteLength),
    random.below(Math.max(1, changed.byteLength - size)),
  );
  return changed;
}

/** A block of it over another place, or between. */
function copyBlock(message: Buffer, random: Random): Buffer {
  const from = random.below(message.byteLength + 1);
  const block = message.subarray(from, from + 1 + random.below(300));
  const at = random.below(message.byteLength + 1);
  if (random.below(2) === 0) return insert(message, at, block);
  const changed = Buffer.from(message);
  changed.set(block.subarray(0, changed.byteLength - at), at);
  return changed;
}

function insert(message: Buffer, at: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([message.subarray(0, at), bytes, message.subarray(at)]);
}

function cut(message: Buffer, at: number, length: number): Buffer {
  return Buffer.concat([message.subarray(0, at), message.subarray(at + length)]);
}

function tryMap(message: Buffer): MessageMap | undefined {
  try {
    return mapMessage(message);
  } catch {
    return undefined; // no longer whole
  }
}
