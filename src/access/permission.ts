// From calls to policy statements: one permission per call, none that another covers, merged where that allows
// exactly the same.
import type { Call } from './calls.ts';
import type { PolicyStatement } from './types.ts';

/**
 * What one call needs, or many alike: values by element. Elements are `Action`, `Resource`, and conditions as
 * `<operator> <condition key>`. It allows each combination of its values.
 */
export type Permission = Readonly<Record<string, readonly string[]>>;

const ANY_OF = 'ForAnyValue:StringEquals kms:ResourceAliases';

/**
 * The permission for a call. What ends in `*` in the call allows all that begin so; every other character stands for
 * itself. A key that goes by its alias is any key that has this alias.
 */
export function permissionOf({ action, resource, context }: Call): Permission {
  const permission: Record<string, string[]> = { Action: [action] };
  const byAlias = context['kms:ResourceAliases'];
  permission.Resource = [byAlias === undefined ? pattern(resource) : resource.replace(/:key\/.*$/, ':key/*')];
  for (const [key, value] of Object.entries(context)) {
    if (key === 'aws:SecureTransport') continue; // said once for all, by a denial
    if (key === 's3:if-none-match') permission[`Null ${key}`] = ['false'];
    else if (key === 's3:ObjectCreationOperation') permission[`Bool ${key}`] = ['false'];
    else if (typeof value !== 'string') permission[ANY_OF] = [...value];
    else if (value.endsWith('*')) permission[`StringLike ${key}`] = [pattern(value)];
    else permission[`StringEquals ${key}`] = [literally(value)];
  }
  return permission;
}

function pattern(text: string): string {
  return text.endsWith('*') ? `${literally(text.slice(0, -1))}*` : literally(text);
}

/** IAM User Guide, "IAM policy elements: Variables and tags", special characters. */
function literally(text: string): string {
  return text.replaceAll(/[*?]|\$(?=\{)/g, (special) => `\${${special}}`);
}

/** Statements that allow just what the permissions do, in an order that depends on nothing but them. */
export function statementsOf(permissions: readonly Permission[]): PolicyStatement[] {
  return merge(withoutCovered(permissions)).map(toStatement);
}

/** Those that no other covers: one that asks for less, or for what is wider. */
function withoutCovered(permissions: readonly Permission[]): Permission[] {
  const different = [...new Map(permissions.map((each) => [keyOf(each), each])).values()];
  return different.filter((each) => !different.some((other) => other !== each && covers(other, each)));
}

function covers(wide: Permission, narrow: Permission): boolean {
  return Object.entries(wide).every(([element, values]) => {
    return narrow[element]?.every((value) => values.some((wider) => includes(wider, value)));
  });
}

function includes(wide: string, narrow: string): boolean {
  return wide === narrow || (wide.endsWith('*') && narrow.startsWith(wide.slice(0, -1)));
}

/**
 * Joins permissions that differ in the values of one element only, which allows nothing new, until none do; first
 * resources, then actions, then the values of conditions.
 */
function merge(permissions: Permission[]): Permission[] {
  let current = permissions;
  for (;;) {
    const before = current.length;
    const conditions = [...new Set(current.flatMap((each) => Object.keys(each)))].sort();
    for (const element of ['Resource', 'Action', ...conditions]) current = mergeBy(current, element);
    if (current.length === before) return current.toSorted((a, b) => compare(keyOf(a), keyOf(b)));
  }
}

function mergeBy(permissions: Permission[], element: string): Permission[] {
  const groups = new Map<string, { rest: Permission; values: Set<string> }>();
  for (const permission of permissions) {
    const { [element]: values, ...rest } = permission;
    const key = values === undefined ? `without ${keyOf(rest)}` : keyOf(rest);
    const group = groups.get(key) ?? { rest, values: new Set() };
    for (const value of values ?? []) group.values.add(value);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ rest, values }) =>
    values.size === 0 ? rest : { ...rest, [element]: [...values].sort(compare) },
  );
}

function toStatement(permission: Permission): PolicyStatement {
  const { Action = [], Resource = [], ...conditions } = permission;
  const condition: Record<string, Record<string, string | string[]>> = {};
  for (const element of Object.keys(conditions).sort(compare)) {
    const [operator = '', key = ''] = element.split(' ');
    condition[operator] = { ...condition[operator], [key]: oneOrMore(conditions[element] ?? []) };
  }
  return {
    Effect: 'Allow',
    Action: oneOrMore(Action),
    Resource: oneOrMore(Resource),
    ...(Object.keys(condition).length === 0 ? {} : { Condition: condition }),
  };
}

function oneOrMore(values: readonly string[]): string | string[] {
  const [first, second] = values;
  return first !== undefined && second === undefined ? first : [...values];
}

function keyOf(permission: Permission): string {
  return JSON.stringify(Object.entries(permission).toSorted(([a], [b]) => compare(a, b)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
