// The house rules hold: each kind of violation, written into a copy of the settings, is refused by the linter.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkHouse, house } from '../scripts/house.ts';
import { findBrokenLinks } from '../scripts/links.ts';
import { root } from '../scripts/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'glovebox-house-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
for (const name of ['biome.json', 'scripts/explicit-door.grit', '.gitignore', '.oxlintrc.json', 'tsconfig.json']) {
  cpSync(join(root, name), join(folder, name));
}
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));

interface Diagnostic {
  category: string;
  location: { path: string | { file: string } };
}

/** Writes each file, lints the folder, and gives the rules that each file broke. */
function lint(files: Record<string, string>): Record<string, string[]> {
  rmSync(join(folder, 'src'), { recursive: true, force: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const biome = join(root, 'node_modules', '.bin', 'biome');
  const result = spawnSync(biome, ['lint', '--reporter=json', '--max-diagnostics=none', 'src'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const report: { diagnostics: Diagnostic[] } = JSON.parse(result.stdout.slice(result.stdout.indexOf('{')));
  const broken: Record<string, string[]> = Object.fromEntries(Object.keys(files).map((path) => [path, []]));
  for (const { category, location } of report.diagnostics) {
    const path = typeof location.path === 'string' ? location.path : location.path.file;
    broken[path]?.push(category.split('/').at(-1) ?? '');
  }
  return broken;
}

const rooms = Object.keys(house);
const mayImport = (room: string, other: string) => other === 'lib' || (house[room] ?? []).includes(other);

describe('the import table', () => {
  test('allows and refuses every pair of rooms as it says, at the room’s top and inside its folders', () => {
    const files: Record<string, string> = {};
    const expected: Record<string, string[]> = {};
    for (const room of rooms) {
      for (const other of rooms.filter((name) => name !== room)) {
        for (const [inner, up] of [
          ['', '..'],
          ['steps/', '../..'],
        ] as const) {
          const path = `src/${room}/${inner}uses-${other}.ts`;
          files[path] = `import { a } from '${up}/${other}/index.ts';\nexport const b = a;\n`;
          expected[path] = mayImport(room, other) ? [] : ['noRestrictedImports'];
        }
      }
    }
    expect(lint(files)).toEqual(expected);
    expect(Object.keys(files)).toHaveLength(rooms.length * (rooms.length - 1) * 2);
  });

  test('refuses a way past the door in every form of import, and lets tests through', () => {
    const expected = {
      'src/vault/a.ts': ['noRestrictedImports'],
      'src/vault/b.ts': ['noRestrictedImports'],
      'src/vault/c.ts': ['noRestrictedImports'],
      'src/vault/d.ts': ['noRestrictedImports'],
      'src/vault/inner/e.ts': ['noRestrictedImports'],
      'src/vault/f.test.ts': [],
      'src/vault/g.ts': [],
    };
    const files = {
      'src/vault/a.ts': "import { a } from '../seal/frame.ts';\nexport const b = a;\n",
      'src/vault/b.ts': "import type { A } from '../seal/types.ts';\nexport type B = A;\n",
      'src/vault/c.ts': "export { a } from '../seal/frame.ts';\n",
      'src/vault/d.ts': "export const a = await import('../seal/frame.ts');\n",
      'src/vault/inner/e.ts': "import { a } from '../../lib/inner/a.ts';\nexport const b = a;\n",
      'src/vault/f.test.ts': "import { a } from '../seal/frame.ts';\nexport const b = a;\n",
      'src/vault/g.ts': "import { a } from './inner/e.ts';\nexport const b = a;\n",
    };
    expect(lint(files)).toEqual(expected);
  });

  test('is what biome.json holds, and has a row for every folder of src', async () => {
    expect(await checkHouse(root, false)).toBe(true);
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true });
    expect(rooms).toEqual(expect.arrayContaining(folders.map((entry) => entry.name)));
  });

  test('has no cycle', () => {
    const reach = (room: string): string[] => (house[room] ?? []).flatMap((other) => [other, ...reach(other)]);
    for (const room of rooms) expect(reach(room)).not.toContain(room);
  });

  test('finds a biome.json that differs from it', async () => {
    const settings = readFileSync(join(folder, 'biome.json'), 'utf8');
    const changed = mkdtempSync(join(folder, 'changed-'));
    writeFileSync(join(changed, 'biome.json'), settings.replace('"**/../vault/**"', '"**/../vaults/**"'));
    expect(await checkHouse(changed, false)).toBe(false);
    expect(await checkHouse(changed, true)).toBe(true);
    expect(JSON.parse(readFileSync(join(changed, 'biome.json'), 'utf8'))).toEqual(JSON.parse(settings));
  });
});

describe('other rules of the house', () => {
  test('doors list names; printing is for the command line; files stay short', () => {
    const long = Array.from({ length: 501 }, (_, index) => `export const a${index} = ${index};`).join('\n');
    const broken = lint({
      'src/seal/index.ts': "export * from './seal.ts';\n",
      'src/store/index.ts': "export type * from './types.ts';\n",
      'src/keys/index.ts': "export * as keys from './types.ts';\n",
      'src/vault/index.ts': "export { put } from './put.ts';\nexport type { A } from './types.ts';\n",
      'src/seal/print.ts': "console.log('a');\n",
      'src/cli/print.ts': "console.log('a');\n",
      'src/seal/default.ts': 'export default 1;\n',
      'src/seal/any.ts': 'export const a = (b: any): number => b;\n',
      'src/seal/long.ts': `${long}\n`,
    });
    expect(broken).toEqual({
      'src/seal/index.ts': ['noReExportAll'],
      'src/store/index.ts': ['plugin'],
      'src/keys/index.ts': ['noReExportAll'],
      'src/vault/index.ts': [],
      'src/seal/print.ts': ['noConsole'],
      'src/cli/print.ts': [],
      'src/seal/default.ts': ['noDefaultExport'],
      'src/seal/any.ts': ['noExplicitAny'],
      'src/seal/long.ts': ['noExcessiveLinesPerFile'],
    });
  });

  test('a promise that nobody waits for is refused', () => {
    rmSync(join(folder, 'src'), { recursive: true, force: true });
    mkdirSync(join(folder, 'src', 'seal'), { recursive: true });
    const bad = 'export async function a(): Promise<void> {}\nexport function b(): void {\n  a();\n}\n';
    writeFileSync(join(folder, 'src', 'seal', 'floating.ts'), bad);
    const oxlint = join(root, 'node_modules', '.bin', 'oxlint');
    const result = spawnSync(oxlint, ['--type-aware', 'src'], { cwd: folder, encoding: 'utf8' });
    expect(result.status).not.toBe(0);
    expect(result.stdout).toContain('no-floating-promises');
  });
});

describe('links in the documents', () => {
  test('a broken file or anchor is found, a good one and code are not', async () => {
    const documents = mkdtempSync(join(folder, 'links-'));
    for (const name of ['docs', 'examples']) mkdirSync(join(documents, name));
    writeFileSync(
      join(documents, 'docs', 'a.md'),
      '# One heading, here\n\n`[no](link.md)`\n\n```\n[no](link.md)\n```\n',
    );
    const links = ['docs/a.md', 'docs/a.md#one-heading-here', 'docs/b.md', 'docs/a.md#two', 'https://example.com/x'];
    writeFileSync(join(documents, 'README.md'), links.map((link) => `[text](${link})`).join('\n'));
    expect(await findBrokenLinks(documents)).toEqual([
      'README.md:3: there is no docs/b.md',
      'README.md:4: docs/a.md has no heading #two',
    ]);
  });
});
