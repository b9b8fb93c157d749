// What is typed as a place on a server, and what must not become an option, a command or a path elsewhere.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sshArguments } from './connect-openssh.ts';
import { isRemote, joinRemote, parseRemote } from './remote.ts';

describe('parseRemote', () => {
  test.each([
    ['sftp://host/a/b', { host: 'host', path: '/a/b' }],
    ['SFTP://me@host:2022/a%20b/', { host: 'host', user: 'me', port: 2022, path: '/a b/' }],
    ['sftp://host', { host: 'host', path: '' }],
    ['sftp://host/', { host: 'host', path: '/' }],
    ['sftp://host/~/a', { host: 'host', path: 'a' }],
    ['sftp://host/~', { host: 'host', path: '' }],
    ['sftp://me@[2001:db8::1]:22/a', { host: '2001:db8::1', user: 'me', port: 22, path: '/a' }],
    ['me@host:a/b', { host: 'host', user: 'me', path: 'a/b' }],
    ['host:/a', { host: 'host', path: '/a' }],
    ['host:', { host: 'host', path: '' }],
    ['me@[::1]:a:b', { host: '::1', user: 'me', path: 'a:b' }],
    ['ec2-user@ec2-1-2-3-4.compute.amazonaws.com:data', { user: 'ec2-user', path: 'data' }],
  ])('%s', (text, parts) => expect(parseRemote(text)).toMatchObject({ ...parts, text }));

  test.each([
    '-oProxyCommand=x:/a',
    'sftp://-oProxyCommand=x/a',
    'sftp://%2DoProxyCommand=x/a',
    'sftp://-l@host/a',
    '-l@host:/a',
    'sftp://host;touch x/a',
    'sftp://$(x)@host/a',
    'sftp://a`b`@host/a',
    'sftp://me:secret@host/a',
    'sftp://me;fingerprint=x@host/a',
    'sftp://host:0/a',
    'sftp://host:65536/a',
    'sftp://host:22x/a',
    'sftp://host/a%0Ab',
    'sftp://host/a\nb',
    'sftp://host/%zz',
    'sftp://host/%00',
    'sftp://[::g]/a',
    'sftp://[host]/a',
    'sftp://2001:db8::1/a',
    'http://host/a',
    'sftp:///a',
    ':a',
    '/a/b',
    'a/b:c',
    '',
    `${'h'.repeat(254)}:a`,
    `host:${'a'.repeat(4097)}`,
    `host:${'a'.repeat(9000)}`,
  ])('refuses %j', (text) => {
    expect(() => parseRemote(text)).toThrow(expect.objectContaining({ name: 'TransferError', code: 'ADDRESS' }));
  });

  test('whatever is typed, ssh gets the host behind --, and no user or host that it could misread', () => {
    const parts = fc.string({ unit: fc.constantFrom(..."-@:/[]%a;$(`' \n"), maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom('', 'sftp://'), parts, (scheme, rest) => {
        let remote: ReturnType<typeof parseRemote>;
        try {
          remote = parseRemote(`${scheme}${rest}`);
        } catch {
          return;
        }
        const all = sshArguments(remote, { isInteractive: false, timeoutMs: 1000 });
        expect(all.slice(-3)).toEqual(['--', remote.host, 'sftp']);
        for (const text of [remote.host, remote.user ?? 'x']) expect(text).toMatch(/^[A-Za-z0-9_:][A-Za-z0-9._:@+-]*$/);
        expect(remote.path).not.toMatch(/\p{Cc}/u);
      }),
      { seed: 5, numRuns: 3000 },
    );
  });
});

test('what of a command line is a place on a server', () => {
  expect(['sftp://h/a', 'h:a', 'me@h:', '[::1]:a'].map(isRemote)).toEqual([true, true, true, true]);
  expect(['a', './a:b', '/a:b', 'folder/a:b', 'claims-raw/x'].map(isRemote)).toEqual(Array(5).fill(false));
});

test('joins a folder and a name', () => {
  expect([joinRemote('', 'a'), joinRemote('/', 'a'), joinRemote('b', 'a'), joinRemote('/b/', 'a')]).toEqual([
    'a',
    '/a',
    'b/a',
    '/b/a',
  ]);
});
