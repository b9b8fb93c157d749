// Constants of user SQL, and text that stands for a date.
import { PipelineError } from '../error.ts';
import type { ColumnType, Literal } from '../plan/relation.ts';
import { isNode, type ParseNode } from './parser.ts';
import type { ValueType } from './types.ts';

/** A constant with its type; `null` is the bare NULL. */
export interface TypedLiteral {
  expression: Literal;
  type: ValueType;
}

const refuse = (what: string, hint?: string): PipelineError => new PipelineError('EXPRESSION', what, { hint });

/**
 * The constant of a VALUE_CONSTANT node. Numbers with a decimal point become doubles.
 *
 * @throws PipelineError EXPRESSION for a type that is not ours, or more digits than can be kept exactly.
 */
export function translateConstant(node: ParseNode): TypedLiteral {
  const value = isNode(node.value) ? node.value : {};
  const type = isNode(value.type) ? value.type : {};
  if (value.is_null === true) return { expression: { kind: 'literal', value: null, type: 'string' }, type: 'null' };
  const raw = value.value;
  switch (type.id) {
    case 'VARCHAR':
      if (typeof raw === 'string') return typed(raw, 'string');
      break;
    case 'BOOLEAN':
      if (typeof raw === 'boolean') return typed(raw, 'boolean');
      break;
    case 'INTEGER':
    case 'BIGINT':
      if (typeof raw === 'number' && Number.isSafeInteger(raw)) return typed(raw, 'integer');
      throw refuse('a whole number beyond 2^53', 'write it with an exponent, as a double: 1e18');
    case 'DOUBLE':
    case 'FLOAT':
      if (typeof raw === 'number' && Number.isFinite(raw)) return typed(raw, 'double');
      break;
    case 'DECIMAL': {
      const scale = isNode(type.type_info) ? type.type_info.scale : undefined;
      if (typeof raw === 'number' && Number.isSafeInteger(raw) && typeof scale === 'number') {
        return typed(Number(`${raw}e-${scale}`), 'double');
      }
      throw refuse('a decimal number with more than 15 digits', 'write it with an exponent: 1.25e0');
    }
  }
  throw refuse(`a constant of type ${typeof type.id === 'string' ? type.id : 'unknown'}`);
}

function typed(value: string | number | boolean, type: ColumnType): TypedLiteral {
  return { expression: { kind: 'literal', value, type }, type };
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})[ T]([01]\d|2[0-3]):([0-5]\d)(:[0-5]\d(\.\d{1,6})?)?$/;

/** Whether the text is a date of the Gregorian calendar in the form 2025-06-30. */
export function isIsoDate(text: string): boolean {
  const match = DATE.exec(text);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(year, month - 1, day);
  return year > 0 && date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** Whether the text is a date, or a date and a time of day, in the form 2025-06-30 23:59:59.5. */
export function isIsoTimestamp(text: string): boolean {
  const match = TIMESTAMP.exec(text);
  return isIsoDate(text) || (match !== null && isIsoDate(match[1] ?? ''));
}

/** Text as a date or timestamp constant; undefined when it is none. */
export function dateLiteral(text: string, type: 'date' | 'timestamp'): Literal | undefined {
  const valid = type === 'date' ? isIsoDate(text) : isIsoTimestamp(text);
  return valid ? { kind: 'literal', value: text.replace('T', ' '), type } : undefined;
}
