// I1: what a failing run says never quotes the data, and nothing of it is left on the disk.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expectDone, expectFailure } from '../support/cli.ts';
import { missingTool } from '../support/missing-tool.ts';
import { CANARY, makeTracedBox, type TracedBox, untraced } from '../support/traced-box.ts';

let box: TracedBox;
beforeAll(async () => {
  if (missingTool('strace') === undefined) box = await makeTracedBox();
});
afterAll(() => box?.remove());
beforeEach((context) => {
  const reason = missingTool('strace');
  if (reason !== undefined) context.skip(reason);
});

describe('a run that fails does not say the value', () => {
  const HEADER = 'id,amount,kind,kind_x,day';
  const pipeline = (name: string, { columns = '', rest = '' }): string => `pipeline: ${name}
source: { dataset: claims-raw, objects: "${name}.csv" }
columns:
  id: { type: string }
  amount: { type: ${columns === '' ? 'string' : columns.replace('amount:', '')} }
  kind: { type: string }
  kind_x: { type: string }
  day: { type: string }
${rest.includes('fit:') || rest.includes('split:') ? '' : 'fit: all\n'}${rest}
output: { dataset: claims-features }
`;
  const good = ['1,1.5,a,b,2024-01-01', '2,2.5,c,d,2024-01-02'];
  const withCanary = (row: string): string => [HEADER, ...good, row, ...good, ''].join('\n');

  const cases: Record<string, { rest?: string; columns?: string; data: string | Buffer; code?: number }> = {
    'cast-column': { columns: 'amount:double, otherwise: fail', data: withCanary(`3,${CANARY},a,b,2024-01-01`) },
    'cast-step': {
      rest: 'steps: [ { cast: { columns: [amount], to: double } } ]',
      data: withCanary(`3,${CANARY},a,b,x`),
    },
    matches: {
      rest: 'expect: [ { column: kind, matches: "[a-z]", otherwise: fail } ]',
      data: withCanary(`3,1,${CANARY},b,x`),
    },
    in: { rest: 'expect: [ { column: kind, in: [a, c], otherwise: fail } ]', data: withCanary(`3,1,${CANARY},b,x`) },
    between: {
      columns: 'amount:double, otherwise: drop',
      rest: `expect: [ { column: amount, between: [0, 9], otherwise: fail } ]`,
      data: withCanary(`3,99,${CANARY},b,x`),
    },
    ragged: { data: withCanary(`3,1,${CANARY}`) },
    'too-many': { data: withCanary(`3,1,a,b,c,${CANARY},${CANARY}`) },
    quote: { data: withCanary(`3,1,"${CANARY},b,c`) },
    'after-quote': { data: withCanary(`3,1,"${CANARY}"${CANARY},b,c`) },
    encoding: { data: Buffer.from(withCanary(`3,1,${CANARY}\xff\xfe,b,c`), 'latin1') },
    'long-line': { data: withCanary(`3,1,${CANARY.repeat(200_000)},b,c`) },
    collision: {
      rest: 'steps: [ { encode: { columns: [kind, kind_x], with: one_hot } } ]',
      data: `${HEADER}\n1,1,x_${CANARY},b,c\n2,2,a,${CANARY},d\n`,
    },
    'many-categories': {
      rest: 'steps: [ { encode: { columns: [kind], with: one_hot, max_categories: 2 } } ]',
      data: withCanary(`3,1,${CANARY},b,c`),
    },
    unseen: {
      rest: 'steps: [ { encode: { columns: [kind], with: one_hot, unseen: error } } ]\nsplit: { by: id, train: 0.5, test: 0.5 }',
      data: [HEADER, ...Array.from({ length: 40 }, (_, i) => `${i},1,${CANARY}${i},b,c`), ''].join('\n'),
    },
    'no-header': { data: `${CANARY},1,a,b,c\n${CANARY}2,1,a,b,c\n` },
    'no-header-twice': { data: `${CANARY},${CANARY},a,b,c\n` },
  };

  /** One of each way in which the engine fails; tracing takes the longest. */
  const withTrace = ['cast-column', 'between', 'ragged', 'long-line', 'collision', 'unseen'];

  test.each(Object.entries(cases))('%s', async (name, { rest = '', columns = '', data, code = 5 }) => {
    await writeFile(join(box.workspace, 'pipelines', `${name}.yaml`), pipeline(name, { rest, columns }));
    expectDone(await box.glovebox(['put', '-', `claims-raw/${name}.csv`], { input: data }));
    const plain = withTrace.includes(name)
      ? await box.traced(['run', name])
      : untraced(await box.glovebox(['run', name]));
    expectFailure(plain, code);
    const json = untraced(await box.glovebox(['run', name, '--json']));
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { exit: code } });
    for (const run of [plain, json]) {
      await box.expectNoLeak(run);
      expect(run.stdout.toString()).toBe('');
    }
    await box.expectNoLeak(untraced(await box.glovebox(['plan', name])));
    expectDone(await box.glovebox(['rm', `claims-raw/${name}.csv`]));
  });

  test('a category that is the canary is in no output but the data', async () => {
    await writeFile(
      join(box.workspace, 'pipelines', 'category.yaml'),
      pipeline('category', {
        rest: 'steps:\n  - impute: { columns: [amount], with: most_frequent }\n  - encode: { columns: [kind], with: one_hot }',
      }),
    );
    expectDone(
      await box.glovebox(['put', '-', 'claims-raw/category.csv'], {
        input: `${HEADER}\n1,${CANARY},${CANARY},b,c\n2,,a,b,d\n`,
      }),
    );
    for (const args of [
      ['plan', 'category'],
      ['run', 'category'],
      ['run', 'category', '--json'],
      ['run', 'category', '--dry-run'],
      ['run', 'category', '--sample', '2'],
      ['runs'],
      ['runs', '--json'],
      ['ls', 'claims-features'],
    ]) {
      await box.expectNoLeak(expectDone(await box.traced(args)));
    }
    const fitted = await box.traced(['get', 'claims-features/fitted-parameters.json', '-o', '-']);
    expect(fitted.stdout.toString()).toContain(CANARY);
    await box.expectNoLeak(fitted, { data: true, mayWrite: false });
  });
});
