// Whom sshd is told to let in, and who has come. Keys and certificates are ssh-keygen's.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingTool } from '../../../test/support/missing-tool.ts';
import { makeSshKey, runOrThrow } from '../../../test/support/programs.ts';
import { parseSshKey } from '../../vault/index.ts';
import type { LoginRules } from './authorize.ts';
import { authorizedKeys, identify, parseAuthInfo } from './behind-sshd.ts';

const missing = missingTool('openssh-client');
const address = '192.0.2.7';

describe.skipIf(missing !== undefined)(`behind sshd${missing === undefined ? '' : `: ${missing}`}`, () => {
  let folder: string;
  let rules: LoginRules;
  const publicKeys: Record<string, string> = {};
  const blobOf = (name: string) => Buffer.from(publicKeys[name]?.split(' ')[1] ?? '', 'base64');
  const lineOf = (name: string) => publicKeys[name]?.split(' ').slice(0, 2).join(' ') ?? '';

  /** A certificate for the key `name`. */
  async function certify(name: string, sign: string[], by = 'authority'): Promise<Buffer> {
    const file = join(folder, name);
    runOrThrow('ssh-keygen', ['-q', '-s', join(folder, by), '-I', 'id', ...sign, `${file}.pub`]);
    return Buffer.from((await readFile(`${file}-cert.pub`, 'utf8')).split(' ')[1] ?? '', 'base64');
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glovebox-behind-sshd-'));
    for (const name of ['acme', 'beta', 'both', 'gone', 'subject', 'authority', 'other']) {
      publicKeys[name] = makeSshKey(join(folder, name));
    }
    const user = (keys: string[], principals: string[]) => ({
      keys: keys.map((name) => parseSshKey(publicKeys[name] ?? '')),
      principals,
    });
    rules = {
      users: new Map([
        ['acme', user(['acme', 'both', 'gone'], ['acme'])],
        ['beta', user(['beta', 'both'], ['beta', 'b2', 'with"quote', 'with,comma'])],
      ]),
      authorities: [blobOf('authority')],
      revoked: { blobs: [blobOf('gone')], fingerprints: new Set() },
    };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const come =
    (account: string, ...blobs: Buffer[]) =>
    () =>
      identify(rules, { account, address, blobs });

  test('under an account of any other name it is whose key it is', () => {
    expect(come('glovebox', blobOf('acme'))()).toMatchObject({ user: 'acme', address });
    expect(come('glovebox', blobOf('beta'))()).toMatchObject({ user: 'beta' });
  });

  test('under an account with the name of a user it is that user or nobody', () => {
    expect(come('beta', blobOf('both'))()).toMatchObject({ user: 'beta' });
    expect(come('beta', blobOf('acme'))).toThrow(expect.objectContaining({ code: 'LOGIN' }));
  });

  test.each([
    ['a key of several users', () => [blobOf('both')], 'that of several users'],
    ['two keys, of two users', () => [blobOf('acme'), blobOf('beta')], 'that of several users'],
    ['an unknown key', () => [blobOf('other')], 'not one of a user'],
    ['a revoked key', () => [blobOf('gone')], 'the key is revoked'],
    ['no key', () => [], 'not one of a user'],
    ['what is no key', () => [Buffer.from('nonsense')], 'not one of a user'],
  ])('%s is refused', (_what, blobs, reason) => {
    expect(come('glovebox', ...blobs())).toThrow(
      expect.objectContaining({ code: 'LOGIN', message: expect.stringContaining(reason) }),
    );
  });

  test('a certificate is for the user whose principal it names', async () => {
    const good = await certify('subject', ['-n', 'b2', '-V', '-1m:+5m']);
    expect(come('glovebox', good)()).toMatchObject({ user: 'beta', how: expect.stringMatching(/^certificate "id"/) });
    expect(come('acme', good)).toThrow(expect.objectContaining({ code: 'LOGIN' }));
    for (const [sign, reason] of [
      [['-n', 'b2', '-V', '-2d:-1d'], 'the certificate has expired'],
      [['-n', 'nobody'], 'the certificate is not for this user'],
      [['-n', 'b2', '-O', 'source-address=198.51.100.0/24'], 'the certificate is not for this address'],
    ] as const) {
      const bad = await certify('subject', [...sign]);
      expect(come('glovebox', bad)).toThrow(expect.objectContaining({ code: 'LOGIN', message: reason }));
    }
  });

  test('lines let in, and let nothing run', () => {
    const quiet = 'restrict,command="false" ';
    expect(authorizedKeys(rules, 'acme', blobOf('acme'))).toEqual([`${quiet}${lineOf('acme')}`]);
    expect(authorizedKeys(rules, 'glovebox', blobOf('both'))).toEqual([`${quiet}${lineOf('both')}`]);
    for (const name of ['gone', 'other', 'authority']) {
      expect({ name, lines: authorizedKeys(rules, 'glovebox', blobOf(name)) }).toEqual({ name, lines: [] });
    }
    expect(authorizedKeys(rules, 'beta', blobOf('acme'))).toEqual([]);
  });

  test('a certificate comes in by the line of its authority, with the principals of the account', async () => {
    const certificate = await certify('subject', ['-n', 'acme']);
    const options = (principals: string) => `cert-authority,principals="${principals}",restrict,command="false" `;
    const authority = lineOf('authority');
    expect(authorizedKeys(rules, 'acme', certificate)).toEqual([`${options('acme')}${authority}`]);
    // A name that would end the quotes, or be two, is left out.
    expect(authorizedKeys(rules, 'glovebox', certificate)).toEqual([`${options('acme,beta,b2')}${authority}`]);
    expect(authorizedKeys(rules, 'glovebox', await certify('subject', ['-n', 'acme'], 'other'))).toEqual([]);
  });

  test('without an offer all lines come, each once', () => {
    const lines = authorizedKeys(rules, 'glovebox');
    expect(lines).toHaveLength(4);
    expect(lines.filter((line) => line.endsWith(lineOf('both')))).toHaveLength(1);
    // A revoked one gets in nowhere.
    expect(lines.filter((line) => line.endsWith(lineOf('gone')))).toEqual([]);
  });

  test('what sshd says of log-ins is read, and nothing else', () => {
    const text = `publickey ${lineOf('acme')}\npassword\nkeyboard-interactive\npublickey\npublickey ${lineOf('beta')}\n`;
    expect(parseAuthInfo(text)).toEqual([blobOf('acme'), blobOf('beta')]);
    expect(parseAuthInfo('')).toEqual([]);
  });
});
