// The condition operators: what each makes of the values in a policy
// (IAM User Guide, "IAM JSON policy elements: Condition operators").
import type { Question } from '../request.ts';
import { compileTemplate, fillInText, isVariable, matchesTemplate, type Part, parseParts } from '../variables.ts';
import { compileArn } from './arn.ts';
import { isInRange, parseAddress, parseBinary, parseDate, parseNumber, parseRange } from './values.ts';

/**
 * Whether one value of the request is what the policy's value asks for; undefined where that cannot be said: a variable
 * has no value, or the request's value is no number, date, address.
 */
export type ValueTest = (value: string, question: Question) => boolean | undefined;

export interface Operator {
  /** "Not…": true where no value matches, and where the key is missing. */
  negated: boolean;
  /** The test for one of the policy's values; a string says why it is none. `variables`: by the document's version. */
  compile: (text: string, variables: boolean) => ValueTest | string;
}

export const LONG_TO_DECIDE = 'has more between two "*" than can be decided quickly';
export const BAD_VARIABLE = 'has a policy variable that does not end as one must';

function textOperator(compile: (parts: readonly Part[]) => ValueTest | undefined, wildcards: boolean) {
  return (text: string, variables: boolean): ValueTest | string => {
    const parts = parseParts(text, { wildcards, variables });
    return parts === undefined ? BAD_VARIABLE : (compile(parts) ?? LONG_TO_DECIDE);
  };
}

function compileEquals(fold: (text: string) => string) {
  return (parts: readonly Part[]): ValueTest => {
    if (parts.some(isVariable)) {
      return (value, question) => {
        const text = fillInText(parts, question);
        return text === undefined ? undefined : fold(value) === fold(text);
      };
    }
    const wanted = fold(
      parts.map((part) => (typeof part === 'object' && 'literal' in part ? part.literal : '')).join(''),
    );
    return (value) => fold(value) === wanted;
  };
}

const equals = textOperator(
  compileEquals((text) => text),
  false,
);
const equalsIgnoreCase = textOperator(
  compileEquals((text) => text.toLowerCase()),
  false,
);
const like = textOperator((parts) => {
  const template = compileTemplate(parts);
  return template && ((value, question) => matchesTemplate(template, value, question));
}, true);
const arnLike = textOperator(compileArn, true);

/** Without variables: "you can not use a policy variable with" these. */
function parsed<Value>(
  parse: (text: string) => Value | undefined,
  kind: string,
  compare: (value: Value, wanted: Value) => boolean,
) {
  return (text: string): ValueTest | string => {
    const wanted = parse(text);
    if (wanted === undefined) return `is no ${kind}`;
    return (value) => {
      const given = parse(value);
      return given === undefined ? undefined : compare(given, wanted);
    };
  };
}

function isInPolicyRange(text: string): ValueTest | string {
  const range = parseRange(text);
  if (range === undefined) return 'is no IP address or range such as 203.0.113.0/24';
  return (value) => {
    const address = parseAddress(value);
    return address === undefined ? undefined : isInRange(address, range);
  };
}

function isTruth(text: string, variables: boolean): ValueTest | string {
  if (variables && text.includes('${')) return equalsIgnoreCase(text, variables);
  const wanted = text.toLowerCase();
  if (wanted !== 'true' && wanted !== 'false') return 'is neither true nor false';
  return (value) => value === wanted || value.toLowerCase() === wanted;
}

const number = (compare: (value: number, wanted: number) => boolean) => parsed(parseNumber, 'number', compare);
const date = (compare: (value: number, wanted: number) => boolean) => parsed(parseDate, 'date', compare);

const is = (compile: Operator['compile']): Operator => ({ negated: false, compile });
const not = (compile: Operator['compile']): Operator => ({ negated: true, compile });

/** By name, without `IfExists` and set operators; `Null` is none of them: it looks at no value. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', is(equals)],
  ['StringNotEquals', not(equals)],
  ['StringEqualsIgnoreCase', is(equalsIgnoreCase)],
  ['StringNotEqualsIgnoreCase', not(equalsIgnoreCase)],
  ['StringLike', is(like)],
  ['StringNotLike', not(like)],
  ['NumericEquals', is(number((value, wanted) => value === wanted))],
  ['NumericNotEquals', not(number((value, wanted) => value === wanted))],
  ['NumericLessThan', is(number((value, wanted) => value < wanted))],
  ['NumericLessThanEquals', is(number((value, wanted) => value <= wanted))],
  ['NumericGreaterThan', is(number((value, wanted) => value > wanted))],
  ['NumericGreaterThanEquals', is(number((value, wanted) => value >= wanted))],
  ['DateEquals', is(date((value, wanted) => value === wanted))],
  ['DateNotEquals', not(date((value, wanted) => value === wanted))],
  ['DateLessThan', is(date((value, wanted) => value < wanted))],
  ['DateLessThanEquals', is(date((value, wanted) => value <= wanted))],
  ['DateGreaterThan', is(date((value, wanted) => value > wanted))],
  ['DateGreaterThanEquals', is(date((value, wanted) => value >= wanted))],
  ['Bool', is(isTruth)],
  ['BinaryEquals', is(parsed(parseBinary, 'base64', (value, wanted) => value === wanted))],
  ['IpAddress', is(isInPolicyRange)],
  ['NotIpAddress', not(isInPolicyRange)],
  ['ArnEquals', is(arnLike)],
  ['ArnLike', is(arnLike)],
  ['ArnNotEquals', not(arnLike)],
  ['ArnNotLike', not(arnLike)],
]);
