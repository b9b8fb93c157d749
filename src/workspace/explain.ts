// Says zod's findings in words for people: where, what is wrong, and what was probably meant.
import { z } from 'zod';
import { suggest } from './suggest.ts';
import type { Path } from './yaml-tree.ts';

export interface Complaint {
  path: Path;
  /** Whether it is about the key that `path` ends with, rather than its value. */
  atKey: boolean;
  message: string;
  hint?: string;
  /** The map that this is about as a whole: silent where an unknown key there says it better. */
  about?: Path;
}

type Issue = z.core.$ZodIssue;

/** One complaint for each finding, or more where it is about several keys. Quotes keys and names only. */
export function explainIssues(issues: readonly Issue[], value: unknown, schema: z.ZodType): Complaint[] {
  const all = issues.flatMap((issue) => explain(issue, issue.path, value, schema));
  const misspelt = new Set(all.filter(({ atKey }) => atKey).map(({ path }) => path.slice(0, -1).join('\n')));
  return all.filter(({ about }) => about === undefined || !misspelt.has(about.join('\n')));
}

function explain(issue: Issue, path: Path, value: unknown, schema: z.ZodType): Complaint[] {
  const found = valueAt(value, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const others = knownKeys(schema, path).filter((known) => !hasKey(found, known));
        return complaint([...path, key], `unknown key "${key}"${inside(path)}`, suggest(key, others), true);
      });
    case 'invalid_union': {
      const branch = likeliest(issue.errors);
      if (branch !== undefined)
        return branch.flatMap((inner) => explain(inner, [...path, ...inner.path], value, schema));
      if (found === undefined) return [missing(path)];
      const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
      return [complaint(path, `${nameOf(path)} must be ${oneOf(options)}`, suggestFor(found, options))];
    }
    case 'invalid_key':
      return [complaint(path, issue.issues[0]?.message ?? 'this key is not taken', undefined, true)];
    case 'invalid_value': {
      if (found === undefined) return [missing(path)];
      const options = issue.values.map(String);
      return [complaint(path, `${nameOf(path)} must be ${oneOf(options)}`, suggestFor(found, options))];
    }
    case 'invalid_type': {
      if (found === undefined) return [missing(path)];
      const is = typeof found === 'number' ? '' : `, and is ${kindOfValue(found)}`;
      return [complaint(path, `${nameOf(path)} must be ${kindOf(issue.expected)}${is}`)];
    }
    case 'invalid_element':
      return issue.issues.flatMap((inner) => explain(inner, [...path, ...inner.path], value, schema));
    case 'custom':
      return [{ ...complaint(path, `${nameOf(path)} ${issue.message}`), about: path }];
    default:
      return [complaint(path, `${nameOf(path)} ${lowerFirst(issue.message)}`)];
  }
}

/** Of a union's branches, the one whose complaint lies deepest; of those, the shortest. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const depth = (issues: readonly Issue[]) =>
    Math.max(0, ...issues.map(({ path, code }) => path.length + (code === 'unrecognized_keys' ? 0.5 : 0)));
  return [...branches].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
}

/** The keys that `schema` knows at `path`, in all branches. */
export function knownKeys(schema: z.ZodType, path: Path): string[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  let level: unknown[] = [root];
  for (const step of path) level = level.flatMap((node) => spread(node, root).flatMap((one) => childOf(one, step)));
  return [...new Set(level.flatMap((node) => spread(node, root).flatMap((one) => keysOf(one, 'properties'))))];
}

/** A JSON Schema node with its alternatives and references resolved. */
function spread(node: unknown, root: unknown): Record<string, unknown>[] {
  if (!isRecord(node)) return [];
  const reference = node.$ref;
  if (typeof reference === 'string') {
    return spread(valueAt(root, reference.split('/').slice(1)), root);
  }
  const alternatives = [node.anyOf, node.oneOf, node.allOf].flatMap((list) => (Array.isArray(list) ? list : []));
  return [node, ...alternatives.flatMap((one) => spread(one, root))];
}

function childOf(node: Record<string, unknown>, step: PropertyKey): unknown[] {
  if (typeof step === 'number') return [node.items];
  const { properties } = node;
  return isRecord(properties) && hasKey(properties, step) ? [properties[String(step)]] : [node.additionalProperties];
}

function keysOf(node: Record<string, unknown>, field: string): string[] {
  const found = node[field];
  return isRecord(found) ? Object.keys(found) : [];
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (Array.isArray(found)) found = found[Number(step)];
    else found = isRecord(found) && hasKey(found, step) ? found[String(step)] : undefined;
  }
  return found;
}

function complaint(path: Path, message: string, hint?: string, atKey = false): Complaint {
  return { path, atKey, message, ...(hint === undefined ? {} : { hint }) };
}

function missing(path: Path): Complaint {
  const parent = path.slice(0, -1);
  return { ...complaint(path, `${nameOf(path)} is missing${inside(parent)}`), about: parent };
}

function nameOf(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'the file';
  return typeof last === 'number' ? `item ${last + 1}${inside(path.slice(0, -1))}` : `"${String(last)}"`;
}

function inside(path: Path): string {
  return path.length === 0 ? '' : ` in ${path.map(String).join('.')}`;
}

function suggestFor(found: unknown, options: string[]): string | undefined {
  return typeof found === 'string' && options.length > 1 ? suggest(found, options) : undefined;
}

function oneOf(options: string[]): string {
  return options.length === 1 ? (options[0] ?? '') : `one of ${options.join(', ')}`;
}

const KINDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  null: 'empty',
};

function kindOf(expected: string): string {
  return KINDS[expected] ?? expected;
}

function kindOfValue(value: unknown): string {
  if (value === null) return 'empty';
  return Array.isArray(value) ? 'a list' : kindOf(typeof value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasKey(value: unknown, key: PropertyKey): boolean {
  return isRecord(value) && Object.hasOwn(value, key);
}

function lowerFirst(message: string): string {
  return message.slice(0, 1).toLowerCase() + message.slice(1);
}
