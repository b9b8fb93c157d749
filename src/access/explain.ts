// Why a request was decided as it was: as data, and in one line for people.
import { type Condition, holds } from './conditions/condition.ts';
import {
  type Decision,
  decide,
  hasOwnGate,
  isAddressedTo,
  isOnlyForResource,
  isSameAccount,
  type PolicySet,
  refOf,
  type StatementRef,
} from './evaluate.ts';
import type { Policy } from './parse.ts';
import { namingOf } from './principals.ts';
import { ask, contextValue, type Question } from './request.ts';
import { type CompiledStatement, coversAction, coversResource } from './statement.ts';
import { shown, shownList, shownValues } from './text.ts';
import type { AccessRequest, PolicyPlace } from './types.ts';

export interface Explanation {
  decision: Decision;
  /** One line: `denied by statement 2 (DenyInsecure) of role trainer: aws:SecureTransport is false`. */
  line: string;
  /** Of each statement about the action, in the order in which they are evaluated: the first 200, and what decided. */
  statements: StatementFinding[];
}

/** How far a statement goes with a request. */
export interface StatementFinding {
  statement: StatementRef;
  effect: 'Allow' | 'Deny';
  /** Whether it applies: it allows, or denies. */
  applies: boolean;
  /** The elements that are not about this request. */
  missed: ('Principal' | 'Resource' | 'Condition')[];
  conditions: ConditionFinding[];
}

export interface ConditionFinding {
  operator: string;
  key: string;
  /** As the policy writes them. */
  wanted: readonly string[];
  /** Of the request; undefined where the key is missing. */
  given: readonly string[] | undefined;
  holds: boolean;
}

const MOST_FINDINGS = 200;

/** Evaluates as `evaluate` does, and says why. @throws AccessError `REQUEST` | `LIMIT` */
export function explain(policies: PolicySet, request: AccessRequest): Explanation {
  const question = ask(request, policies.boundary !== undefined);
  const decision = decide(policies, question);
  const statements = findStatements(policies, question, decision);
  return { decision, line: lineOf(decision, policies, question, statements), statements };
}

/** The policies by their place, in the order of evaluation. */
function placesOf({ identity, boundary, session, resource }: PolicySet): [PolicyPlace, readonly Policy[]][] {
  return [
    ['identity', identity],
    ['boundary', boundary === undefined ? [] : [boundary]],
    ['session', session ?? []],
    ['resource', resource === undefined ? [] : [resource]],
  ];
}

function findStatements(policies: PolicySet, question: Question, decision: Decision): StatementFinding[] {
  const findings: StatementFinding[] = [];
  for (const [place, some] of placesOf(policies)) {
    for (const policy of some) {
      for (const statement of policy.statements) {
        const ref = refOf(policy, place, statement);
        const isKept = findings.length < MOST_FINDINGS || isSame(ref, decision.statement);
        if (isKept && coversAction(statement.actions, question)) findings.push(findingOf(statement, ref, question));
      }
    }
  }
  return findings;
}

function findingOf(statement: CompiledStatement, ref: StatementRef, question: Question): StatementFinding {
  const conditions = statement.conditions.map((condition) => conditionFinding(condition, question));
  const missed: StatementFinding['missed'] = [];
  if (!isAbout(statement, question)) missed.push('Principal');
  if (!coversResource(statement.resources, question)) missed.push('Resource');
  if (conditions.some((condition) => !condition.holds)) missed.push('Condition');
  return { statement: ref, effect: statement.effect, applies: missed.length === 0, missed, conditions };
}

function isAbout(statement: CompiledStatement, question: Question): boolean {
  if (statement.effect === 'Deny') return isAddressedTo(statement, question);
  return statement.principals === undefined || namingOf(statement.principals, question) !== undefined;
}

