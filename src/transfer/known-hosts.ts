// What known_hosts says of a host's key (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), for where there is no ssh program.
import { createHmac, timingSafeEqual } from 'node:crypto';

/** The types of keys that the host is known with come first: the server shows one of those. */
export interface KnownKeys {
  /** Of keys that are known for the host, in the order of the file. */
  types: string[];
  /** Whether a line for the host names an authority, which is not followed here. */
  hasAuthority: boolean;
  judge(blob: Buffer): 'known' | 'unknown' | 'changed' | 'revoked';
}

interface Line {
  marker: string | undefined;
  type: string;
  blob: Buffer;
}

/** Reads the lines for `host` and `port`. What is no line is passed over, as ssh does. */
export function readKnownHosts(texts: readonly string[], host: string, port: number): KnownKeys {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  const lines = texts.flatMap((text) => text.split(/\r?\n/)).flatMap((line) => parseLine(line, name));
  const keys = lines.filter(({ marker }) => marker === undefined);
  return {
    types: [...new Set(keys.map(({ type }) => type))],
    hasAuthority: lines.some(({ marker }) => marker === '@cert-authority'),
    judge(blob) {
      const same = lines.filter((line) => line.blob.equals(blob));
      if (same.some(({ marker }) => marker === '@revoked')) return 'revoked';
      if (same.some(({ marker }) => marker === undefined)) return 'known';
      return keys.length > 0 ? 'changed' : 'unknown';
    },
  };
}

function parseLine(line: string, name: string): Line[] {
  const parts = line.trim().split(/[ \t]+/);
  if (parts[0] === undefined || parts[0] === '' || parts[0].startsWith('#')) return [];
  const marker = parts[0].startsWith('@') ? parts.shift() : undefined;
  const [patterns = '', type = '', base64 = ''] = parts;
  if (base64 === '' || !matches(patterns, name)) return [];
  return [{ marker, type, blob: Buffer.from(base64, 'base64') }];
}

function matches(patterns: string, name: string): boolean {
  if (patterns.startsWith('|')) return matchesHash(patterns, name);
  let isMatch = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(pattern.slice(1), name)) return false;
    } else isMatch ||= matchesPattern(pattern, name);
  }
  return isMatch;
}

/** `|1|SALT|HASH`: HMAC-SHA1 of the name under the salt; OpenSSH has no other form. */
function matchesHash(text: string, name: string): boolean {
  const [, version, salt = '', hash = ''] = text.split('|');
  if (version !== '1') return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** `*` and `?`; a port of its own is in brackets, which mean nothing else here. */
function matchesPattern(pattern: string, name: string): boolean {
  // Greedy with one way back: no pattern takes more than their product.
  let [p, n, star, mark] = [0, 0, -1, 0];
  while (n < name.length) {
    if (pattern[p] === '*') [star, mark, p] = [p, n, p + 1];
    else if (pattern[p] === '?' || pattern[p] === name[n]) [p, n] = [p + 1, n + 1];
    else if (star >= 0) [p, mark, n] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
