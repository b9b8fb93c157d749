// What `glovebox plan` shows: the plan as data, with what the workspace adds to it (keys, objects).
import type { Vault } from '../vault/index.ts';
import { loadPipeline } from './load.ts';
import { describePlan, type PlanDescription } from './plan/describe.ts';

export interface PipelineDescription extends PlanDescription {
  /** The objects that a run would read now; sizes are plaintext bytes. */
  objects: { path: string; bytes: number }[];
  /** By dataset that is read or written: its key, kind and classification. */
  datasets: { name: string; key: string; kind: string; classification: string; access: 'read' | 'write' }[];
}

/**
 * Plans the pipeline `name` of the vault's workspace, without running it.
 *
 * @throws WorkspaceError and PipelineError (with file, line and column); VaultError, SealError
 */
export async function describePipeline(vault: Vault, name: string): Promise<PipelineDescription> {
  const { plan, objects } = await loadPipeline(vault, name);
  const { spec } = plan;
  const used: [string, 'read' | 'write'][] = [
    [spec.source.dataset, 'read'],
    [spec.output.dataset, 'write'],
    ...(spec.quarantine === undefined ? [] : [[spec.quarantine, 'write'] as [string, 'write']]),
  ];
  return {
    ...describePlan(plan),
    objects,
    datasets: used.flatMap(([dataset, access]) => {
      const config = vault.workspace.datasets[dataset];
      if (config === undefined) return [];
      const { key, kind, classification } = config;
      return [{ name: dataset, key, kind, classification, access }];
    }),
  };
}
