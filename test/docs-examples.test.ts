// The configuration that the documents show is configuration that works.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../scripts/process.ts';
import { parseWorkspace } from '../src/workspace/index.ts';

const documents = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const blocks = documents.flatMap((name) => {
  const text = readFileSync(join(root, 'docs', name), 'utf8');
  return [...text.matchAll(/```yaml\n(.*?)```/gs)].map((match): [string, string] => [name, match[1] ?? '']);
});

test('there are examples to check', () => {
  expect(blocks.map(([name]) => name)).toContain('workspace.md');
});

test.each(blocks)('the example in %s is a workspace', (name, text) => {
  expect(Object.keys(parseWorkspace(text, name).datasets).length).toBeGreaterThan(0);
});
