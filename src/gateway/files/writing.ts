// One upload that is open for writing: bytes in any order in, sealed in order.
import { type Attributes, type OpenForWriting, SftpError } from '../../sftp/index.ts';
import type { ObjectInfo, OpenReading, Upload } from '../../vault/index.ts';
import type { MemoryBudget } from '../memory-budget.ts';
import { makeEarlyBytes } from './early.ts';
import { inWords } from './errors.ts';
import { partialInfoOf } from './infos.ts';

/** An upload that a session has open. */
export interface Writing extends OpenForWriting {
  /** Another session goes on with it: what comes to this one from now on is refused. */
  takeOver(): Promise<void>;
  readonly size: number;
}

export interface WritingOptions {
  upload: Upload;
  /** Everything goes to the end. */
  append: boolean;
  /** The object that is written over in parts: what is not written stays as it is there. */
  base: OpenReading | undefined;
  memory: MemoryBudget;
  /** Bytes that may come before their turn. */
  reorderBytes(): number;
  /** Counts bytes that come. @throws SftpError `NO_SPACE` */
  takeRoom(bytes: number): Promise<void>;
  /** Whether the disk has room for so many bytes beside those that were counted. @throws SftpError `NO_SPACE` */
  checkDisk(bytes: number): Promise<void>;
  /** Begins it anew, from nothing. */
  restart(): Promise<Upload>;
  onCompleted(info: ObjectInfo): void;
  /** It is kept, to be resumed; with no bytes, nothing is. */
  onKept(bytes: number): void;
  /** Called first, whatever the end. */
  onEnded(): void;
}

export function makeWriting(options: WritingOptions): Writing {
  const { append, onKept } = options;
  let { upload, base } = options;
  const early = makeEarlyBytes(options.memory, options.reorderBytes);
  /** Sealed in pieces that are joined on completion, which takes their space twice. */
  const isResumed = upload.size > 0;
  let hasWritten = isResumed;
  /** The size that the client said that it will have. */
  let announced: number | undefined;
  /** Why nothing more is taken. */
  let over: SftpError | undefined;
  let modified = new Date().toISOString();

  async function put(bytes: Uint8Array): Promise<void> {
    await options.takeRoom(bytes.length);
    await upload.write(bytes);
    hasWritten = true;
  }

  async function putEarly(): Promise<void> {
    for (let next = early.takeAt(upload.size); next !== undefined; next = early.takeAt(upload.size)) {
      try {
        await put(next);
      } finally {
        early.done(next);
      }
    }
  }

  /** Goes on with what the object before held, up to `offset`. */
  async function putBase(offset: number): Promise<void> {
    const from = upload.size;
    const to = Math.min(offset, base?.info.size ?? 0);
    if (base === undefined || to <= from) return;
    for await (const chunk of base.chunks(from, to - from)) {
      try {
        await put(chunk);
      } finally {
        chunk.fill(0);
      }
    }
  }

  /** What came early, with what the object before held in between; up to `offset`. */
  async function putEarlyOverBase(offset: number): Promise<void> {
    for (let at = early.first(); at !== undefined && at <= offset; at = early.first()) {
      if (base === undefined || at < upload.size || at > base.info.size) return;
      await putBase(at);
      await putEarly();
    }
    await putBase(offset);
  }

  async function putLater(bytes: Uint8Array, at: number): Promise<void> {
    // It begins behind what is there: a client that goes on with it, or adds to it, and will not fill the gap.
    const isAddition = base !== undefined && !hasWritten && at === base.info.size;
    if (!isAddition && early.keep(bytes, at)) return;
    if (base !== undefined && at <= base.info.size) await putEarlyOverBase(at);
    if (at === upload.size) return putNext(bytes);
    const waiting = 'more than may wait for those before them';
    throw new SftpError('FAILED', `the bytes from ${at} on came before those from ${upload.size} on: ${waiting}`);
  }

  async function putNext(bytes: Uint8Array): Promise<void> {
    await put(bytes);
    if (early.count > 0) await putEarly();
  }

  /** What the client did not write, but did not cut off either. @throws SftpError `FAILED` where bytes are missing */
  async function finish(): Promise<void> {
    if (base !== undefined) await putEarlyOverBase(announced ?? base.info.size);
    const { size } = upload;
    const isShort = announced !== undefined && size !== announced;
    if (early.count === 0 && !isShort) return;
    const why = isShort ? `it has ${size} of ${announced} bytes` : `the bytes from ${size} on never came`;
    throw new SftpError('FAILED', `the upload is not complete: ${why}; it can be resumed`);
  }

  async function completeOrKeep(): Promise<void> {
    try {
      await finish();
      if (isResumed) await options.checkDisk(upload.size);
      options.onCompleted(await upload.complete());
    } catch (error) {
      await keep().catch(() => undefined);
      throw error;
    }
  }

  /** The one end that it has: whoever comes second waits for it. */
  let ending: Promise<void> | undefined;
  function end(last: () => Promise<void>): Promise<void> {
    over ??= new SftpError('FAILED', 'the upload is over');
    ending ??= (async () => {
      try {
        await last();
      } finally {
        early.clear();
        options.onEnded();
        const before = base;
        base = undefined;
        await before?.close();
      }
    })();
    return ending;
  }

  /** Keeps what is there; of nothing, nothing. */
  async function keep(): Promise<void> {
    const { size } = upload;
    if (size === 0) await upload.abort();
    else await upload.suspend();
    onKept(size);
  }

  async function cutTo(size: number): Promise<void> {
    if (size === 0) {
      early.clear();
      const before = base;
      base = undefined;
      await before?.close();
      if (upload.size > 0) {
        await upload.abort();
        upload = await options.restart();
      }
      hasWritten = true;
      announced = undefined;
      return;
    }
    if (size < upload.size) throw new SftpError('UNSUPPORTED', 'what is sealed is not cut off');
    announced = size;
  }

  return {
    get size() {
      return upload.size;
    },
    write: (bytes, offset) =>
      inWords(async () => {
        if (over) throw over;
        if (bytes.length === 0) return;
        if (append) await putBase(base?.info.size ?? 0);
        const at = append ? upload.size : offset;
        if (at < upload.size) {
          throw new SftpError('FAILED', `what lies before byte ${upload.size} is sealed and is not written again`);
        }
        if (at > upload.size) await putLater(bytes, at);
        else await putNext(bytes);
        modified = new Date().toISOString();
      }),
    read: async () => {
      throw new SftpError('UNSUPPORTED', 'what is being uploaded cannot be read');
    },
    stat: async () => {
      const size = hasWritten ? upload.size : Math.max(upload.size, base?.info.size ?? 0);
      return partialInfoOf({ size, modified });
    },
    setStat: ({ size }: Attributes) =>
      inWords(async () => {
        if (over) throw over;
        if (size !== undefined) await cutTo(size);
      }),
    sync: () =>
      inWords(async () => {
        if (over) throw over;
        await upload.sync();
      }),
    close: () =>
      inWords(async () => {
        if (over) throw over;
        // Opened and closed: the object stays as it is.
        const isUntouched = base !== undefined && !hasWritten && early.count === 0 && announced === undefined;
        await end(isUntouched ? () => upload.abort() : completeOrKeep);
      }),
    async abort() {
      if (over) return;
      await end(keep);
    },
    async takeOver() {
      over ??= new SftpError('FAILED', 'another session goes on with this upload');
      // What the other one hears of a failure is theirs.
      await end(keep).catch(() => undefined);
    },
  };
}
