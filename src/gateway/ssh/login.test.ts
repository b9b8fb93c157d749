// Logging in: which keys and signatures are taken, and what ends a connection before and after it.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import { missingTool } from '../../../test/support/missing-tool.ts';
import { makeSshKey, runOrThrow } from '../../../test/support/programs.ts';
import { gone, insidesOf, openSubsystem } from '../../../test/support/ssh-client.ts';
import { type Front, type FrontOptions, makeKeyPair, startFront } from '../../../test/support/ssh-front.ts';
import { logInRaw } from '../../../test/support/ssh-login.ts';
import { OPEN_FLAG, openSftp } from '../../sftp/index.ts';
import { parseSshKey, wireString } from '../../vault/index.ts';

let front: Front;
afterEach(() => front?.stop());
const start = async (options?: FrontOptions) => {
  front = await startFront(options);
};
const reasons = () => front.events.flatMap((event) => (event.kind === 'login refused' ? [event.reason] : []));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** A line of authorized_keys. */
const line = (...parts: (string | Uint8Array)[]) =>
  `${parts[0]} ${Buffer.concat(parts.map((part) => wireString(part))).toString('base64')}`;

describe('keys', () => {
  test.each([
    ['ed25519', {}],
    ['ecdsa', { bits: 256 }],
    ['ecdsa', { bits: 384 }],
    ['ecdsa', { bits: 521 }],
    ['rsa', { bits: 2048 }],
  ] as const)('%s, %o', async (type, options) => {
    const pair = ssh2.utils.generateKeyPairSync(type as 'rsa', options as { bits: number });
    await start({ users: { other: { keys: [pair.public] } } });
    const client = await front.connect({ username: 'other', privateKey: pair.private });
    expect(await front.event('login')).toMatchObject({ user: 'other', how: expect.stringMatching(/^key SHA256:/) });
    client.end();
    const wrong = ssh2.utils.generateKeyPairSync(type as 'rsa', options as { bits: number });
    await expect(front.connect({ username: 'other', privateKey: wrong.private })).rejects.toThrow(/authentication/);
    expect(reasons()).toContain('the key is not one of this user');
  });

  test('a key of another user, and a user who is not known', async () => {
    const other = makeKeyPair();
    await start({ users: { other: { keys: [other.public] } } });
    await expect(front.connect({ privateKey: other.private })).rejects.toThrow(/authentication/);
    await expect(front.connect({ username: 'constructor' })).rejects.toThrow(/authentication/);
    expect(reasons()).toEqual(['the key is not one of this user', 'the key is not one of this user']);
  });

  test('passwords are not asked for, and not taken', async () => {
    await start();
    const failing = front.connect({
      privateKey: '',
      password: 'secret',
      authHandler: ['password', 'keyboard-interactive'],
    });
    await expect(failing).rejects.toThrow(/authentication/);
    expect(reasons()).toContain('only public keys are taken here');
  });

  test('RSA signs SHA-2, and not SHA-1', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
    const key = line(
      'ssh-rsa',
      Buffer.from(e, 'base64url'),
      Buffer.concat([Buffer.of(0), Buffer.from(n, 'base64url')]),
    );
    await start({ users: { other: { keys: [key] } } });
    const { blob } = parseSshKey(key);
    const attempt = (algorithm: string, hash: string) =>
      logInRaw(front.port, {
        user: 'other',
        algorithm,
        blob,
        sign: (message) => [wireString(algorithm), wireString(sign(hash, message, privateKey))],
      });
    expect(await attempt('rsa-sha2-256', 'sha256')).toBe('in');
    expect(await attempt('rsa-sha2-512', 'sha512')).toBe('in');
    expect(await attempt('ssh-rsa', 'sha1')).toBe('refused');
    // What one hash signed is not taken for the other's.
    expect(await attempt('rsa-sha2-512', 'sha256')).toBe('refused');
    expect(reasons()).toEqual(['the signature does not verify', 'the signature does not verify']);
  });

  test('a signature over something else, of another key, or by no algorithm that there is', async () => {
    const pair = makeKeyPair();
    const privateKey = ssh2.utils.parseKey(pair.private);
    if (privateKey instanceof Error) throw privateKey;
    const { blob } = parseSshKey(pair.public);
    await start({ users: { other: { keys: [pair.public] } }, limits: { attempts: 100 } });
    const signIt = (message: Buffer) => privateKey.sign(message) as Buffer;
    const attempt = (algorithm: string, make: (message: Buffer) => Buffer[]) =>
      logInRaw(front.port, { user: 'other', algorithm, blob, sign: make });
    const type = 'ssh-ed25519';
    expect(await attempt(type, (message) => [wireString(type), wireString(signIt(message))])).toBe('in');
    expect(await attempt(type, (message) => [wireString(type), wireString(signIt(message.subarray(1)))])).toBe(
      'refused',
    );
    expect(await attempt(type, () => [wireString(type), wireString(Buffer.alloc(64))])).toBe('refused');
    expect(await attempt(type, () => [Buffer.alloc(3)])).toBe('refused');
    expect(await attempt(type, () => [])).toBe('refused');
    expect(await attempt('no-such-thing', () => [wireString('no-such-thing'), wireString('')])).toBe('refused');
  });
});

