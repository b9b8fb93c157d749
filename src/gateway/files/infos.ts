// Objects, uploads and folders as SFTP shows them.
import type { FileInfo } from '../../sftp/index.ts';
import type { ObjectInfo, UploadInfo } from '../../vault/index.ts';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** An object, or a version's. */
export function infoOf({ size, time }: Pick<ObjectInfo, 'size' | 'time'>): FileInfo {
  return { kind: 'file', size, permissions: FILE_MODE, modified: secondsOf(time) };
}

/** What is there of an upload. */
export function partialInfoOf({ size, modified }: Pick<UploadInfo, 'size' | 'modified'>): FileInfo {
  return { kind: 'file', size, permissions: FILE_MODE, modified: secondsOf(modified) };
}

/** A folder, whatever is in it. @param time ISO 8601; the beginning of time where nothing is known */
export function folderInfo(time?: string): FileInfo {
  return { kind: 'directory', size: 0, permissions: FOLDER_MODE, modified: time === undefined ? 0 : secondsOf(time) };
}

function secondsOf(time: string): number {
  return Math.floor(Date.parse(time) / 1000);
}
