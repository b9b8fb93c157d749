// A YAML file checked against a zod schema. Every complaint names file, line and column; the pipeline's
// own files go through here too.
import type { z } from 'zod';
import { type Position, WorkspaceError, type WorkspaceErrorCode } from './error.ts';
import { explainIssues } from './explain.ts';
import { type Path, parseYamlTree } from './yaml-tree.ts';

/** A checked document. A path is the keys and indexes from the root. */
export interface YamlDocument<T> {
  value: T;
  file: string;
  /** Of the value at `path` (of its key, for a map or a list), or of the nearest part above that exists. */
  positionOf(path: Path): Position;
  /** Of the last key of `path`. */
  keyPositionOf(path: Path): Position;
  /** An error to throw, at the value of `path`; code `SCHEMA` unless told. `hint`: what to do next. */
  errorAt(path: Path, message: string, hint?: string, code?: WorkspaceErrorCode): WorkspaceError;
  /** The same, at the key that `path` ends with. */
  errorAtKey(path: Path, message: string, hint?: string, code?: WorkspaceErrorCode): WorkspaceError;
}

/**
 * Parses `text` and checks it with `schema`, which should be strict and without transforms. Takes plain
 * YAML 1.2 up to 1 MiB: no aliases, anchors, tags, directives, duplicate or non-text keys.
 *
 * @param file how messages name the file.
 * @throws WorkspaceError `SYNTAX`, `SCHEMA`: the first mistake in the file, with its position.
 */
export function parseYamlDocument<T>(text: string, file: string, schema: z.ZodType<T>): YamlDocument<T> {
  const tree = parseYamlTree(text, file);
  const build = (position: Position, message: string, hint?: string, code: WorkspaceErrorCode = 'SCHEMA') =>
    new WorkspaceError(code, message, { position, ...(hint === undefined ? {} : { hint }) });
  const parsed = schema.safeParse(tree.value);
  if (!parsed.success) {
    const complaints = explainIssues(parsed.error.issues, tree.value, schema).map((complaint) => ({
      ...complaint,
      position: complaint.atKey ? tree.keyPositionOf(complaint.path) : tree.positionOf(complaint.path),
    }));
    complaints.sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column);
    const first = complaints[0];
    throw first ? build(first.position, first.message, first.hint) : build(tree.positionOf([]), 'is not valid');
  }
  return {
    value: parsed.data,
    file,
    positionOf: tree.positionOf,
    keyPositionOf: tree.keyPositionOf,
    errorAt: (path, message, hint, code) => build(tree.positionOf(path), message, hint, code),
    errorAtKey: (path, message, hint, code) => build(tree.keyPositionOf(path), message, hint, code),
  };
}
