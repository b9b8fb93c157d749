// Checks of a document's values, each refusal with its JSON path, and a bound on their sizes together.
import { AccessError, type AccessErrorCode } from './error.ts';
import { MOST_CHARACTERS, MOST_VALUE_CHARACTERS, MOST_VALUES } from './limits.ts';
import { shown } from './text.ts';

/** A place in a document. Places inside it share what is left of the bound. */
export interface Place {
  /** Of the policy, for messages. */
  policy: string;
  path: readonly (string | number)[];
  left: { characters: number };
}

export function rootPlace(policy: string): Place {
  return { policy, path: [], left: { characters: MOST_CHARACTERS } };
}

export function inside(place: Place, ...steps: (string | number)[]): Place {
  return { ...place, path: [...place.path, ...steps] };
}

/** The error of a document at `place`; `reason` goes on from the place's name. */
export function fault(place: Place, reason: string, code: AccessErrorCode = 'POLICY'): AccessError {
  return new AccessError(code, `${shown(place.policy)}: ${showPath(place.path)}: ${reason}`, { path: [...place.path] });
}

function showPath(path: readonly (string | number)[]): string {
  if (path.length === 0) return 'the document';
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${shown(step, 60)}`))
    .join('');
}

/** `value` as an object with no other keys than `allowed`; any key where that is undefined. */
export function checkObject(value: unknown, place: Place, allowed?: readonly string[]): Record<string, unknown> {
  if (!isRecord(value)) throw fault(place, `must be an object, and is ${kindOf(value)}`);
  for (const key of Object.keys(value)) {
    spend(place, key.length);
    if (allowed === undefined || allowed.includes(key)) continue;
    throw fault(place, `there is no element "${shown(key, 40)}" here; there are: ${allowed.join(', ')}`);
  }
  // Its own keys alone, whatever it inherits.
  return Object.fromEntries(Object.entries(value));
}

export function checkString(value: unknown, place: Place): string {
  if (typeof value !== 'string') throw fault(place, `must be a string, and is ${kindOf(value)}`);
  spend(place, value.length);
  if (value.length > MOST_VALUE_CHARACTERS) {
    throw fault(place, `has ${value.length} characters: at most ${MOST_VALUE_CHARACTERS} are accepted`, 'LIMIT');
  }
  return value;
}

/** One value or a list with at least one; always returned as a list. */
export function checkList<Value>(value: unknown, place: Place, check: (one: unknown, place: Place) => Value): Value[] {
  if (!Array.isArray(value)) return [check(value, place)];
  if (value.length === 0) throw fault(place, 'must hold at least one value');
  if (value.length > MOST_VALUES) {
    throw fault(place, `has ${value.length} values: at most ${MOST_VALUES} are accepted`, 'LIMIT');
  }
  return value.map((one, index) => check(one, inside(place, index)));
}

/** A list where there was one in the document. */
export function asWritten<Value>(value: unknown, checked: Value[]): Value | Value[] {
  const [one] = checked;
  return Array.isArray(value) || one === undefined ? checked : one;
}

/** Counts what the document is made of, so that one made of many references to one value is bounded too. */
function spend(place: Place, characters: number): void {
  // A value costs something even if it is empty.
  place.left.characters -= characters + 1;
  if (place.left.characters < 0) {
    throw fault(place, `here the document has more than ${MOST_CHARACTERS} characters: more are not accepted`, 'LIMIT');
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
