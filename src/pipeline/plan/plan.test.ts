import { describe, expect, it } from 'vitest';
import { document, plan } from '../../../test/support/pipelines.ts';
import { PipelineError } from '../error.ts';
import { parsePipelineSpec, pipelineJsonSchema } from '../spec.ts';
import { describePlan } from './describe.ts';

const COLUMNS = {
  id: { type: 'string', is: 'identifier' },
  birth: { type: 'date', is: 'quasi-identifier' },
  diagnosis: { type: 'string', is: 'sensitive' },
  amount: { type: 'double' },
};
const SAFE = [{ drop: ['id'] }, { generalize: { column: 'birth', to: 'year' } }];

async function failure(parts: Record<string, unknown>, header?: string[]): Promise<PipelineError> {
  try {
    await plan({ columns: COLUMNS, ...parts }, header);
  } catch (error) {
    if (error instanceof PipelineError) return error;
    throw error;
  }
  throw new Error('it was planned');
}

describe('the identifier rule', () => {
  const cases: [string, unknown[], string[]][] = [
    ['nothing is done', [], ['id', 'birth']],
    ['dropped', [{ drop: ['id', 'birth'] }], []],
    ['not selected', [{ select: ['amount', 'diagnosis'] }], []],
    [
      'pseudonymized and generalized',
      [{ pseudonymize: { columns: ['id'], domain: 'patient' } }, { generalize: { column: 'birth', to: 'year' } }],
      [],
    ],
    [
      'a quasi-identifier pseudonymized',
      [
        { drop: ['id'] },
        { cast: { columns: ['birth'], to: 'string' } },
        { pseudonymize: { columns: ['birth'], domain: 'patient' } },
      ],
      [],
    ],
    ['renamed', [{ rename: { id: 'x', birth: 'y' } }], ['id', 'birth']],
    ['an identifier generalized', [{ generalize: { column: 'id', prefix: 3 } }, { drop: ['birth'] }], ['id']],
    ['encoded', [{ drop: ['birth'] }, { encode: { columns: ['id'], with: 'one_hot' } }], ['id']],
    ['cast', [{ drop: ['id'] }, { cast: { columns: ['birth'], to: 'timestamp' } }], ['birth']],
    ['derived, the original dropped', [{ derive: { column: 'x', as: 'upper(id)' } }, ...SAFE], ['id']],
    [
      'derived from a derived one',
      [
        { derive: { column: 'x', as: 'year(birth)' } },
        { derive: { column: 'y', as: 'x + amount' } },
        { drop: ['x'] },
        ...SAFE,
      ],
      ['birth'],
    ],
    ['derived in place', [{ derive: { column: 'amount', as: 'amount + length(id)' } }, ...SAFE], ['id']],
    [
      'derived after the de-identifying step',
      [
        { drop: ['id'] },
        { generalize: { column: 'birth', to: 'year' } },
        { derive: { column: 'age', as: '2025 - birth' } },
      ],
      [],
    ],
    [
      'derived, then generalized',
      [
        { derive: { column: 'age', as: "date_diff('year', birth, '2025-01-01')" } },
        ...SAFE,
        { generalize: { column: 'age', bins: [18, 65] } },
      ],
      [],
    ],
    ['read by a filter only', [{ filter: { where: "id <> 'x'" } }, ...SAFE], []],
  ];
  it.each(cases)('%s', async (_, steps, leaks) => {
    if (leaks.length === 0) {
      const planned = await plan({ columns: COLUMNS, steps, fit: 'all' });
      expect(planned.ways.every((way) => way.is === 'sensitive' || way.reaches.every(({ exposed }) => !exposed))).toBe(
        true,
      );
      return;
    }
    const error = await failure({ steps, fit: 'all' });
    expect(error.code).toBe('IDENTIFIER');
    for (const name of ['id', 'birth']) expect(error.message.includes(`"${name}"`)).toBe(leaks.includes(name));
    expect(error.message).toContain('"features"');
    expect(error.hint).toContain('drop it');
  });

  it('lets everything pass into a dataset of the same classification, and says so', async () => {
    const planned = await plan({ columns: COLUMNS, output: { dataset: 'secure' } });
    expect(planned.ways.find(({ column }) => column === 'id')?.way).toBe('as it is, in id');
  });

  it('reports the way of every identifying column', async () => {
    const steps = [
      { derive: { column: 'x', as: 'substr(diagnosis, 1, 1)' } },
      { pseudonymize: { columns: ['id'], domain: 'patient' } },
      { drop: ['birth'] },
    ];
    const { ways } = describePlan(await plan({ columns: COLUMNS, steps, split: { by: 'id', train: 1 } }));
    expect(ways.map(({ column, way, usedBy }) => [column, way, usedBy])).toEqual([
      ['id', 'pseudonymize (domain patient), in id', ['split']],
      ['birth', 'dropped', []],
      ['diagnosis', 'as it is, in diagnosis; as it is, in x', []],
    ]);
  });
});

