// Values of options: sizes, durations, counts, pairs, ranges of bytes.
import { ALL_VERBS, type Principal, type Verb } from '../access/index.ts';
import { MAX_FRAME_LENGTH } from '../seal/index.ts';
import type { ByteRange } from '../vault/index.ts';
import { suggest } from '../workspace/index.ts';
import { usage } from './error.ts';

const SIZES: Record<string, number> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const DURATIONS: Record<string, number> = { ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `512MB`, `1.5GiB`, `1000000` to bytes. @throws CliError `USAGE` */
export function parseBytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = SIZES[(unit ?? '?').toLowerCase()];
  const bytes = Math.round(Number(number) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw usage(`not a size: ${text}`, 'write 512MB, 2GiB or a number of bytes');
  return bytes;
}

/** `90s`, `30min`, `24h`, `7d`, `0` to milliseconds. @throws CliError `USAGE` */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = Number(number) === 0 ? 1 : DURATIONS[(unit ?? '?').toLowerCase()];
  const duration = Math.round(Number(number) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(duration)) throw usage(`not a duration: ${text}`, 'write 90s, 30min, 24h or 7d');
  return duration;
}

/** A parser of whole numbers from `least` on, up to `most`. The parser raises CliError `USAGE`. */
export function parseCount(least: number, most = Number.POSITIVE_INFINITY): (text: string) => number {
  const bounds = most === Number.POSITIVE_INFINITY ? `from ${least} on` : `from ${least} to ${most}`;
  return (text) => {
    const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(count >= least && count <= most)) throw usage(`not a whole number ${bounds}: ${text}`);
    return count;
  };
}

/** A size that a frame may have. @throws CliError `USAGE` */
export function parseFrameLength(text: string): number {
  const bytes = parseBytes(text);
  if (bytes > MAX_FRAME_LENGTH) throw usage(`too long for a frame: ${text}`, `at most ${MAX_FRAME_LENGTH} bytes`);
  return bytes;
}

/** A verb of docs/access.md. @throws CliError `USAGE` */
export function parseVerb(text: string): Verb {
  const verb = ALL_VERBS.find((each) => each === text);
  if (verb !== undefined) return verb;
  throw usage(`there is no verb ${text}`, suggest(text, [...ALL_VERBS]) ?? `the verbs are ${ALL_VERBS.join(', ')}`);
}

/** `KEY=VALUE` of a request's context; the value may be empty. @throws CliError `USAGE` */
export function parseContextKey(text: string): [key: string, value: string] {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw usage(`not KEY=VALUE: ${text}`);
  return [key, value];
}

/** An ARN of IAM or STS, or a service's name, as who asks. @throws CliError `USAGE` */
export function parsePrincipal(text: string): Principal {
  const [, partition, account, kind, name = ''] =
    /^arn:([^:]+):(?:iam|sts)::(\d{12}):(root|user|role|assumed-role)(?:\/(.+))?$/.exec(text) ?? [];
  if (kind === 'root' && name === '') return { type: 'root', arn: text };
  if (kind === 'user' && name !== '') return { type: 'user', arn: text };
  if (kind === 'role' && name !== '') return { type: 'role', arn: text };
  const [role, session] = name.split('/');
  if (kind === 'assumed-role' && role && session) {
    return { type: 'role', arn: `arn:${partition}:iam::${account}:role/${role}`, session: text };
  }
  if (/^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$/.test(text)) return { type: 'service', name: text };
  throw usage(`not a principal: ${text}`, 'such as arn:aws:iam::111122223333:role/NAME, or s3.amazonaws.com');
}

/** `NAME=VALUE` of an encryption context. @throws CliError `USAGE` */
export function parsePair(text: string): [name: string, value: string] {
  const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw usage(`not NAME=VALUE: ${text}`);
  // Specification, "Encryption context": reserved. The official clients put a signature's key there.
  if (name.startsWith('aws-crypto-')) throw usage(`the name ${name} is reserved`, 'choose one without aws-crypto-');
  return [name, value];
}

/** `0-499`, `500-` or `-500` (the last 500), both ends in it, as `curl -r` has them. @throws CliError `USAGE` */
export function parseRange(text: string): ByteRange {
  const [, start = '', end = ''] = /^(\d{0,15})-(\d{0,15})$/.exec(text.trim()) ?? [];
  const [first, last] = [Number(start), Number(end)];
  if (start === '' && last > 0) return { suffix: last };
  if (start !== '' && end === '') return { first };
  if (start !== '' && first <= last) return { first, last };
  throw usage(`not a range: ${text}`, 'write START-END, START- or -LAST, counting bytes from 0, both ends in it');
}
