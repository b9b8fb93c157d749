// A workspace in a temporary folder, with its keys, for tests that need real data at rest.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initLocalKeys, type LocalKeys, openLocalKeys } from '../../src/keys/index.ts';
import { type Caller, openVault, type Vault } from '../../src/vault/index.ts';
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
  /** The vault of somebody in a role. */
  as(role: string, caller?: Omit<Caller, 'role'>): Vault;
  /** Another one, with all that is in this one: quicker than making keys. */
  copy(): Promise<Box>;
  remove(): Promise<void>;
}

/** Makes a workspace of `yaml` with all its keys. Its vaults are those of the caller; `files` are pipelines by name. */
export async function makeBox(
  yaml = BOX_YAML,
  { files = {}, ...caller }: Caller & { files?: Record<string, string> } = {},
): Promise<Box> {
  const folder = await mkdtemp(join(tmpdir(), 'glovebox-box-'));
  const workspaceFolder = join(folder, 'workspace');
  await mkdir(join(workspaceFolder, 'pipelines'), { recursive: true });
  await writeFile(join(workspaceFolder, 'glovebox.yaml'), yaml);
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(workspaceFolder, 'pipelines', `${name}.yaml`), text);
  }
  const { keys: configs } = await loadWorkspace(workspaceFolder);
  const keys = await initLocalKeys({ directory: join(workspaceFolder, STATE_FOLDER), root: rootOf(folder) });
  for (const [alias, config] of Object.entries(configs)) {
    await keys.create(alias, config.provider === 'local' ? config.use : undefined);
  }
  return openBox(folder, caller);
}

async function openBox(folder: string, caller: Caller): Promise<Box> {
  const workspaceFolder = join(folder, 'workspace');
  const workspace = await loadWorkspace(workspaceFolder);
  const open = () => openLocalKeys({ directory: join(workspaceFolder, STATE_FOLDER), root: rootOf(folder) });
  const keys = await open();
  return {
    folder,
    workspaceFolder,
    dataFolder: join(workspaceFolder, 'data'),
    workspace,
    keys,
    vault: openVault(workspace, keys, caller),
    reopen: async () => openVault(workspace, await open(), caller),
    as: (role, others = {}) => openVault(workspace, keys, { role, ...others }),
    async copy() {
      const other = await mkdtemp(join(tmpdir(), 'glovebox-box-'));
      await cp(folder, other, { recursive: true });
      return openBox(other, caller);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const rootOf = (folder: string) => ({ file: join(folder, 'config', 'root.key') });

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
