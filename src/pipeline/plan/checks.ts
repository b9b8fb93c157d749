// The rules that rows must keep, and what becomes of a row that breaks one.

export type Otherwise = 'fail' | 'drop' | 'quarantine';

export interface Check {
  /** `cast`: not a value of the type; `unseen`: a category that training did not see; `group`: no split. */
  kind: 'cast' | 'between' | 'not' | 'in' | 'matches' | 'group' | 'unseen';
  column: string;
  otherwise: Otherwise;
  /** The step that makes the check; none for a check on the source. */
  step?: string;
}

/** A check in words; names the column, never a value. */
export function describeCheck({ kind, column, step }: Check): string {
  const where = step === undefined ? '' : `${step}: `;
  switch (kind) {
    case 'cast':
      return `${where}a value of "${column}" is not of its type`;
    case 'between':
      return `${where}a value of "${column}" is out of its bounds`;
    case 'not':
      return `${where}a value of "${column}" is missing`;
    case 'in':
      return `${where}a value of "${column}" is not one of those allowed`;
    case 'matches':
      return `${where}a value of "${column}" does not match its pattern`;
    case 'group':
      return `${where}a value of "${column}" is missing, and rows are split by it`;
    case 'unseen':
      return `${where}a value of "${column}" is a category that training did not see`;
  }
}

/** How a check is called in `glovebox_reason` and in reports: `amount:between`. */
export const checkId = ({ column, kind }: Check): string => `${column}:${kind}`;
