import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolvePath, SftpError } from './index.ts';
import { isBelow } from './paths.ts';

describe('paths', () => {
  it.each([
    ['', '/'],
    ['.', '/'],
    ['/', '/'],
    ['a', '/a'],
    ['./a//b/', '/a/b'],
    ['/a/../b', '/b'],
    ['../../etc/passwd', '/etc/passwd'],
    ['/a/../../../b/..', '/'],
    ['...', '/...'],
    ['a\\..\\b', '/a\\..\\b'],
    // The same letter as one code point and as two.
    ['cafe\u0301', '/caf\u00e9'],
    ['caf\u00e9', '/caf\u00e9'],
    // Dots and a slash that only look like them are letters of a name.
    ['\uff0e\uff0e\uff0fa', '/\uff0e\uff0e\uff0fa'],
    ['\u2025/a', '/\u2025/a'],
  ])('%j is %j', (sent, path) => {
    expect(resolvePath(sent)).toBe(path);
  });

  it.each(['a\0b', '\ud800', `/${'a'.repeat(4096)}`, '/\u0958'.repeat(1000)])(
    'that cannot be one is an error: %#',
    (sent) => {
      expect(() => resolvePath(sent)).toThrow(expect.objectContaining({ code: 'PATH' }));
    },
  );

  it('never lead out of the root, have one form, and resolve to themselves', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '', '/', '\0', 'e\u0301', '\uff0e'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.constantFrom('', '/'), (parts, separator) => {
        let path: string;
        try {
          path = resolvePath(parts.join(separator));
        } catch (error) {
          expect(error).toBeInstanceOf(SftpError);
          return;
        }
        expect(path).toMatch(/^\/(?:$|[^/])/);
        expect(path === '/' || !path.endsWith('/')).toBe(true);
        expect(path.split('/').some((each) => each === '.' || each === '..')).toBe(false);
        expect(path.normalize('NFC')).toBe(path);
        expect(resolvePath(path)).toBe(path);
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  it('lie below a folder by whole names', () => {
    expect(isBelow('/a/b', '/a')).toBe(true);
    expect(isBelow('/ab', '/a')).toBe(false);
    expect(isBelow('/a', '/a')).toBe(false);
    expect(isBelow('/a', '/')).toBe(true);
    expect(isBelow('/', '/')).toBe(false);
  });
});
