// The client of an SFTP server, over any stream: what `ssh -s HOST sftp` gives, or a channel of ssh2.
import type { Duplex } from 'node:stream';
import { aborted, brokenProtocol, type Connection, connect } from './client-connection.ts';
import { downloadFile } from './client-download.ts';
import { agreeOnSizes } from './client-limits.ts';
import { readFolder } from './client-listing.ts';
import { ask, command, type Handle, openHandle, orExists, statHandle } from './client-requests.ts';
import type { SftpClient } from './client-types.ts';
import { writeAll } from './client-upload.ts';
import { SftpError } from './error.ts';
import { EXTENSIONS } from './requests.ts';
import { PROTOCOL_VERSION } from './versions.ts';

const DEFAULT_WINDOW = 16 * 1024 * 1024;
const DEFAULT_LIST_LIMIT = 100_000;

/**
 * Begins a session on `channel`, which is the client's from then on. When `signal` fires, the session is over,
 * and all that is pending in it.
 *
 * @throws SftpError `PROTOCOL` where what answers is no SFTP server, `UNSUPPORTED` where it speaks no version 3,
 *   `LOST`, `ABORTED`; the channel is destroyed then
 */
export async function openSftp(channel: Duplex, { signal }: { signal?: AbortSignal } = {}): Promise<SftpClient> {
  const connection = connect(channel);
  const session = connection.beginGroup(signal, connection.fail);
  try {
    const { version, extensions } = await connection.hello;
    if (version < PROTOCOL_VERSION) {
      throw new SftpError('UNSUPPORTED', `the server speaks version ${version} of SFTP, not ${PROTOCOL_VERSION}`);
    }
    if (version > PROTOCOL_VERSION) throw brokenProtocol(`it speaks version ${version}, which was not asked for`);
    const sizes = await agreeOnSizes(connection, session, extensions);
    return createClient(connection, session, extensions, sizes);
  } catch (error) {
    connection.fail(error instanceof SftpError ? error : aborted());
    throw error;
  }
}

function createClient(
  connection: Connection,
  session: ReturnType<Connection['beginGroup']>,
  extensions: ReadonlyMap<string, string>,
  sizes: Awaited<ReturnType<typeof agreeOnSizes>>,
): SftpClient {
  const offers = (extension: keyof typeof EXTENSIONS) => extensions.has(EXTENSIONS[extension].name);

  const close = (handle: Handle) => command(session, 'close a file', { type: 'close', handle });
  const giveBack = (handle: Handle) => void close(handle).catch(ignore);

  const client: SftpClient = {
    ...sizes,
    extensions,

    async realpath(path) {
      const { entries } = await ask(session, `find ${path}`, { type: 'realpath', path }, { expected: 'name' });
      const [entry, ...others] = entries;
      if (entry && others.length === 0 && entry.isInexact !== true && !entry.name.includes('\0')) return entry.name;
      throw new SftpError('PATH', `the server did not say what path ${path} is`);
    },
    async stat(path) {
      return (await ask(session, `find ${path}`, { type: 'stat', path }, { expected: 'attributes' })).attributes;
    },
    async lstat(path) {
      return (await ask(session, `find ${path}`, { type: 'lstat', path }, { expected: 'attributes' })).attributes;
    },
    setstat: (path, attributes) => command(session, `change ${path}`, { type: 'setstat', path, attributes }),
    async list(path, { limit = DEFAULT_LIST_LIMIT, signal } = {}) {
      const group = connection.beginGroup(signal);
      let handle: Handle | undefined;
      try {
        handle = await openHandle(group, { type: 'opendir', path }, giveBack);
        return await readFolder(group, handle, path, limit);
      } finally {
        group.end();
        if (handle) giveBack(handle);
      }
    },
    mkdir: (path, attributes = {}) =>
      orExists(session, path, command(session, `make the folder ${path}`, { type: 'mkdir', path, attributes })),
    rmdir: (path) => command(session, `remove the folder ${path}`, { type: 'rmdir', path }),
    remove: (path) => command(session, `remove ${path}`, { type: 'remove', path }),
    rename: (from, to) =>
      orExists(session, to, command(session, `rename ${from} to ${to}`, { type: 'rename', from, to })),
    async posixRename(from, to) {
      if (offers('posix-rename')) {
        await command(session, `rename ${from} to ${to}`, { type: 'posix-rename', from, to });
        return true;
      }
      try {
        await client.rename(from, to);
        return true;
      } catch (error) {
        if (!(error instanceof SftpError) || error.code !== 'EXISTS') throw error;
      }
      await client.remove(to);
      await client.rename(from, to);
      return false;
    },

    open: (path, flags, attributes = {}) => openHandle(session, { type: 'open', path, flags, attributes }, giveBack),
    close,
    fstat: (handle) => statHandle(session, handle, 'an open file'),
    fsetstat: (handle, attributes) => command(session, 'change an open file', { type: 'fsetstat', handle, attributes }),
    async fsync(handle) {
      if (!offers('fsync')) return false;
      await command(session, 'bring a file to its disk', { type: 'fsync', handle });
      return true;
    },

    download: (path, options = {}) => downloadFile(connection, path, options, sizes.readLength, giveBack),
    upload(handle, source, { at = 0, window = DEFAULT_WINDOW, onWritten, signal } = {}) {
      const begin = (onStop: (error: SftpError) => void) => connection.beginGroup(signal, onStop);
      return writeAll(begin, source, { handle, at, length: sizes.writeLength, window, onWritten });
    },
    end: connection.end,
  };
  return client;
}

function ignore(): void {}
