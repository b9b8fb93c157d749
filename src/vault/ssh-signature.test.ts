// SSH signatures, against those that ssh-keygen makes.
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { missingTool } from '../../test/support/missing-tool.ts';
import { VaultError } from './error.ts';
import { parseSshKey, type SshKey } from './ssh-key.ts';
import { MAX_SIGNATURE_BYTES, parseSshSignature, verifySshSignature } from './ssh-signature.ts';
import { wireString } from './ssh-wire.ts';

const MESSAGE = Buffer.from('sealed bytes, to the letter');

/** `accepted`, `refused` (it is not this key's over this message), or the error's code. */
function check(file: Uint8Array, key: SshKey, message: Uint8Array = MESSAGE): string {
  try {
    const signature = parseSshSignature(file);
    const digest = createHash(signature.hash).update(message).digest();
    return verifySshSignature(signature, key, digest) ? 'accepted' : 'refused';
  } catch (error) {
    if (error instanceof VaultError) return error.code;
    throw error;
  }
}

describe('signatures of ssh-keygen', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'glovebox-ssh-'));
    writeFileSync(join(folder, 'message'), MESSAGE);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach((context) => {
    const reason = missingTool('openssh-client');
    if (reason !== undefined) context.skip(reason);
  });

  const makeKey = (name: string, ...options: string[]): SshKey => {
    execFileSync('ssh-keygen', ['-q', '-N', '', '-C', 'a comment', '-f', join(folder, name), ...options]);
    return parseSshKey(readFileSync(join(folder, `${name}.pub`), 'utf8').trim());
  };
  const signWith = (name: string, options: string[] = [], namespace = 'glovebox'): Buffer =>
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-n', namespace, '-f', join(folder, name), ...options], {
      input: MESSAGE,
      stdio: ['pipe', 'pipe', 'ignore'],
    });

  const KINDS: [name: string, options: string[]][] = [
    ['ed25519', ['-t', 'ed25519']],
    ['rsa2048', ['-t', 'rsa', '-b', '2048']],
    ['rsa3071', ['-t', 'rsa', '-b', '3071']],
    ['ecdsa256', ['-t', 'ecdsa', '-b', '256']],
    ['ecdsa384', ['-t', 'ecdsa', '-b', '384']],
    ['ecdsa521', ['-t', 'ecdsa', '-b', '521']],
  ];

  test.each(KINDS)('%s: verify, with either hash, for that key and that message only', (name, options) => {
    const key = makeKey(name, ...options);
    const other = makeKey(`${name}-other`, ...options);
    // Several: a number in ECDSA is a byte shorter now and then.
    const files = Array.from({ length: 8 }, () => signWith(name));
    for (const file of [...files, signWith(name, ['-O', 'hashalg=sha256'])]) {
      expect(check(file, key)).toBe('accepted');
      expect(check(file, other)).toBe('refused');
      expect(check(file, key, Buffer.from('other bytes'))).toBe('refused');
    }
    expect(check(Buffer.from(signWith(name).toString().replaceAll('\n', '\r\n')), key)).toBe('accepted');
  });

  test.each(KINDS)('%s: any byte flipped, of the signature file or of the message, is refused', (name) => {
    const key = parseSshKey(readFileSync(join(folder, `${name}.pub`), 'utf8').trim());
    const file = signWith(name);
    const flipped = (bytes: Buffer, at: number, mask: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ mask, at);
      return copy;
    };
    const blob = Buffer.from(file.toString().replace(/-----.*-----/g, ''), 'base64');
    expect([check(file, key), check(armor(blob), key)]).toEqual(['accepted', 'accepted']);
    const mask = fc.integer({ min: 1, max: 255 });
    const at = (bytes: Buffer) => fc.nat({ max: bytes.length - 1 });
    const options = { seed: 7, numRuns: 400 };
    fc.assert(
      fc.property(at(file), mask, (index, bits) => check(flipped(file, index, bits), key) !== 'accepted'),
      options,
    );
    fc.assert(
      fc.property(at(blob), mask, (index, bits) => check(armor(flipped(blob, index, bits)), key) !== 'accepted'),
      options,
    );
    fc.assert(
      fc.property(at(MESSAGE), mask, (index, bits) => check(file, key, flipped(MESSAGE, index, bits)) === 'refused'),
      options,
    );
    // And whole: cut off, or longer.
    for (let length = 0; length < blob.length; length += 1) {
      expect(check(armor(blob.subarray(0, length)), key)).not.toBe('accepted');
    }
    expect(check(armor(Buffer.concat([blob, Buffer.from([0])])), key)).toBe('SIGNATURE');
  });

  test('are refused for another purpose, and from an RSA key that is too small', () => {
    const key = makeKey('purpose', '-t', 'ed25519');
    expect(check(signWith('purpose', [], 'file'), key)).toBe('SIGNATURE');
    expect(() => makeKey('small', '-t', 'rsa', '-b', '1024')).toThrow(expect.objectContaining({ code: 'SIGNATURE' }));
    const weak = armorOf({ key, hash: 'sha1', signature: Buffer.alloc(10) });
    expect(check(weak, key)).toBe('SIGNATURE');
  });
});

