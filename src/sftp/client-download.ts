// The bytes of a file in order, with many READs under way at once.
import type { Attributes } from './attributes.ts';
import { brokenProtocol, type Connection, type RequestGroup } from './client-connection.ts';
import { type Handle, openHandle, statHandle } from './client-requests.ts';
import type { DownloadOptions } from './client-types.ts';
import { errorOfStatus, SftpError, STATUS } from './error.ts';
import { OPEN_FLAG } from './message-types.ts';
import { encodeRequest } from './requests.ts';

/** READs under way for one file: with 255 KiB each, 16 MB, which is 300 MB/s at 50 ms. */
const PARALLEL = 64;

/**
 * See `SftpClient.download`. `length`: bytes of one READ. `giveBack` closes the handle, sooner or later.
 */
export async function* downloadFile(
  connection: Connection,
  path: string,
  { from = 0, to, expected, parallel = PARALLEL, signal }: DownloadOptions,
  length: number,
  giveBack: (handle: Handle) => void,
): AsyncGenerator<Buffer> {
  const group = connection.beginGroup(signal);
  let handle: Handle | undefined;
  try {
    handle = await openHandle(group, { type: 'open', path, flags: OPEN_FLAG.read, attributes: {} }, giveBack);
    const before = await statHandle(group, handle, path);
    if (expected && !isSame(expected, before)) throw changed(path);
    const end = to ?? before.size;
    const endsThere = end === before.size;
    if (before.size !== undefined && Math.max(from, to ?? 0) > before.size) throw changed(path);
    const { fail } = connection;
    yield* readRange(group, { handle, path, from, to: end, endsThere, length, parallel, fail });
    if (!isSame(before, await statHandle(group, handle, path))) throw changed(path);
  } finally {
    group.end();
    if (handle) giveBack(handle);
  }
}

/** Compares what is known of `one`. */
function isSame({ size, times }: Pick<Attributes, 'size' | 'times'>, other: Attributes): boolean {
  if (size !== undefined && size !== other.size) return false;
  return times === undefined || times.modified === other.times?.modified;
}

/** Which bytes of which file are read, and how. */
interface Reading {
  handle: Handle;
  /** Names the file in messages. */
  path: string;
  /** First byte, and the one behind the last; without `to`, all up to the end that the server tells of. */
  from: number;
  to?: number | undefined;
  /** Set where the file is to end at `to`: the byte behind is asked for, too. */
  endsThere: boolean;
  /** Bytes of one READ. */
  length: number;
  /** READs under way, and replies held, at most. */
  parallel: number;
  /** Ends the connection: called where the server breaks the protocol. */
  fail: (error: SftpError) => void;
}

interface Slot {
  wanted: number;
  /** Fewer than wanted only where the file ends. */
  data: Promise<Buffer>;
  /** The byte behind the end, which must not be there. */
  isBehind: boolean;
}

/**
 * The bytes in order, each chunk as one READ brought it. At most `parallel` times `length` bytes are held.
 *
 * @throws SftpError `CHANGED` where the file ends before `to`, or goes on behind it; `PROTOCOL`; what a status says
 */
async function* readRange(group: RequestGroup, reading: Reading): AsyncGenerator<Buffer> {
  const { path, from, to, endsThere, length, parallel } = reading;
  const end = to ?? Number.MAX_SAFE_INTEGER;
  const ahead: Slot[] = [];
  let next = from;
  let asksBehind = endsThere;
  let hasEnded = false;
  const push = (wanted: number, isBehind: boolean) => {
    const data = readFully(group, reading, next, wanted);
    data.catch(ignoreUntilAwaited);
    ahead.push({ wanted, data, isBehind });
    next += wanted;
  };
  for (;;) {
    while (!hasEnded && next < end && ahead.length < parallel) push(Math.min(length, end - next), false);
    if (asksBehind && next === end && ahead.length < parallel) {
      push(1, true);
      asksBehind = false;
    }
    const slot = ahead.shift();
    if (!slot) return;
    const data = await slot.data;
    if (data.length > 0 && (slot.isBehind || hasEnded)) throw changed(path);
    if (data.length < slot.wanted && !slot.isBehind) {
      if (to !== undefined) throw changed(path);
      hasEnded = true;
    }
    if (data.length > 0) yield data;
  }
}

/** Asks again for what a short reply left out, until the file ends. */
async function readFully(group: RequestGroup, reading: Reading, offset: number, wanted: number): Promise<Buffer> {
  const first = await readOnce(group, reading, offset, wanted);
  if (first.length === wanted || first.length === 0) return first;
  // Copied together: a server that gives a byte at a time must not cost a buffer for each.
  const whole = Buffer.allocUnsafeSlow(wanted);
  let filled = first.copy(whole);
  while (filled < wanted) {
    const more = await readOnce(group, reading, offset + filled, wanted - filled);
    if (more.length === 0) break;
    filled += more.copy(whole, filled);
  }
  return whole.subarray(0, filled);
}

/** @returns an empty buffer at the end of the file */
async function readOnce(group: RequestGroup, reading: Reading, offset: number, length: number): Promise<Buffer> {
  const { handle, path, fail } = reading;
  const question = { type: 'read', handle, offset, length } as const;
  const { reply, failure } = await group.send((id) => encodeRequest({ id, ...question }), { expected: 'data' });
  if (failure) {
    if (failure.code === STATUS.eof) return Buffer.alloc(0);
    throw errorOfStatus(failure, `read ${path}`);
  }
  const { data } = reply;
  if (data.length > 0 && data.length <= length) return data;
  const error = brokenProtocol(`it answered a READ of ${length} bytes with ${data.length}`);
  fail(error);
  throw error;
}

/** The error for a file of the server that is not what it was. */
function changed(path: string): SftpError {
  return new SftpError('CHANGED', `${path} changed on the server while it was read`, {
    hint: 'try again when nobody writes to it',
  });
}

function ignoreUntilAwaited(): void {}
