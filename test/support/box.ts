// A workspace in a temporary folder, with its keys, for tests that need real data at rest.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initLocalKeys, type LocalKeys, openLocalKeys } from '../../src/keys/index.ts';
import { openVault, type Vault } from '../../src/vault/index.ts';
import { loadWorkspace, STATE_FOLDER, type Workspace } from '../../src/workspace/index.ts';

export const BOX_YAML = `workspace: test
keys:
  raw: { provider: local }
  features: { provider: local }
stores:
  box: { provider: dir, path: ./data }
datasets:
  claims-raw: { store: box, key: raw, kind: raw, classification: restricted }
  other-raw: { store: box, key: raw, kind: raw, classification: restricted }
  claims-quarantine: { store: box, key: raw, kind: derived, classification: restricted }
  claims-features: { store: box, key: features, kind: derived, classification: internal }
domains: { patient: {} }
pipelines: pipelines/
`;

export interface Box {
  folder: string;
  workspaceFolder: string;
  dataFolder: string;
  workspace: Workspace;
  keys: LocalKeys;
  vault: Vault;
  /** A vault that has nothing cached. */
  reopen(): Promise<Vault>;
  remove(): Promise<void>;
}

/** Makes a workspace of `yaml` with all its keys. */
export async function makeBox(yaml = BOX_YAML): Promise<Box> {
  const folder = await mkdtemp(join(tmpdir(), 'glovebox-box-'));
  const workspaceFolder = join(folder, 'workspace');
  const root = { file: join(folder, 'config', 'root.key') };
  await mkdir(join(workspaceFolder, 'pipelines'), { recursive: true });
  await writeFile(join(workspaceFolder, 'glovebox.yaml'), yaml);
  const workspace = await loadWorkspace(workspaceFolder);
  const directory = join(workspaceFolder, STATE_FOLDER);
  const keys = await initLocalKeys({ directory, root });
  for (const [alias, config] of Object.entries(workspace.keys)) {
    await keys.create(alias, config.provider === 'local' ? config.use : undefined);
  }
  return {
    folder,
    workspaceFolder,
    dataFolder: join(workspaceFolder, 'data'),
    workspace,
    keys,
    vault: openVault(workspace, keys),
    reopen: async () => openVault(workspace, await openLocalKeys({ directory, root })),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** All bytes of a stream. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

/** One chunk as a stream; a copy, because sealing wipes what it takes. */
export async function* streamOf(...texts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text as string);
}
