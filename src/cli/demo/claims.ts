// Made-up insurance claims as CSV, for the demo, the tests and the benchmarks: the same bytes for the
// same seed, with what real files have: repeated patients, duplicates, gaps, outliers, malformed values.
import { DIAGNOSES, FIRST_NAMES, LAST_NAMES, NOTES, PROCEDURES } from './claim-tables.ts';
import { makeRandom, mix } from './random.ts';

export interface ClaimsOptions {
  rows: number;
  /** A whole number; another seed gives another file. */
  seed: number;
  /** The share of rows with a malformed value: an amount, a birth date or a ZIP code. Default 0.002. */
  malformed?: number;
  /**
   * Text to search for afterwards (letters and digits). The first row and every 1,000th have it in the
   * text columns; the rows after those are malformed and have it in all the other columns.
   */
  canary?: string;
}

export const CLAIM_COLUMNS = [
  ...['claim_id', 'patient_id', 'name', 'birth_date', 'zip', 'diagnosis', 'procedure', 'provider_id', 'amount'],
  ...['paid', 'length_of_stay', 'readmitted', 'admitted_on', 'notes'],
];

const CHUNK_BYTES = 256 * 1024;
const CLAIMS_PER_PATIENT = 4;
const DEFAULT_MALFORMED = 0.002;
const CANARY_EVERY = 1000;
const U32 = 2 ** 32;

/** The share of rows for which each of these is so, as a threshold for 32 random bits. */
const DUPLICATE = 0.005 * U32;
const AMOUNT_MISSING = 0.03 * U32;
const AMOUNT_NEGATIVE = 0.001 * U32;
const AMOUNT_ABSURD = 0.0005 * U32;

/**
 * Generates the file: a header line, then `rows` lines, all ASCII, in chunks of about 256 KiB.
 *
 * @throws RangeError for a number of rows that is not whole, a rate outside 0 to 1, another canary.
 */
export function* generateClaims(options: ClaimsOptions): Generator<Buffer, void> {
  const { rows, canary } = options;
  check(options);
  const makeClaim = makeClaimWriter(options);
  let text = `${CLAIM_COLUMNS.join(',')}\n`;
  for (let row = 0; row < rows; row++) {
    const claim = makeClaim(row);
    text += canary === undefined ? claim : plantCanary(claim, row, canary);
    if (text.length >= CHUNK_BYTES) {
      yield Buffer.from(text, 'latin1');
      text = '';
    }
  }
  if (text !== '') yield Buffer.from(text, 'latin1');
}

function check({ rows, seed, malformed = DEFAULT_MALFORMED, canary }: ClaimsOptions): void {
  if (!Number.isSafeInteger(rows) || rows < 0) throw new RangeError('rows must be a whole number');
  if (!Number.isSafeInteger(seed)) throw new RangeError('the seed must be a whole number');
  if (!(malformed >= 0 && malformed <= 1)) throw new RangeError('the rate of malformed rows must be from 0 to 1');
  if (canary !== undefined && !/^[A-Za-z0-9]+$/.test(canary)) throw new RangeError('a canary is letters and digits');
}

/** A function that writes the claim of each row number, called in order. */
function makeClaimWriter({ rows, seed, malformed = DEFAULT_MALFORMED }: ClaimsOptions): (row: number) => string {
  const next = makeRandom(seed);
  const salt = mix(seed ^ 0x5bd1e995);
  const patients = Math.max(1, Math.ceil(rows / CLAIMS_PER_PATIENT));
  const malformedBelow = malformed * U32;
  return (row) => {
    // A duplicate is handed in again a little later, under its number and for its patient.
    const claim = row > 50 && next() < DUPLICATE ? row - 1 - (next() % 50) : row;
    const patient = mix(claim ^ salt) % patients;
    const person = mix(patient ^ mix(salt));
    const care = next();
    const diagnosis = pick(DIAGNOSES, care);
    const stay = pick(STAYS, care >>> 8);
    const amount = pickAmount(next(), stay);
    const broken = next() < malformedBelow ? 1 + (next() % 3) : 0;
    const when = next();
    const who = mix(person);
    return (
      `C${pad(claim)},P${pad(mix(patient + salt))},${pick(FIRST_NAMES, person)} ${pick(LAST_NAMES, person >>> 8)},` +
      `${broken === 1 ? '31.02.1980' : pick(BIRTH_DATES, who)},${broken === 2 ? '123' : pick(ZIPS, who >>> 16)},` +
      `${diagnosis[0]},${pick(PROCEDURES, care >>> 16)},${pick(PROVIDERS, care >>> 20)},` +
      `${broken === 3 ? 'n/a' : formatAmount(amount, next())},${formatPaid(amount, when)},` +
      `${stay},${(when >>> 10) % 100 < diagnosis[1] + stay ? 'true' : 'false'},` +
      `${pick(ADMISSION_DATES, when >>> 12)},${pick(NOTES, when >>> 4)}\n`
    );
  };
}

