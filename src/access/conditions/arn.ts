// ARNs in conditions: each of the six parts is compared for itself, so that `*` does not reach over a colon, but
// in the last (IAM User Guide, "… elements: Condition operators", "ARN condition operators").
import type { Question } from '../request.ts';
import { fillIn, isVariable, type Part } from '../variables.ts';
import { compilePattern, matchesPattern, type Pattern, type Token } from '../wildcard.ts';

const PARTS = 6;

/** A test of a value of the request: whether it is an ARN like the one of the policy's `parts`. */
export function compileArn(
  parts: readonly Part[],
): ((value: string, question: Question) => boolean | undefined) | undefined {
  const standIn = parts.map((part): Token => (isVariable(part) ? { literal: 'x'.repeat(100) } : part));
  if (compilePatterns(standIn) === undefined) return undefined;
  if (parts.some(isVariable)) {
    return (value, question) => {
      const tokens = fillIn(parts, question);
      return tokens && matchesArn(compilePatterns(tokens) ?? [], value);
    };
  }
  const patterns = compilePatterns(standIn) ?? [];
  return (value) => matchesArn(patterns, value);
}

/** A pattern for each part; undefined where one would take long to decide. */
function compilePatterns(tokens: readonly Token[]): Pattern[] | undefined {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (typeof token === 'string') {
      parts.at(-1)?.push(token);
      continue;
    }
    const [first = '', ...others] = splitColons(token.literal, PARTS - parts.length);
    parts.at(-1)?.push({ literal: first });
    for (const other of others) parts.push([{ literal: other }]);
  }
  const patterns = parts.map(compilePattern);
  return patterns.every((pattern) => pattern !== undefined) ? patterns : undefined;
}

/** Undefined where the value is no ARN. */
function matchesArn(patterns: readonly Pattern[], value: string): boolean | undefined {
  const parts = splitColons(value, PARTS - 1);
  if (parts.length !== PARTS) return undefined;
  if (patterns.length !== PARTS) return false;
  return patterns.every((pattern, place) => matchesPattern(pattern, parts[place] ?? ''));
}

/** `text` split at its first `most` colons. */
function splitColons(text: string, most: number): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let colon = text.indexOf(':'); colon >= 0 && parts.length < most; colon = text.indexOf(':', from)) {
    parts.push(text.slice(from, colon));
    from = colon + 1;
  }
  parts.push(text.slice(from));
  return parts;
}
