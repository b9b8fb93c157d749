// I4: every way through the vault is decided by the caller's role and recorded before anything happens.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Box, collect, makeBox, streamOf } from '../../test/support/box.ts';
import { publicKeyKeyring } from '../keys/index.ts';
import { sealStream } from '../seal/index.ts';
import { parseWorkspace } from '../workspace/index.ts';
import { guardKeys, openGate, openVault, type Vault } from './index.ts';

const YAML = `workspace: test
keys:
  raw: { provider: local }
  features: { provider: local }
  box: { provider: local, use: drop-box }
stores:
  box: { provider: dir, path: ./data }
datasets:
  claims-raw: { store: box, key: raw, kind: raw, classification: restricted, dropBox: { key: box } }
  other-raw: { store: box, key: raw, kind: raw, classification: restricted }
  claims-features: { store: box, key: features, kind: derived, classification: internal }
roles:
  reader: { allow: [ { read: claims-raw }, { read: claims-features } ] }
  writer: { allow: [ { write: claims-raw }, { write: claims-features } ] }
  lister: { allow: [ { list: claims-raw }, { list: claims-features } ] }
  remover: { allow: [ { delete: claims-raw } ] }
  renamer: { allow: [ { rename: claims-raw } ] }
  approver: { allow: [ { approve: claims-raw } ] }
  ingester: { allow: [ { ingest: claims-raw } ] }
  uploader: { allow: [ { write: claims-raw }, { ingest: claims-raw } ] }
  rewriter: { allow: [ { write: claims-raw }, { read: claims-raw } ] }
  runner: { allow: [ { run: claims } ] }
  keeper: { allow: [ { manage: raw }, { manage: box } ] }
  auditor: { allow: [ { audit: read } ] }
  nobody: { allow: [] }
  neighbour: { allow: [ { read: other-raw }, { write: other-raw }, { delete: other-raw }, { rename: other-raw } ] }
  owner: { policy: { Version: "2012-10-17", Statement: { Effect: Allow, Action: "*", Resource: "*" } } }
  careful:
    policy:
      Version: "2012-10-17"
      Statement:
        - { Effect: Allow, Action: "*", Resource: "*" }
        - { Effect: Deny, Action: "s3:*", Resource: "arn:aws:s3:::test-box/claims-raw/names/secret/*" }
  part:
    policy:
      Version: "2012-10-17"
      Statement:
        - { Effect: Allow, Action: "kms:Decrypt", Resource: "*" }
        - { Effect: Allow, Action: "s3:ListBucket", Resource: "arn:aws:s3:::test-box", Condition: { StringLike: { "s3:prefix": "claims-raw/*" } } }
        - Effect: Allow
          Action: "s3:GetObject"
          Resource:
            - "arn:aws:s3:::test-box/claims-raw/names/2026/*"
            - "arn:aws:s3:::test-box/claims-raw/objects/*"
            - "arn:aws:s3:::test-box/claims-raw/keys/record-key"
            - "arn:aws:s3:::test-box/claims-raw/deliveries/*"
`;
const PIPELINES = { claims: { source: 'claims-raw', output: 'claims-features', secrets: ['split'] } };

let empty: Box;
let filled: Box;
let box: Box;
let owner: Vault;
beforeAll(async () => {
  empty = await makeBox(YAML, { files: { claims: 'pipeline: claims\n' } });
  await use(empty);
  await fill();
  filled = box;
  await use(filled);
});
afterAll(async () => {
  for (const each of [empty, filled]) await each.remove();
});
afterEach(() => box.remove());

/** Goes on in a copy. */
async function use(source: Box): Promise<void> {
  box = await source.copy();
  owner = box.as('owner');
}

const as = (role: string): Vault => box.as(role, { pipelines: PIPELINES });

interface Entry {
  eventName: string;
  requestParameters: Record<string, string>;
  userIdentity: Record<string, string>;
  resources: { ARN: string }[];
  errorCode?: string;
  errorMessage?: string;
}

