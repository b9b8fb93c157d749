// A column on its way through the plan: its type, and where it comes from (taint).
import type { ColumnType } from './relation.ts';

/** What a column tells about a person. */
export type Sensitivity = 'identifier' | 'quasi-identifier' | 'sensitive';

/** One identifying source column that a column was computed from. */
export interface Origin {
  /** The source column. */
  source: string;
  is: Sensitivity;
  /** What was done to it on the way, in order: `generalize to year`. */
  treatments: string[];
  /** Whether the column still shows it: no de-identifying step has been passed. */
  exposed: boolean;
}

export interface Column {
  name: string;
  type: ColumnType;
  origins: Origin[];
  /** A one-hot encoded column: stands for columns whose names are known after the fit only. */
  group?: true;
  /** The last step that changed its values in a way that a target must not be (`step 4, scale`). */
  altered?: string;
}

/** The origins of what is computed from several columns: each once. */
export function mergeOrigins(columns: readonly Column[]): Origin[] {
  const merged = new Map<string, Origin>();
  for (const origin of columns.flatMap((column) => column.origins)) {
    merged.set(JSON.stringify([origin.source, origin.exposed, origin.treatments]), origin);
  }
  return [...merged.values()];
}

/** The origins after a de-identifying treatment, which hides those of the given sensitivities. */
export function treatOrigins(origins: readonly Origin[], treatment: string, hides: readonly Sensitivity[]): Origin[] {
  return origins.map((origin) => ({
    ...origin,
    treatments: [...origin.treatments, treatment],
    exposed: origin.exposed && !hides.includes(origin.is),
  }));
}

/** What happens to one identifying source column. */
export interface ColumnWay {
  column: string;
  is: Sensitivity;
  /** The columns of the output in which it ends up, and how; none when it does not get there. */
  reaches: { column: string; treatments: string[]; exposed: boolean }[];
  /** The same in words. */
  way: string;
  /** What else reads it: `split`, `deduplicate`, `filter`, `expect`. */
  usedBy: string[];
}
