// The first levels of every relation: raw text becomes typed columns, rows are checked and split.

import { checkId } from './checks.ts';
import { violation } from './expectations.ts';
import { all, any, call, cast, column, FALSE, isNull, literal, not, TRUE, text, when } from './expressions.ts';
import type { Plan } from './plan.ts';
import {
  type ColumnType,
  type Expression,
  type NamedExpression,
  type Relation,
  ROW_COLUMN,
  SPLIT_COLUMN,
} from './relation.ts';
import { HASH_COLUMN, notTraining, splitHash, splitName } from './split.ts';

/** Whether a row keeps the rules; rows for which it is not true go no further. */
export const OK_COLUMN = 'glovebox_ok';
/** Why a row was quarantined: the checks that it breaks, `amount:cast;zip:not`. */
export const REASON_COLUMN = 'glovebox_reason';
export const checkColumn = (check: number): string => `glovebox_check_${check}`;

export interface Reading {
  /** The typed columns that are needed. */
  columns: ReadonlySet<string>;
  /** Which rules that say `fail` are looked at: all, or those on the columns needed. */
  fails: 'all' | 'needed' | 'none';
  /** Leaves only training rows `glovebox_ok`. */
  train?: boolean;
  /** Gives `glovebox_split`. */
  split?: boolean;
  /** Gives, for these checks, whether the row breaks them. */
  report?: readonly number[];
  /** Gives the raw text of all columns in place of the typed ones, and `glovebox_reason`. */
  raw?: boolean;
  rowNumber?: boolean;
  limit?: number;
}

/** What a reading gives. */
export interface Read {
  relation: Relation;
  /** Whether there is a column `glovebox_ok`. */
  checked: boolean;
}

const textName = (index: number): string => `glovebox_text_${index}`;
const rawName = (index: number): string => `glovebox_raw_${index}`;

/** The checks on the source, by index; the rules of `expect` refer to their column's typed value. */
function violations(plan: Plan, typed: (name: string) => Expression): Map<number, Expression> {
  const found = new Map<number, Expression>();
  for (const [index, check] of plan.checks.entries()) {
    if (check.step !== undefined) continue;
    const type = plan.spec.columns[check.column]?.type ?? 'string';
    const at = plan.sourceColumns.indexOf(check.column);
    if (check.kind === 'cast') found.set(index, all([not(isNull(column(textName(at)))), isNull(column(check.column))]));
    else if (check.kind === 'group') found.set(index, isNull(column(HASH_COLUMN)));
    else {
      const rule = plan.expectations.get(index);
      const condition = rule === undefined ? undefined : violation(rule, typed(check.column), type);
      if (condition !== undefined && typeof condition !== 'string') found.set(index, condition);
    }
  }
  return found;
}

/**
 * The source's rows as typed columns. Three levels: text with blanks, missing values and decimal signs
 * put right; casts and the split's hash; finite doubles, checks and the split's name.
 */