function pick<T>(list: readonly T[], bits: number): T {
  return list[bits % list.length] as T;
}

/** Ten digits. */
function pad(number: number): string {
  return String(number + 10 ** 10).slice(1);
}

/** In cents; log-normal, and more for longer stays. */
function pickAmount(bits: number, stay: number): number {
  const base = pick(AMOUNTS, bits >>> 20);
  return Math.floor((base * (900 + (bits % 200)) * (4 + stay)) / 4000);
}

function formatAmount(cents: number, bits: number): string {
  if (bits < AMOUNT_MISSING) return '';
  if (bits < AMOUNT_MISSING + AMOUNT_NEGATIVE) return `-${formatCents(cents)}`;
  if (bits < AMOUNT_MISSING + AMOUNT_NEGATIVE + AMOUNT_ABSURD) return formatCents(cents + 10 ** 10);
  return formatCents(cents);
}

/** Between half and all of the amount, or nothing where the claim is still open (one in 16). */
function formatPaid(cents: number, bits: number): string {
  return bits % 16 === 0 ? '' : formatCents(Math.floor((cents * (64 + (bits % 64))) / 128));
}

function formatCents(cents: number): string {
  return `${Math.floor(cents / 100)}.${TWO_DIGITS[cents % 100]}`;
}

const TWO_DIGITS = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'));
const BIRTH_DATES = listDates('1928-01-01', '2007-12-31');
const ADMISSION_DATES = listDates('2023-01-01', '2025-12-31');
const ZIPS = Array.from({ length: 4096 }, (_, index) => String(501 + (mix(index) % 99_000)).padStart(5, '0'));
const PROVIDERS = Array.from({ length: 512 }, (_, index) => `PR${1_000_000 + (mix(index + 7) % 9_000_000)}`);
/** Days in hospital: half of the claims none, then fewer and fewer, at most 21. */
const STAYS = Array.from({ length: 256 }, (_, index) => {
  const days = Math.floor(3 * Math.log2(256 / (index + 1)) - 1.9);
  return Math.min(21, Math.max(0, days));
});
/** 4,096 quantiles of a log-normal distribution, in cents: median 850.00, sigma 1.1. */
const AMOUNTS = Array.from({ length: 4096 }, (_, index) =>
  Math.round(85_000 * Math.exp(1.1 * approximateNormalQuantile((index + 0.5) / 4096))),
);

/** Logistic approximation, scaled to the normal's variance: near enough for made-up amounts. */
function approximateNormalQuantile(probability: number): number {
  return (Math.log(probability / (1 - probability)) * Math.sqrt(3)) / Math.PI;
}

function listDates(first: string, last: string): string[] {
  const dates: string[] = [];
  const day = 24 * 60 * 60 * 1000;
  for (let time = Date.parse(first); time <= Date.parse(last); time += day) {
    dates.push(new Date(time).toISOString().slice(0, 10));
  }
  return dates;
}

const TEXT_COLUMNS = ['claim_id', 'patient_id', 'name', 'zip', 'diagnosis', 'procedure', 'provider_id', 'notes'];

function plantCanary(claim: string, row: number, canary: string): string {
  const kind = row % CANARY_EVERY;
  if (kind > 1) return claim;
  // The generator's only commas inside quotation marks are in the notes, the last column.
  const values = claim
    .trimEnd()
    .split(',')
    .slice(0, CLAIM_COLUMNS.length - 1);
  const planted = CLAIM_COLUMNS.map((column, index) => {
    const here = TEXT_COLUMNS.includes(column) === (kind === 0);
    return here ? `${canary}${column === 'claim_id' ? row : ''}` : (values[index] ?? '');
  });
  return `${planted.join(',')}\n`;
}
