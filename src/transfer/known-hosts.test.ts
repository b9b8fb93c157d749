// Lines of known_hosts, as OpenSSH has them: compared with what its ssh-keygen finds in the same file.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSshKey, runProgram } from '../../test/support/programs.ts';
import { readKnownHosts } from './known-hosts.ts';

let folder: string;
let key: string;
let other: string;
const blobOf = (line: string) => Buffer.from(line.split(' ')[1] ?? '', 'base64');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'glovebox-known-'));
  key = makeSshKey(join(folder, 'key'));
  other = makeSshKey(join(folder, 'other'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['host', 'host', 22, 'known'],
  ['HOST', 'Host', 22, 'known'],
  ['host', 'host', 2022, 'unknown'],
  ['[host]:2022', 'host', 2022, 'known'],
  ['[host]:2022', 'host', 22, 'unknown'],
  ['a,host,b', 'host', 22, 'known'],
  ['*.example.com', 'a.example.com', 22, 'known'],
  ['*.example.com', 'example.com', 22, 'unknown'],
  ['*.example.com,!a.example.com', 'a.example.com', 22, 'unknown'],
  ['h?st', 'host', 22, 'known'],
  ['h?st', 'hst', 22, 'unknown'],
  ['::1', '::1', 22, 'known'],
  ['[::1]:22222', '::1', 22222, 'known'],
])('%s, asked for %s and port %i: %s', (patterns, host, port, verdict) => {
  const known = readKnownHosts([`${patterns} ${key} a comment`], host, port);
  expect(known.judge(blobOf(key))).toBe(verdict);
  expect(known.judge(blobOf(other))).toBe(verdict === 'known' ? 'changed' : 'unknown');
});

test('markers: a revoked key is revoked whatever else says it is known; an authority makes nothing known', () => {
  const texts = [`host ${key}\n@revoked * ${key}`, `@cert-authority host ${other}`];
  const known = readKnownHosts(texts, 'host', 22);
  expect(known.judge(blobOf(key))).toBe('revoked');
  expect(known.judge(blobOf(other))).toBe('changed');
  expect(known.hasAuthority).toBe(true);
  expect(known.types).toEqual(['ssh-ed25519']);
});

test('names that ssh-keygen hashed are found, and no others', async () => {
  const file = join(folder, 'known_hosts');
  writeFileSync(file, `one ${key}\n[two]:2022 ${key}\n`);
  expect((await runProgram('ssh-keygen', ['-q', '-H', '-f', file])).code).toBe(0);
  const text = readFileSync(file, 'utf8');
  expect(text).not.toMatch(/one|two/);
  const judge = (host: string, port: number) => readKnownHosts([text], host, port).judge(blobOf(key));
  expect([judge('one', 22), judge('two', 2022), judge('two', 22), judge('three', 22)]).toEqual([
    'known',
    'known',
    'unknown',
    'unknown',
  ]);
});

test('a pattern that is made to take long does not', () => {
  const known = readKnownHosts([`${'*a'.repeat(500)}b ${key}`], 'a'.repeat(250), 22);
  expect(known.judge(blobOf(key))).toBe('unknown');
});
