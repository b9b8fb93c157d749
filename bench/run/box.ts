// The benchmark's workspace, opened from within: for its secrets and for reading results back.
import { join } from 'node:path';
import { openLocalKeys } from '../../src/keys/index.ts';
import { openVault, type Vault } from '../../src/vault/index.ts';
import { loadWorkspace, STATE_FOLDER } from '../../src/workspace/index.ts';

/** Opens the workspace with the keys under `configHome`. */
export async function openBox(workspaceFolder: string, configHome: string): Promise<Vault> {
  const workspace = await loadWorkspace(workspaceFolder);
  const root = { file: join(configHome, 'glovebox', 'root.key') };
  return openVault(workspace, await openLocalKeys({ directory: join(workspaceFolder, STATE_FOLDER), root }));
}
