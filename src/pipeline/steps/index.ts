// The steps that a pipeline may have, and the schema of the list of steps.
import { z } from 'zod';
import { cast } from './cast.ts';
import { clip } from './clip.ts';
import { deduplicate } from './deduplicate.ts';
import type { StepDefinition } from './definition.ts';
import { derive } from './derive.ts';
import { drop } from './drop.ts';
import { encode } from './encode.ts';
import { filter } from './filter.ts';
import { generalize } from './generalize.ts';
import { impute } from './impute.ts';
import { pseudonymize } from './pseudonymize.ts';
import { rename } from './rename.ts';
import { scale } from './scale.ts';
import { select } from './select.ts';

/** Every step, in the order of the reference. */
export const STEPS: readonly StepDefinition[] = [
  select,
  drop,
  rename,
  cast,
  filter,
  deduplicate,
  impute,
  clip,
  scale,
  encode,
  derive,
  pseudonymize,
  generalize,
];

/** The definition of the step with this name. */
export function stepByName(name: string): StepDefinition | undefined {
  return STEPS.find((step) => step.name === name);
}

/** One step of a pipeline: a map of one key, the step's name, to its options. */
export const stepSchema: z.ZodType<Record<string, unknown>, Record<string, unknown>> = z.union(
  STEPS.map((step) => z.strictObject({ [step.name]: step.schema.describe(step.summary) })),
);
