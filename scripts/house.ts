// The house: which room may import which. The only place that says so: the linter's settings for it in
// biome.json are made from this table (`npm run lint -- --fix`), and the lint fails when they differ.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** For each folder of src/: the rooms that it may import, through their `index.ts`, besides `lib`. */
export const house: Record<string, string[]> = {
  lib: [],
  keys: [],
  seal: ['keys'],
  store: [],
  access: [],
  audit: [],
  workspace: ['access'],
  vault: ['workspace', 'keys', 'seal', 'store', 'access', 'audit'],
  sftp: [],
  pipeline: ['vault', 'workspace'],
  provenance: ['vault', 'workspace'],
  transfer: ['sftp', 'vault'],
  gateway: ['sftp', 'vault', 'workspace'],
  deploy: ['workspace', 'access'],
  posture: ['workspace', 'access', 'vault'],
  cli: [
    ...['keys', 'seal', 'store', 'access', 'audit', 'workspace', 'vault', 'sftp', 'pipeline'],
    ...['provenance', 'transfer', 'gateway', 'deploy', 'posture'],
  ],
};

interface ImportOverride {
  includes: string[];
  linter: { rules: { style: { noRestrictedImports: { level: 'error'; options: { patterns: ImportPattern[] } } } } };
}

interface ImportPattern {
  group: string[];
  message: string;
}

/**
 * The linter's settings that hold each room to the table. Imports are relative paths, and no folder
 * inside a room bears a room's name; so `../ROOM/` at any depth is that room. Tests beside the source
 * are free.
 */
export function makeOverrides(): ImportOverride[] {
  return Object.entries(house).map(([room, allowed]) => {
    const others = Object.keys(house).filter((other) => other !== room);
    const open = others.filter((other) => other === 'lib' || allowed.includes(other));
    const closed = others.filter((other) => !open.includes(other));
    const patterns: ImportPattern[] = [];
    if (open.length > 0) {
      const doors = open.map((other) => `!**/../${other}/index.ts`);
      patterns.push({
        group: [...open.map((other) => `**/../${other}/**`), ...doors],
        message: "A room is imported through its index.ts only: add what you need to that room's door.",
      });
    }
    if (closed.length > 0) {
      patterns.push({
        group: closed.map((other) => `**/../${other}/**`),
        message: `${room}/ may not import this room (the table is in scripts/house.ts).`,
      });
    }
    return {
      includes: [`src/${room}/**`, '!**/*.test.ts'],
      linter: { rules: { style: { noRestrictedImports: { level: 'error', options: { patterns } } } } },
    };
  });
}

/** Whether the settings in `folder`/biome.json are those of the table; with `fix`, makes them so. */
export async function checkHouse(folder: string, fix: boolean): Promise<boolean> {
  const path = join(folder, 'biome.json');
  const settings: { overrides: { includes: string[] }[] } = JSON.parse(await readFile(path, 'utf8'));
  const isRoom = (override: { includes: string[] }) => override.includes[0]?.match(/^src\/[a-z]+\/\*\*$/) !== null;
  const rooms = settings.overrides.filter((override) => isRoom(override) && override.includes.length === 2);
  if (JSON.stringify(rooms) === JSON.stringify(makeOverrides())) return true;
  if (!fix) return false;
  settings.overrides = [...settings.overrides.filter((override) => !rooms.includes(override)), ...makeOverrides()];
  await writeFile(path, `${JSON.stringify(settings, null, 2)}\n`);
  return true;
}
