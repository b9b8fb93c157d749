// Reads a folder of the server to its end. Names come from somebody else: none leads out of the folder.
import type { Attributes } from './attributes.ts';
import type { RequestGroup } from './client-connection.ts';
import type { Handle } from './client-requests.ts';
import { errorOfStatus, SftpError, STATUS } from './error.ts';
import type { NameEntry } from './replies.ts';
import { encodeRequest } from './requests.ts';

/** Longest name that is taken, in UTF-16 units: that of any file system, with room. */
const MAX_NAME_LENGTH = 1024;

export interface ListedEntry {
  /** One part of a path, as the server gave it: control characters and all. Not for a terminal as it is. */
  name: string;
  attributes: Attributes;
}

export interface Listing {
  /** In the server's order, without `.` and `..`. Nothing says that a name is there only once. */
  entries: ListedEntry[];
  /** Names left out, because they are none: empty, too long, not UTF-8, or with a `/` or a NUL. */
  refused: number;
}

/**
 * @param limit most names, those left out included
 * @throws SftpError `LIMIT`; what a status says, and what stops the group
 */
export async function readFolder(group: RequestGroup, handle: Handle, path: string, limit: number): Promise<Listing> {
  const listing: Listing = { entries: [], refused: 0 };
  const dots = new Set(['.', '..']);
  for (;;) {
    const question = { type: 'readdir', handle } as const;
    const answer = await group.send((id) => encodeRequest({ id, ...question }), { expected: 'name' });
    if (answer.failure) {
      if (answer.failure.code === STATUS.eof) return listing;
      throw errorOfStatus(answer.failure, `list ${path}`);
    }
    const found = answer.reply.entries;
    // An empty reply is the end for OpenSSH's client, too.
    if (found.length === 0) return listing;
    for (const entry of found) {
      if (dots.delete(entry.name)) continue; // each once
      if (isName(entry)) listing.entries.push({ name: entry.name, attributes: entry.attributes });
      else listing.refused += 1;
    }
    if (listing.entries.length + listing.refused > limit) {
      throw new SftpError('LIMIT', `${path} has more than ${limit} entries`, { hint: 'list a folder further down' });
    }
  }
}

function isName({ name, isInexact }: NameEntry): boolean {
  return !['', '.', '..'].includes(name) && name.length <= MAX_NAME_LENGTH && !/[/\0]/.test(name) && isInexact !== true;
}
