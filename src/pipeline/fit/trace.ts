// Follows a column back to the earliest step at which its values can be read.
import type { Plan } from '../plan/plan.ts';
import type { ColumnType, Expression } from '../plan/relation.ts';

export interface TracedInput {
  /** The step before which the column is read, counting from 0. */
  step: number;
  column: string;
  type: ColumnType;
  /** The parameter of an imputation that lies between, whose value is not needed to read the column. */
  fill?: string;
}

/** The column and the parameter of `coalesce(column, :parameter)`, which is what impute computes. */
function imputation(expression: Expression): { column: string; parameter: string } | undefined {
  if (expression.kind !== 'call' || expression.function !== 'coalesce') return undefined;
  const [value, filled] = expression.args;
  const input = value?.kind === 'cast' && value.to === 'double' ? value.input : value;
  if (input?.kind !== 'column' || filled?.kind !== 'parameter') return undefined;
  return { column: input.name, parameter: filled.name };
}

/**
 * Where the values of `column`, as step `step` gets it, are first found unchanged; past one imputation
 * when `fills`, so that a step after it need not wait for what it learns.
 */
export function traceInput(plan: Plan, step: number, column: string, fills: boolean): TracedInput {
  let name = column;
  let at = step;
  let fill: string | undefined;
  for (; at > 0; at--) {
    const operation = plan.steps[at - 1]?.operation;
    const expression = operation?.kind === 'project' ? operation.assign.get(name) : undefined;
    if (expression === undefined) continue;
    if (expression.kind === 'column') {
      name = expression.name;
      continue;
    }
    const imputed = fills && fill === undefined ? imputation(expression) : undefined;
    if (imputed === undefined) break;
    name = imputed.column;
    fill = imputed.parameter;
  }
  const columns = at === plan.steps.length ? plan.columns : (plan.steps[at]?.before ?? []);
  const type = columns.find((each) => each.name === name)?.type ?? 'string';
  return { step: at, column: name, type, ...(fill === undefined ? {} : { fill }) };
}