function conditionFinding(condition: Condition, question: Question): ConditionFinding {
  const value = contextValue(question, condition.key);
  return {
    operator: condition.operator,
    key: condition.key.name,
    wanted: condition.values,
    given: value === undefined ? undefined : [value].flat(),
    holds: holds(condition, question),
  };
}

function lineOf(
  decision: Decision,
  policies: PolicySet,
  question: Question,
  statements: readonly StatementFinding[],
): string {
  const { statement } = decision;
  const finding = statements.find((one) => one.applies && isSame(one.statement, statement));
  if (decision.allowed) {
    return statement === undefined ? 'allowed: the root user of the account' : `allowed by ${nameOf(statement)}`;
  }
  if (statement !== undefined) {
    const facts = (finding?.conditions ?? []).map(({ key, given }) => `${shown(key)} is ${showGiven(given)}`);
    const why = facts.length > 0 ? facts.join(' and ') : `it denies ${callOf(question)}`;
    return `denied by ${nameOf(statement)}: ${why}`;
  }
  const place = placeOf(decision);
  const near = nearest(statements.filter((one) => one.statement.place === place));
  return `denied: ${lack(place, policies, question)}${near === undefined ? '' : `; ${showNear(near)}`}`;
}

function isSame(one: StatementRef, other: StatementRef | undefined): boolean {
  return one.place === other?.place && one.policy === other.policy && one.index === other.index;
}

/** People count from 1. */
function nameOf({ policy, index, sid }: StatementRef): string {
  return `statement ${index + 1}${sid === undefined ? '' : ` (${shown(sid, 60)})`} of ${shown(policy)}`;
}

function callOf({ request }: Question): string {
  return `${shown(request.action, 60)} on ${shown(request.resource, 160)}`;
}

/** Where the allow is missing. */
function placeOf({ reason }: Decision): PolicyPlace {
  if (reason === 'no-boundary-allow') return 'boundary';
  if (reason === 'no-session-allow') return 'session';
  return reason === 'no-resource-allow' ? 'resource' : 'identity';
}

function lack(place: PolicyPlace, policies: PolicySet, question: Question): string {
  const call = callOf(question);
  const names = placesOf(policies).flatMap(([one, some]) => (one === place ? some.map(({ name }) => name) : []));
  if (names.length > 0) {
    const what = place === 'boundary' ? 'the permissions boundary ' : place === 'session' ? 'the session policy ' : '';
    return `no statement of ${what}${shownList(names)} allows ${call}${place === 'resource' ? because(question) : ''}`;
  }
  if (place === 'resource') return `there is no policy of the resource that allows ${call}${because(question)}`;
  return `there is no policy that allows ${call}`;
}

/** Why the resource's own policy had to allow it. */
function because(question: Question): string {
  if (isOnlyForResource(question)) return ', and only that could';
  if (isSameAccount(question)) return hasOwnGate(question) ? ', as that of a key or a role must' : '';
  return ', as it must for another account';
}

/** The statement that allows all but for its conditions, with the fewest of them failing. */
function nearest(statements: readonly StatementFinding[]): StatementFinding | undefined {
  const failing = ({ conditions }: StatementFinding) => conditions.filter((condition) => !condition.holds).length;
  const near = statements.filter(
    ({ effect, missed }) => effect === 'Allow' && missed.length === 1 && missed[0] === 'Condition',
  );
  return near.sort((one, other) => failing(one) - failing(other))[0];
}

function showNear({ statement, conditions }: StatementFinding): string {
  const wants = conditions
    .filter((condition) => !condition.holds)
    .slice(0, 3)
    .map(({ operator, key, wanted, given }) => {
      return `${operator} ${shown(key)} ${shownValues(wanted)}, and it is ${showGiven(given)}`;
    });
  return `${nameOf(statement)} wants ${wants.join('; ')}`;
}

function showGiven(given: readonly string[] | undefined): string {
  if (given === undefined) return 'missing';
  return given.length === 0 ? 'empty' : shownValues(given);
}
