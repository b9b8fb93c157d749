// Sends one file: goes on where it was, publishes it whole under its name, and checks what came of it.
import { createHash } from 'node:crypto';
import { type Handle, OPEN_FLAG, PARTIAL_UPLOAD, type SftpClient, SftpError } from '../sftp/index.ts';
import { type Connection, type StallWatch, stopped, watchStall } from './connection.ts';
import { TransferError } from './error.ts';
import type { FileAccount } from './events.ts';
import type { PushJournal, PushRecord } from './push-journal.ts';
import { type OpenPushSource, type PushSource, tagOf } from './push-source.ts';

/** What is read again before an upload goes on: at its end is what a broken server would have lost. */
const TAIL_BYTES = 1024 * 1024;
/** The journal is written at most so often, and only for what takes a while. */
const JOURNAL_MS = 2000;
const JOURNAL_FROM = 4 * 1024 * 1024;
const MAX_NAME = 200;

export interface PushFileOptions {
  /** Where it goes on the server. */
  place: string;
  /** Names it in the journal. */
  target: string;
  journal: PushJournal;
  /** It goes on from there: the first time, what lies before it is from an earlier run. @returns its account */
  begin(position: number): FileAccount;
  /** Reads it again in the end. */
  verify: boolean;
  /** How long nothing may come before the connection counts as lost. */
  stallMs: number;
  signal: AbortSignal;
}

export interface PushedFile {
  size: number;
  sha256: string;
  verified: 'on-the-way' | 'read-again';
  /** Whether another file of that name was removed before this one took its place: there was a moment with neither. */
  isInSteps: boolean;
}

/**
 * Sends `source`. To a server of ours it is uploaded under its own name: it keeps a partial upload apart, and
 * publishes it whole. Elsewhere it gets a name of its own first, `.NAME.XXXXXXXX.part`.
 *
 * @throws SftpError; TransferError `LOCAL`, `CHANGED`, `DIGEST`, `SETUP`, `ABORTED`
 */
export async function pushFile(
  connection: Connection,
  source: PushSource,
  options: PushFileOptions,
): Promise<PushedFile> {
  const { sftp } = connection;
  const { place, target, journal, verify, signal } = options;
  const identity = await source.identity();
  const isOurs = sftp.extensions.has(PARTIAL_UPLOAD.name);
  const name = isOurs ? place : partName(place, identity);
  const record = await journal.read(target);
  const earlier = record?.identity === identity ? record : undefined;
  const watch = watchStall(connection, options.stallMs);
  const opened = await source.open();
  let handle: Handle | undefined;
  try {
    const begun = await begin(sftp, name, source, earlier, isOurs);
    handle = begun.handle;
    const account = options.begin(begun.position);
    const isLong = source.size >= JOURNAL_FROM;
    if (begun.position === 0 && isLong) await journal.write(target, { identity, written: 0 });
    else if (record !== undefined && !isLong) await journal.remove(target);
    const sha256 = await send(sftp, { ...begun, name, identity, isLong, opened, watch, account }, options);
    await opened.confirm();
    if (!isOurs) await sftp.fsync(handle);
    watch.touch();
    const closing = handle;
    handle = undefined;
    await sftp.close(closing);
    let isInSteps = false;
    if (isOurs) {
      if (verify) await readAgain(sftp, place, source.size, sha256, watch, signal);
    } else {
      await checkSize(sftp, name, source.size);
      if (verify) await readAgain(sftp, name, source.size, sha256, watch, signal);
      isInSteps = !(await sftp.posixRename(name, place));
    }
    await journal.remove(target);
    return { size: source.size, sha256, verified: verify ? 'read-again' : 'on-the-way', isInSteps };
  } catch (error) {
    if (signal.aborted) throw stopped();
    throw error;
  } finally {
    watch.stop();
    await opened.close();
    // Ours keeps what is shorter than was announced as a partial upload.
    if (handle) await sftp.close(handle).catch(() => undefined);
  }
}

function partName(place: string, identity: string): string {
  const cut = place.lastIndexOf('/') + 1;
  let name = place.slice(cut);
  while (Buffer.byteLength(name) > MAX_NAME) name = [...name].slice(0, -1).join('');
  return `${place.slice(0, cut)}.${name}.${tagOf(identity)}.part`;
}

interface Begun {
  handle: Handle;
  /** Bytes that are there already. */
  position: number;
  /** The last of them, to be compared; empty where the server vouches for them. */
  tail: Buffer;
}

/** Opens what was begun earlier, with how much of it counts; or begins. */
async function begin(
  sftp: SftpClient,
  name: string,
  { size, mode }: PushSource,
  earlier: PushRecord | undefined,
  isOurs: boolean,
): Promise<Begun> {
  const resumed = earlier === undefined ? undefined : await resume(sftp, name, size, earlier, isOurs);
  if (resumed !== undefined) return resumed;
  const { write, create, truncate } = OPEN_FLAG;
  const handle = await sftp.open(name, write | create | truncate, { mode });
  // With this, ours does not take a part for the whole.
  if (isOurs) await sftp.fsetstat(handle, { size });
  return { handle, position: 0, tail: Buffer.alloc(0) };
}

