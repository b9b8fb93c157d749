// The parts that the steps' schemas share.
import { z } from 'zod';

/** A column's name as the pipeline file gives it. */
export const columnName = z
  .string()
  .min(1)
  .refine((name) => !name.includes('\0'), { error: 'must not hold a NUL character' });
/** At least one column, none twice. */
export const columnNames = z
  .array(columnName)
  .min(1)
  .refine((names) => new Set(names).size === names.length, { error: 'names a column twice' });

/** The types that a pipeline file may name. */
export const typeName = z.enum(['string', 'integer', 'double', 'boolean', 'date', 'timestamp']);

/** A number that is neither NaN nor infinite. */
export const finite = z.number();
/** A constant in the pipeline file. */
export const constant = z.union([z.string(), z.number(), z.boolean()]);
