import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFitted, serializeFitted } from './parameters.ts';
import type { FittedValue } from './program.ts';

const value: fc.Arbitrary<FittedValue> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((each): FittedValue => ({ type: 'double', value: each + 0 })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((each): FittedValue => ({ type: 'integer', value: each })),
  fc.string().map((each): FittedValue => ({ type: 'string', value: each })),
  fc.boolean().map((each): FittedValue => ({ type: 'boolean', value: each })),
  fc.array(fc.string()).map((categories): FittedValue => ({ categories })),
);

describe('fitted parameters', () => {
  it('come back bit by bit', () => {
    const names = fc.string().filter((name) => !/^\d+$/.test(name) && name !== '__proto__');
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(names, value), { selector: ([name]) => name }), (entries) => {
        const fitted = { pipeline: 'p', values: new Map(entries) };
        const json = serializeFitted(fitted);
        expect(parseFitted(json)).toEqual(fitted);
        expect(serializeFitted(parseFitted(json))).toBe(json);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it.each([
    '{}',
    'x',
    '{"format":"glovebox-fitted-1","pipeline":"p","parameters":{"a":{"type":"double","value":"1"}}}',
    '{"format":"glovebox-fitted-1","pipeline":"p","parameters":{"a":{"type":"integer","value":"1; DROP"}}}',
    '{"format":"glovebox-fitted-1","pipeline":"p","parameters":{"a":{"type":"sql","value":"1"}}}',
  ])('%s is refused', (json) => {
    expect(() => parseFitted(json)).toThrow(expect.objectContaining({ code: 'SPEC' }));
  });
});
