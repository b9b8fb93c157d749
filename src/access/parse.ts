// Policy documents: checked against IAM's grammar and compiled (IAM User Guide, "Grammar of the IAM JSON policy
// language"). What is not understood is refused: a statement that was passed over could be the one that denies.
import { checkObject, checkString, fault, inside, type Place, rootPlace } from './check.ts';
import { AccessError } from './error.ts';
import { MOST_CHARACTERS, MOST_STATEMENTS } from './limits.ts';
import { parseStatement } from './parse-statement.ts';
import { type CompiledStatement, indexStatements, type StatementIndex } from './statement.ts';
import { shown } from './text.ts';
import type { PolicyDocument, PolicyKind, PolicyStatement } from './types.ts';

/** A policy, ready to be evaluated. */
export interface Policy {
  /** For people: `role trainer`. */
  name: string;
  kind: PolicyKind;
  /** A copy of its own. */
  document: PolicyDocument;
  statements: readonly CompiledStatement[];
  /** The same statements by effect. */
  denies: StatementIndex;
  allows: StatementIndex;
}

export interface ParseOptions {
  kind: PolicyKind;
  /** For people: `role trainer`. Decisions and explanations name the policy so. */
  name: string;
}

/**
 * The policy in `document` (parsed JSON), checked and compiled.
 * @throws AccessError `POLICY` (with the JSON path) | `LIMIT`
 */
export function parsePolicy(document: unknown, { kind, name }: ParseOptions): Policy {
  const root = rootPlace(name);
  const { Version, Id, Statement } = checkObject(document, root, ['Version', 'Id', 'Statement']);
  const version = checkVersion(Version, inside(root, 'Version'));
  const id = Id === undefined ? undefined : checkString(Id, inside(root, 'Id'));
  if (id !== undefined && kind === 'identity')
    throw fault(inside(root, 'Id'), 'has no place in a policy of an identity');
  const place = inside(root, 'Statement');
  const list: unknown[] = Array.isArray(Statement) ? Statement : [Statement];
  if (list.length === 0) throw fault(place, 'must hold at least one statement');
  if (list.length > MOST_STATEMENTS) {
    throw fault(place, `has ${list.length} statements: at most ${MOST_STATEMENTS} are accepted`, 'LIMIT');
  }
  const variables = version === '2012-10-17';
  const compiled: CompiledStatement[] = [];
  const written: PolicyStatement[] = [];
  for (const [index, one] of list.entries()) {
    const at = Array.isArray(Statement) ? inside(place, index) : place;
    const parsed = parseStatement(one, at, { kind, variables, index });
    compiled.push(parsed.compiled);
    written.push(parsed.written);
  }
  checkSids(compiled, place);
  return {
    name,
    kind,
    document: {
      ...(version === undefined ? {} : { Version: version }),
      ...(id === undefined ? {} : { Id: id }),
      Statement: written,
    },
    statements: compiled,
    denies: indexStatements(compiled.filter(({ effect }) => effect === 'Deny')),
    allows: indexStatements(compiled.filter(({ effect }) => effect === 'Allow')),
  };
}

/** The policy in JSON text, whose size is checked first. @throws AccessError `POLICY` | `LIMIT` */
export function parsePolicyText(text: string, options: ParseOptions): Policy {
  if (text.length > MOST_CHARACTERS) {
    const sizes = `${text.length} characters: at most ${MOST_CHARACTERS} are accepted`;
    throw new AccessError('LIMIT', `${shown(options.name)}: the document has ${sizes}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new AccessError('POLICY', `${shown(options.name)}: the document is not JSON`);
  }
  return parsePolicy(document, options);
}

function checkVersion(value: unknown, place: Place): PolicyDocument['Version'] {
  if (value === undefined || value === '2012-10-17' || value === '2008-10-17') return value;
  throw fault(place, 'must be 2012-10-17 or 2008-10-17');
}

function checkSids(statements: readonly CompiledStatement[], place: Place): void {
  const seen = new Set<string>();
  for (const { sid, index } of statements) {
    if (sid === undefined) continue;
    if (seen.has(sid)) throw fault(inside(place, index, 'Sid'), 'is the Sid of another statement too');
    seen.add(sid);
  }
}
