// What the workspace's pipelines use, for the policies of those who may run them.
import {
  listPipelines,
  type PipelineUses,
  parseYamlDocument,
  pipelinePath,
  readTextFile,
  type Workspace,
  WorkspaceError,
} from '../workspace/index.ts';
import { PipelineError } from './error.ts';
import { type PipelineSpec, pipelineSchema } from './spec.ts';

/**
 * By pipeline: its datasets and secrets, as its file says. A file that is not valid uses none of them: whoever
 * runs it is told what is wrong with it.
 *
 * @throws WorkspaceError where the folder cannot be read
 */
export async function pipelineUses(workspace: Workspace): Promise<PipelineUses> {
  const uses: PipelineUses = {};
  for (const name of await listPipelines(workspace)) {
    const spec = await readSpec(await pipelinePath(workspace, name));
    uses[name] = spec === undefined ? { source: '', output: '', secrets: [] } : usesOf(spec);
  }
  return uses;
}

async function readSpec(path: string): Promise<PipelineSpec | undefined> {
  const text = await readTextFile(path);
  try {
    return text === undefined ? undefined : parseYamlDocument(text, path, pipelineSchema).value;
  } catch (error) {
    if (error instanceof WorkspaceError || error instanceof PipelineError) return undefined;
    throw error;
  }
}

function usesOf({ source, output, quarantine, split, steps }: PipelineSpec): PipelineUses[string] {
  const domains = steps.flatMap(({ pseudonymize }) => domainOf(pseudonymize));
  const secrets = [...(split === undefined ? [] : ['split']), ...domains.map((domain) => `domain-${domain}`)];
  return {
    source: source.dataset,
    output: output.dataset,
    ...(quarantine === undefined ? {} : { quarantine }),
    secrets: [...new Set(secrets)],
  };
}

/** The step's own schema is applied when the pipeline is planned. */
function domainOf(options: unknown): string[] {
  if (typeof options !== 'object' || options === null || !('domain' in options)) return [];
  return typeof options.domain === 'string' ? [options.domain] : [];
}
