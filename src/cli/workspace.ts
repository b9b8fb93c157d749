// Opens the workspace that a command works in: its configuration, its keys and its vault.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessModel } from '../access/index.ts';
import type { Setup } from '../gateway/index.ts';
import { defaultRootKeyPath, type KeyUse, type LocalKeys, openLocalKeys, type RootKeySource } from '../keys/index.ts';
import { isErrnoError } from '../lib/index.ts';
import { pipelineUses } from '../pipeline/index.ts';
import {
  type Caller,
  type Gate,
  guardKeys,
  type ManagedKeys,
  openGate,
  openVault,
  type Vault,
} from '../vault/index.ts';
import {
  accessModel,
  findWorkspace,
  loadWorkspace,
  type PipelineUses,
  STATE_FOLDER,
  suggest,
  type Workspace,
} from '../workspace/index.ts';
import type { CommandContext } from './command.ts';
import { usage } from './error.ts';
import { readPassphrase } from './prompt.ts';

/** The folder of a workspace's embedded key store: its file is keys.json. */
export function keysDirectory(workspaceDirectory: string): string {
  return join(workspaceDirectory, STATE_FOLDER);
}

/** The configuration alone: no key is needed. @throws WorkspaceError; CliError `USAGE` (unknown role) */
export async function openWorkspace(context: CommandContext): Promise<Workspace> {
  const { directory, directoryGiven, role } = context;
  const workspace = await loadWorkspace(directoryGiven ? directory : await findWorkspace(directory));
  if (role !== undefined && workspace.roles[role] === undefined) {
    const names = Object.keys(workspace.roles);
    const hint = suggest(role, names) ?? (names.length === 0 ? 'it declares no roles' : `it has ${names.join(', ')}`);
    throw usage(`the workspace has no role ${role}`, hint);
  }
  return workspace;
}

/** What glovebox.yaml declares a key for; undefined where it does not name it. */
export function useOf(workspace: Workspace, alias: string): KeyUse | undefined {
  const config = workspace.keys[alias];
  return config === undefined
    ? undefined
    : config.provider === 'local' && config.use === 'drop-box'
      ? 'drop-box'
      : 'seal';
}

/** The embedded key store of the workspace. @throws KeyError; CliError `PASSPHRASE` */
export async function openKeys(context: CommandContext, workspace: Workspace): Promise<LocalKeys> {
  const directory = keysDirectory(workspace.directory);
  return openLocalKeys({ directory, root: await rootKeySource(context, directory) });
}

/** The keys for whoever manages them; each use is decided and recorded. @throws as `openKeys` */
export async function openManagedKeys(context: CommandContext, workspace: Workspace): Promise<ManagedKeys> {
  const keys = await openKeys(context, workspace);
  return guardKeys(keys, openGate(workspace, await callerOf(context, workspace, keys)));
}

/** The way to the data, for the caller's role. @throws as `openWorkspace` and `openKeys` */
export async function openWorkspaceVault(context: CommandContext): Promise<Vault> {
  const workspace = await openWorkspace(context);
  const keys = await openKeys(context, workspace);
  return openVault(workspace, keys, await callerOf(context, workspace, keys));
}

/** Reads the configuration for the gateway, as often as it wants to; the keys are opened once. */
export async function openGatewaySetup(context: CommandContext): Promise<() => Promise<Setup>> {
  const first = await openWorkspace(context);
  const keys = await openKeys(context, first);
  return async () => {
    const workspace = await loadWorkspace(first.directory);
    const { role: _, ...known } = await callerOf(context, workspace, keys);
    return { workspace, openVault: (caller) => openVault(workspace, keys, { ...known, ...caller }) };
  };
}

/** What decides and records, without the keys: policies that name ARNs of keys find none. */
export async function openGateOf(
  context: CommandContext,
  workspace: Workspace,
): Promise<{ gate: Gate; pipelines: PipelineUses }> {
  const caller = await callerOf(context, workspace);
  return { gate: openGate(workspace, caller), pipelines: caller.pipelines ?? {} };
}

/** The workspace as policies see it. @throws WorkspaceError */
export async function openModel(workspace: Workspace): Promise<AccessModel> {
  return accessModel(workspace, await pipelineUses(workspace));
}

async function callerOf({ role }: CommandContext, workspace: Workspace, keys?: LocalKeys): Promise<Caller> {
  const described = (await keys?.list()) ?? [];
  return {
    ...(role === undefined ? {} : { role }),
    pipelines: await pipelineUses(workspace),
    keyArns: Object.fromEntries(described.map(({ alias, arn }) => [alias, arn])),
  };
}

async function rootKeySource(context: CommandContext, directory: string): Promise<RootKeySource> {
  if (!(await isUnderPassphrase(directory))) return { file: defaultRootKeyPath() };
  const what = "passphrase of this workspace's keys";
  return { passphrase: await readPassphrase({ what, variable: 'GLOVEBOX_PASSPHRASE_FILE', signal: context.signal }) };
}

/** What the key store says of its own root; it is verified when it is opened. */
async function isUnderPassphrase(directory: string): Promise<boolean> {
  try {
    const content: unknown = JSON.parse(await readFile(join(directory, 'keys.json'), 'utf8'));
    if (typeof content !== 'object' || content === null || !('root' in content)) return false;
    const { root } = content;
    return typeof root === 'object' && root !== null && 'kind' in root && root.kind === 'passphrase';
  } catch (error) {
    // Whatever is wrong with the file, opening it says so in better words.
    if (isErrnoError(error) || error instanceof SyntaxError) return false;
    throw error;
  }
}