function armor(blob: Uint8Array): Buffer {
  const lines =
    Buffer.from(blob)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return Buffer.from(`-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`);
}

interface Parts {
  key: SshKey;
  hash?: string;
  reserved?: string;
  version?: number;
  signature: Buffer;
}

function armorOf({ key, hash = 'sha512', reserved = '', version = 1, signature }: Parts): Buffer {
  const head = Buffer.concat([Buffer.from('SSHSIG'), Buffer.from([0, 0, 0, version])]);
  const texts = ['glovebox', reserved, hash].map(wireString);
  return armor(Buffer.concat([head, wireString(key.blob), ...texts, wireString(signature)]));
}

function signedBytes(hash = 'sha512', reserved = ''): Buffer {
  const digest = createHash(hash).update(MESSAGE).digest();
  return Buffer.concat([Buffer.from('SSHSIG'), ...['glovebox', reserved, hash].map(wireString), wireString(digest)]);
}

function line(...parts: (string | Uint8Array)[]): string {
  return `${parts[0]} ${Buffer.concat(parts.map(wireString)).toString('base64')} comment`;
}

const rawEd25519 = (key: KeyObject) => key.export({ format: 'der', type: 'spki' }).subarray(-32);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

// Made here after PROTOCOL.u2f: ssh-keygen makes them with a real token only.
describe('signatures of security tokens', () => {
  const TOUCHED = 1;
  const token = (application: string, flags: number, signIt: (message: Buffer) => Buffer, format: string): Buffer => {
    const state = Buffer.from([flags, 0, 0, 0, 9]);
    const message = Buffer.concat([sha256(Buffer.from(application)), state, sha256(signedBytes())]);
    return Buffer.concat([wireString(format), wireString(signIt(message)), state]);
  };

  test('ed25519', () => {
    const type = 'sk-ssh-ed25519@openssh.com';
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const key = parseSshKey(line(type, rawEd25519(publicKey), 'ssh:'));
    const signIt = (message: Buffer) => sign(null, message, privateKey);
    expect(check(armorOf({ key, signature: token('ssh:', TOUCHED, signIt, type) }), key)).toBe('accepted');
    expect(check(armorOf({ key, signature: token('ssh:', 5, signIt, type) }), key)).toBe('accepted');
    expect(check(armorOf({ key, signature: token('ssh:other', TOUCHED, signIt, type) }), key)).toBe('refused');
    expect(check(armorOf({ key, signature: token('ssh:', 0, signIt, type) }), key)).toBe('SIGNATURE');
    const plain = Buffer.concat([wireString('ssh-ed25519'), wireString(signIt(signedBytes()))]);
    expect(check(armorOf({ key, signature: plain }), key)).toBe('SIGNATURE');
  });

  test('ecdsa', () => {
    const type = 'sk-ecdsa-sha2-nistp256@openssh.com';
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-65);
    const key = parseSshKey(line(type, 'nistp256', point, 'ssh:'));
    const signWith = (spell: (digits: Uint8Array) => Buffer) => (message: Buffer) => {
      let both: Buffer;
      // One whose first number could be spelt with a zero before it.
      do both = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      while (both.readUInt8(0) >= 0x80);
      return Buffer.concat([both.subarray(0, 32), both.subarray(32)].map(spell).map(wireString));
    };
    const signIt = signWith(shortest);
    expect(check(armorOf({ key, signature: token('ssh:', TOUCHED, signIt, type) }), key)).toBe('accepted');
    expect(check(armorOf({ key, signature: token('ssh:x', TOUCHED, signIt, type) }), key)).toBe('refused');
    // The same numbers, spelt otherwise.
    const longer = signWith((digits) => Buffer.concat([Buffer.from([0]), digits]));
    const negative = signWith((digits) => Buffer.concat([Buffer.from([0x80]), digits]));
    for (const other of [longer, negative]) {
      expect(check(armorOf({ key, signature: token('ssh:', TOUCHED, other, type) }), key)).toBe('SIGNATURE');
    }
  });
});

