// The Condition element of a statement.
import { asWritten, checkList, checkObject, checkString, fault, inside, type Place } from './check.ts';
import { type Condition, compileCondition, isOperator } from './conditions/condition.ts';
import { LONG_TO_DECIDE } from './conditions/operators.ts';
import { MOST_NAME_CHARACTERS } from './limits.ts';
import { shown } from './text.ts';
import type { ConditionValue } from './types.ts';

/** The conditions, as written and compiled. @throws AccessError `POLICY` | `LIMIT` */
export function parseConditions(value: unknown, place: Place, variables: boolean, effect: 'Allow' | 'Deny') {
  if (value === undefined) return { written: {}, compiled: [] };
  const compiled: Condition[] = [];
  const written = Object.entries(checkObject(value, place)).map(([operator, tested]) => {
    const at = inside(place, operator);
    if (!isOperator(operator)) throw fault(place, `there is no operator "${shown(operator, 60)}"`);
    const keys = Object.entries(checkObject(tested, at)).map(([key, wanted]) => {
      const condition = parseCondition({ operator, key, wanted, effect }, inside(at, key), variables);
      compiled.push(condition.compiled);
      return [key, condition.written] as const;
    });
    return [operator, Object.fromEntries(keys)] as const;
  });
  return { written: { Condition: Object.fromEntries(written) }, compiled };
}

interface Tested {
  operator: string;
  key: string;
  wanted: unknown;
  effect: 'Allow' | 'Deny';
}

function parseCondition({ operator, key, wanted, effect }: Tested, place: Place, variables: boolean) {
  if (key.length > MOST_NAME_CHARACTERS || !/^[^\s:]+:\S/.test(key)) {
    throw fault(place, 'is no condition key such as aws:SourceIp: it has no service');
  }
  const values = checkList(wanted, place, checkConditionValue);
  const compiled = compileCondition({ operator, key, values: values.map(String), effect }, variables);
  if ('reason' in compiled) {
    const at = Array.isArray(wanted) ? inside(place, compiled.place) : place;
    throw fault(at, compiled.reason, compiled.reason === LONG_TO_DECIDE ? 'LIMIT' : 'POLICY');
  }
  return { written: asWritten(wanted, values), compiled };
}

function checkConditionValue(value: unknown, place: Place): ConditionValue {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) {
    checkString(String(value), place);
    return value;
  }
  return checkString(value, place);
}
