// The errors of the pipeline room.
import { GloveboxError } from '../lib/index.ts';

/**
 * What can go wrong with a pipeline.
 *
 * The pipeline file itself: SPEC (does not follow the schema, contradicts itself, asks for something
 * that does not exist), EXPRESSION (SQL that is not allowed or does not type-check), IDENTIFIER (an
 * identifying column would reach a dataset of lower classification), NO_SPLIT (a fitted step without a
 * split), UNSUPPORTED (a block that this version does not implement).
 *
 * The data against it: COLUMN (the header does not match, or two output columns collide), CONTRACT (a
 * value or a row breaks a rule that says fail), FIT (nothing to learn a parameter from), LIMIT (more
 * distinct values or rows than a step may hold in memory).
 *
 * ENGINE: the engine broke its side of the agreement. HOST: this machine is not fit to run on.
 */
export type PipelineErrorCode =
  | 'SPEC'
  | 'EXPRESSION'
  | 'IDENTIFIER'
  | 'NO_SPLIT'
  | 'UNSUPPORTED'
  | 'COLUMN'
  | 'CONTRACT'
  | 'FIT'
  | 'LIMIT'
  | 'ENGINE'
  | 'HOST';

/** Where in the pipeline file something is: keys and list positions from its root. */
export type SpecPath = readonly (string | number)[];

export interface PipelineErrorDetails {
  /** What the user can do about it: one sentence. */
  hint?: string | undefined;
  /** The error underneath; never shown. */
  cause?: unknown;
  /** Where in the pipeline file the mistake is; the caller turns it into line and column. */
  path?: SpecPath | undefined;
}

/** An error of the pipeline room. Its message names columns, steps and datasets, never a data value (I1). */
export class PipelineError extends GloveboxError<PipelineErrorCode> {
  readonly path: SpecPath | undefined;

  constructor(code: PipelineErrorCode, message: string, details: PipelineErrorDetails = {}) {
    const { hint, cause, path } = details;
    super(code, message, { ...(hint === undefined ? {} : { hint }), ...(cause === undefined ? {} : { cause }) });
    this.path = path;
  }
}
