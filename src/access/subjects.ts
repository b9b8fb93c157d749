// What there is to grant in a workspace: subjects, and the verbs that each has.
import { hasVerb } from './calls.ts';
import { type AccessModel, AUDIT_SUBJECT, DATASET_VERBS, find, PIPELINE_VERBS, type Verb } from './model.ts';
import { keysOf } from './names.ts';
import type { Target } from './target.ts';

export type SubjectKind = 'dataset' | 'pipeline' | 'key' | 'audit';

/**
 * The verbs that a subject has: a dataset by its kind, a pipeline `run` and `edit`, a key `manage`, the log `audit`.
 * @throws AccessError `REQUEST` where there is no such dataset or pipeline
 */
export function verbsOf(model: AccessModel, kind: SubjectKind, subject: string): Verb[] {
  if (kind === 'audit') return ['audit'];
  if (kind === 'key') return ['manage'];
  if (kind === 'pipeline') {
    find(model.pipelines, 'pipeline', subject);
    return [...PIPELINE_VERBS];
  }
  const dataset = find(model.datasets, 'dataset', subject);
  return DATASET_VERBS.filter((verb) => hasVerb(dataset, verb));
}

/** Each verb on each subject, also on the keys that are Glovebox's own in the target. */
export function allGrants(model: AccessModel, target: Target): { kind: SubjectKind; subject: string; verb: Verb }[] {
  const of = (kind: SubjectKind, subjects: string[]) =>
    subjects.flatMap((subject) => verbsOf(model, kind, subject).map((verb) => ({ kind, subject, verb })));
  return [
    ...of('dataset', Object.keys(model.datasets)),
    ...of('pipeline', Object.keys(model.pipelines)),
    ...of('key', keysOf(model, target)),
    ...of('audit', [AUDIT_SUBJECT]),
  ];
}
