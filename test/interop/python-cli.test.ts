// Messages go both ways between us and aws-encryption-cli, through files and pipes.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { CONTEXTS, expectOpened } from '../contracts/encryption-client.ts';
import { missingPython, runPythonCli } from '../support/python.ts';
import { CONTEXT, codeOf, openBytes, sealBytes } from '../support/seal.ts';
import { keyringOf, newAesKey, newRsaKey, publicHalf, type WrappingKey } from '../support/wrapping-keys.ts';

const OURS = 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY';
const SORTED = CONTEXTS['names that sort differently by UTF-8 and UTF-16'] ?? {};
const aes = newAesKey();
const rsa = await newRsaKey(2048);
const folder = mkdtempSync(join(tmpdir(), 'glovebox-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach((context) => {
  const reason = missingPython();
  if (reason !== undefined) context.skip(reason);
});

let files = 0;
function newPath(content?: string | Uint8Array): string {
  const path = join(folder, `${++files}`);
  if (content !== undefined) writeFileSync(path, content, { mode: 0o600 });
  return path;
}

/** Our provider (test/interop/python) reads the keys from files: no secret is an argument. */
function wrappingKeys(keys: WrappingKey[]): string[] {
  return ['-w', 'provider=glovebox-interop::raw', ...keys.map((key) => `key=${newPath(JSON.stringify(key))}`)];
}

function pairsOf(context: Record<string, string>): string[] {
  const pairs = Object.entries(context).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? [] : ['-c', ...pairs];
}

interface Result {
  code: number | null;
  /** Undefined where no file was left. */
  output: Buffer | undefined;
  stdout: string;
  stderr: string;
}

/** Runs the command from a file to a file; `args` say what it is to do. */
function run(args: string[], input: Uint8Array, keys: WrappingKey[]): Result {
  const to = newPath();
  const { code, stdout, stderr } = runPythonCli([...args, '-i', newPath(input), '-o', to, ...wrappingKeys(keys)]);
  return { code, output: existsSync(to) ? readFileSync(to) : undefined, stdout: stdout.toString(), stderr };
}

function expectOutput(result: Result): Buffer {
  expect(result).toMatchObject({ code: 0, stderr: '' });
  if (result.output === undefined) throw new Error('no output');
  return result.output;
}

describe('aws-encryption-cli opens ours', () => {
  test.each([0, 100_000, 2 * 262_144, 2 * 262_144 + 1])('%i bytes, and says of it what we wrote', async (size) => {
    const plaintext = randomBytes(size);
    const { bytes, messageId } = await sealBytes(plaintext, { keyring: keyringOf([aes]) });
    const result = run(['-d', '--metadata-output', '-'], bytes, [aes]);
    expect(expectOutput(result).equals(plaintext)).toBe(true);
    const { header } = JSON.parse(result.stdout.split('\n')[0] ?? '');
    expect(header).toMatchObject({
      algorithm: OURS,
      encryption_context: CONTEXT,
      frame_length: 262_144,
      message_id: Buffer.from(messageId, 'hex').toString('base64'),
    });
  });

  test('under several keys, with any of them', async () => {
    const plaintext = randomBytes(5000);
    const { bytes } = await sealBytes(plaintext, { keyring: keyringOf([aes, publicHalf(rsa)]), frameLength: 999 });
    for (const key of [aes, rsa]) {
      expect(expectOutput(run(['--decrypt-unsigned', '-S'], bytes, [key])).equals(plaintext)).toBe(true);
    }
  });

  test('through pipes, and only with the context that is asked for', async () => {
    const plaintext = randomBytes(5000);
    const { bytes } = await sealBytes(plaintext, { keyring: keyringOf([aes]), context: SORTED });
    const open = (context: Record<string, string>) =>
      runPythonCli(['-d', '-S', '-i', '-', '-o', '-', ...wrappingKeys([aes]), ...pairsOf(context)], bytes);
    const { code, stdout, stderr } = open(SORTED);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.equals(plaintext)).toBe(true);
    // What does not match it skips, with a warning and without a failure.
    expect(open({ ...SORTED, z: 'other' }).stdout).toHaveLength(0);
  });

  test('but not with another key, and not what was altered', async () => {
    const { bytes } = await sealBytes(randomBytes(5000), { keyring: keyringOf([aes]) });
    const altered = Buffer.from(bytes);
    altered.writeUInt8(altered.readUInt8(bytes.byteLength - 1) ^ 1, bytes.byteLength - 1);
    for (const result of [run(['-d', '-S'], bytes, [newAesKey()]), run(['-d', '-S'], altered, [aes])]) {
      expect(result).toMatchObject({ code: 1, output: undefined });
    }
  });
});

describe('we open what aws-encryption-cli seals', () => {
  const options = { keyring: keyringOf([aes]) };
  const encrypt = ['-e', '-S', '--algorithm', OURS];

  test.each([
    { frameLength: 128, size: 5 * 128 },
    { frameLength: 4096, size: 2 * 4096 - 1 },
    { frameLength: 262_144, size: 262_144 },
  ])('frames of $frameLength bytes, $size bytes', async ({ frameLength, size }) => {
    const plaintext = randomBytes(size);
    const args = [...encrypt, '--frame-length', `${frameLength}`, ...pairsOf(CONTEXT)];
    const opened = await openBytes(expectOutput(run(args, plaintext, [aes])), options);
    expectOpened(opened, plaintext, CONTEXT);
  });

  test('under several keys, with any of them', async () => {
    const plaintext = randomBytes(5000);
    const sealed = expectOutput(run([...encrypt, ...pairsOf(CONTEXT)], plaintext, [publicHalf(rsa), aes]));
    for (const key of [aes, rsa]) {
      expectOpened(await openBytes(sealed, { keyring: keyringOf([key]) }), plaintext, CONTEXT);
    }
  });

  test('through pipes, with a context that sorts differently by UTF-8 and UTF-16', async () => {
    const plaintext = randomBytes(5000);
    const args = [...encrypt, '-i', '-', '-o', '-', ...wrappingKeys([aes]), ...pairsOf(SORTED)];
    const { code, stdout, stderr } = runPythonCli(args, plaintext);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expectOpened(await openBytes(stdout, { ...options, context: SORTED }), plaintext, SORTED);
  });

  test('signed, as it does when nothing is asked of it', async () => {
    const plaintext = randomBytes(5000);
    const sealed = expectOutput(run(['-e', '-S', ...pairsOf(CONTEXT)], plaintext, [aes]));
    const opened = await openBytes(sealed, options);
    const { 'aws-crypto-public-key': publicKey, ...context } = opened.context;
    expectOpened({ ...opened, context }, plaintext, CONTEXT);
    expect(publicKey).toHaveLength(68);
    sealed.writeUInt8(sealed.readUInt8(sealed.byteLength - 1) ^ 1, sealed.byteLength - 1);
    expect(await codeOf(openBytes(sealed, options))).toBe('SIGNATURE');
  });

  test('without key commitment and unframed, where that is allowed', async () => {
    const plaintext = randomBytes(5000);
    const older = ['--algorithm', 'AES_256_GCM_IV12_TAG16_HKDF_SHA256', '--frame-length', '0'];
    const policy = ['--commitment-policy', 'forbid-encrypt-allow-decrypt'];
    const sealed = expectOutput(run(['-e', '-S', ...older, ...policy, ...pairsOf(CONTEXT)], plaintext, [aes]));
    expect(await codeOf(openBytes(sealed, options))).toBe('NON_COMMITTING');
    expectOpened(await openBytes(sealed, { ...options, allowNonCommitting: true }), plaintext, CONTEXT);
  });
});
