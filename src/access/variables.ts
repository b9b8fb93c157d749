// Policy variables: ${key}, ${key, 'default'}, and ${*} ${?} ${$} for these characters themselves
// (IAM User Guide, "IAM policy elements: Variables and tags"). Only in documents of version 2012-10-17.
import { type ContextKey, contextValue, type Question } from './request.ts';
import { compilePattern, matchesPattern, type Pattern, type Token, tokenize } from './wildcard.ts';

/** A part of a value: text or wildcards, or what the request's context is to put there. */
export type Part = Token | Variable;

interface Variable {
  key: ContextKey;
  /** For where the key is missing. */
  otherwise: string | undefined;
}

/**
 * The parts of `text`; undefined where a `${` does not end as it should.
 * @param wildcards whether `*` and `?` outside of variables stand for other characters
 * @param variables whether there are any, by the document's version
 */
export function parseParts(text: string, { wildcards, variables }: Reading): Part[] | undefined {
  const plain = (stretch: string): Token[] => {
    if (stretch === '') return [];
    return wildcards ? tokenize(stretch) : [{ literal: stretch }];
  };
  if (!variables) return plain(text);
  const parts: Part[] = [];
  let from = 0;
  for (let start = text.indexOf('${'); start >= 0; start = text.indexOf('${', from)) {
    parts.push(...plain(text.slice(from, start)));
    VARIABLE.lastIndex = start;
    const found = VARIABLE.exec(text);
    if (found === null) return undefined;
    const [{ length }, character, name = '', otherwise] = found;
    if (character !== undefined) parts.push({ literal: character });
    else parts.push({ key: { name, lower: name.toLowerCase() }, otherwise });
    from = start + length;
  }
  parts.push(...plain(text.slice(from)));
  return parts;
}

export interface Reading {
  wildcards: boolean;
  variables: boolean;
}

/** Each stretch is bounded by a character that it cannot hold, so nothing is tried twice. */
const VARIABLE = /\$\{(?:([*?$])|([^\s,'${}*?]+)(?: *, *'([^']*)')?)\}/y;

export function isVariable(part: Part): part is Variable {
  return typeof part === 'object' && 'key' in part;
}

/**
 * The tokens with each variable's value in its place, as text: a `*` in it is no wildcard. Undefined where a key is
 * missing, or has several values, and there is no default: then nothing equals it or is like it.
 */
export function fillIn(parts: readonly Part[], question: Question): Token[] | undefined {
  const tokens: Token[] = [];
  for (const part of parts) {
    if (!isVariable(part)) {
      tokens.push(part);
      continue;
    }
    const value = contextValue(question, part.key) ?? part.otherwise;
    if (typeof value !== 'string') return undefined;
    tokens.push({ literal: value });
  }
  return tokens;
}

/** The text with each variable's value in its place, of parts without wildcards; undefined as for `fillIn`. */
export function fillInText(parts: readonly Part[], question: Question): string | undefined {
  let text = '';
  for (const token of fillIn(parts, question) ?? [undefined]) {
    if (token === undefined) return undefined;
    text += typeof token === 'string' ? token : token.literal;
  }
  return text;
}

/** A value with wildcards, and variables perhaps. */
export interface Template {
  parts: readonly Part[];
  /** Without variables. */
  fixed: Pattern | undefined;
}

/** The template of `parts`; undefined where it would take long to decide, now or with some value of a variable. */
export function compileTemplate(parts: readonly Part[]): Template | undefined {
  // A long stand-in for each variable: no value is longer than what is refused here.
  const pattern = compilePattern(parts.map((part) => (isVariable(part) ? STAND_IN : part)));
  if (pattern === undefined) return undefined;
  return { parts, fixed: parts.some(isVariable) ? undefined : pattern };
}

const STAND_IN: Token = { literal: 'x'.repeat(100) };

/** Whether the whole of `text` is like the template; undefined where a variable has no value. */
export function matchesTemplate(template: Template, text: string, question: Question): boolean | undefined {
  if (template.fixed !== undefined) return matchesPattern(template.fixed, text);
  const tokens = fillIn(template.parts, question);
  const pattern = tokens && compilePattern(tokens);
  return pattern && matchesPattern(pattern, text);
}
