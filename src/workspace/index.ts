// The door of workspace/: glovebox.yaml, and YAML files checked against a schema.
export { accessModel, type PipelineUses } from './access-model.ts';
export { CLASSIFICATIONS, type Classification, compareClassification } from './classification.ts';
export { parseDuration } from './duration.ts';
export { type Position, WorkspaceError, type WorkspaceErrorCode } from './error.ts';
export { type Endpoint, formatEndpoint, type GatewayConfig, parseEndpoint } from './gateway-schema.ts';
export { initWorkspace } from './init.ts';
export { findWorkspace, loadWorkspace, parseWorkspace } from './load.ts';
export { nameSchema } from './names.ts';
export { listPipelines, pipelinePath } from './pipelines.ts';
export type { PolicyDocument } from './policy-schema.ts';
export {
  type DatasetConfig,
  type GrantConfig,
  type KeyConfig,
  type RoleConfig,
  type StoreConfig,
  type UserConfig,
  workspaceJsonSchema,
} from './schema.ts';
export { parseSize } from './size.ts';
export { closest, suggest } from './suggest.ts';
export { readTextFile } from './text-file.ts';
export { STATE_FOLDER, WORKSPACE_FILE, type Workspace } from './workspace.ts';
export { parseYamlDocument, type YamlDocument } from './yaml-document.ts';
export type { Path } from './yaml-tree.ts';
