// One condition: an operator, a key and values. A missing key, several values of a key, several values in the policy
// (IAM User Guide, "Conditions with multiple context keys or values", "Multivalued context keys").
import { type ContextKey, contextValue, type Question } from '../request.ts';
import { OPERATORS, type ValueTest } from './operators.ts';

export interface Condition {
  /** As the policy writes it: `ForAnyValue:StringLikeIfExists`. */
  operator: string;
  key: ContextKey;
  /** As the policy writes them. */
  values: readonly string[];
  form: Form;
  /** One for each value; none for `Null`. */
  tests: readonly ValueTest[];
}

interface Form {
  /** `ForAllValues:` or `ForAnyValue:`. */
  set: 'all' | 'any' | undefined;
  negated: boolean;
  ifExists: boolean;
  /** Whether the statement denies. Where the guide leaves a condition open, what denies holds and what allows does not. */
  denies: boolean;
  /** Of `Null`: whether the key may be missing, and whether it may be there. */
  presence: { missing: boolean; present: boolean } | undefined;
}

/** The form of an operator, and what compiles its values; undefined where there is no such operator. */
function parseOperator(name: string, effect: 'Allow' | 'Deny'): { form: Form; base: string } | undefined {
  const found = /^(?:For(All|Any)Values?:)?([A-Za-z]+?)(IfExists)?$/.exec(name);
  if (found === null || !/^(ForAllValues:|ForAnyValue:|[^:]*$)/.test(name)) return undefined;
  const [, set, base = '', suffix] = found;
  const operator = OPERATORS.get(base);
  if (operator === undefined && (base !== 'Null' || suffix !== undefined)) return undefined;
  return {
    base,
    form: {
      set: set === undefined ? undefined : set === 'All' ? 'all' : 'any',
      negated: operator?.negated ?? false,
      ifExists: suffix !== undefined,
      denies: effect === 'Deny',
      presence: undefined,
    },
  };
}

export function isOperator(name: string): boolean {
  return parseOperator(name, 'Deny') !== undefined;
}

/** A condition as a statement has it. */
interface Written {
  operator: string;
  key: string;
  values: readonly string[];
  effect: 'Allow' | 'Deny';
}

/** What is wrong with a value: which, and why. */
export interface BadValue {
  place: number;
  reason: string;
}

/**
 * The condition of an operator that there is. `variables`: whether the document's version has them.
 *
 * The guide says of a variable without a value both that nothing equals it or is like it, and that it makes the
 * statement invalid ("IAM policy elements: Variables and tags"). Of the two, what denies is read by the first, and
 * what allows by the second.
 */
export function compileCondition(
  { operator, key: name, values, effect }: Written,
  variables: boolean,
): Condition | BadValue {
  const parsed = parseOperator(operator, effect);
  if (parsed === undefined) return { place: 0, reason: 'has an operator that there is not' };
  const { form, base } = parsed;
  const key = { name, lower: name.toLowerCase() };
  const compile = OPERATORS.get(base)?.compile ?? compilePresence;
  const tests: ValueTest[] = [];
  for (const [place, value] of values.entries()) {
    const test = compile(value, variables);
    if (typeof test === 'string') return { place, reason: test };
    tests.push(test);
  }
  if (base !== 'Null') return { operator, key, values, form, tests };
  const wanted = values.map((value) => value.toLowerCase());
  const presence = { missing: wanted.includes('true'), present: wanted.includes('false') };
  return { operator, key, values, form: { ...form, presence }, tests: [] };
}

function compilePresence(text: string): ValueTest | string {
  return /^(true|false)$/i.test(text) ? () => true : 'is neither true nor false';
}

/** Whether the request is as the condition asks. */
export function holds(condition: Condition, question: Question): boolean {
  const { form, key } = condition;
  const value = contextValue(question, key);
  if (value === undefined || (typeof value !== 'string' && value.length === 0)) {
    return form.presence?.missing ?? holdsWithout(form);
  }
  if (form.presence !== undefined) return form.presence.present;
  if (form.set !== undefined && isEmptySet(value)) return form.set === 'all';
  if (typeof value === 'string') return passes(condition, value, question);
  // "Multivalued context keys require a condition set operator": without one, what allows must hold for each.
  const needsEach = form.set === 'all' || (form.set === undefined && !form.denies);
  return needsEach
    ? value.every((one) => passes(condition, one, question))
    : value.some((one) => passes(condition, one, question));
}

/** "An empty data set (for example, an empty string)": `ForAllValues` is true of it, and `ForAnyValue` is not. */
function isEmptySet(value: string | readonly string[]): boolean {
  return value === '' || (typeof value !== 'string' && value.length === 1 && value[0] === '');
}

function passes(condition: Condition, value: string, question: Question): boolean {
  const { negated, denies } = condition.form;
  const matches = matchesAny(condition, value, question);
  return matches === undefined ? negated && denies : matches !== negated;
}

/** Without the key, `ForAllValues` is true and `ForAnyValue` is not; otherwise what asks for a difference is true. */
function holdsWithout({ set, negated, ifExists }: Form): boolean {
  if (ifExists || set === 'all') return true;
  return set === undefined && negated;
}

/** Values in the policy are alternatives: one that matches is enough. Undefined: none does, and one is unknown. */
function matchesAny({ tests }: Condition, value: string, question: Question): boolean | undefined {
  let found: boolean | undefined = false;
  for (const test of tests) {
    const matches = test(value, question);
    if (matches) return true;
    if (matches === undefined) found = undefined;
  }
  return found;
}