function log(): Entry[] {
  const text = readFileSync(join(box.workspaceFolder, '.glovebox', 'audit.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Entry);
}

/** Everything in the store and beside it, but for the log. */
function state(): string {
  const find = ['.', '-type', 'f', '!', '-name', 'audit.jsonl', '-exec', 'sha256sum', '{}', '+'];
  return execFileSync('find', find, { cwd: box.workspaceFolder, encoding: 'utf8' }).split('\n').sort().join('\n');
}

/** For each method: the roles that may, and how to call it. A method that is not here fails the test below. */
const WAYS: Record<string, { may: string[]; call(vault: Vault): unknown }> = {
  put: { may: ['writer', 'approver'], call: (vault) => vault.put('claims-raw', 'new', streamOf('x')) },
  putFile: {
    may: ['writer', 'approver'],
    call: async (vault) => {
      const path = join(box.folder, 'plain');
      await writeFile(path, 'x');
      const file = await open(path);
      try {
        return await vault.putFile('claims-raw', 'new', {
          descriptor: file.fd,
          size: 1,
          chunks: streamOf('x'),
          confirm: async () => {},
        });
      } finally {
        await file.close();
      }
    },
  },
  get: { may: ['reader'], call: async (vault) => collect((await vault.get('claims-raw', 'a')).chunks) },
  getInto: {
    may: ['reader'],
    call: async (vault) => {
      const write = async (chunks: AsyncIterable<Uint8Array>) => void (await collect(chunks));
      return vault.getInto('claims-raw', 'a', { write });
    },
  },
  verify: { may: ['reader'], call: (vault) => vault.verify('claims-raw', 'a') },
  verifyAll: {
    may: ['reader'],
    call: async (vault) => {
      for await (const _ of vault.verifyAll('claims-raw'));
    },
  },
  list: { may: ['reader', 'lister', 'remover', 'approver'], call: (vault) => vault.list('claims-raw') },
  each: {
    may: ['reader', 'lister', 'remover', 'approver'],
    call: async (vault) => {
      for await (const _ of vault.each('claims-raw', ''));
    },
  },
  openForReading: {
    may: ['reader'],
    call: async (vault) => {
      const opened = await vault.openForReading('claims-raw', 'a');
      await collect(opened.chunks(0, 100));
      await opened.close();
    },
  },
  openSealed: {
    may: ['reader'],
    call: async (vault) => (await vault.openSealed('claims-raw', 'a')).reader.close(),
  },
  stat: { may: ['reader', 'lister', 'remover', 'approver'], call: (vault) => vault.stat('claims-raw', 'a') },
  inspect: { may: ['reader', 'lister', 'remover', 'approver'], call: (vault) => vault.inspect('claims-raw', 'a') },
  rename: { may: ['renamer'], call: (vault) => vault.rename('claims-raw', 'a', 'b') },
  remove: { may: ['remover'], call: (vault) => vault.remove('claims-raw', 'a') },
  collect: { may: ['remover'], call: (vault) => vault.collect('claims-raw', 1000) },
  versions: { may: ['reader', 'lister'], call: (vault) => vault.versions('claims-features') },
  version: { may: ['reader', 'lister'], call: (vault) => vault.version('claims-features') },
  pin: { may: ['reader'], call: (vault) => vault.pin('claims-raw', '*') },
  draft: { may: ['writer'], call: (vault) => vault.draft('claims-features', 'v2') },
  switchLatest: { may: ['writer'], call: (vault) => vault.switchLatest('claims-features', 'v1') },
  pipelineText: { may: ['runner'], call: (vault) => vault.pipelineText('claims') },
  secret: { may: ['runner'], call: (vault) => vault.secret('split', 'claims') },
  receive: {
    may: ['writer', 'approver'],
    call: async (vault) => vault.receive('claims-raw', 'second', await delivery('second')),
  },
  deliveries: { may: ['reader', 'lister', 'remover', 'approver'], call: (vault) => vault.deliveries('claims-raw') },
  accept: { may: ['approver'], call: (vault) => vault.accept('claims-raw', waiting) },
  reject: { may: ['approver'], call: (vault) => vault.reject('claims-raw', waiting) },
  beginUpload: {
    may: ['writer', 'approver'],
    call: async (vault) => (await vault.beginUpload('claims-raw', 'new')).suspend(),
  },
  beginUploadFrom: {
    may: ['rewriter'],
    call: async (vault) => (await vault.beginUploadFrom('claims-raw', 'a')).suspend(),
  },
  resumeUpload: {
    may: ['uploader'],
    call: async (vault) => (await vault.resumeUpload('claims-raw', upload)).suspend(),
  },
  findUpload: { may: ['uploader'], call: (vault) => vault.findUpload('claims-raw', 'u') },
  usage: { may: ['uploader'], call: (vault) => vault.usage('claims-raw') },
  expireUploads: { may: ['ingester', 'uploader'], call: (vault) => vault.expireUploads('claims-raw', 1000) },
  statUpload: { may: ['uploader'], call: (vault) => vault.statUpload('claims-raw', upload) },
  listUploads: { may: ['uploader'], call: (vault) => vault.listUploads('claims-raw') },
  removeUpload: { may: ['writer', 'approver', 'uploader'], call: (vault) => vault.removeUpload('claims-raw', upload) },
};
const NOT_DECIDED = ['workspace', 'writer', 'allows'];
const SINGLE = [
  'reader',
  'writer',
  'lister',
  'remover',
  'renamer',
  'approver',
  'ingester',
  'runner',
  'keeper',
  'auditor',
];

let waiting: string;
let upload: string;

/** A dataset with something of everything in it. */
async function fill(): Promise<void> {
  await owner.put('claims-raw', 'a', streamOf('plaintext'));
  const draft = owner.draft('claims-features', 'v1');
  await draft.putJson('x.json', {});
  await draft.publish({ pipeline: 'claims', writer: 'me', summary: {} });
  await owner.switchLatest('claims-features', 'v1');
  ({ id: waiting } = await owner.receive('claims-raw', 'first', await delivery('first')));
  const begun = await owner.beginUpload('claims-raw', 'u');
  await begun.write(Buffer.from('piece'));
  await begun.suspend();
  upload = begun.id;
}

async function delivery(text: string): Promise<AsyncIterable<Uint8Array>> {
  const keyring = publicKeyKeyring((await box.keys.publicKey('box')).pem);
  return (await sealStream(streamOf(text), { keyring, context: {} })).chunks;
}

/** The code that a call failed with; undefined where it did not. */
async function codeOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
}

describe('I4: every method', () => {
  it('is decided on', () => {
    const methods = Object.keys(owner).filter((name) => !NOT_DECIDED.includes(name));
    expect(methods.sort()).toEqual(Object.keys(WAYS).sort());
  });

  it.each(Object.entries(WAYS))('%s: allowed to those who were granted it, and to nobody else', async (_, way) => {
    await use(filled);
    const before = state();
    for (const role of [...SINGLE, 'nobody', 'neighbour']) {
      if (way.may.includes(role)) continue;
      expect([role, await codeOf(() => way.call(as(role)))]).toEqual([role, 'DENIED']);
      const last = log().at(-1);
      expect(last).toMatchObject({ errorCode: 'AccessDenied', errorMessage: expect.stringContaining(role) });
    }
    expect(await codeOf(() => way.call(openVault(box.workspace, box.keys)))).toBe('DENIED');
    expect(log().at(-1)).toMatchObject({ errorCode: 'AccessDenied', userIdentity: { type: 'Root' } });
    expect(state()).toBe(before);
    const [first = ''] = way.may;
    expect(await codeOf(() => way.call(as(first)))).toBeUndefined();
    expect(log().at(-1)).not.toHaveProperty('errorCode');
  });

  it.each(Object.entries(WAYS))('%s: each role that may', async (_, way) => {
    for (const role of [...way.may, 'owner']) {
      await use(filled);
      expect([role, await codeOf(() => way.call(as(role)))]).toEqual([role, undefined]);
      await box.remove();
    }
  });

  it('is not done where it cannot be recorded', async () => {
    await use(filled);
    const path = join(box.workspaceFolder, '.glovebox', 'audit.jsonl');
    await rm(path);
    await mkdir(path);
    const before = state();
    for (const [name, way] of Object.entries(WAYS)) {
      expect([name, await codeOf(() => way.call(owner))]).toEqual([name, 'WRITE']);
    }
    expect(state()).toBe(before);
  });
});

describe('the record', () => {
  it('says who, what, on which resources, and why not', async () => {
    await use(empty);
    await owner.put('claims-raw', 'a', streamOf('x'));
    const acme = box.as('lister', { user: 'acme', context: { 'aws:SourceIp': '127.0.0.1' } });
    await expect(acme.get('claims-raw', 'a')).rejects.toThrow(
      'read is not allowed on claims-raw/a for the role lister',
    );
    expect(log().at(-1)).toMatchObject({
      eventSource: 'glovebox',
      eventName: 'read',
      requestParameters: { subject: 'claims-raw', name: 'a' },
      userIdentity: {
        type: 'AssumedRole',
        arn: 'arn:aws:sts::000000000000:assumed-role/lister/acme@gateway',
        userName: 'acme',
      },
      resources: expect.arrayContaining([{ ARN: 'arn:aws:s3:::test-box/claims-raw/names/a' }]),
      errorCode: 'AccessDenied',
      errorMessage: expect.stringContaining('s3:GetObject'),
    });
    await acme.list('claims-raw');
    expect(log().at(-1)).toMatchObject({ eventName: 'list', requestParameters: { subject: 'claims-raw' } });
    expect(log().at(-1)).not.toHaveProperty('errorCode');
  });
});

describe('a policy that somebody wrote', () => {
  it('denies in spite of what it allows', async () => {
    await use(empty);
    const careful = box.as('careful');
    await careful.put('claims-raw', 'open', streamOf('x'));
    await owner.put('claims-raw', 'secret/a', streamOf('x'));
    for (const act of [
      () => careful.get('claims-raw', 'secret/a'),
      () => careful.put('claims-raw', 'secret/b', streamOf('x')),
      () => careful.remove('claims-raw', 'secret/a'),
      () => careful.rename('claims-raw', 'secret/a', 'open2'),
      () => careful.rename('claims-raw', 'open', 'secret/c'),
      () => careful.pin('claims-raw', '**'),
    ]) {
      await expect(act()).rejects.toMatchObject({ code: 'DENIED', hint: expect.stringContaining('statement 2') });
    }
    expect(await careful.pin('claims-raw', 'open')).toHaveLength(1);
    expect((await owner.list('claims-raw')).map(({ path }) => path)).toEqual(['open', 'secret/a']);
  });

  it('may be for a part of a dataset', async () => {
    await use(empty);
    const part = box.as('part');
    for (const name of ['2025/a', '2026/a']) await owner.put('claims-raw', name, streamOf(name));
    expect((await collect((await part.get('claims-raw', '2026/a')).chunks)).toString()).toBe('2026/a');
    expect(await codeOf(() => part.get('claims-raw', '2025/a'))).toBe('DENIED');
    expect(await codeOf(() => part.put('claims-raw', '2026/b', streamOf('x')))).toBe('DENIED');
    expect(await codeOf(() => part.list('claims-raw'))).toBe('DENIED');
    expect((await part.list('claims-raw', { prefix: '2026/' })).map(({ path }) => path)).toEqual(['2026/a']);
    expect(await codeOf(() => part.list('claims-raw', { prefix: '2025/' }))).toBe('DENIED');
    expect(await codeOf(() => part.list('claims-raw', { prefix: '202' }))).toBe('DENIED');
    for (const glob of ['2026/*', '2026/?', '2026/a']) expect(await part.pin('claims-raw', glob)).toHaveLength(1);
    expect(await part.pin('claims-raw', '2026/none*')).toEqual([]);
    for (const glob of ['*', '**', '202?/*', '2025/*', '2025/a']) {
      expect([glob, await codeOf(() => part.pin('claims-raw', glob))]).toEqual([glob, 'DENIED']);
    }
    const verified: (string | undefined)[] = [];
    for await (const { path } of part.verifyAll('claims-raw', { prefix: '2026/' })) verified.push(path);
    expect(verified).toEqual(['2026/a']);
  });
});

describe('keys', () => {
  const guarded = (role?: string) => guardKeys(box.keys, openGate(box.workspace, role === undefined ? {} : { role }));

  it('are managed by those who may, and no others', async () => {
    await use(empty);
    const keeper = guarded('keeper');
    await keeper.rotate('raw');
    await keeper.disable('raw');
    await keeper.enable('raw');
    await keeper.scheduleDeletion('raw', 7);
    await keeper.cancelDeletion('raw');
    expect((await keeper.describe('raw')).currentVersion).toBe(2);
    expect((await keeper.publicKey('box')).pem).toContain('PUBLIC KEY');
    expect((await keeper.list()).map(({ alias }) => alias)).toEqual(['box', 'raw']);
    const listed = { eventName: 'manage', requestParameters: { actions: 'kms:DescribeKey' } };
    expect(log().slice(-2)).toMatchObject([listed, listed]);
    const before = state();
    for (const role of ['keeper', 'reader', 'owner', undefined]) {
      const keys = guarded(role);
      const ways: [string, () => Promise<unknown>][] = [
        ...(['rotate', 'disable', 'enable', 'cancelDeletion', 'describe'] as const).map(
          (name): [string, () => Promise<unknown>] => [name, () => keys[name]('features')],
        ),
        ['scheduleDeletion', () => keys.scheduleDeletion('features', 7)],
        ['create', () => keys.create('another')],
        ['exportKey', () => keys.exportKey('raw')],
        ['backup', () => keys.backup('long enough a passphrase')],
        ['restore', () => keys.restore(Buffer.from('x'), 'long enough a passphrase')],
        ['publicKey', () => keys.publicKey('features')],
      ];
      if (role === 'owner') continue;
      for (const [name, act] of ways) expect([role, name, await codeOf(act)]).toEqual([role, name, 'DENIED']);
    }
    expect(await codeOf(() => guarded('reader').list())).toBe('DENIED');
    expect(log().at(-1)).toMatchObject({
      errorCode: 'AccessDenied',
      requestParameters: { actions: 'kms:DescribeKey' },
    });
    expect(state()).toBe(before);
  });

  it('are all in reach of a role that may do everything', async () => {
    await use(empty);
    const keys = guarded('owner');
    await keys.create('another');
    await keys.rotate('another');
    const exported = await keys.exportKey('raw');
    expect(exported.keyMaterial).toHaveLength(32);
    expect((await keys.backup('long enough a passphrase')).length).toBeGreaterThan(100);
    expect(await codeOf(() => keys.restore(Buffer.from('x'), 'p'))).not.toBe('DENIED');
    expect(log().map(({ requestParameters }) => requestParameters.actions)).toEqual([
      'kms:CreateKey kms:CreateAlias',
      'kms:RotateKeyOnDemand',
      'glovebox:ExportKey',
      ...Array.from({ length: 4 }, () => 'glovebox:BackupKey'),
      'glovebox:RestoreKeys',
    ]);
  });

  it('go by the ARN too, in a policy that names it', async () => {
    await use(empty);
    const { arn } = await box.keys.describe('raw');
    const policy = `{ Version: "2012-10-17", Statement: { Effect: Allow, Action: "kms:DescribeKey", Resource: "${arn}" } }`;
    const text = `${YAML}`.replace('roles:\n', `roles:\n  named: { policy: ${policy} }\n`);
    const workspace = parseWorkspace(text, join(box.workspaceFolder, 'glovebox.yaml'));
    const keyArns = { raw: arn };
    const keys = guardKeys(box.keys, openGate(workspace, { role: 'named', keyArns }));
    expect((await keys.describe('raw')).arn).toBe(arn);
    expect(await codeOf(() => keys.describe('features'))).toBe('DENIED');
    expect(await codeOf(() => guardKeys(box.keys, openGate(workspace, { role: 'named' })).describe('raw'))).toBe(
      'DENIED',
    );
  });
});

it('takes names of an object’s prototype for the names that they are', async () => {
  await use(empty);
  const gate = openGate(box.workspace, { role: 'owner', keyArns: {} });
  expect(gate.ask({ verb: 'manage', subject: 'constructor' }).allowed).toBe(true);
  expect(gate.ask({ verb: 'run', subject: 'constructor' }).allowed).toBe(true);
  for (const verb of ['manage', 'run'] as const) {
    expect(openGate(box.workspace, { role: 'reader' }).ask({ verb, subject: 'constructor' }).allowed).toBe(false);
  }
});

it('a workspace without roles is its owner’s, and each use is recorded', async () => {
  box = await makeBox(YAML.slice(0, YAML.indexOf('roles:')));
  await box.vault.put('claims-raw', 'a', streamOf('x'));
  expect(log()).toMatchObject([{ eventName: 'write', userIdentity: { type: 'Root' } }]);
  expect(() => openVault(box.workspace, box.keys, { role: 'reader' })).toThrow(/no role "reader"/);
});
