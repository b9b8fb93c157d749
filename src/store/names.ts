// Which names a store takes, and how an entry's name becomes a path inside its kind's folder.
import { StoreError } from './error.ts';

const MAX_NAME_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;
/** Names that begin so are kept for files of our own. */
const RESERVED_PREFIX = '.glovebox';
/** What fits one file name; longer encodings go into folders, piece by piece. */
const MAX_FILE_NAME = 240;
/** Ends a folder's name; the encoding never gives it, so no entry's file has a folder's name. */
const FOLDER_MARK = '+';

/** @throws StoreError `NAME` unless `dataset` is a-z, then up to 62 of a-z, 0-9 and `-`. */
export function checkDataset(dataset: string): void {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(dataset)) {
    throw nameError('dataset', dataset, 'must be 1 to 63 of a-z, 0-9 and "-", beginning with a letter');
  }
}

/** @throws StoreError `NAME` unless `id` is 64 lower-case hexadecimal digits. */
export function checkObjectId(id: string): void {
  if (!isObjectId(id)) throw nameError('object', id, 'must be 64 lower-case hexadecimal digits');
}

/** Whether `id` has the form of a message id. */
export function isObjectId(id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id);
}

/**
 * The file name of a segment. @throws StoreError `NAME` unless `upload` is 32 lower-case hexadecimal digits and
 * `number` a whole number from 0 to 999,999,999.
 */
export function segmentFileName(upload: string, number: number): string {
  if (!isUploadId(upload)) throw nameError('upload', upload, 'must be 32 lower-case hexadecimal digits');
  const name = `${upload}.${number}`;
  if (parseSegmentFileName(name) === undefined)
    throw nameError('segment', name, 'must end in a number up to 999999999');
  return name;
}

/** The segment whose file name this is, or undefined. */
export function parseSegmentFileName(name: string): { upload: string; number: number } | undefined {
  const [, upload, number] = /^([0-9a-f]{32})\.(0|[1-9]\d{0,8})$/.exec(name) ?? [];
  return upload === undefined ? undefined : { upload, number: Number(number) };
}

/** Whether `id` has the form of an upload's id. */
export function isUploadId(id: string): boolean {
  return /^[0-9a-f]{32}$/.test(id);
}

/**
 * Checks an entry's name: segments between `/`, each 1 to 255 bytes of UTF-8 and none `.` or `..`, 1024
 * bytes together, in Unicode normal form C, without control characters, backslash or our own prefix.
 *
 * @throws StoreError `NAME`; the message says which rule, the hint what to write instead where that is known.
 */
export function checkEntryName(name: string): void {
  const fail = (rule: string, hint?: string): never => {
    throw nameError('entry', name, rule, hint);
  };
  if (name === '') fail('is empty');
  if (!name.isWellFormed()) fail('is not valid Unicode');
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) fail('has a control character');
  if (name.includes('\\')) fail('has a backslash', 'use "/" between the parts of a name');
  if (name.normalize('NFC') !== name) {
    const hint = `write it as ${quote(name.normalize('NFC'))}, which looks the same`;
    fail('is not in Unicode normal form C (NFC)', hint);
  }
  if (name.startsWith('/')) fail('is absolute', 'leave out the leading "/"');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) fail(`is longer than ${MAX_NAME_BYTES} bytes`);
  for (const segment of name.split('/')) {
    if (segment === '') fail('has an empty part');
    if (segment === '.' || segment === '..') fail(`has a part ${quote(segment)}`);
    if (segment.startsWith(RESERVED_PREFIX)) fail(`has a part that begins with ${RESERVED_PREFIX}, which is reserved`);
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) fail(`has a part longer than ${MAX_SEGMENT_BYTES} bytes`);
  }
}

/**
 * The path of an entry inside its kind's folder, as segments: percent-encoded UTF-8 in which only a-z,
 * 0-9, `_`, `-` and `.` (not first) stand for themselves. So `a` and `a/b` both exist, and `A` and `a` on a
 * file system that does not tell case. What is too long for one file name is cut into folders.
 */
export function encodeEntryName(name: string): string[] {
  const encoded = name.replace(/[^a-z0-9_.-]/gu, percent).replace(/^\./, '%2e');
  const segments: string[] = [];
  let rest = encoded;
  while (rest.length > MAX_FILE_NAME) {
    segments.push(rest.slice(0, MAX_FILE_NAME) + FOLDER_MARK);
    rest = rest.slice(MAX_FILE_NAME);
  }
  return [...segments, rest];
}

/** The name that `encodeEntryName` gave `segments` for, or undefined where they are not of its making. */
export function decodeEntryName(segments: string[]): string | undefined {
  const encoded = segments.map((s, i) => (i < segments.length - 1 ? s.slice(0, -1) : s)).join('');
  if (!/^(?:[a-z0-9_.-]|%[0-9a-f]{2})+$/.test(encoded)) return undefined;
  const bytes = Buffer.from(
    encoded.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  const name = bytes.toString('utf8');
  return encodeEntryName(name).join('/') === segments.join('/') ? name : undefined;
}

/** Whether a folder entry may be one that `encodeEntryName` cut a long name into. */
export function isNameFolder(fileName: string): boolean {
  return fileName.length === MAX_FILE_NAME + 1 && fileName.endsWith(FOLDER_MARK);
}

/** Order of names: bytes of their UTF-8. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function percent(character: string): string {
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}

function nameError(what: string, name: string, rule: string, hint?: string): StoreError {
  return new StoreError('NAME', `${what} name ${quote(name)} ${rule}`, hint === undefined ? {} : { hint });
}
