// The door of pipeline/: the pipeline file, the plan, the fit, and the relations that an engine runs.

export { pipelineUses } from './access.ts';
export { describePipeline, type PipelineDescription } from './describe.ts';
export type { AggregateValue, CopyResult, Engine, OutputPart, Scalar } from './engines/types.ts';
export { PipelineError, type PipelineErrorCode, type SpecPath } from './error.ts';
export { type FitOutcome, fitPipeline, materializeDeduplication } from './fit/fit.ts';
export { type FittedParameters, parseFitted, serializeFitted } from './fit/parameters.ts';
export { type Check, checkId, describeCheck } from './plan/checks.ts';
export type { ColumnWay } from './plan/columns.ts';
export { type Breach, type ContractCounts, diagnoseFailure } from './plan/contract.ts';
export { describePlan, type PlanDescription } from './plan/describe.ts';
export { type Plan, type PlanContext, type PlanDataset, type PlanWorkspace, planPipeline } from './plan/plan.ts';
export { printRelation, secretTableName } from './plan/printer.ts';
export { quarantineRelation, REASON_COLUMN } from './plan/reading.ts';
export { ROW_COLUMN, SPLIT_COLUMN } from './plan/relation.ts';
export { type OutputColumn, type Transform, transformRelation } from './plan/transform.ts';
export { FITTED_PATH, runPipeline } from './run.ts';
export type { RunOptions, RunProgress, RunReport } from './run-types.ts';
export { domainSecretTable, splitSecretTable } from './secrets.ts';
export { type PipelineSpec, parsePipelineSpec, pipelineJsonSchema, pipelineSchema, refuseUnsupported } from './spec.ts';
export { unencryptedSwap } from './swap.ts';
