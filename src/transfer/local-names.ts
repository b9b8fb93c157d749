// Names that a server gave, before any of them becomes a local path: the server may be hostile.
import { TransferError } from './error.ts';

/** Of one part (POSIX, NAME_MAX on every file system of note). */
const MAX_PART_BYTES = 255;
/** What pull itself makes begins with it. */
export const OWN_PREFIX = '.glovebox-pull';

/**
 * Why `name` (parts with `/` between them) cannot be a path below a folder; undefined where it can. A part is not
 * `.`, `..` or empty, has no NUL, no control characters and none that steer how text is shown, and no backslash.
 */
export function badName(name: string): TransferError | undefined {
  const fail = (what: string): TransferError =>
    new TransferError('LOCAL', `the name ${JSON.stringify(name)} on the server ${what}`, {
      hint: 'have it renamed there, or leave it out with --exclude',
    });
  if (!name.isWellFormed()) return fail('is not valid Unicode');
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) return fail('has control characters');
  if (/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(name)) return fail('has characters that turn text around');
  if (name.includes('\\')) return fail('has a backslash');
  for (const part of name.split('/')) {
    if (part === '') return fail('has an empty part');
    if (part === '.' || part === '..') return fail(`has a part ${part}`);
    if (Buffer.byteLength(part) > MAX_PART_BYTES) return fail(`has a part longer than ${MAX_PART_BYTES} bytes`);
    if (part.startsWith(OWN_PREFIX)) return fail(`has a part that begins with ${OWN_PREFIX}, which pull uses itself`);
  }
  return undefined;
}

/**
 * Those of `names` that would be the same file as one before them, or what another one takes up, or lie in a file. They are compared in
 * Unicode normal form C; where the file system may not tell case, without it.
 *
 * @param isTree whether a name cannot be both a file and a folder
 * @param taken further names that each of them takes up, such as that of the part that came
 */
export function collisions(
  names: readonly string[],
  { foldCase, isTree, taken }: { foldCase: boolean; isTree: boolean; taken: (name: string) => string[] },
): Map<string, TransferError> {
  const keyOf = (name: string): string => {
    const form = name.normalize('NFC');
    return foldCase ? form.toLowerCase() : form;
  };
  const owners = new Map<string, string>();
  const found = new Map<string, TransferError>();
  const report = (name: string, other: string): void => {
    found.set(
      name,
      new TransferError('LOCAL', `${JSON.stringify(name)} would be the same file here as ${JSON.stringify(other)}`, {
        hint: 'have one of them renamed on the server, or pull them to different places',
      }),
    );
  };
  for (const name of names) {
    const other = owners.get(keyOf(name));
    if (other !== undefined) report(name, other);
    else owners.set(keyOf(name), name);
  }
  for (const name of names) {
    for (const own of taken(name)) {
      const other = owners.get(keyOf(own));
      if (other !== undefined) report(other, name);
    }
  }
  for (const name of isTree ? names : []) {
    if (found.has(name)) continue;
    for (let cut = name.indexOf('/'); cut > 0; cut = name.indexOf('/', cut + 1)) {
      const other = owners.get(keyOf(name.slice(0, cut)));
      if (other !== undefined) report(name, other);
    }
  }
  return found;
}
