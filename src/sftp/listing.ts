// The entries of a folder, in the portions that READDIR gives them.
import type { DirectoryEntry } from './files.ts';
import { nameEntry } from './longname.ts';
import { entryLength, type NameEntry } from './replies.ts';

/** As OpenSSH's server. */
const MAX_ENTRIES = 100;
/** Longest names come to less than what clients that know no limits take: 34000 bytes (section 3). */
const MAX_LENGTH = 32_000;

/** The next entries; none at the end. Each call goes on where the last one stopped. */
export async function nextEntries(entries: AsyncIterator<DirectoryEntry>, owner: string): Promise<NameEntry[]> {
  const now = Date.now() / 1000;
  const portion: NameEntry[] = [];
  let length = 0;
  while (portion.length < MAX_ENTRIES && length < MAX_LENGTH - MAX_ENTRY_LENGTH) {
    const next = await entries.next();
    if (next.done === true) break;
    const entry = nameEntry(next.value, owner, now);
    portion.push(entry);
    length += entryLength(entry);
  }
  return portion;
}

/** A name of 1024 bytes twice, and what goes with it. A longer one makes a longer packet, still far below 256 KiB. */
const MAX_ENTRY_LENGTH = 2200;
