// The pipeline file: its schema, its type, and its JSON Schema for editors.
import { z } from 'zod';
import { PipelineError } from './error.ts';
import { expectSchema } from './plan/expectations.ts';
import { stepSchema } from './steps/index.ts';
import { columnName, typeName } from './steps/schema.ts';

const otherwise = z.enum(['fail', 'drop', 'quarantine']).default('fail');
const oneCharacter = z.string().refine((value) => [...value].length === 1, { error: 'must be one character' });

const csvSchema = z
  .strictObject({
    delimiter: oneCharacter.default(',').describe('what separates the fields of a row'),
    quote: oneCharacter.default('"'),
    escape: oneCharacter.default('"').describe('what makes a quote inside a quoted field literal'),
    nulls: z.array(z.string()).default([]).describe('texts that mean missing, beside the empty field'),
    trim: z.boolean().default(false).describe('take blanks (spaces) off both ends of every field'),
    encoding: z.enum(['utf-8', 'latin-1']).default('utf-8'),
    decimal: z.enum(['.', ',']).default('.').describe('the decimal sign of numbers'),
    date_format: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .optional()
      .describe('strptime formats of dates and timestamps, tried in order; ISO 8601 when not given'),
    malformed: z
      .enum(['fail', 'drop'])
      .default('fail')
      .describe('rows that are no CSV, or have too few or too many fields'),
  })
  .prefault({});

const sourceSchema = z.strictObject({
  dataset: z.string().min(1),
  objects: z.string().min(1).default('*').describe('which objects of the dataset, as a glob on their names'),
  format: z.literal('csv').default('csv'),
  csv: csvSchema,
});

const columnSchema = z.strictObject({
  type: typeName,
  is: z
    .enum(['identifier', 'quasi-identifier', 'sensitive'])
    .optional()
    .describe('what the column tells about a person'),
  otherwise: otherwise.describe('what becomes of a row whose value is not of the type'),
});

const fraction = z.number().min(0).max(1);
const splitSchema = z.strictObject({
  by: columnName.describe('rows with the same text here go to the same split'),
  train: fraction,
  validation: fraction.default(0),
  test: fraction.default(0),
});

/** The schema of a pipeline file; without transforms, so that a mistake is found by its place in the file. */
export const pipelineSchema = z
  .strictObject({
    pipeline: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, { error: 'must be lower-case letters, digits, - and _' }),
    source: sourceSchema,
    undeclared: z.enum(['refuse', 'drop']).default('refuse').describe('columns of the source that are not declared'),
    columns: z.record(columnName, columnSchema),
    expect: z.array(expectSchema).default([]),
    steps: z.array(stepSchema).default([]),
    split: splitSchema.optional(),
    fit: z.literal('all').optional().describe('fit on all rows, because there is no split'),
    target: columnName.optional().describe('what the model is to predict: never scaled, encoded or imputed'),
    quarantine: z.string().min(1).optional().describe('the dataset for rows that break a rule'),
    output: z.strictObject({ dataset: z.string().min(1), format: z.enum(['parquet', 'csv']).default('parquet') }),
  })
  .refine(({ columns }) => Object.keys(columns).length > 0, {
    path: ['columns'],
    error: 'must declare at least one column',
  })
  .meta({ title: 'Glovebox pipeline', description: 'A pipeline: what is read, checked, changed, learned and written' });

/** A pipeline, with every default filled in. */
export type PipelineSpec = z.output<typeof pipelineSchema>;
export type ColumnSpec = PipelineSpec['columns'][string];
export type CsvSpec = PipelineSpec['source']['csv'];
export type SplitSpec = NonNullable<PipelineSpec['split']>;

/**
 * Refuses, before the schema looks at it, what the design has and this version does not implement.
 *
 * @param document the pipeline file's value.
 * @throws PipelineError UNSUPPORTED, with the path of the block.
 */
export function refuseUnsupported(document: unknown): void {
  if (!isObject(document)) return;
  if ('privacy' in document) throw unsupported('"privacy"', ['privacy']);
  if (isObject(document.split) && 'at' in document.split) throw unsupported('a split by time ("at")', ['split', 'at']);
  const format = isObject(document.source) ? document.source.format : undefined;
  if (format === 'parquet' || format === 'json') throw unsupported(`the source format ${format}`, ['source', 'format']);
  for (const [index, step] of (Array.isArray(document.steps) ? document.steps : []).entries()) {
    for (const name of isObject(step) ? Object.keys(step) : []) {
      if (name === 'sql' || name === 'script') throw unsupported(`the step "${name}"`, ['steps', index, name]);
    }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function unsupported(what: string, path: (string | number)[]): PipelineError {
  return new PipelineError('UNSUPPORTED', `${what} is not implemented in this version`, {
    path,
    hint: 'take it out of the pipeline file; it would have been left undone',
  });
}

/**
 * The pipeline in a value that was read from a file.
 *
 * @throws PipelineError UNSUPPORTED or SPEC, with the path of the first mistake.
 */
export function parsePipelineSpec(document: unknown): PipelineSpec {
  refuseUnsupported(document);
  const result = pipelineSchema.safeParse(document);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).map((part) => (typeof part === 'number' ? part : String(part)));
  const where = path.length === 0 ? 'the pipeline file' : path.join('.');
  throw new PipelineError('SPEC', `${where}: ${issue?.message ?? 'not valid'}`, { path });
}

/** The JSON Schema (2020-12) of a pipeline file, for editors. */
export function pipelineJsonSchema(): object {
  return z.toJSONSchema(pipelineSchema, { io: 'input' });
}
