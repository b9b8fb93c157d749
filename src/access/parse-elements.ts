// The elements of a statement that say for whom, which actions and which resources.
import { asWritten, checkList, checkObject, checkString, fault, inside, type Place } from './check.ts';
import { BAD_VARIABLE, LONG_TO_DECIDE } from './conditions/operators.ts';
import { MOST_ACTION_CHARACTERS } from './limits.ts';
import { compilePrincipals, faultOfPrincipal, PRINCIPAL_KINDS } from './principals.ts';
import type { Actions, Resources } from './statement.ts';
import { shown } from './text.ts';
import type { PolicyKind, PolicyPrincipal } from './types.ts';
import { compileTemplate, isVariable, type Part, parseParts } from './variables.ts';
import { compilePattern, type Pattern, tokenize } from './wildcard.ts';

type Elements = Record<string, unknown>;
type Effect = 'Allow' | 'Deny';

/** Which of two elements there is: `Action` or `NotAction`. Undefined if neither; both are refused. */
function either<Name extends string>(
  elements: Elements,
  place: Place,
  [plain, negated]: readonly [Name, Name],
): { name: Name; value: unknown; negated: boolean; place: Place } | undefined {
  const [one, other] = [elements[plain], elements[negated]];
  if (one !== undefined && other !== undefined) throw fault(place, `has both ${plain} and ${negated}`);
  if (one !== undefined) return { name: plain, value: one, negated: false, place: inside(place, plain) };
  return other === undefined
    ? undefined
    : { name: negated, value: other, negated: true, place: inside(place, negated) };
}

/** The principals, as written and compiled; none in a policy of an identity. @throws AccessError `POLICY` | `LIMIT` */
export function parsePrincipal(elements: Elements, place: Place, kind: PolicyKind, effect: Effect) {
  const found = either(elements, place, ['Principal', 'NotPrincipal']);
  if (kind === 'identity') {
    if (found !== undefined) throw fault(found.place, 'has no place in a policy of an identity: it is for its holder');
    return undefined;
  }
  if (found === undefined) throw fault(place, 'must have a Principal: it is a policy of a resource');
  if (found.negated && effect === 'Allow')
    throw fault(found.place, 'is not supported with Allow: it must be with Deny');
  const principal = checkPrincipal(found.value, found.place);
  return { written: { [found.name]: principal }, compiled: compilePrincipals(principal, found.negated) };
}

function checkPrincipal(value: unknown, place: Place): PolicyPrincipal {
  if (value === '*') return value;
  if (typeof value === 'string') throw fault(place, 'must be "*" or an object such as {"AWS": …}');
  const kinds = Object.entries(checkObject(value, place, PRINCIPAL_KINDS));
  if (kinds.length === 0) throw fault(place, 'must name at least one principal');
  const checked = kinds.map(([kind, named]): [string, string | string[]] => {
    const texts = checkList(named, inside(place, kind), (one, at) => {
      const text = checkString(one, at);
      const reason = faultOfPrincipal(kind, text);
      if (reason !== undefined) throw fault(at, reason);
      return text;
    });
    return [kind, asWritten(named, texts)];
  });
  return Object.fromEntries(checked);
}

/** The actions, as written and compiled. @throws AccessError `POLICY` | `LIMIT` */
export function parseActions(elements: Elements, place: Place) {
  const found = either(elements, place, ['Action', 'NotAction']);
  if (found === undefined) throw fault(place, 'must have an Action or a NotAction');
  const names = new Set<string>();
  const patterns: Pattern[] = [];
  const texts = checkList(found.value, found.place, (one, at) => {
    const text = checkString(one, at);
    if (text.length > MOST_ACTION_CHARACTERS || !/^(\*|[\w*?-]+:[\w*?-]+)$/.test(text)) {
      throw fault(at, `"${shown(text, 40)}" is no action such as s3:GetObject`);
    }
    const lower = text.toLowerCase();
    if (!/[*?]/.test(lower)) names.add(lower);
    else {
      const pattern = compilePattern(tokenize(lower));
      if (pattern === undefined) throw fault(at, LONG_TO_DECIDE, 'LIMIT');
      patterns.push(pattern);
    }
    return text;
  });
  const compiled: Actions = { negated: found.negated, names, patterns };
  return { written: { [found.name]: asWritten(found.value, texts) }, compiled };
}

/**
 * The resources, as written and compiled; a policy of a resource need not name it. `variables`: whether the document's
 * version has policy variables. @throws AccessError `POLICY` | `LIMIT`
 */
export function parseResources(
  elements: Elements,
  place: Place,
  { kind, variables, effect }: { kind: PolicyKind; variables: boolean; effect: Effect },
) {
  const found = either(elements, place, ['Resource', 'NotResource']);
  if (found === undefined) {
    if (kind === 'identity') throw fault(place, 'must have a Resource or a NotResource');
    return undefined;
  }
  const names = new Set<string>();
  const templates: Resources['templates'][number][] = [];
  const texts = checkList(found.value, found.place, (one, at) => {
    const text = checkString(one, at);
    if (text !== '*' && !text.startsWith('arn:')) throw fault(at, 'is neither an ARN nor "*"');
    const parts = parseParts(text, { wildcards: true, variables });
    if (parts === undefined) throw fault(at, BAD_VARIABLE);
    const missing = 5 - colonsBeforeVariable(parts);
    if (missing > 0 && parts.some(isVariable)) throw fault(at, 'has a policy variable before its fifth colon');
    // "When you specify an incomplete ARN in an identity-based policy, AWS automatically completes the ARN by adding
    // wildcard characters to all missing fields" (IAM User Guide, "IAM identifiers").
    if (text !== '*' && kind === 'identity') for (let field = 0; field < missing; field++) parts.push(COLON, '*');
    if (/^arn:[^:]*:[^:]*[*?]/.test(text)) throw fault(at, 'has a wildcard for the service: it must be named');
    if (parts.some((part) => typeof part === 'string' || isVariable(part))) {
      const template = compileTemplate(parts);
      if (template === undefined) throw fault(at, LONG_TO_DECIDE, 'LIMIT');
      templates.push(template);
    } else {
      names.add(parts.map((part) => (typeof part === 'object' && 'literal' in part ? part.literal : '')).join(''));
    }
    return text;
  });
  const compiled: Resources = { negated: found.negated, names, templates, coversUnknown: effect === 'Deny' };
  return { written: { [found.name]: asWritten(found.value, texts) }, compiled };
}

const COLON: Part = { literal: ':' };

/** "You can't use a variable to replace parts of the ARN before the fifth colon, such as the service or account." */
function colonsBeforeVariable(parts: readonly Part[]): number {
  let colons = 0;
  for (const part of parts) {
    if (isVariable(part)) break;
    if (typeof part === 'object') colons += part.literal.split(':').length - 1;
  }
  return colons;
}
