// Writes the table of verbs in docs/access.md, between its two marks, from the table that policies are made from.
// With `--check` it only says whether the file is up to date.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Call, callsOf } from '../src/access/calls.ts';
import type { AccessModel, DatasetModel, Verb } from '../src/access/model.ts';
import { permissionOf, statementsOf } from '../src/access/permission.ts';
import type { PolicyStatement } from '../src/access/types.ts';
import { root } from './process.ts';

const path = join(root, 'docs', 'access.md');
const BEGIN = '<!-- verbs: made by scripts/docs-access.ts from src/access/calls.ts, change them there -->';
const END = '<!-- end of verbs -->';

const target = { kind: 'aws', partition: 'aws', account: 'ACCOUNT', region: 'REGION' } as const;
const dataset: DatasetModel = { store: 'STORE', key: 'KEY', kind: 'raw', recovery: ['RECOVERY-KEY'] };
const derived: DatasetModel = { ...dataset, kind: 'derived' };

/** A workspace in which everything is called after what it is. */
function modelWith(subject: DatasetModel, pipelines: AccessModel['pipelines'] = {}): AccessModel {
  const output: DatasetModel = { ...derived, key: 'OUTPUT-KEY' };
  const key = (keyId: string, use: 'seal' | 'drop-box' = 'seal') => ({ [keyId]: { use, keyId } });
  return {
    workspace: 'WORKSPACE',
    keys: { ...key('KEY'), ...key('RECOVERY-KEY'), ...key('OUTPUT-KEY'), ...key('DROP-BOX-KEY', 'drop-box') },
    stores: { STORE: { bucket: 'BUCKET', prefix: 'PREFIX/' } },
    datasets: { DATASET: subject, OUTPUT: output },
    pipelines,
    roles: {},
    users: {},
  };
}

interface Row {
  verb: Verb;
  of: string;
  calls: Call[];
}

const plain = (verb: Verb, subject: DatasetModel): Call[] => callsOf(modelWith(subject), target, verb, 'DATASET');
const run = { PIPELINE: { source: 'DATASET', output: 'OUTPUT', quarantine: 'DATASET', secrets: ['SECRET'] } };

function rows(): Row[] {
  const raw = (['list', 'read', 'write', 'delete', 'rename', 'ingest'] as const).map(
    (verb): Row => ({ verb, of: 'a raw dataset', calls: plain(verb, dataset) }),
  );
  const box = { ...dataset, dropBoxKey: 'DROP-BOX-KEY' };
  const boxed = (['list', 'read', 'write', 'delete'] as const).map(
    (verb): Row => ({
      verb,
      of: 'one with a drop box, besides',
      calls: without(plain(verb, box), plain(verb, dataset)),
    }),
  );
  const versions = (['list', 'read', 'write', 'delete'] as const).map(
    (verb): Row => ({ verb, of: 'a derived dataset', calls: plain(verb, derived) }),
  );
  const quarantine = (['list', 'read'] as const).map(
    (verb): Row => ({
      verb,
      of: 'one that is the quarantine of a pipeline, besides',
      calls: without(callsOf(modelWith(derived, run), target, verb, 'DATASET'), plain(verb, derived)),
    }),
  );
  const named = (verb: Verb, of: string, subject: string, model = modelWith(dataset, run)): Row => ({
    verb,
    of,
    calls: callsOf(model, target, verb, subject),
  });
  const byAlias = { ...modelWith(dataset), keys: { KEY: { use: 'seal' as const } } };
  return [
    ...raw,
    ...boxed,
    { verb: 'approve', of: 'a raw dataset with a drop box', calls: plain('approve', box) },
    ...versions,
    ...quarantine,
    named('run', 'a pipeline', 'PIPELINE'),
    named('edit', 'a pipeline', 'PIPELINE'),
    named('manage', 'a key', 'KEY', byAlias),
    named('manage', 'a key whose ARN is given', 'KEY'),
    named('manage', 'a drop-box key whose ARN is given', 'DROP-BOX-KEY'),
    named('audit', 'the log', 'read'),
  ];
}

function without(calls: Call[], others: Call[]): Call[] {
  const known = new Set(others.map((each) => JSON.stringify(each)));
  return calls.filter((each) => !known.has(JSON.stringify(each)));
}

const isByS3 = ({ context }: Call): boolean => Object.hasOwn(context, 'kms:ViaService');

/** Both tables: what verbs mean, and what S3 asks of KMS besides. */
export function renderVerbs(): string {
  const lines = rows().flatMap(({ verb, of, calls }) =>
    statementsOf(calls.filter((call) => !isByS3(call)).map(permissionOf)).map(
      (statement, index) => `| ${index === 0 ? `\`${verb}\` ${of}` : ''} | ${cells(statement)} |`,
    ),
  );
  const storage = ['read', 'write', 'audit'] as const;
  const byS3 = storage.flatMap((verb) =>
    statementsOf(
      (verb === 'audit' ? callsOf(modelWith(dataset), target, verb, 'read') : plain(verb, derived))
        .filter(isByS3)
        .map(permissionOf),
    ).map((statement) => `| \`${verb}\` | ${cells(statement)} |`),
  );
  return [
    '| verb, of what | actions | resources | conditions |',
    '| --- | --- | --- | --- |',
    ...lines,
    '',
    'In AWS the objects are encrypted by S3 as well, with keys of its own; S3 asks KMS in the name of whoever calls it:',
    '',
    '| verb | actions | resources | conditions |',
    '| --- | --- | --- | --- |',
    ...byS3,
  ].join('\n');
}

/** How a condition reads; operators that the table has no words for are shown as they are. */
const WORDS: Record<string, string> = {
  StringEquals: 'is',
  StringLike: 'is like',
  'ForAnyValue:StringEquals': 'has',
  Null: 'is missing:',
  Bool: 'is',
};

function cells({ Action, Resource, Condition = {} }: PolicyStatement): string {
  const conditions = Object.entries(Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => `\`${key}\` ${WORDS[operator] ?? operator} ${list(values)}`),
  );
  return [list(Action), list(Resource), conditions.join('<br>')].join(' | ');
}

function list(values: unknown): string {
  const short = (value: unknown) => String(value).replace(/^arn:aws:(?:s3::|kms:[^:]*:[^:]*):/, '');
  return [values]
    .flat()
    .map((value) => `\`${short(value)}\``)
    .join(', ');
}

/** The page with the tables as they are to be. */
export async function renderAccessPage(): Promise<string> {
  const text = await readFile(path, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${path} lacks the marks of the table of verbs`);
  return `${before}${BEGIN}\n\n${renderVerbs()}\n\n${END}${after}`;
}

/** Whether docs/access.md is what the table says. */
export async function areVerbsCurrent(): Promise<boolean> {
  return (await readFile(path, 'utf8')) === (await renderAccessPage());
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    if (!(await areVerbsCurrent())) {
      process.stderr.write('docs/access.md is not up to date: run node scripts/docs-access.ts\n');
      process.exitCode = 1;
    }
  } else {
    await writeFile(path, await renderAccessPage());
  }
}
