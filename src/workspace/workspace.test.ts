import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { schemas } from '../../scripts/schemas.ts';
import { compareClassification, parseSize, parseWorkspace, WorkspaceError } from './index.ts';

const BASE = `workspace: claims
keys:
  raw: { provider: local }
stores:
  box: { provider: dir, path: ./data }
datasets:
  claims-raw: { store: box, key: raw, kind: raw, classification: restricted }
`;

/** code, line:column, message without its place, hint */
function mistake(text: string): [string, string, string, string | undefined] {
  try {
    parseWorkspace(text, '/w/glovebox.yaml');
  } catch (error) {
    if (!(error instanceof WorkspaceError) || error.position === undefined) throw error;
    const { file, line, column } = error.position;
    const place = `${file}:${line}:${column}: `;
    expect(error.message.startsWith(place)).toBe(true);
    return [error.code, `${line}:${column}`, error.message.slice(place.length), error.hint];
  }
  throw new Error('no mistake was found');
}

function sshKey(type = 'ssh-ed25519'): string {
  const { publicKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const parts = [Buffer.from(type), key].flatMap((part) => [Buffer.from([0, 0, 0, part.length]), part]);
  return `${type} ${Buffer.concat(parts).toString('base64')} someone@somewhere`;
}

describe('glovebox.yaml', () => {
  it('gives what it says, with defaults', () => {
    const workspace = parseWorkspace(BASE, '/w/glovebox.yaml');
    expect(workspace).toMatchObject({
      name: 'claims',
      directory: '/w',
      file: '/w/glovebox.yaml',
      keys: { raw: { provider: 'local' } },
      stores: { box: { provider: 'dir', path: './data' } },
      datasets: { 'claims-raw': { store: 'box', key: 'raw', kind: 'raw', classification: 'restricted' } },
      pipelines: 'pipelines',
      engine: {},
    });
    expect(Object.keys({ ...workspace.domains, ...workspace.roles, ...workspace.users })).toEqual([]);
    expect(workspace.datasets.constructor).toBeUndefined();
  });

  it('takes every block of the design', () => {
    const workspace = parseWorkspace(
      `${BASE}
domains: { patient: {} }
roles:
  supplier: { allow: [ { write: claims-raw } ] }
  worker: { allow: [ { read: claims-raw }, { list: claims-raw }, { delete: claims-raw }, { run: claims } ] }
  auditor: { allow: [ { audit: read } ] }
  own:
    policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Deny
          NotAction: [ "s3:GetObject" ]
          Resource: "*"
          Condition: { StringEquals: { "aws:SourceVpce": [ vpce-1 ] }, Bool: { "aws:SecureTransport": true } }
users:
  acme: { roles: [supplier, own], sshKeys: [ "${sshKey()}" ] }
pipelines: flows/daily
engine: { memory: "1.5 GiB", threads: 2 }
`,
      '/w/glovebox.yaml',
    );
    expect(workspace.engine).toEqual({ memoryBytes: 1.5 * 2 ** 30, threads: 2 });
    expect(workspace.roles.own?.policy?.Statement).toMatchObject([{ Effect: 'Deny' }]);
    expect(workspace.users.acme?.roles).toEqual(['supplier', 'own']);
    expect(workspace.pipelines).toBe('flows/daily');
  });

  const inBase = (from: string, to: string) => BASE.replace(from, to);
  it.each([
    ['an unknown key', `${BASE}domain: {}\n`, 'SCHEMA', '8:1', 'did you mean "domains"?'],
    ['a misspelt key', inBase('store: box', 'stor: box'), 'SCHEMA', '7:17', 'did you mean "store"?'],
    ['a missing key', inBase('key: raw, ', ''), 'SCHEMA', '7:3', undefined],
    ['a wrong kind', inBase('kind: raw', 'kind: derivd'), 'SCHEMA', '7:45', 'did you mean "derived"?'],
    ['a wrong class', inBase('restricted', 'secret'), 'SCHEMA', '7:66', expect.stringContaining('confidential')],
    ['no such store', inBase('store: box', 'store: bxo'), 'REFERENCE', '7:24', 'did you mean "box"?'],
    ['no such key', inBase('key: raw', 'key: rwa'), 'REFERENCE', '7:34', 'did you mean "raw"?'],
    ['a name of every object', inBase('key: raw', 'key: constructor'), 'REFERENCE', '7:34', 'there are: raw'],
    ['a provider', inBase('local', 'loca'), 'SCHEMA', '3:20', 'did you mean "local"?'],
    ['KMS', inBase('local', 'aws-kms, keyId: alias/x'), 'NOT_IMPLEMENTED', '3:20', 'use provider: local'],
    ['S3', inBase('dir, path: ./data', 's3, bucket: b'), 'NOT_IMPLEMENTED', '5:20', 'use provider: dir'],
    ['S3 without bucket', inBase('dir, path: ./data', 's3'), 'SCHEMA', '5:3', undefined],
    ['a store on top', inBase('./data', '.'), 'SCHEMA', '5:31', 'such as: ./data'],
    ['a store above', inBase('./data', '..'), 'SCHEMA', '5:31', 'such as: ./data'],
    ['a store in our state', inBase('./data', '.glovebox/x'), 'SCHEMA', '5:31', 'such as: ./data'],
    ['pipelines outside', `${BASE}pipelines: ../x\n`, 'SCHEMA', '8:12', 'such as: pipelines/'],
    ['pipelines anywhere', `${BASE}pipelines: /etc\n`, 'SCHEMA', '8:12', 'such as: pipelines/'],
    ['a bad name', `${BASE}domains:\n  Patient: {}\n`, 'SCHEMA', '9:3', undefined],
    ['a domain with a body', `${BASE}domains:\n  p: { secret: x }\n`, 'SCHEMA', '9:8', undefined],
    [
      'a grant on nothing',
      `${BASE}roles: { r: { allow: [ { read: claims-rw } ] } }\n`,
      'REFERENCE',
      '8:32',
      expect.anything(),
    ],
    ['a verb', `${BASE}roles: { r: { allow: [ { raed: claims-raw } ] } }\n`, 'SCHEMA', '8:26', 'did you mean "read"?'],
    [
      'two verbs',
      `${BASE}roles: { r: { allow: [ { read: claims-raw, list: claims-raw } ] } }\n`,
      'SCHEMA',
      '8:24',
      undefined,
    ],
    ['neither', `${BASE}roles: { r: {} }\n`, 'SCHEMA', '8:10', undefined],
    [
      'an effect',
      `${BASE}roles: { r: { policy: { Statement: { Effect: allow, Action: a, Resource: b } } } }\n`,
      'SCHEMA',
      '8:46',
      'did you mean "Allow"?',
    ],
    [
      'no resource',
      `${BASE}roles: { r: { policy: { Statement: { Effect: Allow, Action: a } } } }\n`,
      'SCHEMA',
      '8:25',
      undefined,
    ],
    ['an unknown role', `${BASE}users: { u: { roles: [ rolle ] } }\n`, 'REFERENCE', '8:24', 'no role is declared yet'],
    [
      'an SSH key',
      `${BASE}roles: { r: { allow: [] } }\nusers: { u: { roles: [r], sshKeys: [ssh-ed25519 AAAA] } }\n`,
      'SCHEMA',
      '9:37',
      undefined,
    ],
    ['memory', `${BASE}engine: { memory: 1gb }\n`, 'SCHEMA', '8:19', undefined],
    ['half a thread', `${BASE}engine: { threads: 1.5 }\n`, 'SCHEMA', '8:20', undefined],
    ['the first of two', inBase('raw: {', 'RAW: {').replace('kind: raw', 'kind: x'), 'SCHEMA', '3:3', undefined],
  ])('finds %s where it stands', (_, text, code, place, hint) => {
    const [foundCode, foundPlace, , foundHint] = mistake(text);
    expect([foundCode, foundPlace]).toEqual([code, place]);
    expect(foundHint).toEqual(hint);
  });

  it('takes no SSH key that lies about its type', () => {
    const text = (key: string) =>
      `${BASE}roles: { r: { allow: [] } }\nusers: { u: { roles: [r], sshKeys: ["${key}"] } }\n`;
    expect(parseWorkspace(text(sshKey()), 'f').users.u?.sshKeys).toHaveLength(1);
    expect(mistake(text(sshKey('ssh-dss')))[0]).toBe('SCHEMA');
    expect(mistake(text(sshKey().replace('ssh-ed25519', 'ssh-rsa')))[0]).toBe('SCHEMA');
  });

  it('orders classifications and reads sizes', () => {
    expect(compareClassification('public', 'internal')).toBeLessThan(0);
    expect(compareClassification('restricted', 'confidential')).toBeGreaterThan(0);
    expect(compareClassification('internal', 'internal')).toBe(0);
    expect(['512MB', '1 GiB', '1.5KB', '3B'].map(parseSize)).toEqual([512e6, 2 ** 30, 1500, 3]);
    expect(['', '1', '1gb', '-1GB', '0MB', '1e9B', '99999999TB'].map(parseSize)).toEqual(Array(7).fill(undefined));
  });

  it.each(Object.entries(schemas))('has its JSON Schema committed as it is: %s', async (name, schema) => {
    const committed = await readFile(new URL(`../../schema/${name}`, import.meta.url), 'utf8');
    expect(JSON.parse(committed), 'run: node scripts/schemas.ts').toEqual(JSON.parse(JSON.stringify(schema())));
  });

  it('describes every key for the reference', () => {
    const undescribed: string[] = [];
    const visit = (node: unknown, path: string, isKey: boolean): void => {
      if (typeof node !== 'object' || node === null) return;
      if (isKey && !('description' in node)) undescribed.push(path);
      for (const [key, value] of Object.entries(node)) {
        const inProperties = path.endsWith('/properties');
        visit(value, `${path}/${key}`, inProperties);
      }
    };
    visit(JSON.parse(JSON.stringify(schemas['glovebox.schema.json']?.())), '', false);
    expect(undescribed).toEqual([]);
  });
});
