// The table of verbs that the documentation shows is the one that policies are made from.
import { expect, test } from 'vitest';
import { areVerbsCurrent, renderVerbs } from '../scripts/docs-access.ts';
import { ALL_VERBS } from '../src/access/model.ts';

test('docs/access.md has the table of verbs as it is (node scripts/docs-access.ts)', async () => {
  expect(await areVerbsCurrent()).toBe(true);
});

test('the table tells of every verb', () => {
  const told = [...renderVerbs().matchAll(/^\| `([a-z]+)`/gm)].map(([, verb]) => verb);
  expect(new Set(told)).toEqual(new Set(ALL_VERBS));
});