describe('the header', () => {
  it.each([
    [['id', 'birth', 'diagnosis'], 'lacks the column "amount"'],
    [['id', 'birth', 'diagnosis', 'amuont'], 'lacks the column "amount"'],
    [['id', 'birth', 'diagnosis', 'amount', 'more'], 'has "more", which the pipeline does not declare'],
    [['id', 'birth', 'diagnosis', 'amount', 'amount'], '"amount" twice'],
    [['id', 'birth', 'diagnosis', 'amount', 'Amount'], '"Amount" twice'],
    [['id', 'birth', 'diagnosis', 'amount', ''], 'column 5 of the source has no name'],
    [['id', 'birth', 'diagnosis', 'amount', 'glovebox_row'], 'reserved'],
  ])('%j', async (header, says) => {
    const error = await failure({ steps: SAFE }, header);
    expect(error.code).toBe('COLUMN');
    expect(error.message).toContain(says);
  });

  it('is matched by name, and undeclared columns are left out when that is said', async () => {
    const planned = await plan({ columns: COLUMNS, steps: SAFE, undeclared: 'drop' }, [
      'x',
      'amount',
      'diagnosis',
      'birth',
      'id',
    ]);
    expect(planned.sourceColumns).toEqual(['amount', 'diagnosis', 'birth', 'id']);
    expect(planned.ignoredColumns).toEqual(['x']);
  });
});

describe('mistakes in the pipeline file', () => {
  const scale = { scale: { columns: ['amount'], with: 'standard' } };
  const split = { by: 'id', train: 0.8, test: 0.2 };
  const cases: [string, Record<string, unknown>, string, string, string][] = [
    ['an unknown column', { steps: [{ drop: ['idd'] }] }, 'SPEC', 'there is no column "idd"', 'steps.0.drop.0'],
    [
      'a column that a step took out',
      { steps: [{ drop: ['id'] }, { rename: { id: 'x' } }] },
      'SPEC',
      'there is no column "id"',
      'steps.1.rename.id',
    ],
    [
      'scaling text',
      { steps: [{ scale: { columns: ['diagnosis'], with: 'standard' } }] },
      'SPEC',
      '"diagnosis" is string',
      'steps.0.scale.columns.0',
    ],
    ['a fit without a split', { steps: [...SAFE, scale] }, 'NO_SPLIT', 'there is no split', 'steps.2'],
    ['a split and fit: all', { steps: SAFE, split, fit: 'all' }, 'SPEC', 'fit: all', 'fit'],
    [
      'fractions that miss 1',
      { steps: SAFE, split: { by: 'id', train: 0.8, test: 0.1 } },
      'SPEC',
      'do not add up to 1',
      'split',
    ],
    [
      'a split without training rows',
      { steps: SAFE, split: { by: 'id', train: 0, test: 1 } },
      'SPEC',
      'no training rows',
      'split.train',
    ],
    [
      'a split by no column',
      { steps: SAFE, split: { by: 'x', train: 1 } },
      'SPEC',
      'there is no column "x"',
      'split.by',
    ],
    ['a scaled target', { steps: [...SAFE, scale], split, target: 'amount' }, 'SPEC', 'changes the target', 'target'],
    [
      'a scaled target that was renamed',
      { steps: [...SAFE, scale, { rename: { amount: 'y' } }], split, target: 'y' },
      'SPEC',
      'changes the target',
      'target',
    ],
    [
      'an encoded target',
      { steps: [...SAFE, { encode: { columns: ['diagnosis'], with: 'one_hot' } }], split, target: 'diagnosis' },
      'SPEC',
      'changes the target',
      'target',
    ],
    [
      'a target that is gone',
      { steps: [...SAFE, { drop: ['amount'] }], target: 'amount' },
      'SPEC',
      'not a column of the output',
      'target',
    ],
    [
      'quarantine without a dataset',
      { steps: SAFE, expect: [{ column: 'id', not: null, otherwise: 'quarantine' }] },
      'SPEC',
      'no quarantine dataset',
      '',
    ],
    [
      'a quarantine of lower classification',
      { steps: SAFE, quarantine: 'open-rejects' },
      'SPEC',
      'lower classification',
      'quarantine',
    ],
    [
      'an unknown dataset',
      { steps: SAFE, output: { dataset: 'featurs' } },
      'SPEC',
      'there is no dataset "featurs"',
      'output.dataset',
    ],
    [
      'a raw dataset to write to',
      { steps: SAFE, output: { dataset: 'raw' } },
      'SPEC',
      'is a raw dataset',
      'output.dataset',
    ],
    [
      'an unknown domain',
      { steps: [{ pseudonymize: { columns: ['id'], domain: 'patients' } }] },
      'SPEC',
      'no domain "patients"',
      'steps.0.pseudonymize.domain',
    ],
    [
      'a rule on no column',
      { steps: SAFE, expect: [{ column: 'x', not: null }] },
      'SPEC',
      'there is no column "x"',
      'expect.0.column',
    ],
    [
      'a rule of another type',
      { steps: SAFE, expect: [{ column: 'amount', matches: 'x' }] },
      'SPEC',
      'is for text',
      'expect.0',
    ],
    [
      'bounds of another type',
      { steps: SAFE, expect: [{ column: 'amount', between: ['a', 'b'] }] },
      'SPEC',
      'not a double',
      'expect.0',
    ],
    [
      'a broken pattern',
      { steps: SAFE, expect: [{ column: 'id', matches: '(' }] },
      'SPEC',
      'not a regular expression',
      'expect.0.matches',
    ],
    [
      'a name that is taken',
      { steps: [...SAFE, { rename: { amount: 'Diagnosis' } }] },
      'SPEC',
      'already',
      'steps.2.rename.amount',
    ],
    [
      'a reserved name',
      { steps: [...SAFE, { derive: { column: 'glovebox_split', as: '1' } }] },
      'SPEC',
      'reserved',
      'steps.2.derive.column',
    ],
    [
      'a step on encoded columns',
      {
        steps: [
          ...SAFE,
          { encode: { columns: ['diagnosis'], with: 'one_hot' } },
          { filter: { where: "diagnosis = 'x'" } },
        ],
        fit: 'all',
      },
      'SPEC',
      'encoded by an earlier step',
      'steps.3.filter.where',
    ],
    [
      'a filter that is no condition',
      { steps: [...SAFE, { filter: { where: 'amount' } }] },
      'EXPRESSION',
      'not a truth value',
      'steps.2.filter.where',
    ],
    [
      'SQL that is not allowed',
      { steps: [...SAFE, { derive: { column: 'x', as: 'random()' } }] },
      'EXPRESSION',
      'step 3 (derive): the function random',
      'steps.2.derive.as',
    ],
    [
      'a constant of another type',
      { steps: [...SAFE, { impute: { columns: ['amount'], with: 'constant', value: 'x' } }] },
      'SPEC',
      'not a double',
      'steps.2.impute.value',
    ],
    [
      'a broken date format',
      { steps: SAFE, source: { dataset: 'raw', csv: { date_format: '%Q' } } },
      'SPEC',
      'not a date format',
      'source.csv.date_format',
    ],
    ['privacy', { privacy: { k: 5 } }, 'UNSUPPORTED', 'not implemented', 'privacy'],
    ['a split by time', { split: { at: 'birth' } }, 'UNSUPPORTED', 'not implemented', 'split.at'],
    ['the step sql', { steps: [{ sql: 'SELECT 1' }] }, 'UNSUPPORTED', 'not implemented', 'steps.0.sql'],
    ['an unknown key', { outputs: 1 }, 'SPEC', 'outputs', ''],
    ['an unknown step', { steps: [{ scael: {} }] }, 'SPEC', 'steps.0', 'steps.0'],
    [
      'two rules in one',
      { steps: SAFE, expect: [{ column: 'id', not: null, matches: 'x' }] },
      'SPEC',
      'exactly one',
      'expect.0',
    ],
    ['bins that do not ascend', { steps: [{ generalize: { column: 'amount', bins: [2, 1] } }] }, 'SPEC', '', 'steps.0'],
  ];
  it.each(cases)('%s', async (_, parts, code, says, path) => {
    const error = await failure(parts);
    expect(error.code).toBe(code);
    expect(error.message).toContain(says);
    if (path !== '') expect((error.path ?? []).join('.')).toContain(path);
  });
});

