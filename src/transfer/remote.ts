// Where something is on an SFTP server: what is typed, taken apart. None of its parts can become an option of ssh.
import { isIPv6 } from 'node:net';
import { TransferError } from './error.ts';

const MAX_LENGTH = 8192;
/** Of a domain name (RFC 1035, section 2.3.4); and an alias of the user's ssh configuration is shorter still. */
const MAX_HOST_LENGTH = 253;
const MAX_USER_LENGTH = 255;
const MAX_PATH_BYTES = 4096;

/** A place on a server. */
export interface Remote {
  /** A name, an alias of the user's ssh configuration, or an address; of IPv6 without brackets. */
  host: string;
  port?: number;
  user?: string;
  /** As the server is to get it: absolute, or relative to where it begins; empty for that place itself. */
  path: string;
  /** As it was typed, for messages. */
  text: string;
}

/** Whether `text` looks like a place on a server and not like a local file. */
export function isRemote(text: string): boolean {
  return /^sftp:\/\//i.test(text) || /^[^/:[\]]*(?:\[[^/\]]*\])?:/.test(text);
}

/**
 * Takes `sftp://[USER@]HOST[:PORT]/PATH` apart (the path is absolute, `/~/` begins where the server says; `%2F` and
 * its like are decoded), or `[USER@]HOST:PATH` as scp(1) has it.
 *
 * @throws TransferError `ADDRESS`
 */
export function parseRemote(text: string): Remote {
  if (text.length > MAX_LENGTH) throw new TransferError('ADDRESS', 'the address is too long');
  if (/\p{Cc}/u.test(text) || !text.isWellFormed()) {
    throw new TransferError('ADDRESS', 'the address has control characters', { hint: HINT });
  }
  return /^sftp:\/\//i.test(text) ? parseUrl(text) : parseScp(text);
}

const HINT = 'say sftp://USER@HOST/PATH, or USER@HOST:PATH';

function parseUrl(text: string): Remote {
  const match = /^sftp:\/\/(?:([^@/]*)@)?(\[[^\]/]*\]|[^:/@[\]]*)(?::([^/]*))?(\/.*)?$/i.exec(text);
  if (match === null) throw malformed(text);
  const [, userText, hostText = '', portText, pathText = ''] = match;
  if (userText?.includes(':')) {
    throw new TransferError('ADDRESS', 'an address must not hold a password', {
      hint: 'it would be seen in the list of processes: use a key, or an agent',
    });
  }
  if (userText?.includes(';')) {
    throw new TransferError('ADDRESS', 'connection parameters in an address are not known here', {
      hint: 'pin the key of the host with --host-key SHA256:…',
    });
  }
  const path = decode(pathText, text);
  return {
    ...checked({ host: decode(hostText, text), user: userText === undefined ? undefined : decode(userText, text) }),
    ...(portText === undefined ? {} : { port: parsePort(portText) }),
    path: checkedPath(path === '/~' ? '' : path.startsWith('/~/') ? path.slice(3) : path),
    text,
  };
}

function parseScp(text: string): Remote {
  const match = /^(?:([^@/:[\]]*)@)?(\[[^\]/]*\]|[^:/@[\]]*):(.*)$/.exec(text);
  if (match === null) throw malformed(text);
  const [, user, host = '', path = ''] = match;
  if (path.startsWith('//')) {
    throw new TransferError('ADDRESS', `${text}: only addresses that begin with sftp:// are known here`, {
      hint: HINT,
    });
  }
  return { ...checked({ host, user }), path: checkedPath(path), text };
}

/** What ssh puts into commands of the user's configuration (`%h`, `%r`) holds nothing that a shell would act on. */
function checked({ host: given, user }: { host: string; user: string | undefined }): { host: string; user?: string } {
  const isBracketed = given.startsWith('[');
  const host = isBracketed ? given.slice(1, -1) : given;
  const isAddress = isBracketed && isIPv6(host);
  const isName = !isBracketed && /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(host) && host.length <= MAX_HOST_LENGTH;
  if (!isAddress && !isName) {
    throw new TransferError('ADDRESS', host === '' ? 'the address names no host' : 'the name of the host is none', {
      hint: 'letters, digits, ".", "-" and "_", no "-" at the start; an IPv6 address in brackets',
    });
  }
  if (user === undefined) return { host };
  if (!/^[A-Za-z0-9_][A-Za-z0-9._@+-]*$/.test(user) || user.length > MAX_USER_LENGTH) {
    throw new TransferError('ADDRESS', 'the name of the user is none', {
      hint: 'letters, digits, ".", "-", "_", "@" and "+", no "-" at the start',
    });
  }
  return { host, user };
}

function checkedPath(path: string): string {
  if (/\p{Cc}/u.test(path)) throw new TransferError('ADDRESS', 'the path has control characters', { hint: HINT });
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw new TransferError('ADDRESS', 'the path is too long');
  return path;
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new TransferError('ADDRESS', 'the port is no number from 1 to 65535', { hint: HINT });
}

function decode(part: string, text: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new TransferError('ADDRESS', `${text}: has a % that begins no character`, { hint: 'write it as %25', cause });
  }
}

function malformed(text: string): TransferError {
  return new TransferError('ADDRESS', `${text}: is no place on a server`, { hint: HINT });
}

/** The path of `name` in the folder `path`. */
export function joinRemote(path: string, name: string): string {
  return path === '' || path.endsWith('/') ? `${path}${name}` : `${path}/${name}`;
}
