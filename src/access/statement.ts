// A statement, compiled: what it covers, element by element.
import { type Condition, holds } from './conditions/condition.ts';
import type { Principals } from './principals.ts';
import type { Question } from './request.ts';
import { matchesTemplate, type Template } from './variables.ts';
import { matchesPattern, type Pattern } from './wildcard.ts';

export interface CompiledStatement {
  /** From 0. */
  index: number;
  sid: string | undefined;
  effect: 'Allow' | 'Deny';
  /** Only in a resource policy. */
  principals: Principals | undefined;
  actions: Actions;
  /** Undefined where a resource policy names none: then it is about its own resource. */
  resources: Resources | undefined;
  conditions: readonly Condition[];
}

export interface Actions {
  /** `NotAction`. */
  negated: boolean;
  /** In lower case. */
  names: ReadonlySet<string>;
  /** In lower case. */
  patterns: readonly Pattern[];
}

export interface Resources {
  /** `NotResource`. */
  negated: boolean;
  names: ReadonlySet<string>;
  templates: readonly Template[];
  /** Whether a `NotResource` with a variable that has no value covers the rest: where it is to deny. */
  coversUnknown: boolean;
}

export function coversAction({ negated, names, patterns }: Actions, { action }: Question): boolean {
  if (names.has(action)) return !negated;
  for (const pattern of patterns) if (matchesPattern(pattern, action)) return !negated;
  return negated;
}

export function coversResource(resources: Resources | undefined, question: Question): boolean {
  if (resources === undefined) return true;
  const { negated, names, templates } = resources;
  const { resource } = question;
  if (names.has(resource)) return !negated;
  let isUnknown = false;
  for (const template of templates) {
    const matches = matchesTemplate(template, resource, question);
    if (matches) return !negated;
    if (matches === undefined) isUnknown = true;
  }
  return negated && (!isUnknown || resources.coversUnknown);
}

/** "All of the conditions must be met": operators and keys are taken together. */
export function meetsConditions(conditions: readonly Condition[], question: Question): boolean {
  for (const condition of conditions) if (!holds(condition, question)) return false;
  return true;
}

/** Statements by the actions that they name, so that the others are not looked at. */
export interface StatementIndex {
  named: ReadonlyMap<string, readonly CompiledStatement[]>;
  /** Those with wildcards or `NotAction`. */
  general: readonly CompiledStatement[];
}

export function indexStatements(statements: readonly CompiledStatement[]): StatementIndex {
  const named = new Map<string, CompiledStatement[]>();
  const general: CompiledStatement[] = [];
  for (const statement of statements) {
    const { negated, names, patterns } = statement.actions;
    if (negated || patterns.length > 0) {
      general.push(statement);
      continue;
    }
    for (const name of names) {
      const same = named.get(name);
      if (same === undefined) named.set(name, [statement]);
      else same.push(statement);
    }
  }
  return { named, general };
}

const NONE: readonly CompiledStatement[] = [];

/** The first statement, in the document's order, that covers the request and is for who asks. */
export function findStatement(
  { named, general }: StatementIndex,
  question: Question,
  isFor: (statement: CompiledStatement, question: Question) => boolean,
): CompiledStatement | undefined {
  const naming = named.get(question.action) ?? NONE;
  for (let one = 0, other = 0; ; ) {
    const byName = naming[one];
    const byPattern = general[other];
    const statement = byPattern === undefined || (byName && byName.index < byPattern.index) ? byName : byPattern;
    if (statement === undefined) return undefined;
    if (statement === byName) one++;
    else {
      other++;
      if (!coversAction(statement.actions, question)) continue;
    }
    if (!isFor(statement, question) || !coversResource(statement.resources, question)) continue;
    if (meetsConditions(statement.conditions, question)) return statement;
  }
}
