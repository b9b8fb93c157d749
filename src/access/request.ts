// A request, checked and made ready: bounded, its action in lower case, its context's keys listed once.
import { AccessError } from './error.ts';
import {
  MOST_ACTION_CHARACTERS,
  MOST_CONTEXT_CHARACTERS,
  MOST_CONTEXT_KEYS,
  MOST_CONTEXT_VALUES,
  MOST_RESOURCE_CHARACTERS,
} from './limits.ts';
import { shown } from './text.ts';
import type { AccessRequest } from './types.ts';

/** A request as the statements are asked about it. */
export interface Question {
  request: AccessRequest;
  /** In lower case: "the prefix and the action name are case insensitive" (IAM User Guide, "… elements: Action"). */
  action: string;
  resource: string;
  context: AccessRequest['context'];
  keys: readonly string[];
  /** Of the principal; none for a service and for anonymous. */
  account: string | undefined;
  /** Whether the principal has a permissions boundary. */
  hasBoundary: boolean;
}

/** A condition key in a policy. */
export interface ContextKey {
  /** As the policy writes it. */
  name: string;
  /** In lower case: "key names are not case-sensitive" (IAM User Guide, "… elements: Condition"). */
  lower: string;
}

/** The question that `request` asks. @throws AccessError `REQUEST` | `LIMIT` */
export function ask(request: AccessRequest, hasBoundary: boolean): Question {
  const { action, resource, context } = request;
  if (action.length > MOST_ACTION_CHARACTERS) throw tooLong('action', action.length, MOST_ACTION_CHARACTERS);
  if (resource.length > MOST_RESOURCE_CHARACTERS) throw tooLong('resource', resource.length, MOST_RESOURCE_CHARACTERS);
  if (!action.includes(':')) throw new AccessError('REQUEST', `"${shown(action)}" is no action: it has no service`);
  const keys = Object.keys(context);
  checkContext(keys, context);
  return { request, action: action.toLowerCase(), resource, context, keys, account: accountOf(request), hasBoundary };
}

/** The value, or the values of a multivalued key; undefined where the key is missing. */
export function contextValue(question: Question, key: ContextKey): string | readonly string[] | undefined {
  const { context, keys } = question;
  if (Object.hasOwn(context, key.name)) return context[key.name];
  for (const name of keys) {
    if (name.length === key.lower.length && name.toLowerCase() === key.lower) return context[name];
  }
  return undefined;
}

function checkContext(keys: readonly string[], context: AccessRequest['context']): void {
  if (keys.length > MOST_CONTEXT_KEYS) {
    throw new AccessError('LIMIT', `the request's context has ${keys.length} keys: at most ${MOST_CONTEXT_KEYS}`);
  }
  let characters = 0;
  for (let place = 0; place < keys.length; place++) {
    const name = keys[place] ?? '';
    const value = context[name];
    characters += name.length;
    if (typeof value === 'string') characters += value.length;
    else if (value !== undefined) {
      if (value.length > MOST_CONTEXT_VALUES) throw tooLong(`list ${shown(name)}`, value.length, MOST_CONTEXT_VALUES);
      for (const one of value) characters += one.length;
    }
    for (let other = 0; other < place; other++) if (isTwice(name, keys[other] ?? '')) throw twice(name);
  }
  if (characters > MOST_CONTEXT_CHARACTERS) throw tooLong('context', characters, MOST_CONTEXT_CHARACTERS);
}

/** Lengths first: they nearly always differ, and nothing is made to compare them. */
function isTwice(one: string, other: string): boolean {
  return one.length === other.length && one.toLowerCase() === other.toLowerCase();
}

function twice(name: string): AccessError {
  return new AccessError('REQUEST', `the request's context has ${shown(name)} twice, in upper and lower case`);
}

function tooLong(what: string, length: number, most: number): AccessError {
  return new AccessError('LIMIT', `the request's ${what} is too long: ${length}, at most ${most}`);
}

function accountOf({ principal }: AccessRequest): string | undefined {
  if (principal.type === 'anonymous' || principal.type === 'service') return undefined;
  if (principal.arn.length > MOST_RESOURCE_CHARACTERS) {
    throw tooLong('principal', principal.arn.length, MOST_RESOURCE_CHARACTERS);
  }
  const account = accountInArn(principal.arn);
  if (account !== undefined) return account;
  throw new AccessError('REQUEST', `"${shown(principal.arn)}" is no ARN of a ${principal.type}: it has no account`);
}

/** The account (twelve digits) in an ARN, or undefined. */
export function accountInArn(arn: string): string | undefined {
  let start = 0;
  for (let colons = 0; colons < 4; colons++) {
    start = arn.indexOf(':', start) + 1;
    if (start === 0) return undefined;
  }
  if (arn[start + 12] !== ':' || !arn.startsWith('arn:')) return undefined;
  for (let place = start; place < start + 12; place++) if (!isDigit(arn.charCodeAt(place))) return undefined;
  return arn.slice(start, start + 12);
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}
