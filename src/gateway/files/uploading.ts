// Begins an upload, or goes on with one: which of the two, the flags of OPEN and what is there decide.
import { SftpError, type WriteFlags } from '../../sftp/index.ts';
import type { Upload, Vault } from '../../vault/index.ts';
import type { UploadDesk } from './desk.ts';
import { type FileEvent, liveKey } from './user-files.ts';
import { makeWriting, type Writing } from './writing.ts';

interface Request {
  vault: Vault;
  user: string;
  dataset: string;
  path: string;
  flags: WriteFlags;
  desk: UploadDesk;
  /** Whether there is an object of that name, as far as the user may know. */
  exists(): Promise<boolean>;
  onEvent(event: FileEvent): void;
}

/** Uploads at once from which on smaller frames are sealed, so that all of them take less memory. */
const MANY = 16;
const SMALL_FRAME = 64 * 1024;

/** @throws SftpError `EXISTS`, `NOT_FOUND`, `NO_SPACE`; what the vault raises */
export async function openForWriting(request: Request): Promise<Writing> {
  const { vault, user, dataset, path, flags, desk, exists, onEvent } = request;
  const key = liveKey(user, dataset, path);
  // Whoever comes last has it: the other one may be a connection that is gone and does not know it yet.
  await desk.live.get(key)?.takeOver();
  const partial = await vault.findUpload(dataset, path);
  if (flags.exclusive && (partial !== undefined || (await exists()))) {
    throw new SftpError('EXISTS', `${dataset}/${path} exists`);
  }
  const options = desk.live.size >= MANY ? { frameLength: SMALL_FRAME } : {};
  const isThere = partial !== undefined || flags.create || (await exists());
  if (!isThere) throw new SftpError('NOT_FOUND', `there is no ${dataset}/${path}`);
  await desk.checkRoom(vault, user, dataset, 0);
  let upload: Upload;
  if (partial !== undefined && flags.truncate) await vault.removeUpload(dataset, partial.id);
  if (partial !== undefined && !flags.truncate) upload = await vault.resumeUpload(dataset, partial.id, options);
  else if (!flags.truncate && (await exists())) upload = await vault.beginUploadFrom(dataset, path, options);
  else upload = await vault.beginUpload(dataset, path, options);
  const isResumed = upload.size > 0;
  onEvent({ kind: isResumed ? 'upload resumed' : 'upload begun', dataset, path, bytes: upload.size });

  const { memory, reorderBytes } = desk.options;
  const writing = makeWriting({
    upload,
    append: flags.append,
    memory,
    reorderBytes,
    checkRoom: (bytes) => desk.checkRoom(vault, user, dataset, bytes),
    restart: () => vault.beginUpload(dataset, path, options),
    onCompleted(info) {
      desk.of(user).uploaded.set(`${dataset}/${path}`, info);
      onEvent({ kind: 'uploaded', dataset, path, bytes: info.size, sha256: info.sha256 });
    },
    onEnded() {
      if (desk.live.get(key) === writing) desk.live.delete(key);
    },
  });
  desk.live.set(key, writing);
  return writing;
}
