// Begins an upload, or goes on with one: which of the two, the flags of OPEN and what is there decide.
import { SftpError, type WriteFlags } from '../../sftp/index.ts';
import type { ObjectInfo, OpenReading, Upload, Vault } from '../../vault/index.ts';
import { liveKey, type UploadDesk } from './desk.ts';
import type { FileEvent } from './events.ts';
import { findPartial } from './partials.ts';
import type { Owner } from './room.ts';
import { makeWriting, type Writing } from './writing.ts';

interface Request extends Owner {
  /** In the role that writes. */
  vault: Vault;
  dataset: string;
  path: string;
  flags: WriteFlags;
  desk: UploadDesk;
  /** The object of that name, as far as the user may know. */
  find(): Promise<Pick<ObjectInfo, 'size'> | undefined>;
  /** Opens it. @throws VaultError `DENIED` */
  open(): Promise<OpenReading>;
  onEvent(event: FileEvent): void;
}

/** Uploads at once from which on smaller frames are sealed, so that all of them take less memory. */
const MANY = 16;
const SMALL_FRAME = 64 * 1024;

/** @throws SftpError `EXISTS`, `NOT_FOUND`, `NO_SPACE`, `FAILED` for a folder; what the vault raises */
export async function openForWriting(request: Request): Promise<Writing> {
  const { user, dataset, path, desk } = request;
  const key = liveKey(user, dataset, path);
  return desk.inTurn(key, async () => {
    // Whoever comes last has it: the other one may be a connection that is gone and does not know it yet.
    await desk.live.get(key)?.takeOver();
    return open(request, key);
  });
}

async function open(request: Request, key: string): Promise<Writing> {
  const { vault, dataset, path, flags, desk, onEvent } = request;
  const memory = desk.of(request.user);
  const name = `${dataset}/${path}`;
  if (memory.folders.has(name)) throw new SftpError('FAILED', `${name} is a folder`);
  const partial = await findPartial(vault, dataset, path);
  const isNew = partial === undefined && flags.create && flags.truncate && !flags.exclusive;
  const present = partial !== undefined || isNew ? undefined : await request.find();
  if (flags.partial && partial === undefined) {
    throw new SftpError('NOT_FOUND', `there is no upload of ${name} to go on with`);
  }
  if (flags.exclusive && (partial ?? present) !== undefined) throw new SftpError('EXISTS', `${name} exists`);
  if (!flags.create && (partial ?? present) === undefined) throw new SftpError('NOT_FOUND', `there is no ${name}`);
  await desk.rooms.check(request, dataset, 1);

  const options = desk.live.size >= MANY ? { frameLength: SMALL_FRAME } : {};
  const begin = (): Promise<Upload> => vault.beginUpload(dataset, path, options);
  // Before anything is begun: whoever may not read what is there cannot keep parts of it.
  const base = present === undefined || flags.truncate || present.size === 0 ? undefined : await request.open();
  let upload: Upload;
  try {
    if (partial !== undefined && flags.truncate) await vault.removeUpload(dataset, partial.id);
    const isResumed = partial !== undefined && !flags.truncate;
    upload = isResumed ? await vault.resumeUpload(dataset, partial.id, options) : await begin();
  } catch (error) {
    await base?.close();
    throw error;
  }
  onEvent({ kind: upload.size > 0 ? 'upload resumed' : 'upload begun', dataset, path, bytes: upload.size });

  const writing = makeWriting({
    upload,
    append: flags.append,
    base,
    memory: desk.options.memory,
    reorderBytes: () => desk.options.reorderBytes,
    takeRoom: (bytes) => desk.rooms.take(request, dataset, bytes),
    checkDisk: (bytes) => desk.rooms.checkDisk(vault, dataset, bytes),
    restart: begin,
    onCompleted(info) {
      memory.uploaded.set(name, info);
      onEvent({ kind: 'uploaded', dataset, path, bytes: info.size, sha256: info.sha256 });
    },
    onKept(bytes) {
      if (bytes > 0) onEvent({ kind: 'upload kept', dataset, path, bytes });
    },
    onEnded() {
      desk.rooms.forget(dataset);
      if (desk.live.get(key) === writing) desk.live.delete(key);
    },
  });
  desk.live.set(key, writing);
  return writing;
}
