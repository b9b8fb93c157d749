// glovebox access matrix: what each role may do with each dataset, pipeline and key.
import { type AccessModel, AUDIT_SUBJECT, type Verb, verbsOf } from '../../access/index.ts';
import { questionsOf } from '../access-questions.ts';
import { defineCommand } from '../command.ts';
import { formatTable } from '../format.ts';
import { openGateOf, openModel, openWorkspace } from '../workspace.ts';

type Kind = 'dataset' | 'pipeline' | 'key' | 'audit';

interface Row {
  kind: Kind;
  subject: string;
  /** By role: what it may do, of the verbs that the subject has. */
  may: Record<string, Verb[]>;
}

export const accessMatrix = defineCommand({
  name: 'access matrix',
  summary: 'show what each role may do',
  details:
    'One row for each dataset, pipeline and key, one column for each role. Each cell is decided as a command would ' +
    'be, for the whole of the subject: what a policy allows of a part of a dataset only is not shown. `run` is shown ' +
    'where the role may also read and write what the pipeline does. Nothing is recorded.',
  arguments: {},
  options: {},
  async run(context) {
    const workspace = await openWorkspace(context);
    const model = await openModel(workspace);
    const roles = Object.keys(workspace.roles);
    const rows = subjectsOf(model).map((subject): Row => ({ ...subject, may: {} }));
    for (const role of roles) {
      const { gate, pipelines } = await openGateOf({ ...context, role }, workspace);
      const may = (verb: Verb, subject: string): boolean =>
        questionsOf(pipelines, { verb, subject }).every((question) => gate.ask(question).allowed);
      for (const row of rows) {
        row.may[role] = verbsOf(model, row.kind, row.subject).filter((verb) => may(verb, row.subject));
      }
    }
    context.ui.result({ roles, rows }, () =>
      formatTable(
        ['', 'SUBJECT', ...roles.map((role) => role.toUpperCase())],
        rows.map(({ kind, subject, may }) => [
          kind,
          kind === 'audit' ? 'log' : subject,
          ...roles.map((role) => may[role]?.join(' ') || '-'),
        ]),
      ),
    );
    if (roles.length === 0) {
      context.ui.note('no role is declared: whoever holds the root key may do everything', 'see docs/access.md');
    }
  },
});

function subjectsOf({ datasets, pipelines, keys }: AccessModel): { kind: Kind; subject: string }[] {
  const of = (kind: Kind, subjects: string[]) => subjects.map((subject) => ({ kind, subject }));
  const [data, runs] = [of('dataset', Object.keys(datasets)), of('pipeline', Object.keys(pipelines))];
  return [...data, ...runs, ...of('key', Object.keys(keys)), ...of('audit', [AUDIT_SUBJECT])];
}
