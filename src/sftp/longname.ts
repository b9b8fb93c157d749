// Files as SFTP shows them: attributes, and the line of `ls -l` that clients print and some read.
import { type Attributes, FILE_TYPE } from './attributes.ts';
import type { DirectoryEntry, FileInfo } from './files.ts';
import type { NameEntry } from './replies.ts';

/** Half a year, after which `ls` shows the year and no time. */
const RECENT_SECONDS = 182 * 24 * 60 * 60;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MAX_TIME = 0xffff_ffff;

/** What STAT says of a file. */
export function attributesOf({ kind, size, permissions, modified }: FileInfo): Attributes {
  const time = Math.min(Math.max(Math.trunc(modified), 0), MAX_TIME);
  return { size, mode: FILE_TYPE[kind] | permissions, times: { accessed: time, modified: time } };
}

/**
 * An entry of a listing (draft-ietf-secsh-filexfer-02, section 7: the form that longname should have), times in UTC.
 *
 * @param now seconds since 1970
 */
export function nameEntry(entry: DirectoryEntry, owner: string, now: number): NameEntry {
  const attributes = attributesOf(entry);
  const mode = permissionText(entry);
  const links = '1'.padStart(3);
  const who = owner.padEnd(8);
  const size = `${entry.size}`.padStart(8);
  const time = timeText(attributes.times?.modified ?? 0, now);
  return { name: entry.name, longname: `${mode} ${links} ${who} ${who} ${size} ${time} ${entry.name}`, attributes };
}

function permissionText({ kind, permissions }: FileInfo): string {
  const letters = [...'rwxrwxrwx'].map((letter, i) => (permissions & (0o400 >> i) ? letter : '-'));
  return (kind === 'directory' ? 'd' : '-') + letters.join('');
}

function timeText(seconds: number, now: number): string {
  const date = new Date(seconds * 1000);
  const day = `${MONTHS[date.getUTCMonth()]} ${`${date.getUTCDate()}`.padStart(2)}`;
  const isRecent = seconds <= now && now - seconds < RECENT_SECONDS;
  return `${day} ${isRecent ? date.toISOString().slice(11, 16) : `${date.getUTCFullYear()}`.padStart(5)}`;
}
