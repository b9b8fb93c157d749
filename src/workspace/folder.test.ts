import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findWorkspace, initWorkspace, listPipelines, loadWorkspace, pipelinePath } from './index.ts';

const code = (value: string) => expect.objectContaining({ name: 'WorkspaceError', code: value });
let folder: string;
let home: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glovebox-workspace-'));
  home = join(folder, 'claims');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('initWorkspace', () => {
  it('makes a workspace that loads', async () => {
    const workspace = await initWorkspace(home, { name: 'claims' });
    expect(workspace).toEqual(await loadWorkspace(home));
    expect(Object.keys(workspace.datasets)).toEqual(['claims-raw', 'claims-quarantine', 'claims-features']);
    expect((await readdir(home)).sort()).toEqual(['.gitignore', '.glovebox', 'glovebox.yaml', 'pipelines']);
    expect((await lstat(join(home, '.glovebox'))).mode & 0o777).toBe(0o700);
    expect(await readFile(join(home, '.gitignore'), 'utf8')).toBe('/data/\n/.glovebox/\n');
    const [first = ''] = (await readFile(join(home, 'glovebox.yaml'), 'utf8')).split('\n');
    const schema = first.replace('# yaml-language-server: $schema=', '');
    expect(JSON.parse(await readFile(join(home, schema), 'utf8'))).toHaveProperty('properties.datasets');
  });

  it('touches nothing where there is a workspace, also for one of two at once', async () => {
    const both = await Promise.allSettled([1, 2].map(() => initWorkspace(home, { name: 'claims' })));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await loadWorkspace(home)).toMatchObject({ name: 'claims' });
    const before = await readFile(join(home, 'glovebox.yaml'), 'utf8');
    await expect(initWorkspace(home, { name: 'other' })).rejects.toEqual(code('EXISTS'));
    expect(await readFile(join(home, 'glovebox.yaml'), 'utf8')).toBe(before);
  });

  it('leaves nothing behind when it fails, and keeps what was there', async () => {
    await expect(initWorkspace(home, { name: 'Not A Name' })).rejects.toEqual(code('SCHEMA'));
    await mkdir(home);
    await writeFile(join(home, '.glovebox'), 'in the way');
    await expect(initWorkspace(home, { name: 'claims' })).rejects.toMatchObject({ name: 'WorkspaceError' });
    expect(await readdir(home)).toEqual(['.glovebox']);
    await rm(join(home, '.glovebox'));
    await writeFile(join(home, '.gitignore'), 'mine\n/data/');
    await initWorkspace(home, { name: 'claims' });
    expect(await readFile(join(home, '.gitignore'), 'utf8')).toBe('mine\n/data/\n/.glovebox/\n');
  });
});

describe('finding and loading', () => {
  it('looks upward', async () => {
    await expect(findWorkspace(folder)).rejects.toEqual(code('NO_WORKSPACE'));
    await initWorkspace(home, { name: 'claims' });
    await mkdir(join(home, 'a', 'b'), { recursive: true });
    expect(await findWorkspace(join(home, 'a', 'b'))).toBe(home);
    await expect(loadWorkspace(join(home, 'a'))).rejects.toEqual(code('NO_WORKSPACE'));
  });

  it.each([
    ['a folder', 'IO', (path: string) => mkdir(path)],
    ['not UTF-8', 'SYNTAX', (path: string) => writeFile(path, Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]))],
    ['UTF-16', 'SYNTAX', (path: string) => writeFile(path, Buffer.from('\ufeffa: 1', 'utf16le'))],
    ['too long', 'SYNTAX', (path: string) => writeFile(path, Buffer.alloc(2 ** 20 + 1, '#'))],
    ['empty', 'SYNTAX', (path: string) => writeFile(path, '')],
    ['an endless device', 'IO', (path: string) => symlink('/dev/zero', path)],
  ])('refuses a glovebox.yaml that is %s', async (_, expected, make) => {
    await make(join(folder, 'glovebox.yaml'));
    await expect(loadWorkspace(folder)).rejects.toEqual(code(expected));
  });

  it('checks grants against the pipelines that there are', async () => {
    await initWorkspace(home, { name: 'claims' });
    const file = join(home, 'glovebox.yaml');
    await writeFile(file, `${await readFile(file, 'utf8')}\nroles: { r: { allow: [ { run: clams } ] } }\n`);
    await expect(loadWorkspace(home)).rejects.toEqual(code('REFERENCE'));
    await writeFile(join(home, 'pipelines', 'claims.yaml'), '');
    await expect(loadWorkspace(home)).rejects.toMatchObject({ code: 'REFERENCE', hint: 'did you mean "claims"?' });
    await writeFile(join(home, 'pipelines', 'clams.yaml'), '');
    expect((await loadWorkspace(home)).roles.r?.allow).toEqual([{ run: 'clams' }]);
  });
});

describe('pipelines', () => {
  it('are the YAML files of the folder', async () => {
    const workspace = await initWorkspace(home, { name: 'claims' });
    expect(await listPipelines(workspace)).toEqual([]);
    await expect(pipelinePath(workspace, 'claims')).rejects.toEqual(code('REFERENCE'));
    for (const name of ['b.yaml', 'a.yaml', 'notes.txt', '.b.yaml']) await writeFile(join(home, 'pipelines', name), '');
    expect(await listPipelines(workspace)).toEqual(['a', 'b']);
    expect(await pipelinePath(workspace, 'b')).toBe(join(home, 'pipelines', 'b.yaml'));
    for (const name of ['../glovebox', '/etc/passwd', 'c']) {
      await expect(pipelinePath(workspace, name)).rejects.toEqual(code('REFERENCE'));
    }
    expect(await listPipelines({ ...workspace, pipelines: 'none' })).toEqual([]);
  });

  it.each(['A.yaml', 'a.yml', 'a b.yaml'])('are never passed over for their name: %s', async (name) => {
    const workspace = await initWorkspace(home, { name: 'claims' });
    await writeFile(join(home, 'pipelines', name), '');
    await expect(listPipelines(workspace)).rejects.toEqual(code('SCHEMA'));
  });

  it('do not lead out of the workspace', async () => {
    const workspace = await initWorkspace(home, { name: 'claims' });
    await writeFile(join(folder, 'outside.yaml'), '');
    await symlink(join(folder, 'outside.yaml'), join(home, 'pipelines', 'inside.yaml'));
    await expect(listPipelines(workspace)).rejects.toEqual(code('SCHEMA'));
    await rm(join(home, 'pipelines'), { recursive: true });
    await symlink(folder, join(home, 'pipelines'));
    await expect(listPipelines(workspace)).rejects.toEqual(code('SCHEMA'));
  });
});