describe('the description', () => {
  it('shows the SQL with names in place of fitted parameters', async () => {
    const steps = [
      ...SAFE,
      { impute: { columns: ['amount'], with: 'median' } },
      { scale: { columns: ['amount'], with: 'standard' } },
      { encode: { columns: ['diagnosis'], with: 'one_hot' } },
    ];
    const {
      sql,
      secrets,
      steps: described,
      writes,
    } = describePlan(await plan({ columns: COLUMNS, steps, split: { by: 'id', train: 0.8, test: 0.2 } }));
    expect(sql).toContain('coalesce("amount", :amount.median)');
    expect(sql).toContain('(("amount" - :amount.mean) / :amount.std)');
    expect(secrets).toEqual(['split']);
    expect(described.map(({ learns }) => learns)).toEqual([
      [],
      [],
      ['amount.median'],
      ['amount.mean', 'amount.std'],
      ['diagnosis.categories'],
    ]);
    expect(writes.columns.map(({ name }) => name)).toEqual(['birth', 'diagnosis_*', 'amount']);
  });
});

describe('the JSON Schema', () => {
  it('describes what the parser takes', () => {
    const schema = JSON.stringify(pipelineJsonSchema());
    for (const name of ['deduplicate', 'pseudonymize', 'undeclared', 'quasi-identifier'])
      expect(schema).toContain(name);
  });

  it('fills defaults in', () => {
    const spec = parsePipelineSpec(document({ columns: { a: { type: 'string' } } }));
    expect(spec.source).toEqual({
      dataset: 'raw',
      objects: '*',
      format: 'csv',
      csv: {
        delimiter: ',',
        quote: '"',
        escape: '"',
        nulls: [],
        trim: false,
        encoding: 'utf-8',
        decimal: '.',
        malformed: 'fail',
      },
    });
    expect(spec.columns.a).toEqual({ type: 'string', otherwise: 'fail' });
  });
});
