// A pipeline from its file, planned against the workspace and the headers of its source.
import { z } from 'zod';
import type { Vault } from '../vault/index.ts';
import {
  type Classification,
  compareClassification,
  parseYamlDocument,
  type Workspace,
  type YamlDocument,
} from '../workspace/index.ts';
import type { PassInput } from './engines/duckdb/feeds.ts';
import { PipelineError } from './error.ts';
import { prepareInputs } from './inputs.ts';
import { matchHeader } from './plan/header.ts';
import { type Plan, type PlanWorkspace, planPipeline } from './plan/plan.ts';
import { type PipelineSpec, pipelineSchema, refuseUnsupported } from './spec.ts';

/** A pipeline with its source pinned: the same objects for every pass. */
export interface LoadedPipeline {
  /** The name of its file. */
  name: string;
  plan: Plan;
  inputs: PassInput[];
  /** The objects that were pinned; empty where the source has none yet. */
  objects: { path: string; bytes: number }[];
  bytesPerRow: number | undefined;
}

/**
 * Loads the pipeline `name` of the vault's workspace: reads its file, pins the objects that it names,
 * reads their headers, and plans it. Without objects it is planned for the declared columns.
 *
 * @throws WorkspaceError (with file, line and column), PipelineError, VaultError, SealError
 */
export async function loadPipeline(vault: Vault, name: string): Promise<LoadedPipeline> {
  const { file, text } = await vault.pipelineText(name);
  const raw = parseYamlDocument(text, file, z.unknown());
  return located(raw, async () => {
    refuseUnsupported(raw.value);
    const spec = parseYamlDocument(text, file, pipelineSchema).value;
    checkSource(spec, vault.workspace);
    const objects = await vault.pin(spec.source.dataset, spec.source.objects);
    const { inputs, headers, bytesPerRow } = await prepareInputs(objects, spec.source.csv);
    const header = headers[0]?.columns ?? Object.keys(spec.columns);
    for (const { object, columns } of headers) matchHeader(spec, columns, `${spec.source.dataset}/${object}`);
    const plan = await planPipeline(spec, { header, workspace: planWorkspace(vault.workspace) });
    return {
      name,
      plan,
      inputs,
      objects: objects.map(({ info }) => ({ path: info.path, bytes: info.size })),
      bytesPerRow,
    };
  });
}

/** Gives errors about the pipeline file its line and column. */
async function located<T>(document: YamlDocument<unknown>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PipelineError) || error.path === undefined) throw error;
    const { file, line, column } = document.positionOf([...error.path]);
    throw new PipelineError(error.code, `${file}:${line}:${column}: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** The source must be there before its objects can be looked at; the planner checks the rest. */
function checkSource(spec: PipelineSpec, workspace: Workspace): void {
  const { dataset } = spec.source;
  const config = workspace.datasets[dataset];
  const path = ['source', 'dataset'];
  if (config === undefined) {
    throw new PipelineError('SPEC', `there is no dataset "${dataset}" in the workspace`, {
      path,
      hint: `it has ${Object.keys(workspace.datasets).join(', ')}`,
    });
  }
  if (config.kind !== 'raw') {
    throw new PipelineError('SPEC', `the source "${dataset}" is a derived dataset; a pipeline reads a raw one`, {
      path,
    });
  }
}

function planWorkspace({ datasets, domains }: Workspace): PlanWorkspace {
  return {
    datasets: new Map(Object.entries(datasets)),
    domains: Object.keys(domains),
    compareClassification: (a, b) => compareClassification(a as Classification, b as Classification),
  };
}