/** @returns undefined where nothing is there any more, or it cannot be gone on with: then it is begun anew */
async function resume(
  sftp: SftpClient,
  name: string,
  size: number,
  { written }: PushRecord,
  isOurs: boolean,
): Promise<Begun | undefined> {
  let handle: Handle | undefined;
  try {
    // Ours opens with these two a partial upload only, never an object.
    handle = await sftp.open(name, isOurs ? OPEN_FLAG.write | OPEN_FLAG.exclusive : OPEN_FLAG.write);
    const { size: there = 0 } = await sftp.fstat(handle);
    // Ours tells what of it is sealed. Others may have written later bytes before earlier ones.
    const position = isOurs ? there : Math.min(written, there);
    if (position <= size && position > 0) {
      const tail = isOurs ? Buffer.alloc(0) : await readTail(sftp, name, position);
      if (isOurs) await sftp.fsetstat(handle, { size });
      return { handle, position, tail };
    }
  } catch (error) {
    const isNo = error instanceof SftpError && ['NOT_FOUND', 'FAILED', 'DENIED', 'CHANGED'].includes(error.code);
    if (!isNo) throw error;
  }
  if (handle) await sftp.close(handle).catch(() => undefined);
  return undefined;
}

async function readTail(sftp: SftpClient, name: string, position: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  const from = Math.max(0, position - TAIL_BYTES);
  for await (const chunk of sftp.download(name, { from, to: position })) parts.push(chunk);
  return Buffer.concat(parts);
}

interface Sending extends Begun {
  name: string;
  identity: string;
  /** Whether the journal is kept. */
  isLong: boolean;
  opened: OpenPushSource;
  watch: StallWatch;
  account: FileAccount;
}

/**
 * Sends what lies behind `position`, once the bytes before it were compared. @returns the digest of the whole
 * @throws TransferError `CHANGED` where they are not the same: the next attempt begins anew
 */
async function send(
  sftp: SftpClient,
  { handle, position, tail, name, identity, isLong, opened, watch, account }: Sending,
  { target, journal, signal }: PushFileOptions,
): Promise<string> {
  const hash = createHash('sha256');
  const tailStart = position - tail.length;
  let read = 0;
  async function* behind(): AsyncGenerator<Uint8Array> {
    for await (const chunk of opened.chunks) {
      hash.update(chunk);
      watch.touch();
      const skipped = Math.min(chunk.length, Math.max(0, position - read));
      const from = Math.min(skipped, Math.max(0, tailStart - read));
      const sent = tail.subarray(read + from - tailStart, read + skipped - tailStart);
      if (from < skipped && tail.length > 0 && !sent.equals(chunk.subarray(from, skipped))) {
        await journal.remove(target);
        throw new TransferError('CHANGED', `${name}: what the server kept of it is not what was sent`, {
          hint: 'send it again: it is begun anew',
        });
      }
      read += chunk.length;
      if (skipped < chunk.length) yield chunk.subarray(skipped);
    }
  }
  let written = position;
  let journaled = Date.now();
  let writing: Promise<void> = Promise.resolve();
  const note = (): void => {
    journaled = Date.now();
    const record = { identity, written };
    // Without it, less is resumed.
    writing = writing.then(() => journal.write(target, record)).catch(() => undefined);
  };
  try {
    await sftp.upload(handle, behind(), {
      at: position,
      signal,
      onWritten(upTo) {
        watch.touch();
        account.moved(upTo - written);
        written = upTo;
        if (isLong && Date.now() - journaled > JOURNAL_MS) note();
      },
    });
  } catch (error) {
    if (isLong && written > position) note();
    throw error;
  } finally {
    await writing;
  }
  return hash.digest('hex');
}

async function checkSize(sftp: SftpClient, name: string, size: number): Promise<void> {
  const { size: there } = await sftp.stat(name);
  if (there === undefined || there === size) return;
  throw new TransferError('DIGEST', `${name}: the server has ${there} bytes of ${size}`, {
    hint: 'it was not published; try again, and ask whoever runs the server',
  });
}

async function readAgain(
  sftp: SftpClient,
  name: string,
  size: number,
  sha256: string,
  watch: StallWatch,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of sftp.download(name, { expected: { size }, signal })) {
    hash.update(chunk);
    watch.touch();
  }
  if (hash.digest('hex') === sha256) return;
  throw new TransferError('DIGEST', `${name}: what the server gives back is not what was sent`, {
    hint: 'do not use it; send it again, and ask whoever runs the server',
  });
}