describe('keys in security tokens', () => {
  const TOUCHED = 1;
  /** PROTOCOL.u2f, "SSH U2F Signatures". */
  const signToken =
    (type: string, application: string, flags: number, signIt: (message: Buffer) => Buffer) => (message: Buffer) => {
      const state = Buffer.from([flags, 0, 0, 0, 9]);
      const signed = Buffer.concat([sha256(Buffer.from(application)), state, sha256(message)]);
      return [wireString(type), wireString(signIt(signed)), state];
    };
  const ed25519 = () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const type = 'sk-ssh-ed25519@openssh.com';
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    return { type, key: line(type, raw, 'ssh:'), signIt: (message: Buffer) => sign(null, message, privateKey) };
  };
  const ecdsa = () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const type = 'sk-ecdsa-sha2-nistp256@openssh.com';
    const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-65);
    return {
      type,
      key: line(type, 'nistp256', point, 'ssh:'),
      signIt: (message: Buffer) => signEcdsa(message, privateKey),
    };
  };

  test.each([
    ['ed25519', ed25519],
    ['ecdsa', ecdsa],
  ])('%s', async (_name, make) => {
    const { type, key, signIt } = make();
    await start({ users: { other: { keys: [key] } } });
    const { blob } = parseSshKey(key);
    const attempt = (application: string, flags: number) =>
      logInRaw(front.port, {
        ...{ user: 'other', algorithm: type, blob },
        sign: signToken(type, application, flags, signIt),
      });
    expect(await attempt('ssh:', TOUCHED)).toBe('in');
    // Nobody touched it; made for something else.
    expect(await attempt('ssh:', 0)).toBe('refused');
    expect(await attempt('ssh:other', TOUCHED)).toBe('refused');
  });

  const missing = missingTool('openssh-client');
  test('with a certificate', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const folder = await mkdtemp(join(tmpdir(), 'glovebox-sk-'));
    try {
      const authority = makeSshKey(join(folder, 'ca'));
      const { type, key, signIt } = ed25519();
      writeFileSync(join(folder, 'sk.pub'), `${key}\n`);
      runOrThrow('ssh-keygen', ['-q', '-s', join(folder, 'ca'), '-I', 'token', '-n', 'acme', join(folder, 'sk.pub')]);
      const [algorithm = '', base64 = ''] = readFileSync(join(folder, 'sk-cert.pub'), 'utf8').split(' ');
      await start({ authorities: [authority] });
      const blob = Buffer.from(base64, 'base64');
      const attempt = (flags: number) =>
        logInRaw(front.port, { user: 'acme', algorithm, blob, sign: signToken(type, 'ssh:', flags, signIt) });
      expect(await attempt(TOUCHED)).toBe('in');
      expect(await attempt(0)).toBe('refused');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** RFC 5656, section 3.1.2. */
function signEcdsa(message: Buffer, key: KeyObject): Buffer {
  const both = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
  const number = (digits: Buffer) => {
    const plain = digits.subarray(digits.findIndex((digit) => digit !== 0));
    return wireString((plain[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), plain]) : plain);
  };
  return Buffer.concat([number(both.subarray(0, 32)), number(both.subarray(32))]);
}

describe('limits', () => {
  const stranger = makeKeyPair();

  test('of failures on one connection', async () => {
    await start({ limits: { attempts: 3 } });
    const seen: unknown[] = [];
    const { private: privateKey } = stranger;
    const failing = front.connect({
      authHandler: (_methods, _partial, next) => {
        seen.push(0);
        next({ type: 'publickey', username: 'acme', key: privateKey });
      },
    });
    await expect(failing).rejects.toThrow();
    expect(reasons()).toHaveLength(3);
    expect(await front.event('cut')).toMatchObject({ reason: 'too many failed log-ins' });
  });

  test('of questions for the methods', async () => {
    await start({ limits: { attempts: 3 } });
    const failing = front.connect({
      authHandler: (_methods, _partial, next) => next({ type: 'none', username: 'acme' }),
    });
    await expect(failing).rejects.toThrow();
    expect(await front.event('cut')).toMatchObject({ reason: 'too many failed log-ins' });
  });

  test('of failures of an address, which is then kept out; exempt ranges are not', async () => {
    await start({ limits: { exempt: [], banAfter: 2, banTime: 1000 } });
    for (let count = 0; count < 2; count++) {
      await expect(front.connect({ privateKey: stranger.private })).rejects.toThrow();
    }
    expect(await front.event('banned')).toMatchObject({ seconds: 1 });
    await expect(front.connect()).rejects.toThrow();
    expect(await front.event('turned away')).toMatchObject({ reason: expect.stringMatching(/banned/) });
    await sleep(1100);
    (await front.connect()).end();
  });

  test('of the time to log in', async () => {
    await start({ limits: { loginGrace: 1000 } });
    const failing = front.connect({ authHandler: () => undefined as never });
    await expect(failing).rejects.toThrow();
    expect(await front.event('cut')).toMatchObject({ reason: 'the log-in took too long' });
  });

  test('of connections of one user, who is told', async () => {
    await start({ limits: { connectionsPerUser: 2 } });
    const clients = [await front.connect(), await front.connect()];
    await expect(front.connect()).rejects.toThrow(/too many connections of this user/);
    for (const client of clients) client.end();
    await Promise.all(clients.map(gone));
    await sleep(50);
    (await front.connect()).end();
  });

  test('of connections that have not logged in', async () => {
    await start({ limits: { unauthenticated: 2 } });
    const idle = [0, 1].map(() => front.connect({ authHandler: () => undefined as never }).catch(() => undefined));
    while (front.server.connections() < 2) await sleep(10);
    await expect(front.connect()).rejects.toThrow();
    expect(await front.event('turned away')).toMatchObject({ reason: expect.stringMatching(/not logged in/) });
    await front.server.close('over');
    await Promise.all(idle);
  });

  test('of the time in which nothing is transferred, whatever keeps the connection alive', async () => {
    await start({ limits: { idle: 1500 } });
    const client = await front.connect({ keepaliveInterval: 200 });
    const sftp = await openSftp(await openSubsystem(client));
    for (let count = 0; count < 12; count++) {
      await sleep(250);
      await sftp.stat('/');
    }
    // Twice the time has gone by, with something to do all along.
    expect(front.events.some(({ kind }) => kind === 'cut')).toBe(false);
    await gone(client);
    expect(await front.event('cut')).toMatchObject({ reason: 'nothing was sent or taken for too long' });
  });
});

describe('what changes while somebody is connected', () => {
  test('a user who is gone is cut off, and the others are not', async () => {
    const other = makeKeyPair();
    await start({ users: { other: { keys: [other.public] } } });
    const [first, second] = [
      await front.connect(),
      await front.connect({ username: 'other', privateKey: other.private }),
    ];
    const users = new Map([...front.config.rules.users].filter(([name]) => name !== 'acme'));
    front.server.configure({ ...front.config, rules: { ...front.config.rules, users } });
    await gone(first);
    expect(await front.event('cut')).toMatchObject({ user: 'acme', reason: 'the key is not one of this user' });
    expect(await (await openSftp(await openSubsystem(second))).stat('/')).toMatchObject({ mode: 0o40700 });
    second.end();
  });

  test('keys are exchanged anew by bytes, in the middle of a transfer', async () => {
    await start({ limits: { rekeyBytes: 1024 * 1024 } });
    const client = await front.connect();
    let exchanges = 0;
    client.on('handshake', () => {
      exchanges += 1;
    });
    const sftp = await openSftp(await openSubsystem(client));
    const content = Buffer.alloc(1024 * 1024, 'x');
    const until = Date.now() + 3500;
    for (let count = 0; Date.now() < until; count++) {
      const handle = await sftp.open(`/f${count % 4}`, OPEN_FLAG.write | OPEN_FLAG.create | OPEN_FLAG.truncate);
      await sftp.upload(handle, slowly(content));
      await sftp.close(handle);
    }
    expect(exchanges).toBeGreaterThanOrEqual(2);
    let read = 0;
    for await (const chunk of sftp.download('/f0')) read += chunk.length;
    expect(read).toBe(content.length);
    client.end();
  });

  test('half of a connection that is left tells nobody to wait', async () => {
    await start();
    const client = await front.connect();
    const sftp = await openSftp(await openSubsystem(client));
    await sftp.stat('/');
    insidesOf(client)._sock.destroy();
    await front.event('ended');
    while (front.ended.length === 0) await sleep(10);
    expect(front.server.connections()).toBe(0);
  });
});

async function* slowly(content: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += 65_536) {
    yield content.subarray(at, at + 65_536);
    await sleep(2);
  }
}