export function readSource(plan: Plan, reading: Reading): Read {
  const active = [...plan.checks.entries()].filter(([, { step, otherwise, column: name }]) => {
    if (step !== undefined) return false;
    if (otherwise !== 'fail' || reading.fails === 'all') return true;
    return (
      reading.fails === 'needed' && (reading.columns.has(name) || (reading.train === true && name === plan.split?.by))
    );
  });
  const reported = new Set(reading.report ?? []);
  const looked = [...plan.checks.entries()].filter(
    ([index, check]) => active.some(([each]) => each === index) || (reported.has(index) && check.step === undefined),
  );
  const hashed =
    plan.split !== null &&
    (reading.split === true || reading.train === true || looked.some(([, { kind }]) => kind === 'group'));
  const typedNames = new Set([
    ...reading.columns,
    ...looked.filter(([, { kind }]) => kind !== 'group').map(([, check]) => check.column),
  ]);
  const textNames = new Set(looked.filter(([, { kind }]) => kind === 'cast').map(([, check]) => check.column));
  const needed = plan.sourceColumns.filter(
    (name) => typedNames.has(name) || reading.raw === true || (hashed && name === plan.split?.by),
  );
  const row: NamedExpression[] =
    reading.rowNumber === true ? [{ name: ROW_COLUMN, expression: column(ROW_COLUMN) }] : [];

  const source: Relation = {
    kind: 'source',
    columns: needed,
    rowNumber: reading.rowNumber === true,
    ...(reading.limit === undefined ? {} : { limit: reading.limit }),
  };
  const typeOf = (name: string): ColumnType => plan.spec.columns[name]?.type ?? 'string';
  const indexOf = (name: string): number => plan.sourceColumns.indexOf(name);
  const texts: NamedExpression[] = needed.map((name) => ({
    name: textName(indexOf(name)),
    expression: cleanText(plan, column(name), typeOf(name)),
  }));
  const raw: NamedExpression[] =
    reading.raw === true ? plan.sourceColumns.map((name, i) => ({ name: rawName(i), expression: column(name) })) : [];
  const cleaned: Relation = { kind: 'project', input: source, columns: [...texts, ...raw, ...row] };

  const casts: NamedExpression[] = needed
    .filter((name) => typedNames.has(name))
    .map((name) => ({ name, expression: castText(plan, column(textName(indexOf(name))), typeOf(name)) }));
  const kept = [...textNames].map((name) => textName(indexOf(name)));
  const hash: NamedExpression[] =
    hashed && plan.split !== null
      ? [{ name: HASH_COLUMN, expression: splitHash(column(textName(indexOf(plan.split.by)))) }]
      : [];
  const passed = [...kept, ...raw.map(({ name }) => name), ...row.map(({ name }) => name)];
  const typed: Relation = {
    kind: 'project',
    input: cleaned,
    columns: [...casts, ...hash, ...passed.map((name) => ({ name, expression: column(name) }))],
  };

  const value = (name: string): Expression => finite(column(name), typeOf(name));
  const broken = violations(plan, value);
  const conditions = (keep: (otherwise: string, kind: string) => boolean): [number, Expression][] =>
    active.flatMap(([index, check]) => {
      const condition = broken.get(index);
      return condition !== undefined && keep(check.otherwise, check.kind)
        ? [[index, condition] as [number, Expression]]
        : [];
    });
  const branches: { when: Expression; value: Expression }[] = [
    ...conditions((otherwise, kind) => otherwise === 'fail' && kind !== 'group').map(([check, condition]) => ({
      when: condition,
      value: { kind: 'fail', check } as const,
    })),
    ...conditions((otherwise) => otherwise !== 'fail').map(([, condition]) => ({ when: condition, value: FALSE })),
    // A row that is dropped or quarantined needs no group.
    ...conditions((_, kind) => kind === 'group').map(([check, condition]) => ({
      when: condition,
      value: { kind: 'fail', check } as const,
    })),
  ];
  const outside = reading.train === true && plan.split !== null ? notTraining(plan.split) : undefined;
  if (outside !== undefined) branches.push({ when: outside, value: FALSE });
  const checked = branches.length > 0;

  const columns: NamedExpression[] =
    reading.raw === true
      ? plan.sourceColumns.map((name, i) => ({ name, expression: column(rawName(i)) }))
      : [...reading.columns].map((name) => ({ name, expression: value(name) }));
  if (checked) columns.push({ name: OK_COLUMN, expression: { kind: 'case', branches, otherwise: TRUE } });
  if (reading.split === true && plan.split !== null)
    columns.push({ name: SPLIT_COLUMN, expression: splitName(plan.split) });
  for (const index of reported) {
    const condition = broken.get(index);
    if (condition === undefined) continue;
    const rejected = plan.checks[index]?.kind === 'group' ? conditions((otherwise) => otherwise !== 'fail') : [];
    const counted = rejected.length === 0 ? condition : when(any(rejected.map(([, each]) => each)), FALSE, condition);
    columns.push({ name: checkColumn(index), expression: call('coalesce', counted, FALSE) });
  }
  if (reading.raw === true) columns.push({ name: REASON_COLUMN, expression: reason(plan, broken) });
  return { relation: { kind: 'project', input: typed, columns: [...columns, ...row] }, checked };
}

/** The ids of the checks that a quarantined row breaks; missing when it is not quarantined. */
function reason(plan: Plan, broken: ReadonlyMap<number, Expression>): Expression {
  const ids = [...broken].flatMap(([index, condition]) => {
    const check = plan.checks[index];
    return check?.otherwise === 'quarantine' ? [when(condition, text(checkId(check)), literal(null, 'string'))] : [];
  });
  return ids.length === 0 ? literal(null, 'string') : call('join_text', text(';'), ...ids);
}

/** Text with its blanks and its texts for missing values taken off, and a point for a decimal sign. */
function cleanText(plan: Plan, raw: Expression, type: ColumnType): Expression {
  const { trim, nulls, decimal } = plan.spec.source.csv;
  let value = raw;
  if (trim) value = call('nullif', call('trim', value), text(''));
  const missing = nulls.filter((each) => each !== '').map((each) => text(each));
  if (missing.length > 0) value = when(call('in', value, ...missing), literal(null, 'string'), value);
  if (decimal === ',' && (type === 'double' || type === 'integer')) {
    // With a comma for a decimal sign a point is no part of a number; it stays, and the cast fails.
    const changed = call('replace', value, text(','), text('.'));
    value = when(call('contains', value, text('.')), text('no number'), changed);
  }
  return value;
}

function castText(plan: Plan, value: Expression, type: ColumnType): Expression {
  if (type === 'string') return value;
  const formats = plan.spec.source.csv.date_format;
  if (formats === undefined || (type !== 'date' && type !== 'timestamp')) return cast(value, type);
  return { kind: 'cast', input: value, to: type, formats: typeof formats === 'string' ? [formats] : formats };
}

/** NaN and infinities are missing. */
function finite(value: Expression, type: ColumnType): Expression {
  return type === 'double' ? when(call('is_finite', value), value, literal(null, 'double')) : value;
}

/** The rows that go to quarantine: the raw text of every column, and `glovebox_reason`. */
export function quarantineRelation(plan: Plan): Relation {
  const { relation } = readSource(plan, { columns: new Set(), fails: 'none', raw: true });
  const quarantined: Relation = { kind: 'filter', input: relation, where: not(isNull(column(REASON_COLUMN))) };
  const names = [...plan.sourceColumns, REASON_COLUMN];
  return { kind: 'project', input: quarantined, columns: names.map((name) => ({ name, expression: column(name) })) };
}
