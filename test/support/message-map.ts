// Where everything lies in a well-formed message of the AWS Encryption SDK, so that a test can cut, alter
// and exchange what it means to. On its own feet: nothing of src/seal is used.

const FRAMED = 2;
const FINAL_MARKER = 0xffff_ffff;
const IV = 12;
const TAG = 16;
const SIGNED_SUITES = [0x0214, 0x0346, 0x0378, 0x0578];

/** A part of the message: from its first byte up to, not including, the last. */
export interface Part {
  at: number;
  end: number;
}

export interface FrameMap extends Part {
  final: boolean;
  sequence: Part;
  iv: Part;
  /** Of the final frame, and of a body that is not framed. */
  length?: Part;
  content: Part;
  tag: Part;
}

export interface WrappedKeyMap extends Part {
  provider: Part;
  info: Part;
  key: Part;
}

export interface MessageMap {
  version: number;
  suite: Part;
  messageId: Part;
  contextLength: Part;
  context: Part;
  wrappedCount: Part;
  wrappedKeys: WrappedKeyMap[];
  contentType: Part;
  /** Of version 1: four zeros, then the IV's length. */
  reserved?: Part;
  ivLength?: Part;
  frameLength: Part;
  /** Of version 2. */
  commitment?: Part;
  headerTag: Part;
  header: Part;
  frames: FrameMap[];
  footer?: { length: Part; signature: Part };
  end: number;
}

/** @throws Error where `message` is not a whole and well-formed one */
export function mapMessage(message: Uint8Array): MessageMap {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const take = (length: number): Part => {
    const part = { at, end: at + length };
    at = part.end;
    return part;
  };
  /** The part behind a two-byte length. */
  const counted = (): Part => take(number(bytes, take(2)));
  const version = number(bytes, take(1));
  if (version === 1) take(1); // the type
  const suite = take(2);
  const messageId = take(version === 1 ? 16 : 32);
  const contextLength = take(2);
  const context = take(number(bytes, contextLength));
  const wrappedCount = take(2);
  const wrappedKeys = Array.from({ length: number(bytes, wrappedCount) }, () => {
    const from = at;
    const [provider, info, key] = [counted(), counted(), counted()];
    return { at: from, end: at, provider, info, key };
  });
  const contentType = take(1);
  const before = version === 1 ? { reserved: take(4), ivLength: take(1) } : {};
  const frameLength = take(4);
  const behind = version === 1 ? {} : { commitment: take(32) };
  if (version === 1) take(IV);
  const headerTag = take(TAG);
  const header = { at: 0, end: at };
  const frames: FrameMap[] = [];
  const isFramed = number(bytes, contentType) === FRAMED;
  do frames.push(isFramed ? takeFrame(bytes, take, number(bytes, frameLength)) : takeUnframed(bytes, take));
  while (frames.at(-1)?.final === false);
  const isSigned = SIGNED_SUITES.includes(number(bytes, suite));
  const footer = isSigned ? { footer: takeFooter(bytes, take) } : {};
  if (at !== bytes.byteLength) throw new Error('not a whole message');
  const fields = { version, suite, messageId, contextLength, context, wrappedCount, wrappedKeys, contentType };
  return { ...fields, ...before, frameLength, ...behind, headerTag, header, frames, ...footer, end: at };
}

type Take = (length: number) => Part;

function takeFrame(bytes: Buffer, take: Take, frameLength: number): FrameMap {
  let sequence = take(4);
  const { at } = sequence;
  const final = number(bytes, sequence) === FINAL_MARKER;
  if (final) sequence = take(4);
  const iv = take(IV);
  const length = final ? take(4) : undefined;
  const content = take(length ? number(bytes, length) : frameLength);
  const tag = take(TAG);
  return { at, end: tag.end, final, sequence, iv, ...(length && { length }), content, tag };
}

function takeUnframed(bytes: Buffer, take: Take): FrameMap {
  const iv = take(IV);
  const length = take(8);
  const content = take(number(bytes, { at: length.at + 4, end: length.end }));
  const tag = take(TAG);
  return { at: iv.at, end: tag.end, final: true, sequence: { at: iv.at, end: iv.at }, iv, length, content, tag };
}

function takeFooter(bytes: Buffer, take: Take): { length: Part; signature: Part } {
  const length = take(2);
  return { length, signature: take(number(bytes, length)) };
}

function number(bytes: Buffer, { at, end }: Part): number {
  return bytes.readUIntBE(at, end - at);
}

/** A copy of `message` with `part` replaced; the rest moves. */
export function replacePart(message: Uint8Array, part: Part, by: Uint8Array): Buffer {
  return Buffer.concat([message.subarray(0, part.at), by, message.subarray(part.end)]);
}

/** A copy of `message` in which the bits of `mask` are turned over in the byte at `at`. */
export function flip(message: Uint8Array, at: number, mask = 1): Buffer {
  const copy = Buffer.from(message);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}