/** RFC 4251, section 5, "mpint". */
function shortest(digits: Uint8Array): Buffer {
  const plain = Buffer.from(digits.subarray(digits.findIndex((digit) => digit !== 0)));
  return (plain[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), plain]) : plain;
}

describe('the form', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = parseSshKey(line('ssh-ed25519', rawEd25519(publicKey)));
  const signature = (message = signedBytes()) =>
    Buffer.concat([wireString('ssh-ed25519'), wireString(sign(null, message, privateKey))]);
  const good = armorOf({ key, signature: signature() });

  test('is that of the specification', () => {
    expect(check(good, key)).toBe('accepted');
  });

  test.each<[name: string, file: Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['something else', Buffer.from('hello')],
    ['a public key', Buffer.from('ssh-ed25519 AAAA')],
    ['a version to come', armorOf({ key, version: 2, signature: signature() })],
    ['words in the reserved field', armorOf({ key, reserved: 'x', signature: signature(signedBytes('sha512', 'x')) })],
    ['another hash', armorOf({ key, hash: 'sha384', signature: signature(signedBytes('sha384')) })],
    ['a format of another key', armorOf({ key, signature: Buffer.concat([wireString('ssh-rsa'), wireString('x')]) })],
    ['bytes after the signature', armorOf({ key, signature: Buffer.concat([signature(), Buffer.from([0])]) })],
    ['words before it', Buffer.concat([Buffer.from('x\n'), good])],
    ['words after it', Buffer.concat([good, Buffer.from('x\n')])],
    [
      'another spelling',
      Buffer.from(good.toString().replace(/.(?===?\n)/, (last) => String.fromCharCode(last.charCodeAt(0) + 1))),
    ],
    ['two', Buffer.concat([good, good])],
    ['too much', Buffer.concat([good, Buffer.alloc(MAX_SIGNATURE_BYTES, 10)])],
    ['a length that is not there', armor(Buffer.concat([Buffer.from('SSHSIG\0\0\0\x01'), Buffer.alloc(4, 0xff)]))],
  ])('refuses %s', (_, file) => {
    expect(check(file, key)).toBe('SIGNATURE');
  });

  test('is refused, and never anything else, for bytes of any kind', () => {
    const start = Buffer.from('SSHSIG\0\0\0\x01', 'latin1');
    const value = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constantFrom('glovebox', '', 'sha512', 'ssh-rsa'));
    const strings = fc.array(value, { maxLength: 6 }).map((all) => Buffer.concat([start, ...all.map(wireString)]));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([start, rest])),
      strings,
    );
    const property = fc.property(bytes, (blob) => ['SIGNATURE', 'refused'].includes(check(armor(blob), key)));
    fc.assert(property, { seed: 11, numRuns: 2000 });
    const form = fc.property(bytes, (blob) => {
      const file = armorOf({ key, signature: Buffer.from(blob) });
      return ['SIGNATURE', 'refused'].includes(check(file, key));
    });
    fc.assert(form, { seed: 12, numRuns: 2000 });
  });

  test('of a key is that of its kind', () => {
    const point = Buffer.alloc(65, 4);
    for (const bad of [
      line('ssh-ed25519', Buffer.alloc(31)),
      line('ssh-ed25519', rawEd25519(publicKey), 'more'),
      line('ssh-dss', 'x'),
      line('ecdsa-sha2-nistp256', 'nistp256', point),
      line('ecdsa-sha2-nistp256', 'nistp384', point),
      line('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(33, 2)),
      line('ssh-rsa', Buffer.from([1, 0, 1]), Buffer.alloc(5000, 1)),
      line('ssh-rsa', Buffer.from([0, 1, 0, 1]), Buffer.alloc(256, 1)),
    ]) {
      expect(() => parseSshKey(bad)).toThrow(expect.objectContaining({ code: 'SIGNATURE' }));
    }
  });
});
