// The `gateway` block: what it says, what stands for what it does not say, and what it must not say.
import { describe, expect, test } from 'vitest';
import { formatEndpoint, parseEndpoint } from './gateway-schema.ts';
import { parseWorkspace } from './load.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJQyI79IyObCaaQw9vjsVMIHzOmricmqa0rTxzUqfhyY';
const FINGERPRINT = `SHA256:${'a'.repeat(43)}`;

function gatewayOf(block: string) {
  const yaml = `workspace: w
keys: { raw: { provider: local } }
stores: { box: { provider: dir, path: ./data } }
datasets: { raw: { store: box, key: raw, kind: raw, classification: restricted } }
roles: { ingest: { allow: [ { ingest: raw } ] } }
${block}
`;
  return parseWorkspace(yaml, '/w/glovebox.yaml').gateway;
}

test('what is not said has defaults', () => {
  expect(gatewayOf('')).toEqual({
    sftp: {
      listen: { host: '127.0.0.1', port: 2022 },
      hostKeys: undefined,
      userCAs: [],
      revokedKeys: [],
      profile: 'modern',
    },
    limits: {
      ...{ connections: 200, connectionsPerAddress: 100, connectionsPerUser: 100, unauthenticated: 20 },
      ...{ loginGrace: 30_000, attempts: 6, idle: 600_000, memory: 128 * 2 ** 20 },
      ...{ rekeyBytes: 2 ** 30, rekeyTime: 3_600_000, banAfter: 10, banTime: 30_000 },
      exempt: ['127.0.0.0/8', '::1/128'],
    },
    uploads: { expire: 7 * 86_400_000, minFree: 2 ** 30, reorder: 16 * 2 ** 20 },
  });
  expect(gatewayOf('gateway: {}')).toEqual(gatewayOf(''));
});

test('what is said counts: bytes, milliseconds, addresses', () => {
  const block = `gateway:
  ingest: ingest
  sftp: { listen: "[::1]:22", hostKeys: [ a, /b ], userCAs: [ "${KEY}" ], revokedKeys: [ "${KEY} x", "${FINGERPRINT}" ], profile: compatible }
  limits: { connections: 5, loginGrace: 500ms, idle: 1h, memory: 16MiB, rekeyBytes: 1GB, exempt: [] }
  uploads: { expire: 90d, minFree: 1.5GiB, reorder: 1MB }
  admin: "127.0.0.1:0"`;
  const { ingest, sftp, limits, uploads, admin } = gatewayOf(block);
  expect(ingest).toBe('ingest');
  expect(sftp).toEqual({
    ...{ listen: { host: '::1', port: 22 }, hostKeys: ['a', '/b'], userCAs: [KEY], profile: 'compatible' },
    revokedKeys: [`${KEY} x`, FINGERPRINT],
  });
  expect(limits).toMatchObject({
    connections: 5,
    loginGrace: 500,
    idle: 3_600_000,
    memory: 16 * 2 ** 20,
    rekeyBytes: 1e9,
    exempt: [],
  });
  expect(uploads).toEqual({ expire: 90 * 86_400_000, minFree: 1.5 * 2 ** 30, reorder: 1e6 });
  expect(admin).toEqual({ host: '127.0.0.1', port: 0 });
});

describe('what it must not say', () => {
  test.each([
    ['sftp: { listen: "localhost:2022" }', 'an address and a port'],
    ['sftp: { listen: "127.0.0.1" }', 'an address and a port'],
    ['sftp: { listen: "127.0.0.1:65536" }', 'an address and a port'],
    ['sftp: { listen: "::1:22" }', 'an address and a port'],
    ['sftp: { hostKeys: [] }', ''],
    ['sftp: { userCAs: [ "ssh-dss AAAA" ] }', 'is not an SSH public key'],
    ['sftp: { revokedKeys: [ "SHA256:short" ] }', 'or the fingerprint of one'],
    ['sftp: { profile: old }', ''],
    ['limits: { loginGrace: 30 }', ''],
    ['limits: { loginGrace: 0s }', 'must be a time'],
    // A timer of Node's that is to wait longer than 24 days does not wait at all.
    ['limits: { loginGrace: 30d }', 'at most 1d'],
    ['limits: { idle: 2d }', 'at most 1d'],
    ['limits: { memory: 1MiB }', 'at least 16MiB'],
    ['limits: { connections: 0 }', ''],
    ['limits: { exempt: [ example.org ] }', 'must be an address, or a range'],
    ['limits: { exempt: [ 10.0.0.0/33 ] }', 'must be an address, or a range'],
    ['limits: { exempt: [ "::1/129" ] }', 'must be an address, or a range'],
    ['limits: { exempt: [ 10.0.0.0/8/8 ] }', 'must be an address, or a range'],
    ['uploads: { expire: never }', 'must be a time'],
    ['uploads: { minFree: lots }', 'must be an amount'],
    ['ingest: nobody', 'there is no role "nobody"'],
    ['nonsense: 1', 'unknown key'],
  ])('%s', (block, message) => {
    const refused = expect.objectContaining({
      code: expect.stringMatching(/^(SCHEMA|REFERENCE)$/),
      message: expect.stringContaining(message),
    });
    expect(() => gatewayOf(`gateway: { ${block} }`)).toThrow(refused);
  });
});

test('an endpoint is written as it is read', () => {
  for (const text of ['127.0.0.1:2022', '[::1]:0', '[2001:db8::1]:65535']) {
    const endpoint = parseEndpoint(text);
    expect(endpoint === undefined ? undefined : formatEndpoint(endpoint)).toBe(text);
  }
});
