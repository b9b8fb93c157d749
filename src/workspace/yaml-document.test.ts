import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { closest, parseYamlDocument, WorkspaceError } from './index.ts';
import { editDistance } from './suggest.ts';

const stepSchema = z.strictObject({
  name: z.string(),
  steps: z.array(
    z.union([
      z.strictObject({ drop: z.array(z.string()) }),
      z.strictObject({
        scale: z.strictObject({ columns: z.array(z.string()), with: z.enum(['standard', 'min_max']) }),
      }),
    ]),
  ),
  tags: z.record(z.string(), z.string()).optional(),
});

function mistake(text: string, schema: z.ZodType = z.unknown()): string {
  try {
    parseYamlDocument(text, 'f.yaml', schema);
  } catch (error) {
    if (!(error instanceof WorkspaceError)) throw error;
    return `${error.code} ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`;
  }
  throw new Error('no mistake was found');
}

describe('parseYamlDocument', () => {
  it('knows where everything stands', () => {
    const text = 'name: x\nsteps:\n  - drop: [a, b]\n  - scale:\n      columns: [c]\n      with: standard\n';
    const document = parseYamlDocument(text, 'f.yaml', stepSchema);
    const at = (path: PropertyKey[]) => {
      const { line, column } = document.positionOf(path);
      return `${line}:${column}`;
    };
    expect(at(['name'])).toBe('1:7');
    expect(at(['steps'])).toBe('2:1');
    expect(at(['steps', 0])).toBe('3:5');
    expect(at(['steps', 0, 'drop', 1])).toBe('3:15');
    expect(at(['steps', 1, 'scale', 'with'])).toBe('6:13');
    expect(at(['steps', 1, 'scale', 'with', 'nothing', 3])).toBe('6:13');
    expect(document.keyPositionOf(['steps', 1, 'scale', 'with'])).toEqual({ file: 'f.yaml', line: 6, column: 7 });
    const error = document.errorAt(
      ['steps', 1, 'scale', 'columns', 0],
      'no such column',
      'did you mean "d"?',
      'REFERENCE',
    );
    expect(error).toMatchObject({
      code: 'REFERENCE',
      message: 'f.yaml:5:17: no such column',
      hint: 'did you mean "d"?',
      position: { file: 'f.yaml', line: 5, column: 17 },
    });
  });

  it('finds the likeliest branch of a union', () => {
    const scale = 'name: x\nsteps:\n  - scale: { columns: [c], with: standrad }\n';
    expect(mistake(scale, stepSchema)).toBe(
      'SCHEMA f.yaml:3:34: "with" must be one of standard, min_max (did you mean "standard"?)',
    );
    expect(mistake('name: x\nsteps:\n  - scael: {}\n', stepSchema)).toBe(
      'SCHEMA f.yaml:3:5: unknown key "scael" in steps.0 (did you mean "scale"?)',
    );
    expect(mistake('name: x\nsteps:\n  - drop: a\n', stepSchema)).toBe(
      'SCHEMA f.yaml:3:11: "drop" must be a list, and is text',
    );
  });

  const deep = (open: string) => open.repeat(Math.floor(1_000_000 / open.length));
  it.each([
    ['an empty file', '', '1:1: the file is empty'],
    ['comments only', '# nothing\n', '1:1: the file is empty'],
    ['a duplicate key', 'a: 1\nb: 2\na: 3\n', '3:1: this key is there twice'],
    ['an alias', 'a: &x [1]\nb: *x\n', '1:7: anchors are not taken here'],
    ['a merge', 'a: {b: 1}\n<<: *a\n', '2:5: aliases are not taken'],
    [
      'a bomb',
      `a0: &a0 [x]\n${[1, 2, 3, 4, 5].map((i) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]\n`).join('')}`,
      '1:9: anchors',
    ],
    ['a tag', 'a: !!str 1\n', '1:10: tags are not taken'],
    ['an unknown tag', 'a: !js/function x\n', '1:4: tags are not taken'],
    ['a directive', '%YAML 1.1\n---\na: yes\n', '1:1: a YAML directive'],
    ['a second document', 'a: 1\n---\nb: 2\n', '2:1: a second document'],
    ['a tab', 'a:\n\tb: 1\n', '2:1: tabs are not allowed'],
    ['binary', 'a: 1\nb: \u0000\u0001\n', '2:4: there is a control character'],
    ['a map as a key', '? [a]\n: 1\n', '1:1: a key must be text'],
    ['a number as a key', '2024: 1\n', '1:1: a key must be text'],
    ['a prototype', 'a:\n  __proto__: { x: 1 }\n', '2:3: this key is not taken'],
    ['too many digits', 'a: 12345678901234567890\n', '1:4: this number has more digits'],
    ['flow lists', deep('['), '1:65: this is nested'],
    ['flow maps', deep('{a: '), 'this is nested'],
    ['block lists', deep('- '), 'this is nested'],
    ['block maps', Array.from({ length: 70 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 'this is nested'],
    ['a long file', `a: ${'x'.repeat(2 ** 20)}`, '1:1: the file is longer'],
    ['an unclosed list', 'a: [1, 2\n', 'f.yaml:'],
  ])('refuses %s', (_, text, message) => {
    const found = mistake(text);
    expect(found.startsWith('SYNTAX f.yaml:')).toBe(true);
    expect(found).toContain(message);
  });

  it('never lets a key reach a prototype', () => {
    const { value } = parseYamlDocument('tags: { constructor: a }\nname: x\nsteps: []\n', 'f', stepSchema);
    expect(Object.keys(value.tags ?? {})).toEqual(['constructor']);
    expect('polluted' in {}).toBe(false);
  });

  it('gives back any plain value that is written as YAML', () => {
    const key = fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme-ascii' }).filter((k) => k !== '__proto__');
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.string({ unit: 'grapheme-ascii' }), fc.integer(), fc.boolean(), fc.constant(null)),
      tree: fc.oneof(
        { depthSize: 'small' },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, tree, { minKeys: 1, maxKeys: 4, noNullPrototype: true }), (value) => {
        const text = stringify(value, { aliasDuplicateObjects: false });
        expect(parseYamlDocument(text, 'f', z.unknown()).value).toEqual(value);
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  it('raises nothing but WorkspaceError, whatever the text', () => {
    const piece = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      "'",
      '&',
      '*',
      '!',
      '|',
      '>',
      '#',
      '%',
      '\t',
      '?',
      '1',
      '\ufeff',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.string({ unit: piece, maxLength: 60 }), (text) => {
        try {
          parseYamlDocument(text, 'f', z.unknown());
        } catch (error) {
          expect(error).toBeInstanceOf(WorkspaceError);
        }
      }),
      { numRuns: 2000, seed: 5 },
    );
  });
});

describe('did you mean', () => {
  it('measures slips', () => {
    expect(editDistance('abc', 'abc')).toBe(0);
    expect(editDistance('abc', 'acb')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(closest('Store', ['key', 'store'])).toBe('store');
    expect(closest('zebra', ['key', 'store'])).toBeUndefined();
  });
});
