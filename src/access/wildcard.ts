// Patterns with * and ?: compiled once, and decided in time that grows with the text alone. Both stand for any
// characters, `/` and `:` too (IAM User Guide, "IAM JSON policy elements: Resource", "Using wildcards in resource ARNs").
import { MOST_SEARCHED_WITH_ONE } from './limits.ts';

/** A part of a pattern: text as it stands, `*` (any characters, also none) or `?` (one, a UTF-16 unit). */
export type Token = { literal: string } | '*' | '?';

export interface Pattern {
  /** No `*`: the head is the whole pattern. */
  exact: boolean;
  head: Piece;
  /** The stretches between the first and the last `*`. */
  middle: readonly Piece[];
  tail: Piece;
  /** Length of the shortest text that it can match. */
  least: number;
}

/** A stretch of a pattern without `*`. */
interface Piece {
  text: string;
  /** Where a `?` stands in `text`; none for most. */
  ones: ReadonlySet<number> | null;
  /** Of a long one: how far a failed comparison may move on (Knuth, Morris and Pratt, 1977). */
  failures: Int32Array | null;
}

/** The tokens of `text`, in which `*` and `?` are wildcards. */
export function tokenize(text: string): Token[] {
  const parts = text.match(/[*?]|[^*?]+/g) ?? [];
  return parts.map((part) => (part === '*' || part === '?' ? part : { literal: part }));
}

/** The pattern of `tokens`, or undefined where it would take long to decide: many `?` between two `*`. */
export function compilePattern(tokens: readonly Token[]): Pattern | undefined {
  const stretches: Token[][] = [[]];
  for (const token of tokens) {
    if (token === '*') stretches.push([]);
    else stretches.at(-1)?.push(token);
  }
  const pieces = stretches.map(compilePiece);
  const [head = EMPTY] = pieces;
  const tail = pieces.at(-1) ?? EMPTY;
  const exact = pieces.length === 1;
  const middle = pieces.slice(1, -1).filter(({ text }) => text !== '');
  if (middle.some(({ text, ones }) => ones !== null && text.length > MOST_SEARCHED_WITH_ONE)) return undefined;
  const least = middle.reduce((sum, { text }) => sum + text.length, head.text.length + (exact ? 0 : tail.text.length));
  return { exact, head, middle: middle.map(withFailures), tail, least };
}

const EMPTY: Piece = { text: '', ones: null, failures: null };

function compilePiece(tokens: readonly Token[]): Piece {
  let text = '';
  const ones = new Set<number>();
  for (const token of tokens) {
    if (token === '?') ones.add(text.length);
    text += typeof token === 'string' ? token : token.literal;
  }
  return { text, ones: ones.size > 0 ? ones : null, failures: null };
}

/** Whether the whole of `text` matches. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  const { head, middle, tail } = pattern;
  if (pattern.exact) return text.length === head.text.length && standsAt(head, text, 0);
  if (text.length < pattern.least || !standsAt(head, text, 0)) return false;
  const end = text.length - tail.text.length;
  if (!standsAt(tail, text, end)) return false;
  let from = head.text.length;
  // The first place for each stretch leaves the most room for the next ones.
  for (const piece of middle) {
    const place = find(piece, text, from, end);
    if (place < 0) return false;
    from = place + piece.text.length;
  }
  return from <= end;
}

function standsAt({ text: wanted, ones }: Piece, text: string, place: number): boolean {
  if (ones === null) return wanted === '' || text.startsWith(wanted, place);
  if (place + wanted.length > text.length) return false;
  for (let at = 0; at < wanted.length; at++) {
    if (wanted.charCodeAt(at) !== text.charCodeAt(place + at) && !ones.has(at)) return false;
  }
  return true;
}

/** The first place at or after `from` where `piece` stands and ends by `end`; -1 without one. */
function find(piece: Piece, text: string, from: number, end: number): number {
  const last = end - piece.text.length;
  if (piece.ones !== null) {
    for (let place = from; place <= last; place++) if (standsAt(piece, text, place)) return place;
    return -1;
  }
  const place =
    piece.failures === null ? text.indexOf(piece.text, from) : search(piece.text, piece.failures, text, from);
  return place <= last ? place : -1;
}

/** Below this length, the engine's own search costs at most this many steps a character. */
const LONG = 64;

function withFailures(piece: Piece): Piece {
  const { text, ones } = piece;
  if (ones !== null || text.length <= LONG) return piece;
  const failures = new Int32Array(text.length);
  for (let at = 1, matched = 0; at < text.length; at++) {
    while (matched > 0 && text.charCodeAt(at) !== text.charCodeAt(matched)) matched = failures[matched - 1] ?? 0;
    if (text.charCodeAt(at) === text.charCodeAt(matched)) matched++;
    failures[at] = matched;
  }
  return { text, ones, failures };
}

function search(wanted: string, failures: Int32Array, text: string, from: number): number {
  for (let at = from, matched = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && unit !== wanted.charCodeAt(matched)) matched = failures[matched - 1] ?? 0;
    if (unit === wanted.charCodeAt(matched)) matched++;
    if (matched === wanted.length) return at - matched + 1;
  }
  return -1;
}
