// The one place where a client's path becomes a path here: absolute, normalised, in one Unicode form.
import { SftpError } from './error.ts';
import { MAX_PATH_LENGTH } from './limits.ts';

/**
 * The path that `sent` means (draft-ietf-secsh-filexfer-02, section 6.2: the empty one is the user's folder, and
 * a relative one begins there; here that is `/`): absolute, no `.`, no `..`, no empty part, no `/` at the end but
 * for the root, in Unicode normal form C. `..` does not lead out of the root, as in POSIX. There need not be
 * anything at that path.
 *
 * @throws SftpError `PATH` for a NUL, half a surrogate pair, more than 4096 bytes
 */
export function resolvePath(sent: string): string {
  if (sent.includes('\0')) throw new SftpError('PATH', 'a path has a NUL');
  if (!sent.isWellFormed()) throw new SftpError('PATH', 'a path is not valid Unicode');
  const parts: string[] = [];
  // First the form, then the parts: so nothing can become a dot or a slash afterwards.
  for (const part of sent.normalize('NFC').split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const path = `/${parts.join('/')}`;
  if (Buffer.byteLength(path) > MAX_PATH_LENGTH) {
    throw new SftpError('PATH', `a path is longer than ${MAX_PATH_LENGTH} bytes`);
  }
  return path;
}

/** Whether `path` lies below `folder`; both as `resolvePath` gives them. */
export function isBelow(path: string, folder: string): boolean {
  return folder === '/' ? path !== '/' : path.startsWith(folder) && path[folder.length] === '/';
}
