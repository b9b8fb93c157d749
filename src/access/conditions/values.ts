// Values of the condition operators that compare more than text: numbers, dates, addresses, bytes.
import { isIP } from 'node:net';

/** "An integer or decimal value"; undefined if it is none. */
export function parseNumber(text: string): number | undefined {
  return /^[+-]?\d{1,40}(\.\d{1,40})?$/.test(text) ? Number(text) : undefined;
}

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d))?)?)?$/;

/**
 * Milliseconds since 1970 of a date in one of W3C's forms of ISO 8601, or of seconds since 1970; undefined if it is
 * neither (IAM User Guide, "… elements: Condition operators", "Date condition operators"). Four digits are a year.
 */
export function parseDate(text: string): number | undefined {
  const found = DATE.exec(text);
  if (found === null) return /^\d{5,15}(\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : undefined;
  const [, year = '', month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    found;
  const milliseconds = `${fraction}000`.slice(0, 3);
  const offset = zone === 'Z' || zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}${offset}`);
  return Number.isNaN(time) || !isDay(Number(year), Number(month), Number(day)) ? undefined : time;
}

/** Dates that there are not, such as 30 February, would else be days of the next month. */
function isDay(year: number, month: number, day: number): boolean {
  return day <= 28 || new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

/** Bytes in base64, in the one form with padding, so that equal bytes are equal text; undefined if it is none. */
export function parseBinary(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '') ? bytes.toString('base64') : undefined;
}

/** An address in 16-bit words: two for IPv4, eight for IPv6. */
export type Address = readonly number[];

/** Undefined if it is no address of either kind. A zone is none of its own. */
export function parseAddress(text: string): Address | undefined {
  const kind = text.includes('%') ? 0 : isIP(text);
  if (kind === 4) return wordsOfIPv4(text);
  if (kind !== 6) return undefined;
  const [left = '', right] = text.split('::');
  const start = wordsOfIPv6(left);
  if (right === undefined) return start;
  const end = wordsOfIPv6(right);
  return [...start, ...Array<number>(8 - start.length - end.length).fill(0), ...end];
}

function wordsOfIPv4(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function wordsOfIPv6(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((word) => (word.includes('.') ? wordsOfIPv4(word) : Number.parseInt(word, 16)));
}

export interface AddressRange {
  address: Address;
  /** Bits that must be the same. */
  prefix: number;
}

/** A range in CIDR form; of an address alone, that address. Undefined if it is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const found = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const address = parseAddress(found?.[1] ?? '');
  if (address === undefined) return undefined;
  const bits = address.length * 16;
  const prefix = Number(found?.[2] ?? bits);
  return prefix > bits ? undefined : { address, prefix };
}

export function isInRange(address: Address, range: AddressRange): boolean {
  if (address.length !== range.address.length) return false;
  for (let word = 0, bits = range.prefix; bits > 0; word++, bits -= 16) {
    const mask = bits >= 16 ? 0xffff : 0xffff << (16 - bits);
    if (((address[word] ?? 0) & mask) !== ((range.address[word] ?? 0) & mask)) return false;
  }
  return true;
}
