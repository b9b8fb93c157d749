// One statement of a policy document, checked and compiled.
import { checkObject, checkString, fault, inside, type Place } from './check.ts';
import { parseConditions } from './parse-conditions.ts';
import { parseActions, parsePrincipal, parseResources } from './parse-elements.ts';
import type { CompiledStatement } from './statement.ts';
import type { PolicyKind, PolicyStatement } from './types.ts';

const ELEMENTS = [
  ...['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction'],
  ...['Resource', 'NotResource', 'Condition'],
];

interface Setting {
  kind: PolicyKind;
  /** Whether there are policy variables. */
  variables: boolean;
  index: number;
}

/** The statement as written, in a copy, and compiled. @throws AccessError `POLICY` | `LIMIT` */
export function parseStatement(
  value: unknown,
  place: Place,
  { kind, variables, index }: Setting,
): { written: PolicyStatement; compiled: CompiledStatement } {
  const elements = checkObject(value, place, ELEMENTS);
  const sid = elements.Sid === undefined ? undefined : checkSid(elements.Sid, inside(place, 'Sid'), kind);
  const effect = checkEffect(elements.Effect, inside(place, 'Effect'));
  const principal = parsePrincipal(elements, place, kind, effect);
  const action = parseActions(elements, place);
  const resource = parseResources(elements, place, { kind, variables, effect });
  const condition = parseConditions(elements.Condition, inside(place, 'Condition'), variables, effect);
  return {
    written: {
      ...(sid === undefined ? {} : { Sid: sid }),
      Effect: effect,
      ...principal?.written,
      ...action.written,
      ...resource?.written,
      ...condition.written,
    },
    compiled: {
      index,
      sid: sid === '' ? undefined : sid,
      effect,
      principals: principal?.compiled,
      actions: action.compiled,
      resources: resource?.compiled,
      conditions: condition.compiled,
    },
  };
}

/** "For IAM policies, basic alphanumeric characters are the only allowed characters in the Sid value." */
function checkSid(value: unknown, place: Place, kind: PolicyKind): string {
  const sid = checkString(value, place);
  const allowed = kind === 'identity' ? /^[A-Za-z0-9]*$/ : /^[\x20-\x7e]*$/;
  if (sid.length > 256 || !allowed.test(sid)) throw fault(place, 'must be letters and digits, at most 256');
  return sid;
}

function checkEffect(value: unknown, place: Place): 'Allow' | 'Deny' {
  if (value === 'Allow' || value === 'Deny') return value;
  throw fault(place, 'must be Allow or Deny');
}
