// One upload that is open for writing: bytes in any order in, sealed in order.
import { type Attributes, type OpenForWriting, SftpError } from '../../sftp/index.ts';
import type { ObjectInfo, Upload } from '../../vault/index.ts';
import type { MemoryBudget } from '../memory-budget.ts';
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
  append: boolean;
  memory: MemoryBudget;
  reorderBytes: number;
  /** Whether there is room for so many bytes more. @throws SftpError `NO_SPACE` */
  checkRoom(bytes: number): Promise<void>;
  /** Begins it anew, from nothing. */
  restart(): Promise<Upload>;
  onCompleted(info: ObjectInfo): void;
  onEnded(): void;
}

/** How many bytes come between two looks at what room there is. */
const ROOM_EVERY = 64 * 1024 * 1024;

export function makeWriting(options: WritingOptions): Writing {
  const { memory, reorderBytes, append } = options;
  let { upload } = options;
  /** What came before its turn, by offset. */
  const early = new Map<number, Buffer>();
  let earlyBytes = 0;
  let roomUpTo = upload.size;
  /** The size that the client said that it will have. */
  let announced: number | undefined;
  /** Why nothing more is taken. */
  let over: SftpError | undefined;
  let modified = new Date().toISOString();

  async function put(bytes: Uint8Array): Promise<void> {
    if (upload.size + bytes.length > roomUpTo) {
      await options.checkRoom(ROOM_EVERY);
      roomUpTo = upload.size + ROOM_EVERY;
    }
    await upload.write(bytes);
  }

  async function putEarly(): Promise<void> {
    for (let next = early.get(upload.size); next !== undefined; next = early.get(upload.size)) {
      early.delete(upload.size);
      try {
        await put(next);
      } finally {
        giveUpEarly(next);
      }
    }
  }

  function giveUpEarly(bytes: Buffer): void {
    bytes.fill(0);
    earlyBytes -= bytes.length;
    memory.give(bytes.length);
  }

  function keepForLater(bytes: Uint8Array, offset: number): void {
    const before = early.get(offset);
    if (before !== undefined) {
      early.delete(offset);
      giveUpEarly(before);
    }
    const isTooFar = offset - upload.size > reorderBytes || earlyBytes + bytes.length > reorderBytes;
    if (isTooFar || !memory.take(bytes.length)) {
      throw new SftpError('FAILED', `the bytes from ${offset} came too long before those from ${upload.size} on`);
    }
    earlyBytes += bytes.length;
    early.set(offset, Buffer.from(bytes));
  }

  async function end(last: () => Promise<void>): Promise<void> {
    over ??= new SftpError('FAILED', 'the upload is over');
    for (const [offset, bytes] of early) {
      early.delete(offset);
      giveUpEarly(bytes);
    }
    options.onEnded();
    await last();
  }

  async function restart(): Promise<void> {
    for (const [offset, bytes] of early) {
      early.delete(offset);
      giveUpEarly(bytes);
    }
    await upload.abort();
    upload = await options.restart();
    roomUpTo = 0;
  }

  return {
    get size() {
      return upload.size;
    },
    write: (bytes, offset) =>
      inWords(async () => {
        if (over) throw over;
        const at = append ? upload.size : offset;
        if (at > upload.size) return keepForLater(bytes, at);
        if (at < upload.size) {
          throw new SftpError('FAILED', `what lies before byte ${upload.size} is sealed and is not written again`);
        }
        await put(bytes);
        if (early.size > 0) await putEarly();
        modified = new Date().toISOString();
      }),
    read: async () => {
      throw new SftpError('UNSUPPORTED', 'what is being uploaded cannot be read');
    },
    stat: async () => partialInfoOf({ size: upload.size, modified }),
    setStat: ({ size }: Attributes) =>
      inWords(async () => {
        if (over) throw over;
        if (size === undefined) return;
        if (size === 0 && upload.size > 0) await restart();
        else if (size < upload.size) throw new SftpError('UNSUPPORTED', 'what is sealed is not cut off');
        announced = size === 0 ? undefined : size;
      }),
    sync: () =>
      inWords(async () => {
        if (over) throw over;
        await upload.sync();
      }),
    close: () =>
      inWords(async () => {
        if (over) throw over;
        const { size } = upload;
        const isShort = announced !== undefined && size !== announced;
        if (early.size > 0 || isShort) {
          await end(() => upload.suspend());
          const why = isShort ? `it has ${size} of ${announced} bytes` : `the bytes from ${size} on never came`;
          throw new SftpError('FAILED', `the upload is not complete: ${why}; it can be resumed`);
        }
        await end(async () => {
          try {
            options.onCompleted(await upload.complete());
          } catch (error) {
            await upload.suspend().catch(() => undefined);
            throw error;
          }
        });
      }),
    async abort() {
      if (over) return;
      await end(async () => {
        // A client that only opened it leaves nothing behind.
        if (upload.size === 0) await upload.abort();
        else await upload.suspend();
      });
    },
    async takeOver() {
      over = new SftpError('FAILED', 'another session goes on with this upload');
      await end(() => upload.suspend());
    },
  };
}
