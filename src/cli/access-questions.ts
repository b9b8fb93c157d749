// What a command has to be allowed: one thing, or for a run also what the pipeline reads and writes.
import type { Question } from '../vault/index.ts';
import type { PipelineUses } from '../workspace/index.ts';

/** The question itself and, for `run`, those about the pipeline's datasets. */
export function questionsOf(pipelines: PipelineUses, question: Question): Question[] {
  if (question.verb !== 'run' || !Object.hasOwn(pipelines, question.subject)) return [question];
  const uses = pipelines[question.subject];
  if (uses === undefined) return [question];
  const { source, output, quarantine } = uses;
  // Of a file that is not valid nothing is known: whoever runs it is told what is wrong with it.
  if (source === '') return [question];
  const written = quarantine === undefined ? [output] : [output, quarantine];
  const writes = written.map((subject): Question => ({ verb: 'write', subject }));
  return [question, { verb: 'read', subject: source }, ...writes];
}
