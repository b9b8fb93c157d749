// Keyrings from PEM files and exported keys, used through the official client.
import { constants, createHash, createPublicKey, generateKeyPairSync, privateDecrypt, randomBytes } from 'node:crypto';
import {
  buildClient,
  CommitmentPolicy,
  type KeyringNode,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
  RawRsaKeyringNode,
} from '@aws-crypto/client-node';
import { describe, expect, test } from 'vitest';
import {
  combineKeyrings,
  exportedKeyring,
  KeyError,
  privateKeyKeyring,
  publicKeyKeyring,
  rawKeyring,
} from './index.ts';

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

function rsaPair(modulusLength = 2048, publicExponent = 65537) {
  return generateKeyPairSync('rsa', {
    modulusLength,
    publicExponent,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

const pair = rsaPair();
const other = rsaPair();
const nameOf = (pem: string) =>
  createHash('sha256')
    .update(createPublicKey(pem).export({ type: 'spki', format: 'der' }))
    .digest('hex');

async function opens(sealed: Buffer, keyring: KeyringNode): Promise<boolean> {
  return decrypt(keyring, sealed).then(
    ({ plaintext }) => plaintext.toString() === 'hello',
    () => false,
  );
}

const seal = async (keyring: KeyringNode) => (await encrypt(keyring, 'hello')).result;

function refusal(make: () => unknown): { code: string; message: string; hint: string | undefined } {
  try {
    make();
  } catch (error) {
    if (error instanceof KeyError) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error('it was taken');
}

describe('a public key', () => {
  test('seals for the private key alone, named by the hash of its SPKI', async () => {
    const sealed = await seal(publicKeyKeyring(pair.publicKey));
    expect(await opens(sealed, privateKeyKeyring(pair.privateKey))).toBe(true);
    expect(await opens(sealed, privateKeyKeyring(other.privateKey))).toBe(false);
    expect(sealed.includes(nameOf(pair.publicKey))).toBe(true);
  });

  test('wraps as the official keyring does: OAEP with SHA-256, in MGF1 too, under the names that other SDKs ask for', async () => {
    const names = { keyNamespace: 'glovebox', keyName: nameOf(pair.publicKey), oaepHash: 'sha256' as const };
    const theirs = new RawRsaKeyringNode({ ...names, rsaKey: pair });
    expect(await opens(await seal(publicKeyKeyring(pair.publicKey)), theirs)).toBe(true);
    expect(await opens(await seal(theirs), privateKeyKeyring(pair.privateKey))).toBe(true);
    const sealed = await seal(theirs);
    const at = sealed.indexOf(nameOf(pair.publicKey)) + 64;
    const wrapped = sealed.subarray(at + 2, at + 2 + sealed.readUInt16BE(at));
    const key = { key: pair.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING };
    expect(privateDecrypt({ ...key, oaepHash: 'sha256' }, wrapped)).toHaveLength(32);
    expect(() => privateDecrypt({ ...key, oaepHash: 'sha1' }, wrapped)).toThrow();
  });

  test('cannot open, and says so', async () => {
    const sealed = await seal(publicKeyKeyring(pair.publicKey));
    await expect(decrypt(publicKeyKeyring(pair.publicKey), sealed)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'a public key seals and cannot open',
    });
    const both = combineKeyrings(publicKeyKeyring(pair.publicKey), [privateKeyKeyring(pair.privateKey)]);
    expect(await opens(sealed, both)).toBe(true);
  });

  test('is refused where it is a private key, another kind of key, too small, or no key', () => {
    const ec = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const pss = generateKeyPairSync('rsa-pss', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const pkcs1 = createPublicKey(pair.publicKey).export({ type: 'pkcs1', format: 'pem' }).toString();
    const cases: [pem: string, message: RegExp][] = [
      [pair.privateKey, /private key: sealing needs the public key/],
      [pkcs1, /not a public key but "RSA PUBLIC KEY"/],
      [ec.publicKey, /type ec, not RSA/],
      [pss.publicKey, /type rsa-pss, not RSA/],
      [rsaPair(1024).publicKey, /has 1024 bits/],
      [rsaPair(2048, 3).publicKey, /exponent/],
      [`${pair.publicKey}${other.publicKey}`, /more than one PEM block/],
      [pair.publicKey.replace('MII', 'MIJ'), /does not parse/],
      ['', /no key in PEM form/],
      ['ssh-ed25519 AAAA', /no key in PEM form/],
      [pair.publicKey.padEnd(40_000), /too long/],
    ];
    for (const [pem, message] of cases) {
      const refused = refusal(() => publicKeyKeyring(pem));
      expect([refused.code, refused.message]).toEqual(['INVALID', expect.stringMatching(message)]);
    }
    expect(refusal(() => publicKeyKeyring(pair.privateKey)).hint).toContain('openssl pkey');
  });

  test('may come from a file with other line ends and words around it', async () => {
    const pem = `words before\r\n${pair.publicKey.replaceAll('\n', '\r\n')}\r\n`;
    expect(await opens(await seal(publicKeyKeyring(pem)), privateKeyKeyring(pair.privateKey))).toBe(true);
  });
});

describe('a private key', () => {
  test('may be PKCS#1, and seals nothing', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
    expect(await opens(await seal(publicKeyKeyring(publicKey)), privateKeyKeyring(privateKey))).toBe(true);
    await expect(seal(privateKeyKeyring(privateKey))).rejects.toThrow();
  });

  test('is refused where it is public, encrypted, or of another kind, without quoting it', () => {
    const encrypted = (type: 'pkcs1' | 'pkcs8') =>
      generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
      }).privateKey;
    const cases: [pem: string, message: RegExp][] = [
      [pair.publicKey, /public key: it seals/],
      [encrypted('pkcs1'), /encrypted under a passphrase/],
      [encrypted('pkcs8'), /encrypted under a passphrase/],
      ['-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n', /"OPENSSH PRIVATE KEY"/],
      [pair.privateKey.replace('MII', 'MIJ'), /does not parse/],
      [rsaPair(1024).privateKey, /has 1024 bits/],
    ];
    for (const [pem, message] of cases) {
      const refused = refusal(() => privateKeyKeyring(pem));
      expect([refused.code, refused.message]).toEqual(['INVALID', expect.stringMatching(message)]);
      expect(JSON.stringify(refused)).not.toContain(pem.split('\n')[1]);
    }
  });
});

describe('an exported key', () => {
  const exported = {
    keyNamespace: 'glovebox',
    keyName: '0b6c0d2e-0000-4000-8000-000000000000/1',
    wrappingSuite: 'AES256_GCM_IV12_TAG16_NO_PADDING',
    keyMaterial: randomBytes(32).toString('base64'),
  };

  test('opens what the official raw AES keyring sealed, and the other way round', async () => {
    const theirs = new RawAesKeyringNode({
      keyNamespace: exported.keyNamespace,
      keyName: exported.keyName,
      unencryptedMasterKey: new Uint8Array(Buffer.from(exported.keyMaterial, 'base64')),
      wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
      utf8Sorting: true,
    });
    const ours = exportedKeyring(JSON.stringify(exported));
    expect(await opens(await seal(ours), theirs)).toBe(true);
    expect(await opens(await seal(theirs), ours)).toBe(true);
  });

  test('is refused in another form, without quoting it', () => {
    for (const bad of [
      '',
      '[]',
      'x'.repeat(40_000),
      JSON.stringify({ ...exported, more: 1 }),
      JSON.stringify({ ...exported, keyName: '' }),
      JSON.stringify({ ...exported, wrappingSuite: 'AES128_GCM_IV12_TAG16_NO_PADDING' }),
      JSON.stringify({ ...exported, keyMaterial: exported.keyMaterial.slice(4) }),
      `${JSON.stringify(exported)}x`,
    ]) {
      const refused = refusal(() => exportedKeyring(bad));
      expect(refused.code).toBe('INVALID');
      expect(JSON.stringify(refused)).not.toContain(exported.keyMaterial.slice(0, 20));
    }
  });
});

test('a combined keyring seals for each of its keys, and each alone opens', async () => {
  const symmetric = rawKeyring({ keyNamespace: 'glovebox', keyName: 'k/1', keyMaterial: randomBytes(32) });
  const recovery = rawKeyring({ keyNamespace: 'glovebox', keyName: 'r/1', keyMaterial: randomBytes(32) });
  const sealed = await seal(combineKeyrings(symmetric, [recovery, publicKeyKeyring(pair.publicKey)]));
  for (const keyring of [symmetric, recovery, privateKeyKeyring(pair.privateKey)]) {
    expect(await opens(sealed, keyring)).toBe(true);
  }
  expect(await opens(sealed, privateKeyKeyring(other.privateKey))).toBe(false);
});

test('the material that was given is left to its owner', () => {
  const keyMaterial = Buffer.alloc(32, 7);
  rawKeyring({ keyNamespace: 'glovebox', keyName: 'k/1', keyMaterial });
  expect(keyMaterial.equals(Buffer.alloc(32, 7))).toBe(true);
});
