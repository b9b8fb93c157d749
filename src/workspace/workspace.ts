// What the rest of Glovebox sees of a workspace: glovebox.yaml, checked, with its defaults filled in.
import type { GatewayConfig } from './gateway-schema.ts';
import type { DatasetConfig, KeyConfig, RoleConfig, StoreConfig, UserConfig } from './schema.ts';

/** The file that makes a folder a workspace. */
export const WORKSPACE_FILE = 'glovebox.yaml';

/** The folder of a workspace's private state (0700), beside `glovebox.yaml`. */
export const STATE_FOLDER = '.glovebox';

/** Names are as declared; the maps have no prototype, so `maps[name]` is undefined for what is not declared. */
export interface Workspace {
  name: string;
  /** Absolute. */
  directory: string;
  /** How messages name the file. */
  file: string;
  keys: Record<string, KeyConfig>;
  stores: Record<string, StoreConfig>;
  datasets: Record<string, DatasetConfig>;
  domains: Record<string, Record<string, never>>;
  roles: Record<string, RoleConfig>;
  users: Record<string, UserConfig>;
  /** Folder of the pipelines, relative to `directory`. */
  pipelines: string;
  engine: { memoryBytes?: number; threads?: number };
  gateway: GatewayConfig;
}
